/*
 * Carrying what belongs to flows.
 *
 * A src with flows is looked at one datagram at a time, whose sender decides;
 * that is the way of the first one of a flow, and of those that came before
 * the flow stood.  All others are read from the flow's own socket, many in one
 * call.  That socket could be sent to by anybody for a moment, before it was
 * connected: a stranger's datagram there is carried as if it came by src, but
 * nobody is asked for a flow for it.
 *
 * What is read is counted as arrived before it is sent on, as in carry.c.
 */

#include <errno.h>
#include <string.h>

#include "../../common/limits.h"
#include "carry.h"
#include "flow_table.h"
#include "kind.h"

/* A read error is handed out once; this many in a row are not believed. */
#define READ_ERRORS      4

/* Heads of a src looked at before others have a turn. */
#define HEADS_A_TURN     (DGRAM_BATCH * DGRAM_BATCHES_A_TURN)

/* Messages of up to 128 datagrams, read where these go one by one. */
#define FLOW_BATCH_PLAIN 8

/* A part that one call can send, forward. */
static void
forward(struct dgram_table *t, struct flow *f, const struct run *run)
{
	struct dgram_bridge *b = f->bridge;
	struct dst *d = &f->way[FLOW_DST];
	struct run admitted = *run;

	if (b->limit.any &&
	    !limit_admit(&b->limit, b->count, t->work->now_ms, &admitted))
		return;
	if (b->limit.hops && admitted.hops != -1 &&
	    dst_hops(d, admitted.hops) == -1)
		counters_add(b->count, COUNT_DROP_OTHER, admitted.count);
	else
		carry_send(t, d, &admitted);
}

static void
send_part(struct dgram_table *t, struct flow *f, enum flow_side to,
    const struct run *part)
{
	if (to == FLOW_DST)
		forward(t, f, part);
	else
		carry_send(t, &f->way[FLOW_ASKER], part);
}

/* A whole message, part by part; f NULL: it has no flow. */
static void
send_message(struct dgram_table *t, struct flow *f, struct dgram_bridge *b,
    struct batch_message *m)
{
	struct run part;
	int more;

	if (m->fate != BATCH_GOOD)
		return;
	if (f == NULL) {
		counters_add(b->count, COUNT_DROP_FLOW, m->run.count);
		return;
	}
	do {
		more = group_cut(&m->run, &part);
		forward(t, f, &part);
	} while (more);
}

/* Whether there is nobody to send to any more: it ends. */
static int
is_lost(struct dgram_table *t, struct flow *f)
{
	if (!f->way[FLOW_DST].lost && !f->way[FLOW_ASKER].lost)
		return 0;
	flow_end(t, f);
	return 1;
}

/* Its sender, if it is another than the flow's asker. */
static int
is_stranger(struct dgram_table *t, struct flow *f, int i, struct addr *who)
{
	size_t len;
	const void *name =
	    batch_name(t->batch->batch, t->counters->hand, i, &len);

	if (len == f->namelen && len != 0 && memcmp(name, f->name, len) == 0)
		return 0;
	addr_from_kernel(who, (enum addr_kind)f->asker.kind, name,
	    (socklen_t)len);
	if (!addr_equal(who, &f->asker))
		return 1;
	if (len <= FLOW_NAME_BYTES) {
		memcpy(f->name, name, len);
		f->namelen = (uint8_t)len;
	}
	return 0;
}

/* Adds a part to the group, or sends that and begins a new one. */
static void
gather(struct dgram_table *t, struct flow *f, enum flow_side to,
    const struct run *part, int *begun)
{
	struct group *g = &t->batch->group;

	if (*begun && group_add(g, part))
		return;
	if (*begun)
		send_part(t, f, to, &g->run);
	group_begin(g, part);
	*begun = 1;
}

static void
send_batch(struct dgram_table *t, struct flow *f, enum flow_side from, int n)
{
	enum flow_side to = from == FLOW_ASKER ? FLOW_DST : FLOW_ASKER;
	struct batch_message m;
	struct run part;
	struct addr who;
	uint32_t other;
	int begun = 0, i, more;

	for (i = 0; i < n; i++) {
		batch_message(t->batch->batch, t->counters->hand, i, &m);
		if (m.fate != BATCH_GOOD)
			continue;
		if (from == FLOW_ASKER && is_stranger(t, f, i, &who)) {
			other = flow_find(t, f->bridge, &who);
			send_message(t,
			    other == NO_FLOW ? NULL : &t->flows->flow[other],
			    f->bridge, &m);
			continue;
		}
		do {
			more = group_cut(&m.run, &part);
			gather(t, f, to, &part, &begun);
		} while (more);
	}
	if (begun)
		send_part(t, f, to, &t->batch->group.run);
}

/*
 * How many messages one call reads of a side.  A batch of a flow goes at once,
 * so it is a small one where each datagram of it may take a call to send.
 */
static int
most_of(const struct flow *f, enum flow_side side)
{
	const struct dst *to =
	    &f->way[side == FLOW_DST ? FLOW_ASKER : FLOW_DST];

	return to->group_max == 0 ? FLOW_BATCH_PLAIN : DGRAM_BATCH;
}

