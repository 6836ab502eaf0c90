/*
 * Counting what is in hand, once.
 *
 * A process dies between two stores, and all before are seen.  So what the
 * figures of a bridge will be is stored first; then that it has them (step);
 * then the figures.  The next engine does the last again, before anything
 * else, or else all of it.
 *
 * A bridge's step is the number of the first call that it has not counted
 * yet; 0 while it is being attached.
 */

#include <string.h>

#include "../../common/limits.h"
#include "hand.h"

/* Beside the drops, in a bridge's ways: they are counted up to there. */
#define KEPT           (UINT64_C(1) << 32)

/* Besides what came: the kernel's drops, and the place for these. */
#define FIGURE_DROPPED ARRIVALS
#define FIGURE_PLACE   (ARRIVALS + 1)
_Static_assert(COUNTERS_HAND_FIGURES == FIGURE_PLACE + 1, "and no more");

/* Arrivals come first: they are never less than the rest. */
static const enum count counts[ARRIVALS] = {
	[ARRIVED_MESSAGES] = COUNT_MESSAGES_IN,
	[ARRIVED_BYTES] = COUNT_BYTES_IN,
	[ARRIVED_OVERFLOW] = COUNT_DROP_OVERFLOW,
	[ARRIVED_TOO_LONG] = COUNT_DROP_TOO_LONG,
	[ARRIVED_UNCLEAR] = COUNT_DROP_OTHER,
	[ARRIVED_REPLIES] = COUNT_REPLIES_IN,
	[ARRIVED_REPLIES_LOST] = COUNT_REPLIES_DROPPED,
};

/* The compiler keeps stores on their side of it; nobody else runs here. */
static void
in_order(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}

