/*
 * The tables of srcs and dsts, and the way from one to the others.
 *
 * A src is watched from the start, but read only while a dst is attached:
 * before that, what arrives waits in the kernel.  What was read is counted
 * as arrived at each bridge before it is sent on, so a bridge's arrivals are
 * never less than its departures and drops together.
 *
 * When an engine dies, what it had read and not counted yet is counted by the
 * next one (hand.c), which reads nothing before it knows all bridges.  What
 * these miss in departures and drops then was in the hands of the dead: it is
 * counted as lost so.
 *
 * Calls: close
 */

#include <errno.h>
#include <unistd.h>

#include "../../common/addr.h"
#include "../../common/limits.h"
#include "batch.h"
#include "dgram.h"
#include "dst.h"
#include "hand.h"
#include "table.h"

/* A read error is handed out once; this many in a row are not believed. */
#define READ_ERRORS 4

struct dgram_src {
	int fd;
	uint8_t kind; /* enum addr_kind; ADDR_NONE: no src here */
	uint8_t readable;
	uint8_t succeeded; /* took over: dropped is what one before counted */
	uint32_t dropped;  /* as the kernel told it last */
	struct dst *first; /* of the dsts attached */
};

struct dgram_dst {
	struct dst dst;
	struct dgram_src *src; /* NULL: no dst here */
};

/* One for the whole engine: a batch is read and sent in one go. */
struct dgram_batch {
	struct batch *batch;
	struct group group;
};

size_t
dgram_bytes(uint32_t bridges)
{
	return bridges * sizeof(struct dgram_src) +
	    ((size_t)bridges + 1) * sizeof(struct dgram_dst);
}

size_t
dgram_batch_bytes(void)
{
	return sizeof(struct dgram_batch) + batch_bytes() + GROUP_ROOM_BYTES;
}

static int
is_dgram_kind(uint8_t kind)
{
	return kind == ADDR_UDP || kind == ADDR_UNIXDGRAM;
}

static void
dgram_wake(struct dgram_table *t, struct dgram_src *s)
{
	if (s->readable && s->first != NULL && t->resumed)
		chain_push(t->runs, (uint32_t)(s - t->srcs) + 1);
}

static void
dgram_event(void *arg, uint32_t number, unsigned int what)
{
	struct dgram_table *t = arg;
	struct dgram_src *s = &t->srcs[number - t->first_watch];

	if (what & (WATCH_READ | WATCH_CLOSED))
		s->readable = 1;
	dgram_wake(t, s);
}

int
dgram_setup(struct dgram_table *t)
{
	t->events.fn = dgram_event;
	t->events.arg = t;
	t->srcs = table_new(t->bridges * sizeof *t->srcs);
	t->dsts = table_new(((size_t)t->bridges + 1) * sizeof *t->dsts);
	t->batch = table_new(sizeof *t->batch);
	if (t->srcs == NULL || t->dsts == NULL || t->batch == NULL)
		return -1;
	t->batch->batch = batch_new();
	t->batch->group.room = table_new(GROUP_ROOM_BYTES);
	if (t->batch->batch == NULL || t->batch->group.room == NULL)
		return -1;
	return 0;
}

int
dgram_src(struct dgram_table *t, const struct inner_src *m, int fd)
{
	struct counters *c = t->counters;
	struct dgram_src *s;

	if (m->src >= t->bridges || !is_dgram_kind(m->kind))
		return -1;
	s = &t->srcs[m->src];
	if (s->kind != ADDR_NONE || report_src_waits(t->reports, m->src))
		return -1;
	if (!t->begun)
		hand_take_over(c->hand, c->slots, t->bridges);
	t->begun = 1;
	s->fd = fd;
	s->kind = m->kind;
	s->readable = 1;
	s->succeeded = 0;
	s->dropped = 0;
	s->first = NULL;
	return watch_add(t->first_watch + m->src, fd, &t->events);
}

static int
is_local(const struct dgram_src *s)
{
	return s->kind == ADDR_UNIXDGRAM;
}

/* The bridges of a src may have been left at different places. */
static void
take_dropped(struct dgram_src *s, const struct counters_slot *c)
{
	uint32_t dropped;

	if (hand_dropped(c, &dropped) == 0 &&
	    (!s->succeeded || dropped - s->dropped < UINT32_MAX / 2))
		s->dropped = dropped;
	s->succeeded = 1;
}

/* What came in, and neither went out nor was counted as dropped. */
static void
count_lost(struct counters_slot *c)
{
	uint64_t known, in;
	int i;

	in = atomic_load_explicit(&c->count[COUNT_MESSAGES_IN],
	    memory_order_relaxed);
	known = atomic_load_explicit(&c->count[COUNT_MESSAGES_OUT],
	    memory_order_relaxed);
	for (i = COUNT_DROP_FIRST; i < COUNTS; i++)
		if (i != COUNT_DROP_RIGHTS)
			known += atomic_load_explicit(&c->count[i],
			    memory_order_relaxed);
	if (in > known)
		counters_add(c, COUNT_DROP_ENGINE, in - known);
}

