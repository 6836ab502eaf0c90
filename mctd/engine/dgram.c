/*
 * The tables of srcs and bridges, as the parent tells of them.
 *
 * A src is watched from the start, but read only while a bridge reads it:
 * before that, what arrives waits in the kernel.
 *
 * When an engine dies, what it had read and not counted yet is counted by the
 * next one (hand.c), as each bridge and each further src of it comes; nothing
 * is read before all are known.  What a bridge misses in departures and drops
 * then was in the hands of the dead: it is counted as lost so.
 *
 * Calls: close
 */

#include <errno.h>
#include <unistd.h>

#include "../../common/addr.h"
#include "../../common/limits.h"
#include "bridge.h"
#include "carry.h"
#include "dgram.h"
#include "flow.h"
#include "hand.h"
#include "kind.h"
#include "table.h"

size_t
dgram_bytes(uint32_t bridges, uint32_t srcs)
{
	return srcs * (sizeof(struct dgram_src) + sizeof(struct dgram_out)) +
	    ((size_t)bridges + 1) * sizeof(struct dgram_bridge);
}

size_t
dgram_batch_bytes(void)
{
	return sizeof(struct dgram_batch) + batch_bytes() + GROUP_ROOM_BYTES;
}

static int
is_dgram_kind(uint8_t kind)
{
	return (kind_traits(kind) & KIND_DGRAM) != 0;
}

void
dgram_wake(struct dgram_table *t, struct dgram_src *s)
{
	if (s->readable && s->first != NULL && t->resumed)
		chain_push(t->runs, t->first_run + s->number);
}

void
dgram_settle(struct dgram_table *t)
{
	carry_settle(t);
}

static void
dgram_event(void *arg, uint32_t number, unsigned int what)
{
	struct dgram_table *t = arg;
	struct dgram_src *s = &t->src[number - t->first_watch];

	if (what & (WATCH_READ | WATCH_CLOSED))
		s->readable = 1;
	dgram_wake(t, s);
}

int
dgram_setup(struct dgram_table *t)
{
	struct dgram_out *outs;
	uint32_t i;

	t->events.fn = dgram_event;
	t->events.arg = t;
	t->src = table_new(t->srcs * sizeof *t->src);
	t->bridge = table_new(((size_t)t->bridges + 1) * sizeof *t->bridge);
	outs = table_new(t->srcs * sizeof *outs);
	t->batch = table_new(sizeof *t->batch);
	if (t->src == NULL || t->bridge == NULL || outs == NULL ||
	    t->batch == NULL)
		return -1;
	for (i = 0; i < t->srcs; i++) {
		t->src[i].number = i;
		outs[i].next = t->free;
		t->free = &outs[i];
	}
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

	if (m->src >= t->srcs || !is_dgram_kind(m->kind))
		return -1;
	s = &t->src[m->src];
	if (s->kind != ADDR_NONE || report_src_waits(t->reports, m->src))
		return -1;
	if (!t->begun)
		hand_take_over(c->hand, c->slots, t->bridges);
	t->begun = 1;
	s->fd = fd;
	s->kind = m->kind;
	s->told = (kind_traits(m->kind) & KIND_TOLD) != 0;
	s->flows = m->flows;
	s->readable = 1;
	s->attached = 0;
	s->succeeded = 0;
	s->dropped = 0;
	s->first = NULL;
	return watch_add(t->first_watch + m->src, fd, &t->events);
}

/* The bridges of a src may have been left at different places. */
static void
take_dropped(struct dgram_table *t, struct dgram_src *s,
    const struct counters_slot *c)
{
	uint32_t place = s->attached ? s->number + 1 : 0;
	uint32_t dropped;

	if (hand_dropped(t->counters->hand, c, place, &dropped) == 0 &&
	    (!s->succeeded || dropped - s->dropped < UINT32_MAX / 2))
		s->dropped = dropped;
	s->succeeded = 1;
}

static uint64_t
get(const struct counters_slot *c, enum count count)
{
	return atomic_load_explicit(&c->count[count], memory_order_relaxed);
}

/* What came in or was copied, and neither went out nor is known as dropped. */
static void
count_lost(struct counters_slot *c)
{
	uint64_t in = get(c, COUNT_MESSAGES_IN) + get(c, COUNT_COPIES);
	uint64_t known = get(c, COUNT_MESSAGES_OUT);
	int i;

	for (i = COUNT_DROP_FIRST; i < COUNTS; i++)
		if (i != COUNT_DROP_RIGHTS)
			known += get(c, (enum count)i);
	if (in > known)
		counters_add(c, COUNT_DROP_ENGINE, in - known);
}

