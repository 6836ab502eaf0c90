/*
 * Taking in what the running parent tells.  Nothing here does anything to a
 * socket: until the other one is gone they are its own.
 */

#include <string.h>

#include "children.h"
#include "clients.h"
#include "daemon.h"
#include "datagrams.h"
#include "events.h"
#include "groups.h"
#include "life.h"
#include "pipes.h"
#include "upgrade_adopt.h"
#include "upgrade_wire.h"

static struct {
	struct upgrade_tables tables;
	struct upgrade_adopted result;
	int begun; /* DAEMON came */
	uint32_t pipes;
	struct upgrade_end seen;
	struct upgrade_numbers numbers; /* large: not on the stack */
} adopt;

void
upgrade_adopt_setup(const struct upgrade_tables *tables)
{
	adopt.tables = *tables;
}

static int
on_daemon(struct frame_in *in, const int *fds, size_t nfds)
{
	struct upgrade_daemon m;
	const int *fd = fds;

	upgrade_wire_get_daemon(in, &m);
	if (frame_done(in) == -1 || adopt.begun || nfds != 2U + m.has_service)
		return -1;
	adopt.begun = 1;
	adopt.result.frozen_us = m.frozen_us;
	if (m.has_service) {
		daemon_adopt_service(*fd++);
		(void)children_fill_low_fds(); /* it may have closed one */
	}
	adopt.result.control = *fd++;
	adopt.result.upgrade = *fd;
	slots_adopt(adopt.tables.registry, adopt.tables.counters, m.serial);
	events_adopt(adopt.tables.events, adopt.tables.nevents);
	return 0;
}

static int
on_numbers(struct frame_in *in, const int *fds, size_t nfds)
{
	struct upgrade_numbers *m = &adopt.numbers;
	uint16_t i;

	(void)fds;
	upgrade_wire_get_numbers(in, m);
	if (frame_done(in) == -1 || nfds != 0 || m->list >= SLOTS_LISTS)
		return -1;
	for (i = 0; i < m->count; i++)
		if (slots_list_adopt((enum slots_list)m->list, m->first + i,
			m->number[i]) == -1)
			return -1;
	return 0;
}

static int
on_source(struct frame_in *in, const int *fds, size_t nfds)
{
	struct upgrade_source m;

	upgrade_wire_get_source(in, &m);
	if (frame_done(in) == -1 || nfds != 1)
		return -1;
	return datagrams_adopt_source(m.number, fds[0], &m.file);
}

static int
on_bridge(struct frame_in *in, const int *fds, size_t nfds)
{
	struct bridge b;

	upgrade_wire_get_bridge(in, &b);
	if (frame_done(in) == -1 || nfds != (b.fd == -1 ? 0U : 1U))
		return -1;
	if (b.fd != -1)
		b.fd = fds[0];
	adopt.seen.bridges++;
	return life_adopt(&b);
}

static int
on_group(struct frame_in *in, const int *fds, size_t nfds)
{
	struct bridge_group g;
	uint32_t number;

	number = upgrade_wire_get_group(in, &g);
	if (frame_done(in) == -1 || nfds != (g.fd == -1 ? 0U : 1U))
		return -1;
	if (g.fd != -1)
		g.fd = fds[0];
	adopt.seen.groups++;
	return groups_adopt(number, &g);
}

static int
take_session(struct upgrade_session *m)
{
	const struct bridge *b = bridges_at(m->session.bridge);

	if (b == NULL || b->state == BRIDGE_FREE || !bridges_is_stream(b) ||
	    sessions_adopt(&m->session) == -1)
		return -1;
	adopt.seen.sessions++;
	if (m->session.state != SESSION_CONNECTING)
		return 0;
	if (bridge_dst(bridges_spec(b), m->dial.number) == NULL ||
	    (m->session.fd[1] == -1) != m->dial.waits)
		return -1;
	return dial_adopt(sessions_at(m->session.slot), &m->dial);
}

