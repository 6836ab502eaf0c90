/*
 * The messages of an upgrade, each encoder beside its decoder.
 */

#include <bsd/string.h>
#include <stdio.h>
#include <string.h>

#include "../../common/record.h"
#include "upgrade_wire.h"

void
upgrade_wire_put_hello(struct frame_out *out, const struct upgrade_hello *m)
{
	int i;

	frame_put_u32(out, m->magic);
	frame_put_u16(out, m->format);
	frame_put_u32(out, m->pid);
	for (i = 0; i < SAMES; i++)
		frame_put_u32(out, m->same[i]);
	frame_put_text(out, m->version);
}

void
upgrade_wire_get_hello(struct frame_in *in, struct upgrade_hello *m)
{
	int i;

	memset(m, 0, sizeof *m);
	m->magic = frame_get_u32(in);
	m->format = frame_get_u16(in);
	if (m->magic != UPGRADE_MAGIC || m->format != UPGRADE_FORMAT) {
		in->at = in->size;
		return;
	}
	m->pid = frame_get_u32(in);
	for (i = 0; i < SAMES; i++)
		m->same[i] = frame_get_u32(in);
	frame_get_text(in, m->version, sizeof m->version);
}

const char *
upgrade_wire_differs(const struct upgrade_hello *old,
    const struct upgrade_hello *new, char *buf, size_t size)
{
	static const char *const names[SAMES] = {
		[SAME_PRIVILEGED] = "started by root (1) or not (0)",
		[SAME_UID] = "the user it runs as",
		[SAME_BRIDGES] = "limits { bridges }",
		[SAME_SESSIONS] = "limits { sessions }",
		[SAME_CLIENTS] = "limits { clients }",
		[SAME_EVENTS] = "limits { events }",
		[SAME_ENGINES] = "engines",
		[SAME_PIPES] = "limits { pipes }",
		[SAME_GROUPS] = "limits { groups }",
		[SAME_ENTRY] = "bytes of an entry of the registry",
		[SAME_SPEC] = "bytes of a bridge of the registry",
		[SAME_EVENT] = "bytes of an event",
		[SAME_COUNTERS] = "bytes of the counters of a slot",
		[SAME_FLOWS] = "limits { flows }",
	};
	int i;

	if (old->magic != new->magic) {
		(void)strlcpy(buf, "what runs there is not an mctd", size);
		return buf;
	}
	if (old->format != new->format) {
		(void)snprintf(buf, size,
		    "upgrade format: the running mctd has %u, the new one %u",
		    old->format, new->format);
		return buf;
	}
	for (i = 0; i < SAMES; i++)
		if (old->same[i] != new->same[i]) {
			(void)snprintf(buf, size,
			    "%s: the running mctd has %u, the new one %u",
			    names[i], old->same[i], new->same[i]);
			return buf;
		}
	return NULL;
}

void
upgrade_wire_put_daemon(struct frame_out *out, const struct upgrade_daemon *m)
{
	frame_put_u64(out, m->serial);
	frame_put_u64(out, m->frozen_us);
	frame_put_u8(out, m->has_service);
}

void
upgrade_wire_get_daemon(struct frame_in *in, struct upgrade_daemon *m)
{
	m->serial = frame_get_u64(in);
	m->frozen_us = frame_get_u64(in);
	m->has_service = frame_get_u8(in);
	if (m->has_service > 1)
		in->bad = 1;
}

void
upgrade_wire_put_numbers(struct frame_out *out, const struct upgrade_numbers *m)
{
	uint16_t i;

	frame_put_u8(out, m->list);
	frame_put_u32(out, m->first);
	frame_put_u16(out, m->count);
	for (i = 0; i < m->count; i++)
		frame_put_u32(out, m->number[i]);
}

void
upgrade_wire_get_numbers(struct frame_in *in, struct upgrade_numbers *m)
{
	uint16_t i;

	m->list = frame_get_u8(in);
	m->first = frame_get_u32(in);
	m->count = frame_get_u16(in);
	if (m->count > UPGRADE_NUMBERS)
		in->bad = 1;
	for (i = 0; i < m->count && !in->bad; i++)
		m->number[i] = frame_get_u32(in);
}

