/*
 * The table of flows.
 *
 * A flow is found by its asker, within its bridge; and in the order of use.
 * Where there is no room for one more, of its bridge or of all, one gives way:
 * one of the bridge that was never answered, or else the one of it that was
 * used least recently; where the bridge has none, one of the others.  It is
 * ended before the parent is asked for the new one.
 *
 * Who has just asked cannot have been answered.  So one has a moment for it,
 * unless many of the bridge's are like it: askers that are never answered
 * leave the most of the flows to the others.
 *
 * Calls: close
 */

#include <bsd/stdlib.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../../common/limits.h"
#include "flow_table.h"
#include "hand.h"
#include "kind.h"
#include "table.h"

static uint32_t
buckets(uint32_t flows)
{
	uint32_t n = 1;

	while (n < flows)
		n *= 2;
	return n;
}

static uint32_t
places(uint32_t bridges, uint32_t flows)
{
	return bridges + flows;
}

size_t
flow_bytes(uint32_t bridges, uint32_t flows)
{
	return sizeof(struct flow_table) +
	    ((size_t)flows + 1) * sizeof(struct flow) +
	    ((size_t)bridges + 1) * sizeof(struct flow_bridge) +
	    buckets(flows) * sizeof(uint32_t) +
	    chain_bytes(places(bridges, flows));
}

static struct flow *
flow_at(const struct dgram_table *t, uint32_t number)
{
	return &t->flows->flow[number];
}

static uint32_t
number_of(const struct dgram_table *t, const struct flow *f)
{
	return (uint32_t)(f - t->flows->flow);
}

static struct flow_bridge *
bridge_of(const struct dgram_table *t, const struct dgram_bridge *b)
{
	return &t->flows->bridge[b->slot];
}

static void
flow_event(void *arg, uint32_t number, unsigned int what)
{
	struct dgram_table *t = arg;
	struct flow *f;

	number -= t->flows->first_watch;
	f = flow_at(t, number / FLOW_SIDES);
	if (what & (WATCH_READ | WATCH_CLOSED))
		f->readable[number % FLOW_SIDES] = 1;
	flow_wake(t, f);
}

/* The next look at who is silent. */
static void
arm(const struct dgram_table *t, unsigned int ms)
{
	if (t->flows->used > 0)
		watch_arm(WATCH_FLOWS, ms);
}

/* Up to *most of them, which it lessens. */
static void
end_idle(struct dgram_table *t, struct flow_bridge *fb, unsigned int *most)
{
	uint32_t oldest;
	int i;

	for (i = 0; i < 2 && fb->idle_ms != 0; i++)
		while (*most > 0 && (oldest = fb->list[i].oldest) != NO_FLOW &&
		    t->work->now_ms - flow_at(t, oldest)->used_ms >=
			fb->idle_ms) {
			flow_end(t, flow_at(t, oldest));
			--*most;
		}
}

static void
sweep(void *arg, uint32_t number, unsigned int what)
{
	struct dgram_table *t = arg;
	unsigned int most = FLOW_ENDS_A_SWEEP;
	uint32_t slot;

	(void)number;
	(void)what;
	for (slot = 1; slot <= t->flows->bridges && t->flows->used > 0; slot++)
		if (t->flows->bridge[slot].count > 0)
			end_idle(t, &t->flows->bridge[slot], &most);
	arm(t, most > 0 ? FLOW_SWEEP_MS : 1);
}

int
flow_setup(struct dgram_table *t, const struct flow_setup *setup)
{
	struct flow_table *all = table_new(sizeof *all);
	uint32_t n = buckets(setup->flows), i;

	if (all == NULL)
		return -1;
	all->flow = table_new(((size_t)setup->flows + 1) * sizeof *all->flow);
	all->bridge = table_new(((size_t)t->bridges + 1) * sizeof *all->bridge);
	all->bucket = table_new(n * sizeof *all->bucket);
	if (all->flow == NULL || all->bridge == NULL || all->bucket == NULL ||
	    chain_setup(&all->reports, places(t->bridges, setup->flows)) == -1)
		return -1;
	for (i = 0; i < n; i++)
		all->bucket[i] = NO_FLOW;
	for (i = 0; i <= t->bridges; i++) {
		all->bridge[i].list[0].oldest = NO_FLOW;
		all->bridge[i].list[0].newest = NO_FLOW;
		all->bridge[i].list[1] = all->bridge[i].list[0];
	}
	all->mask = n - 1;
	arc4random_buf(all->secret, sizeof all->secret);
	all->bridges = t->bridges;
	all->flows = setup->flows;
	all->first_watch = setup->first_watch;
	all->first_run = setup->first_run;
	all->events.fn = flow_event;
	all->events.arg = t;
	all->timer.fn = sweep;
	all->timer.arg = t;
	watch_set_timer(WATCH_FLOWS, &all->timer);
	t->flows = all;
	return 0;
}

