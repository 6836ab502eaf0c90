/*
 * Carrying datagrams.
 *
 * What was read is counted as arrived at each bridge before it is sent on,
 * and each copy is before it goes, so that a bridge's arrivals and copies are
 * never less than its departures and drops together.  What the bridge's
 * limits do not let through is dropped once, before there are copies.
 *
 * What one call read can take very many to send: 64 messages of up to 128
 * datagrams, each for some thousand dsts, of which none need take groups.  So
 * a go ends after so many sends, between two bridges, and the rest stays.
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

void
carry_send(struct dgram_table *t, struct dst *d, const struct run *run)
{
	uint32_t sends = dst_send(d, run);

	t->sends += sends;
	t->work->moved += (uint64_t)sends * SEND_BYTES;
}

static void
to_dst(struct dgram_table *t, struct dgram_bridge *b, struct dgram_out *o,
    const struct run *run)
{
	carry_send(t, &o->dst, run);
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

/* The next part that one call can send; 0: there is none. */
static int
next_part(const struct dgram_table *t, struct run *part)
{
	struct dgram_batch *b = t->batch;
	struct batch_message m;

	if (b->held) {
		b->held = 0;
		*part = b->part;
		return 1;
	}
	while (!b->cut) {
		if (b->next == b->n)
			return 0;
		batch_message(b->batch, t->counters->hand, b->next++, &m);
		b->rest = m.run;
		b->cut = m.fate == BATCH_GOOD;
	}
	b->cut = group_cut(&b->rest, part);
	return 1;
}

/* The next group, as large as it gets; 0: there is none. */
static int
next_group(const struct dgram_table *t)
{
	struct dgram_batch *b = t->batch;

	if (!next_part(t, &b->part))
		return 0;
	group_begin(&b->group, &b->part);
	while (next_part(t, &b->part))
		if (!group_add(&b->group, &b->part)) {
			b->held = 1;
			break;
		}
	return 1;
}

/* Goes on with the batch until it is sent, or so many sends were made. */
static void
send_batch(struct dgram_table *t, uint64_t until)
{
	struct dgram_batch *b = t->batch;

	while (b->src != NULL && t->sends < until)
		if (b->to != NULL) {
			carry_to_bridge(t, b->to, &b->group.run);
			b->to = bridge_next(b->src, b->to);
		} else if (next_group(t))
			b->to = b->src->first;
		else
			b->src = NULL;
}

void
carry_settle(struct dgram_table *t)
{
	send_batch(t, UINT64_MAX);
}

/* How many messages are read in one call. */
static int
most_of(const struct dgram_src *s)
{
	const struct dgram_bridge *b;
	uint32_t outs = 0;

	for (b = s->first; b != NULL; b = bridge_next(s, b))
		outs += b->nouts;
	if (outs <= DGRAM_COPIES / DGRAM_BATCH)
		return DGRAM_BATCH;
	return outs < DGRAM_COPIES ? (int)(DGRAM_COPIES / outs) : 1;
}

/* Reads one batch; returns whether there may be more. */
static int
read_batch(struct dgram_table *t, struct dgram_src *s)
{
	struct counters_hand *hand = t->counters->hand;
	struct dgram_batch *b = t->batch;
	struct batch_read how = { .src = s->number,
		.fd = s->fd,
		.told = s->told,
		.most = most_of(s) };
	struct arrived a = { .n = { 0 } };
	struct batch_message m;
	int errors = 0, i, n;

	do
		n = batch_read(b->batch, hand, &how);
	while (n == -1 && ++errors < READ_ERRORS);
	if (n <= 0)
		return 0;
	for (i = 0; i < n; i++) {
		batch_message(b->batch, hand, i, &m);
		hand_count(&a, &m, &s->dropped);
	}
	carry_publish(t, s, &a);
	b->src = s;
	b->to = NULL;
	b->n = n;
	b->next = b->cut = b->held = 0;
	return n == how.most;
}

void
carry_run(struct dgram_table *t, struct dgram_src *s)
{
	uint64_t until = carry_until(t);
	int i;

	send_batch(t, until);
	for (i = 0; i < DGRAM_BATCHES_A_TURN && t->sends < until; i++) {
		if (!s->readable || s->first == NULL || !t->resumed)
			return;
		s->readable = (uint8_t)read_batch(t, s);
		send_batch(t, until);
	}
	if (t->batch->src != NULL)
		chain_push(t->runs, t->first_run + s->number);
	dgram_wake(t, s);
}