/* What a dead engine has left of a src, for a bridge whose figures go on. */
static void
recover(struct dgram_table *t, struct dgram_src *s, struct dgram_bridge *b)
{
	hand_recover(t->counters->hand, s->number, s->told, b->slot, b->count,
	    s->attached ? s->number + 1 : 0);
	if (s->flows)
		flow_recover(t, b);
	count_lost(b->count);
	take_dropped(t, s, b->count);
}

static void
figures(struct dgram_table *t, struct dgram_bridge *b, uint32_t id)
{
	struct counters_slot *c = &t->counters->slots[b->slot];

	b->count = c;
	if (atomic_load_explicit(&c->id, memory_order_relaxed) == id)
		recover(t, b->src, b);
	else {
		counters_reset(t->counters, b->slot, id, t->work->now_ms);
		hand_attach(t->counters->hand, c, b->src->dropped);
	}
}

static void
set_plain(struct dgram_bridge *b)
{
	b->plain = b->nouts == 1 && !b->outs->mute && !b->limit.any;
}

/* There is a free one. */
static void
add_out(struct dgram_table *t, struct dgram_bridge *b, uint16_t number,
    uint8_t kind, uint8_t mute, int fd)
{
	struct dgram_out *o = t->free;

	t->free = o->next;
	dst_start(&o->dst, fd, kind, b->count);
	o->number = number;
	o->mute = mute != 0;
	o->next = b->outs;
	b->outs = o;
	b->nouts++;
	set_plain(b);
}

static void
remove_out(struct dgram_table *t, struct dgram_bridge *b, struct dgram_out **p)
{
	struct dgram_out *o = *p;

	(void)close(o->dst.fd);
	*p = o->next;
	o->next = t->free;
	t->free = o;
	b->nouts--;
}

int
dgram_dst(struct dgram_table *t, const struct inner_dst *m, int fd)
{
	struct dgram_bridge *b;
	struct dgram_src *s;

	if (m->slot == 0 || m->slot > t->bridges || m->src >= t->srcs ||
	    !is_dgram_kind(m->kind) || t->free == NULL)
		return -1;
	b = &t->bridge[m->slot];
	s = &t->src[m->src];
	if (b->src != NULL || s->kind == ADDR_NONE || s->attached ||
	    (s->flows && s->first != NULL) || report_waits(t->reports, m->slot))
		return -1;
	dgram_settle(t);
	b->src = s;
	b->slot = m->slot;
	b->serial = m->serial;
	figures(t, b, m->id);
	limit_start(&b->limit, &m->tune, t->work->now_ms);
	add_out(t, b, 0, m->kind, m->mute, fd);
	if (s->flows) {
		flow_recover_replies(t, b, m->kind);
		flow_tune(t, b, &m->tune);
	}
	b->next = s->first;
	s->first = b;
	report_installed(t->reports, m->slot, m->serial);
	dgram_wake(t, s);
	return 0;
}

/* One that is to change.  -1: there can be none; 0: it has been closed. */
static int
find_bridge(struct dgram_table *t, uint32_t slot, uint64_t serial,
    struct dgram_bridge **b)
{
	if (slot == 0 || slot > t->bridges)
		return -1;
	dgram_settle(t);
	*b = &t->bridge[slot];
	return (*b)->src != NULL && (*b)->serial == serial;
}

static struct dgram_out **
find_out(struct dgram_bridge *b, uint16_t number)
{
	struct dgram_out **p = &b->outs;

	while (*p != NULL && (*p)->number != number)
		p = &(*p)->next;
	return p;
}

int
dgram_tune(struct dgram_table *t, const struct inner_tune *m)
{
	struct dgram_bridge *b;
	struct dgram_out *o;
	int found = find_bridge(t, m->slot, m->serial, &b);

	if (found != 1)
		return found;
	for (o = b->outs; o != NULL; o = o->next)
		dst_tuned(&o->dst, b->limit.hops && !m->hops, m->ttl);
	if (b->src->flows)
		flow_tune(t, b, m);
	limit_change(&b->limit, m);
	set_plain(b);
	return 0;
}