static uint64_t
get(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static void
put(_Atomic uint64_t *word, uint64_t value)
{
	atomic_store_explicit(word, value, memory_order_relaxed);
}

void
hand_begin(struct counters_hand *h, uint32_t src)
{
	put(&h->turn, get(&h->turn) + 1);
	in_order();
	atomic_store_explicit(&h->src, src + 1, memory_order_relaxed);
	in_order();
}

void
hand_end(struct counters_hand *h)
{
	in_order();
	atomic_store_explicit(&h->src, 0, memory_order_relaxed);
	in_order();
}

void
hand_attach(const struct counters_hand *h, struct counters_slot *c,
    uint32_t dropped)
{
	put(&c->ways, KEPT | dropped);
	in_order();
	put(&c->step, get(&h->turn) + 1);
}

/* The place holds the tag, and the drops. */
void
hand_place(struct counters_hand *h, uint32_t src, uint32_t tag)
{
	if (get(&h->place[src]) >> 32 != tag)
		put(&h->place[src], (uint64_t)tag << 32);
}

void
hand_forget(struct counters_hand *h, uint32_t src)
{
	put(&h->place[src], 0);
}

static _Atomic uint64_t *
place_of(struct counters_hand *h, struct counters_slot *c, uint64_t place)
{
	if (place == 0 || place > COUNTERS_HAND_SRCS)
		return &c->ways;
	return &h->place[place - 1];
}

void
hand_count(struct arrived *a, const struct batch_message *m, uint32_t *dropped)
{
	uint32_t lost;

	a->n[ARRIVED_MESSAGES] += m->run.count;
	a->n[ARRIVED_BYTES] += m->len;
	if (m->fate == BATCH_TOO_LONG)
		a->n[ARRIVED_TOO_LONG] += m->run.count;
	else if (m->fate == BATCH_UNCLEAR)
		a->n[ARRIVED_UNCLEAR] += m->run.count;
	if (!m->has_dropped)
		return;
	lost = m->dropped - *dropped;
	*dropped = m->dropped;
	a->n[ARRIVED_OVERFLOW] += lost;
	a->n[ARRIVED_MESSAGES] += lost;
}

void
hand_replies(struct arrived *a)
{
	uint64_t lost = a->n[ARRIVED_OVERFLOW] + a->n[ARRIVED_TOO_LONG] +
	    a->n[ARRIVED_UNCLEAR];
	uint64_t all = a->n[ARRIVED_MESSAGES];

	memset(a, 0, sizeof *a);
	a->n[ARRIVED_REPLIES] = all;
	a->n[ARRIVED_REPLIES_LOST] = lost;
}

static void
apply(struct counters_hand *h, struct counters_slot *c)
{
	int i;

	for (i = 0; i < ARRIVALS; i++)
		put(&c->count[counts[i]], get(&h->figure[i]));
	put(place_of(h, c, get(&h->figure[FIGURE_PLACE])),
	    get(&h->figure[FIGURE_DROPPED]));
	in_order();
	atomic_store_explicit(&h->slot, 0, memory_order_relaxed);
	in_order();
}

void
hand_take_over(struct counters_hand *h, struct counters_slot *slots,
    uint32_t nslots)
{
	uint32_t slot = atomic_load_explicit(&h->slot, memory_order_relaxed);

	if (slot != 0 && slot <= nslots &&
	    get(&slots[slot].step) == get(&h->turn) + 1)
		apply(h, &slots[slot]);
	else
		atomic_store_explicit(&h->slot, 0, memory_order_relaxed);
	in_order();
}

void
hand_publish(struct counters_hand *h, uint32_t slot, struct counters_slot *c,
    uint32_t place, const struct arrived *a, uint32_t dropped)
{
	uint64_t kept = get(place_of(h, c, place));
	int i;

	for (i = 0; i < ARRIVALS; i++)
		put(&h->figure[i], get(&c->count[counts[i]]) + a->n[i]);
	put(&h->figure[FIGURE_DROPPED],
	    (kept & ~(uint64_t)UINT32_MAX) | dropped);
	put(&h->figure[FIGURE_PLACE], place);
	in_order();
	atomic_store_explicit(&h->slot, slot, memory_order_relaxed);
	in_order();
	put(&c->step, get(&h->turn) + 1);
	in_order();
	apply(h, c);
}

void
hand_recover(struct counters_hand *h, uint32_t src, int told, uint32_t slot,
    struct counters_slot *c, uint32_t place)
{
	uint64_t step = get(&c->step), turn = get(&h->turn);
	uint32_t dropped = (uint32_t)get(place_of(h, c, place));
	struct arrived a = { .n = { 0 } };
	struct batch_message m;
	int i;

	if (step == 0) {
		hand_attach(h, c, dropped); /* the dead one was about to */
		return;
	}
	if (step > turn ||
	    atomic_load_explicit(&h->src, memory_order_relaxed) != src + 1)
		return;
	for (i = 0; i < DGRAM_BATCH && batch_left(h, i, told, &m) == 0; i++)
		hand_count(&a, &m, &dropped);
	hand_publish(h, slot, c, place, &a, dropped);
}

void
hand_recover_flow(struct counters_hand *h, uint32_t src, int told,
    uint32_t slot, struct counters_slot *c, int replies)
{
	uint64_t step = get(&c->step);
	struct arrived a = { .n = { 0 } };
	struct batch_message m;
	uint32_t none = 0;
	int i;

	if (step == 0 || step > get(&h->turn) ||
	    atomic_load_explicit(&h->src, memory_order_relaxed) != src + 1)
		return;
	for (i = 0; i < DGRAM_BATCH && batch_left(h, i, told, &m) == 0; i++) {
		m.has_dropped = 0;
		hand_count(&a, &m, &none);
	}
	if (replies)
		hand_replies(&a);
	hand_publish(h, slot, c, 0, &a, (uint32_t)get(&c->ways));
}

int
hand_dropped(const struct counters_hand *h, const struct counters_slot *c,
    uint32_t place, uint32_t *dropped)
{
	uint64_t word = get(place == 0 ? &c->ways : &h->place[place - 1]);

	*dropped = (uint32_t)word;
	return word >> 32 != 0 ? 0 : -1;
}