static void
put_file(struct frame_out *out, const struct local_file *f)
{
	frame_put_u64(out, (uint64_t)f->device);
	frame_put_u64(out, (uint64_t)f->number);
}

static void
get_file(struct frame_in *in, struct local_file *f)
{
	f->device = (dev_t)frame_get_u64(in);
	f->number = (ino_t)frame_get_u64(in);
}

void
upgrade_wire_put_source(struct frame_out *out, const struct upgrade_source *m)
{
	frame_put_u32(out, m->number);
	put_file(out, &m->file);
}

void
upgrade_wire_get_source(struct frame_in *in, struct upgrade_source *m)
{
	m->number = frame_get_u32(in);
	get_file(in, &m->file);
}

/* 0 or 1, nothing else. */
static int
get_flag(struct frame_in *in)
{
	uint8_t flag = frame_get_u8(in);

	if (flag > 1)
		in->bad = 1;
	return flag;
}

static void
put_flag(struct frame_out *out, int flag)
{
	frame_put_u8(out, flag != 0);
}

static void
put_waiter(struct frame_out *out, int has, const struct inner_client *waiter)
{
	struct inner_client none;

	memset(&none, 0, sizeof none);
	put_flag(out, has);
	inner_put_client(out, has ? waiter : &none);
}

static void
get_waiter(struct frame_in *in, int *has, struct inner_client *waiter)
{
	*has = get_flag(in);
	inner_get_client(in, waiter);
}

static void
put_times(struct frame_out *out, const uint64_t *ms, int n)
{
	while (n-- > 0)
		frame_put_u64(out, *ms++);
}

static void
get_times(struct frame_in *in, uint64_t *ms, int n)
{
	while (n-- > 0)
		*ms++ = frame_get_u64(in);
}

void
upgrade_wire_put_bridge(struct frame_out *out, const struct bridge *b)
{
	frame_put_u8(out, (uint8_t)b->state);
	frame_put_u32(out, b->slot);
	put_flag(out, b->from_conf);
	put_flag(out, b->begun);
	put_flag(out, b->fd != -1);
	put_waiter(out, b->has_waiter, &b->waiter);
	put_file(out, &b->file);
	put_flag(out, b->paused);
	frame_put_u64(out, b->limit_note_ms);
	frame_put_u64(out, b->rate_ms);
	frame_put_u64(out, b->credit);
	frame_put_u8(out, b->down);
	frame_put_u8(out, b->held);
	frame_put_u8(out, b->noted);
	put_times(out, b->held_until_ms, DSTS_MAX);
	put_times(out, b->noted_ms, DSTS_MAX);
	frame_put_u64(out, b->serial);
	frame_put_u32(out, b->source);
	put_flag(out, b->told);
	put_flag(out, b->lost);
	put_times(out, b->dropped, COUNTS);
}

void
upgrade_wire_get_bridge(struct frame_in *in, struct bridge *b)
{
	memset(b, 0, sizeof *b);
	b->state = (enum bridge_state)frame_get_u8(in);
	if (b->state != BRIDGE_INSTALLING && b->state != BRIDGE_OPEN &&
	    b->state != BRIDGE_CLOSING)
		in->bad = 1;
	b->slot = frame_get_u32(in);
	b->from_conf = get_flag(in);
	b->begun = get_flag(in);
	b->fd = get_flag(in) ? 0 : -1;
	get_waiter(in, &b->has_waiter, &b->waiter);
	get_file(in, &b->file);
	b->paused = get_flag(in);
	b->limit_note_ms = frame_get_u64(in);
	b->rate_ms = frame_get_u64(in);
	b->credit = frame_get_u64(in);
	b->down = frame_get_u8(in);
	b->held = frame_get_u8(in);
	b->noted = frame_get_u8(in);
	get_times(in, b->held_until_ms, DSTS_MAX);
	get_times(in, b->noted_ms, DSTS_MAX);
	b->serial = frame_get_u64(in);
	b->source = frame_get_u32(in);
	b->told = get_flag(in);
	b->lost = get_flag(in);
	get_times(in, b->dropped, COUNTS);
}

