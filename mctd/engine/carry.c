/*
 * Carrying datagrams.
 *
 * What was read is counted as arrived at each bridge before it is sent on,
 * and each copy is before it goes, so that a bridge's arrivals and copies are
 * never less than its departures and drops together.  What the bridge's
 * limits do not let through is dropped once, before there are copies.
 */

#include "../../common/limits.h"
#include "carry.h"

/* A read error is handed out once; this many in a row are not believed. */
#define READ_ERRORS 4

void
carry_publish(struct dgram_table *t, struct dgram_src *s,
    const struct arrived *a)
{
	struct counters_hand *hand = t->counters->hand;
	uint32_t place = s->attached ? s->number + 1 : 0;
	struct dgram_bridge *b;

	for (b = s->first; b != NULL; b = bridge_next(s, b)) {
		counters_touch(b->count, t->work->now_ms);
		hand_publish(hand, b->slot, b->count, place, a, s->dropped);
	}
	hand_end(hand);
	t->work->moved += a->n[ARRIVED_BYTES];
}

static void
to_dst(struct dgram_table *t, struct dgram_bridge *b, struct dgram_out *o,
    const struct run *run)
{
	dst_send(&o->dst, run);
	if (o->dst.lost && dst_was_lost(&o->dst, t->work->now_ms))
		report_lost(t->reports, b->slot, b->serial, o->number);
}

static void
to_out(struct dgram_table *t, struct dgram_bridge *b, struct dgram_out *o,
    const struct run *run)
{
	if (o->mute)
		counters_add(b->count, COUNT_DROP_NO_TTL, run->count);
	else if (b->limit.hops && run->hops != -1 &&
	    dst_hops(&o->dst, run->hops) == -1)
		counters_add(b->count, COUNT_DROP_OTHER, run->count);
	else
		to_dst(t, b, o, run);
}

void
carry_to_bridge(struct dgram_table *t, struct dgram_bridge *b,
    const struct run *run)
{
	struct run admitted;
	struct dgram_out *o;

	if (b->plain) {
		to_dst(t, b, b->outs, run);
		return;
	}
	admitted = *run;
	if (b->limit.any &&
	    !limit_admit(&b->limit, b->count, t->work->now_ms, &admitted))
		return;
	if (b->nouts > 1)
		counters_add(b->count, COUNT_COPIES,
		    (uint64_t)admitted.count * (b->nouts - 1));
	for (o = b->outs; o != NULL; o = o->next)
		to_out(t, b, o, &admitted);
}

static void
deliver(struct dgram_table *t, struct dgram_src *s, const struct run *run)
{
	struct dgram_bridge *b;

	for (b = s->first; b != NULL; b = bridge_next(s, b))
		carry_to_bridge(t, b, run);
}

/* Adds a part that one call can send to the group, or begins a new one. */
static void
gather(struct dgram_table *t, struct dgram_src *s, const struct run *part,
    int *begun)
{
	struct group *g = &t->batch->group;

	if (*begun && group_add(g, part))
		return;
	if (*begun)
		deliver(t, s, &g->run);
	group_begin(g, part);
	*begun = 1;
}

static void
send_batch(struct dgram_table *t, struct dgram_src *s, int n)
{
	struct batch_message m;
	struct run part;
	int begun = 0, i, more;

	for (i = 0; i < n; i++) {
		batch_message(t->batch->batch, t->counters->hand, i, &m);
		if (m.fate != BATCH_GOOD)
			continue;
		do {
			more = group_cut(&m.run, &part);
			gather(t, s, &part, &begun);
		} while (more);
	}
	if (begun)
		deliver(t, s, &t->batch->group.run);
}

int
carry_batch(struct dgram_table *t, struct dgram_src *s)
{
	struct counters_hand *hand = t->counters->hand;
	struct batch *b = t->batch->batch;
	struct arrived a = { .n = { 0 } };
	struct batch_message m;
	int errors = 0, i, n;

	do
		n = batch_read(b, hand, s->number, s->fd, s->told);
	while (n == -1 && ++errors < READ_ERRORS);
	if (n <= 0)
		return 0;
	for (i = 0; i < n; i++) {
		batch_message(b, hand, i, &m);
		hand_count(&a, &m, &s->dropped);
	}
	carry_publish(t, s, &a);
	send_batch(t, s, n);
	return n == DGRAM_BATCH;
}