/*
 * Who does not know the secret cannot choose addresses that share a bucket:
 * a sum of words, each times a number of its own, is a universal hash.
 */
static uint32_t
hash(const struct dgram_table *t, const struct dgram_bridge *b,
    const struct addr *a)
{
	const uint64_t *secret = t->flows->secret;
	uint64_t h = secret[0] + secret[1] * b->slot;
	uint32_t word, i, n;

	for (i = 0; i < a->len; i += 4) {
		n = a->len - i < 4U ? a->len - i : 4U;
		word = 0;
		memcpy(&word, &a->u.bytes[i], n);
		h += secret[2 + i / 4] * word;
	}
	return (uint32_t)(h >> 32);
}

uint32_t
flow_find(const struct dgram_table *t, const struct dgram_bridge *b,
    const struct addr *asker)
{
	uint32_t h = hash(t, b, asker);
	uint32_t number = t->flows->bucket[h & t->flows->mask];
	const struct flow *f;

	for (; number != NO_FLOW; number = f->next) {
		f = flow_at(t, number);
		if (f->hash == h && f->bridge == b &&
		    addr_equal(&f->asker, asker))
			break;
	}
	return number;
}

static void
put_in_bucket(struct dgram_table *t, struct flow *f)
{
	uint32_t *first;

	f->hash = hash(t, f->bridge, &f->asker);
	first = &t->flows->bucket[f->hash & t->flows->mask];
	f->next = *first;
	*first = number_of(t, f);
}

static void
take_from_bucket(struct dgram_table *t, const struct flow *f)
{
	uint32_t *p = &t->flows->bucket[f->hash & t->flows->mask];

	while (*p != number_of(t, f))
		p = &flow_at(t, *p)->next;
	*p = f->next;
}

static void
put_newest(struct dgram_table *t, struct flow *f)
{
	struct flow_list *list = &bridge_of(t, f->bridge)->list[f->answered];

	f->older = list->newest;
	f->newer = NO_FLOW;
	if (list->newest == NO_FLOW)
		list->oldest = number_of(t, f);
	else
		flow_at(t, list->newest)->newer = number_of(t, f);
	list->newest = number_of(t, f);
	list->count++;
}

static void
take_from_list(struct dgram_table *t, const struct flow *f)
{
	struct flow_list *list = &bridge_of(t, f->bridge)->list[f->answered];

	if (f->older == NO_FLOW)
		list->oldest = f->newer;
	else
		flow_at(t, f->older)->newer = f->newer;
	if (f->newer == NO_FLOW)
		list->newest = f->older;
	else
		flow_at(t, f->newer)->older = f->older;
	list->count--;
}

void
flow_touch(struct dgram_table *t, struct flow *f, int answered)
{
	f->used_ms = t->work->now_ms;
	answered |= f->answered;
	if (f->newer == NO_FLOW && answered == f->answered)
		return;
	take_from_list(t, f);
	f->answered = (uint8_t)answered;
	put_newest(t, f);
}

void
flow_wake(struct dgram_table *t, struct flow *f)
{
	if (f->serial != 0 && t->resumed &&
	    (f->readable[FLOW_ASKER] || f->readable[FLOW_DST]))
		chain_push(t->runs, t->flows->first_run + number_of(t, f));
}

/* What the kernel dropped of which no datagram has told. */
static void
count_dropped(struct flow *f)
{
	struct counters_slot *c = f->bridge->count;
	uint32_t lost;

	if (f->heard[FLOW_ASKER]) {
		lost =
		    flow_drops(f->way[FLOW_ASKER].fd) - f->dropped[FLOW_ASKER];
		counters_add(c, COUNT_MESSAGES_IN, lost);
		counters_add(c, COUNT_DROP_OVERFLOW, lost);
	}
	if (f->heard[FLOW_DST]) {
		lost = flow_drops(f->way[FLOW_DST].fd) - f->dropped[FLOW_DST];
		counters_add(c, COUNT_REPLIES_IN, lost);
		counters_add(c, COUNT_REPLIES_DROPPED, lost);
	}
}