/*
 * One call; n messages of it are counted.  An error is that of something sent
 * before, which the next one that is sent would have been told.
 */
static int
read_side(struct dgram_table *t, struct flow *f, enum flow_side side)
{
	struct counters_hand *hand = t->counters->hand;
	struct dgram_bridge *b = f->bridge;
	struct arrived a = { .n = { 0 } };
	struct batch_read how = { .src = flow_hand(t, b, side),
		.fd = f->way[side].fd,
		.told = f->told[side],
		.named = 1,
		.most = most_of(f, side) };
	struct batch_message m;
	int errors = 0, i, n;

	while ((n = batch_read(t->batch->batch, hand, &how)) == -1) {
		dst_told(&f->way[side], errno);
		if (++errors == READ_ERRORS)
			break;
	}
	if (n <= 0)
		return 0;
	for (i = 0; i < n; i++) {
		batch_message(t->batch->batch, hand, i, &m);
		hand_count(&a, &m, &f->dropped[side]);
	}
	if (side == FLOW_DST)
		hand_replies(&a);
	counters_touch(b->count, t->work->now_ms);
	hand_publish(hand, b->slot, b->count, 0, &a, b->src->dropped);
	hand_end(hand);
	t->work->moved += a.n[ARRIVED_BYTES];
	return n;
}

void
flow_run(struct dgram_table *t, uint32_t number)
{
	struct flow *f = &t->flows->flow[number];
	uint64_t until = carry_until(t);
	int i, n, side;

	if (f->serial == 0 || !t->resumed)
		return;
	for (i = 0; i < DGRAM_BATCHES_A_TURN && t->batch->src == NULL; i++)
		for (side = 0; side < FLOW_SIDES; side++) {
			if (!f->readable[side] || t->sends >= until)
				continue;
			n = read_side(t, f, (enum flow_side)side);
			f->readable[side] =
			    n == most_of(f, (enum flow_side)side);
			if (n == 0)
				continue;
			flow_touch(t, f, side == FLOW_DST);
			send_batch(t, f, (enum flow_side)side, n);
			if (is_lost(t, f))
				return;
		}
	flow_wake(t, f);
}

void
flow_drain(struct dgram_table *t, struct flow *f)
{
	int i, n, side;

	if (!t->resumed)
		return;
	carry_settle(t);
	for (side = 0; side < FLOW_SIDES; side++)
		for (i = 0; i < DGRAM_BATCHES_A_TURN && f->heard[side]; i++) {
			n = read_side(t, f, (enum flow_side)side);
			send_batch(t, f, (enum flow_side)side, n);
			if (n < most_of(f, (enum flow_side)side))
				break;
		}
}

/* Reads the head of the src, counts and returns it; -1: there is none. */
static int
read_head(struct dgram_table *t, struct dgram_src *s, struct batch_message *m)
{
	struct counters_hand *hand = t->counters->hand;
	struct batch_read how = { .src = s->number,
		.fd = s->fd,
		.told = s->told,
		.named = 1,
		.most = 1 };
	struct arrived a = { .n = { 0 } };

	if (batch_read(t->batch->batch, hand, &how) <= 0)
		return -1;
	batch_message(t->batch->batch, hand, 0, m);
	hand_count(&a, m, &s->dropped);
	carry_publish(t, s, &a);
	return 0;
}

static void
ask(struct dgram_table *t, const struct dgram_src *s,
    const struct dgram_bridge *b, const struct addr *local)
{
	struct flow_bridge *fb = &t->flows->bridge[b->slot];

	flow_make_room(t, b);
	fb->waits = 1;
	fb->asking.slot = b->slot;
	fb->asking.serial = b->serial;
	fb->asking.src = s->number;
	fb->asking.local = *local;
	chain_push(&t->flows->reports, b->slot);
}

/* The head goes to its flow, if it has one.  0, or -1: no more now. */
static int
take_head(struct dgram_table *t, struct dgram_src *s, struct dgram_bridge *b)
{
	struct flow_bridge *fb = &t->flows->bridge[b->slot];
	struct batch_message m;
	struct addr who, local;
	struct flow *f = NULL;
	uint32_t number;

	if (!fb->none) {
		if (flow_peek(s, &who, &local) == -1) {
			s->readable = 0;
			return -1;
		}
		number = flow_find(t, b, &who);
		if (number == NO_FLOW) {
			ask(t, s, b, &local);
			return -1;
		}
		f = &t->flows->flow[number];
	}
	fb->none = 0;
	if (read_head(t, s, &m) == -1) {
		s->readable = 0;
		return -1;
	}
	if (f != NULL)
		flow_touch(t, f, 0);
	send_message(t, f, b, &m);
	if (f != NULL)
		(void)is_lost(t, f);
	return 0;
}

void
flow_src_run(struct dgram_table *t, struct dgram_src *s)
{
	struct dgram_bridge *b = s->first;
	uint64_t until = carry_until(t);
	int i;

	if (b == NULL || !s->readable || !t->resumed)
		return;
	for (i = 0; i < HEADS_A_TURN && t->sends < until; i++)
		if (t->flows->bridge[b->slot].waits || take_head(t, s, b) == -1)
			return;
	dgram_wake(t, s);
}