int
dgram_dst(struct dgram_table *t, const struct inner_dst *m, int fd)
{
	struct dgram_dst *d;
	struct dgram_src *s;
	struct counters_hand *hand = t->counters->hand;
	struct counters_slot *count;

	if (m->slot == 0 || m->slot > t->bridges || m->src >= t->bridges ||
	    !is_dgram_kind(m->kind))
		return -1;
	d = &t->dsts[m->slot];
	s = &t->srcs[m->src];
	if (d->src != NULL || s->kind == ADDR_NONE ||
	    report_waits(t->reports, m->slot))
		return -1;
	count = &t->counters->slots[m->slot];
	if (atomic_load_explicit(&count->id, memory_order_relaxed) == m->id) {
		/* its figures go on */
		hand_recover(hand, m->src, is_local(s), m->slot, count);
		count_lost(count);
		take_dropped(s, count);
	} else {
		counters_reset(t->counters, m->slot, m->id, t->work->now_ms);
		hand_attach(hand, count, s->dropped);
	}
	dst_start(&d->dst, fd, m->kind, count);
	d->dst.slot = m->slot;
	d->dst.serial = m->serial;
	d->dst.next = s->first;
	d->src = s;
	s->first = &d->dst;
	report_installed(t->reports, m->slot, m->serial);
	dgram_wake(t, s);
	return 0;
}

static void
dgram_end(struct dgram_table *t, struct dgram_dst *d, enum end_reason reason)
{
	struct dst **p = &d->src->first;

	while (*p != &d->dst)
		p = &(*p)->next;
	*p = d->dst.next;
	d->src = NULL;
	(void)close(d->dst.fd);
	report_end(t->reports, d->dst.slot, d->dst.serial, reason, 0);
}

void
dgram_close(struct dgram_table *t, uint32_t slot, uint64_t serial)
{
	struct dgram_dst *d = &t->dsts[slot];

	if (d->src != NULL && d->dst.serial == serial)
		dgram_end(t, d, END_REQUESTED);
}

int
dgram_src_close(struct dgram_table *t, const struct inner_src *m)
{
	struct dgram_src *s;

	if (m->src >= t->bridges || t->srcs[m->src].kind == ADDR_NONE)
		return -1;
	s = &t->srcs[m->src];
	while (s->first != NULL)
		dgram_end(t, &t->dsts[s->first->slot], END_BRIDGE_CLOSED);
	watch_del(t->first_watch + m->src);
	(void)close(s->fd);
	report_src_closed(t->reports, m->src, s->kind);
	s->kind = ADDR_NONE;
	return 0;
}

void
dgram_resumed(struct dgram_table *t)
{
	struct dgram_src *s;

	t->resumed = 1;
	hand_end(t->counters->hand);
	for (s = t->srcs; s < t->srcs + t->bridges; s++)
		if (s->kind != ADDR_NONE)
			dgram_wake(t, s);
}

static void
publish(struct dgram_table *t, struct dgram_src *s, const struct arrived *a)
{
	struct counters_hand *hand = t->counters->hand;
	struct dst *d;

	for (d = s->first; d != NULL; d = d->next) {
		counters_touch(d->count, t->work->now_ms);
		hand_publish(hand, d->slot, d->count, a, s->dropped);
	}
	hand_end(hand);
	t->work->moved += a->n[ARRIVED_BYTES];
}

static void
deliver(struct dgram_table *t, struct dgram_src *s, const struct run *run)
{
	uint64_t now_ms = t->work->now_ms;
	struct dst *d;

	for (d = s->first; d != NULL; d = d->next) {
		dst_send(d, run);
		if (!d->lost)
			continue;
		d->lost = 0;
		if (d->lost_ms != 0 && now_ms - d->lost_ms < LOST_MS)
			continue;
		d->lost_ms = now_ms;
		report_lost(t->reports, d->slot, d->serial);
	}
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

/* Returns whether there may be more. */
static int
read_batch(struct dgram_table *t, struct dgram_src *s)
{
	struct counters_hand *hand = t->counters->hand;
	struct batch *b = t->batch->batch;
	struct arrived a = { .n = { 0 } };
	struct batch_message m;
	int errors = 0, i, n;

	do
		n = batch_read(b, hand, (uint32_t)(s - t->srcs), s->fd,
		    is_local(s));
	while (n == -1 && ++errors < READ_ERRORS);
	if (n <= 0)
		return 0;
	for (i = 0; i < n; i++) {
		batch_message(b, hand, i, &m);
		hand_count(&a, &m, &s->dropped);
	}
	publish(t, s, &a);
	send_batch(t, s, n);
	return n == DGRAM_BATCH;
}

void
dgram_run(struct dgram_table *t, uint32_t src)
{
	struct dgram_src *s = &t->srcs[src];
	int i;

	if (s->kind == ADDR_NONE)
		return;
	for (i = 0; i < DGRAM_BATCHES_A_TURN; i++) {
		if (!s->readable || s->first == NULL || !t->resumed)
			return;
		s->readable = (uint8_t)read_batch(t, s);
	}
	dgram_wake(t, s);
}