static int
on_sessions(struct frame_in *in, const int *fds, size_t nfds)
{
	struct upgrade_session m;
	const int *fd = fds, *end = fds + nfds;
	uint16_t n;
	int i;

	for (n = frame_get_u16(in); n > 0; n--) {
		upgrade_wire_get_session(in, &m);
		if (in->bad)
			return -1;
		for (i = 0; i < 2; i++) {
			if (m.session.fd[i] == -1)
				continue;
			if (fd == end)
				return -1;
			m.session.fd[i] = *fd++;
		}
		if (take_session(&m) == -1)
			return -1;
	}
	return frame_done(in) == 0 && fd == end ? 0 : -1;
}

static int
on_pipes(struct frame_in *in, const int *fds, size_t nfds)
{
	struct upgrade_pipes m;
	struct pipes_kept kept;

	upgrade_wire_get_pipes(in, &m);
	if (frame_done(in) == -1 || nfds != 2U * m.count ||
	    m.first != adopt.pipes)
		return -1;
	kept.fd = fds;
	kept.each = m.each;
	kept.bytes = m.bytes;
	adopt.pipes += m.count;
	return pipes_inherit(&kept, m.first, m.count);
}

static int
on_flow(struct frame_in *in, const int *fds, size_t nfds)
{
	struct flows_kept m;

	upgrade_wire_get_flow(in, &m);
	if (frame_done(in) == -1 || nfds != 2)
		return -1;
	m.fd[0] = fds[0];
	m.fd[1] = fds[1];
	adopt.seen.flows++;
	return flows_adopt(&m);
}

static int
on_client(struct frame_in *in, const int *fds, size_t nfds)
{
	struct client c;
	uint32_t slot;

	slot = upgrade_wire_get_client(in, &c);
	if (frame_done(in) == -1 || nfds != (c.fd == -1 ? 0U : 1U))
		return -1;
	if (c.fd != -1)
		c.fd = fds[0];
	adopt.seen.clients++;
	return clients_adopt(slot, &c);
}

/* 1, or -1 when something is missing or does not fit together. */
static int
on_end(struct frame_in *in, const int *fds, size_t nfds)
{
	struct pipes_kept kept;
	struct upgrade_end m;

	(void)fds;
	upgrade_wire_get_end(in, &m);
	pipes_keep(&kept);
	if (frame_done(in) == -1 || nfds != 0 ||
	    m.bridges != adopt.seen.bridges || m.groups != adopt.seen.groups ||
	    m.sessions != adopt.seen.sessions ||
	    m.clients != adopt.seen.clients || m.flows != adopt.seen.flows ||
	    adopt.pipes != kept.each * slots_head()->engines ||
	    slots_adopted() == -1)
		return -1;
	adopt.result.bridges = m.bridges;
	adopt.result.sessions = m.sessions;
	return 1;
}

int
upgrade_adopt(struct frame_in *in, const int *fds, size_t nfds)
{
	static const struct {
		enum upgrade_type type;
		int (*fn)(struct frame_in *, const int *fds, size_t nfds);
	} rows[] = {
		{ MSG_O2N_DAEMON, on_daemon },
		{ MSG_O2N_NUMBERS, on_numbers },
		{ MSG_O2N_SOURCE, on_source },
		{ MSG_O2N_BRIDGE, on_bridge },
		{ MSG_O2N_GROUP, on_group },
		{ MSG_O2N_SESSIONS, on_sessions },
		{ MSG_O2N_PIPES, on_pipes },
		{ MSG_O2N_FLOW, on_flow },
		{ MSG_O2N_CLIENT, on_client },
		{ MSG_O2N_END, on_end },
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (rows[i].type == in->type &&
		    (adopt.begun || in->type == MSG_O2N_DAEMON))
			return rows[i].fn(in, fds, nfds);
	return -1;
}

void
upgrade_adopt_result(struct upgrade_adopted *result)
{
	*result = adopt.result;
}