/* Without a word to the parent. */
static void
forget(struct dgram_table *t, struct flow *f)
{
	uint32_t watch = t->flows->first_watch + FLOW_SIDES * number_of(t, f);
	int side;

	count_dropped(f);
	for (side = 0; side < FLOW_SIDES; side++) {
		if (f->heard[side])
			watch_del(watch + (uint32_t)side);
		(void)close(f->way[side].fd);
	}
	take_from_list(t, f);
	take_from_bucket(t, f);
	bridge_of(t, f->bridge)->count--;
	t->flows->used--;
	f->serial = 0;
}

void
flow_end(struct dgram_table *t, struct flow *f)
{
	flow_drain(t, f);
	f->ended = f->serial;
	chain_push(&t->flows->reports, t->flows->bridges + 1 + number_of(t, f));
	forget(t, f);
}

void
flow_end_all(struct dgram_table *t, const struct dgram_bridge *b)
{
	struct flow_bridge *fb = bridge_of(t, b);
	int i;

	for (i = 0; i < 2; i++)
		while (fb->list[i].oldest != NO_FLOW)
			forget(t, flow_at(t, fb->list[i].oldest));
	fb->waits = fb->none = 0;
	fb->asking.serial = 0;
}

/* The one of the bridge that is to give way; NO_FLOW: it has none. */
static uint32_t
least(const struct dgram_table *t, const struct flow_bridge *fb)
{
	const struct flow_list *mute = &fb->list[0];

	if (mute->oldest != NO_FLOW &&
	    (fb->list[1].oldest == NO_FLOW ||
		mute->count > fb->max / FLOW_MUTE_PART ||
		t->work->now_ms - flow_at(t, mute->oldest)->used_ms >=
		    FLOW_MUTE_MS))
		return mute->oldest;
	return fb->list[1].oldest;
}

/* The one that was used least recently, of all. */
static uint32_t
least_of_all(const struct dgram_table *t)
{
	uint32_t i, found = NO_FLOW;
	const struct flow *f;

	for (i = 0; i < t->flows->flows; i++) {
		f = flow_at(t, i);
		if (f->serial != 0 &&
		    (found == NO_FLOW ||
			f->used_ms < flow_at(t, found)->used_ms))
			found = i;
	}
	return found;
}

static void
displace(struct dgram_table *t, uint32_t number)
{
	struct flow *f = flow_at(t, number);

	counters_add(f->bridge->count, COUNT_FLOWS_DISPLACED, 1);
	flow_end(t, f);
}

void
flow_make_room(struct dgram_table *t, const struct dgram_bridge *b)
{
	const struct flow_bridge *fb = bridge_of(t, b);

	while (fb->count > 0 && fb->count >= fb->max)
		displace(t, least(t, fb));
	if (t->flows->used < t->flows->flows || t->flows->used == 0)
		return;
	displace(t, fb->count > 0 ? least(t, fb) : least_of_all(t));
}

void
flow_tune(struct dgram_table *t, const struct dgram_bridge *b,
    const struct inner_tune *m)
{
	struct flow_bridge *fb = bridge_of(t, b);
	int ends = b->limit.hops && !m->hops, i;
	uint32_t n;

	for (i = 0; i < 2; i++)
		for (n = fb->list[i].oldest; n != NO_FLOW;
		     n = flow_at(t, n)->newer)
			dst_tuned(&flow_at(t, n)->way[FLOW_DST], ends, m->ttl);
	fb->max = m->flows != 0 ? m->flows : FLOWS_DEFAULT;
	fb->idle_ms = m->idle_ms;
	while (fb->count > fb->max)
		displace(t, least(t, fb));
}

/* 1, 0: the bridge is closed meanwhile, or -1: there can be no such. */
static int
find_bridge(const struct dgram_table *t, uint32_t slot, uint64_t serial,
    struct dgram_bridge **b)
{
	if (slot == 0 || slot > t->bridges)
		return -1;
	*b = &t->bridge[slot];
	if ((*b)->src == NULL || (*b)->serial != serial)
		return 0;
	return (*b)->src->flows ? 1 : -1;
}

static int
begin_side(struct dgram_table *t, struct flow *f, enum flow_side side, int hear,
    int recovered)
{
	uint32_t watch = t->flows->first_watch + FLOW_SIDES * number_of(t, f);

	f->heard[side] = hear != 0;
	f->readable[side] = f->heard[side];
	f->told[side] = (f->way[side].traits & KIND_TOLD) != 0;
	f->dropped[side] = 0;
	if (!hear)
		return 0;
	if (recovered) /* another has counted them */
		f->dropped[side] = flow_drops(f->way[side].fd);
	return watch_add(watch + (uint32_t)side, f->way[side].fd,
	    &t->flows->events);
}