int
dgram_out(struct dgram_table *t, const struct inner_out *m, int fd)
{
	struct dgram_bridge *b;
	int found = find_bridge(t, m->slot, m->serial, &b);

	if (found == -1 || m->out > JOINS_MAX || !is_dgram_kind(m->kind))
		return -1;
	if (found == 0) {
		(void)close(fd);
		return 0;
	}
	if (*find_out(b, m->out) != NULL || t->free == NULL)
		return -1;
	add_out(t, b, m->out, m->kind, m->mute, fd);
	return 0;
}

int
dgram_out_change(struct dgram_table *t, const struct inner_out *m)
{
	struct dgram_bridge *b;
	struct dgram_out *o;
	int found = find_bridge(t, m->slot, m->serial, &b);

	if (found != 1)
		return found;
	o = *find_out(b, m->out);
	if (o == NULL)
		return -1;
	o->mute = m->mute != 0;
	dst_tuned(&o->dst, 0, 0);
	set_plain(b);
	return 0;
}

int
dgram_out_close(struct dgram_table *t, const struct inner_out *m)
{
	struct dgram_bridge *b;
	struct dgram_out **p;
	int found = find_bridge(t, m->slot, m->serial, &b);

	if (found != 1)
		return found;
	p = find_out(b, m->out);
	if (*p == NULL || m->out == 0)
		return -1;
	remove_out(t, b, p);
	set_plain(b);
	return 0;
}

/*
 * What is in the hand of a dead engine is counted here for a bridge that was
 * there then; for a new one hand_attach has said that nothing is.
 */
int
dgram_attach(struct dgram_table *t, const struct inner_attach *m)
{
	struct dgram_bridge *b;
	struct dgram_src *s;
	int found = find_bridge(t, m->slot, m->serial, &b);

	if (found == -1 || m->src >= t->srcs)
		return -1;
	s = &t->src[m->src];
	if (s->kind == ADDR_NONE || s->first != NULL || s->flows)
		return -1;
	if (found == 0)
		return 0;
	s->attached = 1;
	s->first = b;
	s->next = b->attached;
	b->attached = s;
	hand_place(t->counters->hand, s->number, (uint32_t)m->serial);
	recover(t, s, b);
	dgram_wake(t, s);
	return 0;
}

/* The bridge reads it no longer. */
static void
detach(struct dgram_bridge *b, struct dgram_src *s)
{
	struct dgram_src **p = &b->attached;

	while (*p != s)
		p = &(*p)->next;
	*p = s->next;
	s->attached = 0;
	s->first = NULL;
}

static void
dgram_end(struct dgram_table *t, struct dgram_bridge *b, enum end_reason reason)
{
	struct dgram_bridge **p = &b->src->first;

	while (*p != b)
		p = &(*p)->next;
	*p = b->next;
	if (b->src->flows)
		flow_end_all(t, b);
	while (b->attached != NULL)
		detach(b, b->attached);
	while (b->outs != NULL)
		remove_out(t, b, &b->outs);
	b->src = NULL;
	report_end(t->reports, b->slot, b->serial, reason, 0);
}

void
dgram_close(struct dgram_table *t, uint32_t slot, uint64_t serial)
{
	struct dgram_bridge *b;

	if (find_bridge(t, slot, serial, &b) == 1)
		dgram_end(t, b, END_REQUESTED);
}

int
dgram_src_close(struct dgram_table *t, const struct inner_src *m)
{
	struct dgram_src *s;

	if (m->src >= t->srcs || t->src[m->src].kind == ADDR_NONE)
		return -1;
	dgram_settle(t);
	s = &t->src[m->src];
	if (s->attached)
		detach(s->first, s);
	while (s->first != NULL)
		dgram_end(t, s->first, END_BRIDGE_CLOSED);
	hand_forget(t->counters->hand, m->src);
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
	for (s = t->src; s < t->src + t->srcs; s++)
		if (s->kind != ADDR_NONE)
			dgram_wake(t, s);
	flow_resumed(t);
}

void
dgram_run(struct dgram_table *t, uint32_t src)
{
	struct dgram_src *s = &t->src[src];

	if (s->kind == ADDR_NONE)
		return;
	if (t->batch->src != NULL && t->batch->src != s)
		chain_push(t->runs, t->first_run + src); /* after that one */
	else if (s->flows)
		flow_src_run(t, s);
	else
		carry_run(t, s);
}