void
upgrade_wire_put_group(struct frame_out *out, uint32_t number,
    const struct bridge_group *g)
{
	frame_put_u32(out, number);
	put_flag(out, g->own);
	frame_put_u32(out, g->slot);
	frame_put_u32(out, g->source);
	proto_put_join(out, &g->join);
	put_flag(out, g->fd != -1);
	frame_put_u8(out, (uint8_t)g->state);
	frame_put_u32(out, g->index);
	frame_put_u32(out, (uint32_t)g->err);
	frame_put_u64(out, g->since_ns);
	frame_put_u16(out, g->out);
}

uint32_t
upgrade_wire_get_group(struct frame_in *in, struct bridge_group *g)
{
	uint32_t number = frame_get_u32(in);
	const char *why;

	memset(g, 0, sizeof *g);
	g->own = get_flag(in);
	g->slot = frame_get_u32(in);
	g->source = frame_get_u32(in);
	proto_get_join(in, &g->join);
	g->fd = get_flag(in) ? 0 : -1;
	g->state = (enum group_state)frame_get_u8(in);
	g->index = frame_get_u32(in);
	g->err = (int)frame_get_u32(in);
	g->since_ns = frame_get_u64(in);
	g->out = frame_get_u16(in);
	if (g->state >= GROUP_STATES || join_check(&g->join, &why) == -1 ||
	    (g->state == GROUP_JOINED && !g->own && g->fd == -1))
		in->bad = 1;
	return number;
}

static void
put_dial(struct frame_out *out, const struct dial_kept *d)
{
	frame_put_u8(out, (uint8_t)d->number);
	frame_put_u32(out, d->tried);
	frame_put_u32(out, (uint32_t)d->err);
	put_flag(out, d->ours);
	put_flag(out, d->waits);
	frame_put_u64(out, d->deadline_ms);
}

static void
get_dial(struct frame_in *in, struct dial_kept *d)
{
	d->number = frame_get_u8(in);
	d->tried = frame_get_u32(in);
	d->err = (int)frame_get_u32(in);
	d->ours = get_flag(in);
	d->waits = get_flag(in);
	d->deadline_ms = frame_get_u64(in);
	if (d->number >= DSTS_MAX)
		in->bad = 1;
}

void
upgrade_wire_put_session(struct frame_out *out, const struct upgrade_session *m)
{
	const struct session *s = &m->session;

	frame_put_u8(out, (uint8_t)s->state);
	frame_put_u32(out, s->slot);
	frame_put_u32(out, s->bridge);
	frame_put_u32(out, s->engine);
	frame_put_u64(out, s->serial);
	frame_put_u8(out, (uint8_t)s->reason);
	frame_put_u64(out, s->opened_ms);
	frame_put_u32(out, s->idle_ms);
	frame_put_u32(out, s->half_closed_ms);
	frame_put_u32(out, s->lifetime_ms);
	frame_put_u32(out, s->rate);
	put_flag(out, s->fd[0] != -1);
	put_flag(out, s->fd[1] != -1);
	put_waiter(out, s->has_waiter, &s->waiter);
	put_dial(out, &m->dial);
}

void
upgrade_wire_get_session(struct frame_in *in, struct upgrade_session *m)
{
	struct session *s = &m->session;

	memset(m, 0, sizeof *m);
	s->state = (enum session_state)frame_get_u8(in);
	s->slot = frame_get_u32(in);
	s->bridge = frame_get_u32(in);
	s->engine = frame_get_u32(in);
	s->serial = frame_get_u64(in);
	s->reason = (enum end_reason)frame_get_u8(in);
	s->opened_ms = frame_get_u64(in);
	s->idle_ms = frame_get_u32(in);
	s->half_closed_ms = frame_get_u32(in);
	s->lifetime_ms = frame_get_u32(in);
	s->rate = frame_get_u32(in);
	s->fd[0] = get_flag(in) ? 0 : -1;
	s->fd[1] = get_flag(in) ? 0 : -1;
	get_waiter(in, &s->has_waiter, &s->waiter);
	get_dial(in, &m->dial);
	if (s->state == SESSION_FREE || s->state > SESSION_CLOSING ||
	    s->reason >= END_REASONS || s->fd[0] == -1 ||
	    (s->fd[1] == -1 && s->state != SESSION_CONNECTING))
		in->bad = 1;
}