/* There was none of that number. */
static int
begin(struct dgram_table *t, struct flow *f, struct dgram_bridge *b,
    const struct inner_flow *m, const int fds[2])
{
	f->serial = m->flow_serial;
	f->bridge = b;
	f->asker = m->asker;
	f->answered = 0;
	f->namelen = 0;
	f->used_ms = t->work->now_ms;
	dst_start(&f->way[FLOW_ASKER], fds[0], m->kind, b->count);
	f->way[FLOW_ASKER].replies = 1;
	dst_start(&f->way[FLOW_DST], fds[1], m->dst_kind, b->count);
	put_in_bucket(t, f);
	put_newest(t, f);
	bridge_of(t, b)->count++;
	t->flows->used++;
	arm(t, FLOW_SWEEP_MS);
	/* what a local asker sends comes by src, always */
	if (begin_side(t, f, FLOW_ASKER,
		(f->way[FLOW_ASKER].traits & KIND_ECHOES), m->recovered) == -1)
		return -1;
	return begin_side(t, f, FLOW_DST, m->replies, m->recovered);
}

int
flow_install(struct dgram_table *t, const struct inner_flow *m,
    const int fds[2])
{
	struct dgram_bridge *b;
	struct flow_bridge *fb;
	struct flow *f;
	int found = find_bridge(t, m->slot, m->serial, &b);

	if (found == 0) {
		(void)close(fds[0]);
		(void)close(fds[1]);
		return 0;
	}
	if (found == -1 || m->flow >= t->flows->flows || m->flow_serial == 0 ||
	    m->kind != b->src->kind || m->asker.kind != m->kind ||
	    !(kind_traits(m->dst_kind) & KIND_DGRAM))
		return -1;
	f = flow_at(t, m->flow);
	fb = bridge_of(t, b);
	if (f->serial != 0 || f->ended != 0 || (!m->recovered && !fb->waits) ||
	    flow_find(t, b, &m->asker) != NO_FLOW ||
	    begin(t, f, b, m, fds) == -1)
		return -1;
	if (!m->recovered) {
		counters_add(b->count, COUNT_FLOWS, 1);
		fb->waits = 0;
	}
	dgram_wake(t, b->src); /* what is there came first */
	flow_wake(t, f);
	return 0;
}

int
flow_none(struct dgram_table *t, const struct inner_attach *m)
{
	struct dgram_bridge *b;
	int found = find_bridge(t, m->slot, m->serial, &b);

	if (found != 1)
		return found;
	if (!bridge_of(t, b)->waits || b->src->number != m->src)
		return -1;
	bridge_of(t, b)->waits = 0;
	bridge_of(t, b)->none = 1;
	dgram_wake(t, b->src);
	return 0;
}

void
flow_resumed(struct dgram_table *t)
{
	uint32_t i;

	for (i = 0; i < t->flows->flows; i++)
		flow_wake(t, flow_at(t, i));
}

uint32_t
flow_hand(const struct dgram_table *t, const struct dgram_bridge *b,
    enum flow_side side)
{
	return t->srcs + FLOW_SIDES * b->slot + (uint32_t)side;
}

void
flow_recover(struct dgram_table *t, struct dgram_bridge *b)
{
	hand_recover_flow(t->counters->hand, flow_hand(t, b, FLOW_ASKER),
	    b->src->told, b->slot, b->count, 0);
}

void
flow_recover_replies(struct dgram_table *t, struct dgram_bridge *b,
    uint8_t dst_kind)
{
	struct counters_slot *c = b->count;
	uint64_t in, known;

	hand_recover_flow(t->counters->hand, flow_hand(t, b, FLOW_DST),
	    (kind_traits(dst_kind) & KIND_TOLD) != 0, b->slot, c, 1);
	in = atomic_load_explicit(&c->count[COUNT_REPLIES_IN],
	    memory_order_relaxed);
	known = atomic_load_explicit(&c->count[COUNT_REPLIES_OUT],
		    memory_order_relaxed) +
	    atomic_load_explicit(&c->count[COUNT_REPLIES_DROPPED],
		memory_order_relaxed);
	if (in > known)
		counters_add(c, COUNT_REPLIES_DROPPED, in - known);
}