void
upgrade_wire_put_pipes(struct frame_out *out, const struct upgrade_pipes *m)
{
	frame_put_u32(out, m->each);
	frame_put_u32(out, m->bytes);
	frame_put_u32(out, m->first);
	frame_put_u16(out, m->count);
}

void
upgrade_wire_get_pipes(struct frame_in *in, struct upgrade_pipes *m)
{
	m->each = frame_get_u32(in);
	m->bytes = frame_get_u32(in);
	m->first = frame_get_u32(in);
	m->count = frame_get_u16(in);
}

void
upgrade_wire_put_flow(struct frame_out *out, const struct flows_kept *m)
{
	frame_put_u32(out, m->flow);
	frame_put_u64(out, m->serial);
	frame_put_u32(out, m->slot);
	record_put_plain_addr(out, &m->asker);
}

void
upgrade_wire_get_flow(struct frame_in *in, struct flows_kept *m)
{
	m->flow = frame_get_u32(in);
	m->serial = frame_get_u64(in);
	m->slot = frame_get_u32(in);
	record_get_plain_addr(in, &m->asker);
	m->fd[0] = m->fd[1] = -1;
}

void
upgrade_wire_put_client(struct frame_out *out, uint32_t slot,
    const struct client *c)
{
	frame_put_u32(out, slot);
	frame_put_u8(out, (uint8_t)c->state);
	frame_put_u32(out, c->generation);
	frame_put_u8(out, (uint8_t)c->role);
	frame_put_u32(out, (uint32_t)c->uid);
	put_flag(out, c->fd != -1);
	frame_put_u32(out, (uint32_t)c->refused);
	put_flag(out, c->whole);
	put_flag(out, c->adopted);
	put_flag(out, c->asked);
	put_flag(out, c->asking);
	put_flag(out, c->answered);
	put_flag(out, c->orphaned);
	frame_put_u32(out, c->request);
	frame_put_u32(out, (uint32_t)c->err);
	frame_put_u32(out, c->id);
	frame_put_text(out, c->text);
}

uint32_t
upgrade_wire_get_client(struct frame_in *in, struct client *c)
{
	uint32_t slot = frame_get_u32(in);

	memset(c, 0, sizeof *c);
	c->state = (enum client_state)frame_get_u8(in);
	c->generation = frame_get_u32(in);
	c->role = (enum role)frame_get_u8(in);
	c->uid = (uid_t)frame_get_u32(in);
	c->fd = get_flag(in) ? 0 : -1;
	c->refused = (int)frame_get_u32(in);
	c->whole = get_flag(in);
	c->adopted = get_flag(in);
	c->asked = get_flag(in);
	c->asking = get_flag(in);
	c->answered = get_flag(in);
	c->orphaned = get_flag(in);
	c->request = frame_get_u32(in);
	c->err = (int)frame_get_u32(in);
	c->id = frame_get_u32(in);
	frame_get_text(in, c->text, sizeof c->text);
	if (c->state > CLIENT_PRESENT || c->role > ROLE_ADMIN)
		in->bad = 1;
	return slot;
}

void
upgrade_wire_put_end(struct frame_out *out, const struct upgrade_end *m)
{
	frame_put_u32(out, m->bridges);
	frame_put_u32(out, m->groups);
	frame_put_u32(out, m->sessions);
	frame_put_u32(out, m->clients);
	frame_put_u32(out, m->flows);
}

void
upgrade_wire_get_end(struct frame_in *in, struct upgrade_end *m)
{
	m->bridges = frame_get_u32(in);
	m->groups = frame_get_u32(in);
	m->sessions = frame_get_u32(in);
	m->clients = frame_get_u32(in);
	m->flows = frame_get_u32(in);
}
