/*
 * Telling the next parent all that this one has: one message after the other,
 * each waiting for room, and no change of anything.
 */

#include <string.h>

#include "clients.h"
#include "daemon.h"
#include "datagrams.h"
#include "groups.h"
#include "pipes.h"
#include "upgrade_link.h"
#include "upgrade_tell.h"
#include "upgrade_wire.h"

/* Of a message in the making; large: not on the stack. */
static struct {
	struct frame_out out;
	uint8_t buf[FRAME_MAX];
	int fds[UPGRADE_FDS];
	size_t nfds;
	struct upgrade_numbers numbers;
} tell;

static void
begin(enum upgrade_type type)
{
	frame_begin(&tell.out, tell.buf, sizeof tell.buf, (uint16_t)type, 0, 0);
	tell.nfds = 0;
}

static int
send_it(int fd)
{
	return upgrade_link_send(fd, &tell.out, tell.fds, tell.nfds);
}

/* Whether it has that one; if so it goes along. */
static int
add_fd(int fd)
{
	if (fd == -1)
		return 0;
	tell.fds[tell.nfds++] = fd;
	return 1;
}

static int
tell_daemon(int fd, int upgrade, uint64_t frozen_us)
{
	struct upgrade_daemon m;

	begin(MSG_O2N_DAEMON);
	m.serial = slots_last_serial();
	m.frozen_us = frozen_us;
	m.has_service = (uint8_t)add_fd(daemon_service());
	(void)add_fd(clients_socket());
	(void)add_fd(upgrade);
	upgrade_wire_put_daemon(&tell.out, &m);
	return send_it(fd);
}

static int
tell_list(int fd, enum slots_list list)
{
	struct upgrade_numbers *m = &tell.numbers;
	uint32_t size = slots_list_size(list), i;

	m->list = (uint8_t)list;
	for (m->first = 0; m->first < size; m->first += m->count) {
		for (i = 0; i < UPGRADE_NUMBERS && m->first + i < size; i++)
			m->number[i] = slots_list_get(list, m->first + i);
		m->count = (uint16_t)i;
		begin(MSG_O2N_NUMBERS);
		upgrade_wire_put_numbers(&tell.out, m);
		if (send_it(fd) == -1)
			return -1;
	}
	return 0;
}

static int
tell_lists(int fd)
{
	int list;

	for (list = 0; list < SLOTS_LISTS; list++)
		if (tell_list(fd, (enum slots_list)list) == -1)
			return -1;
	return 0;
}

static int
tell_sources(int fd)
{
	struct upgrade_source m;
	int source;

	m.number = 0;
	while ((source = datagrams_keep(&m.number, &m.file)) != -1) {
		begin(MSG_O2N_SOURCE);
		upgrade_wire_put_source(&tell.out, &m);
		(void)add_fd(source);
		if (send_it(fd) == -1)
			return -1;
		m.number++;
	}
	return 0;
}

static int
tell_bridges(int fd, uint32_t *n)
{
	const struct bridge *b;

	for (b = bridges_next(1); b != NULL; b = bridges_next(b->slot + 1)) {
		begin(MSG_O2N_BRIDGE);
		upgrade_wire_put_bridge(&tell.out, b);
		(void)add_fd(b->fd);
		if (send_it(fd) == -1)
			return -1;
		++*n;
	}
	return 0;
}

static int
tell_groups(int fd, uint32_t *n)
{
	const struct bridge_group *g;
	uint32_t number = 0;

	for (; (g = groups_keep(&number)) != NULL; number++) {
		begin(MSG_O2N_GROUP);
		upgrade_wire_put_group(&tell.out, number, g);
		(void)add_fd(g->fd);
		if (send_it(fd) == -1)
			return -1;
		++*n;
	}
	return 0;
}

/* From slot *at on as many as one message takes; their number, and the next
 * slot, or 0 behind the last. */
static uint16_t
collect(uint32_t *at, uint32_t slots[HAND_OVER_PAIRS])
{
	const struct session *s;
	uint16_t n = 0;

	for (; n < HAND_OVER_PAIRS && (s = sessions_at(*at)) != NULL; ++*at)
		if (s->state != SESSION_FREE)
			slots[n++] = *at;
	if (sessions_at(*at) == NULL)
		*at = 0;
	return n;
}

static int
tell_sessions(int fd, uint32_t *number)
{
	uint32_t at = bridges_limit() + 1, slots[HAND_OVER_PAIRS];
	struct upgrade_session m;
	uint16_t i, n;

	while (at != 0 && (n = collect(&at, slots)) > 0) {
		begin(MSG_O2N_SESSIONS);
		frame_put_u16(&tell.out, n);
		for (i = 0; i < n; i++) {
			m.session = *sessions_at(slots[i]);
			dial_keep(&m.session, &m.dial);
			upgrade_wire_put_session(&tell.out, &m);
			(void)add_fd(m.session.fd[0]);
			(void)add_fd(m.session.fd[1]);
		}
		if (send_it(fd) == -1)
			return -1;
		*number += n;
	}
	return 0;
}

static int
tell_pipes(int fd)
{
	struct upgrade_pipes m;
	struct pipes_kept kept;
	uint32_t all, i;

	pipes_keep(&kept);
	m.each = kept.each;
	m.bytes = kept.bytes;
	all = kept.each * slots_head()->engines;
	for (m.first = 0; m.first < all; m.first += m.count) {
		m.count = HAND_OVER_PAIRS;
		if (all - m.first < m.count)
			m.count = (uint16_t)(all - m.first);
		begin(MSG_O2N_PIPES);
		upgrade_wire_put_pipes(&tell.out, &m);
		for (i = 0; i < 2U * m.count; i++)
			(void)add_fd(kept.fd[2 * (size_t)m.first + i]);
		if (send_it(fd) == -1)
			return -1;
	}
	return 0;
}

static int
tell_flows(int fd, uint32_t *n)
{
	struct flows_kept m;

	m.flow = 0;
	while (flows_keep(&m)) {
		begin(MSG_O2N_FLOW);
		upgrade_wire_put_flow(&tell.out, &m);
		(void)add_fd(m.fd[0]);
		(void)add_fd(m.fd[1]);
		if (send_it(fd) == -1)
			return -1;
		++*n;
		m.flow++;
	}
	return 0;
}

/* Places that are free again, too: their generations go on. */
static int
tell_clients(int fd, uint32_t *n)
{
	const struct client *c;
	uint32_t i;

	for (i = 0; (c = clients_at(i)) != NULL; i++) {
		if (c->generation == 0)
			continue;
		begin(MSG_O2N_CLIENT);
		upgrade_wire_put_client(&tell.out, i, c);
		(void)add_fd(c->fd);
		if (send_it(fd) == -1)
			return -1;
		++*n;
	}
	return 0;
}

int
upgrade_tell(int fd, int upgrade, uint64_t frozen_us)
{
	struct upgrade_end m = { 0 };

	if (tell_daemon(fd, upgrade, frozen_us) == -1 || tell_lists(fd) == -1 ||
	    tell_sources(fd) == -1 || tell_bridges(fd, &m.bridges) == -1 ||
	    tell_groups(fd, &m.groups) == -1 ||
	    tell_sessions(fd, &m.sessions) == -1 || tell_pipes(fd) == -1 ||
	    tell_flows(fd, &m.flows) == -1 ||
	    tell_clients(fd, &m.clients) == -1)
		return -1;
	begin(MSG_O2N_END);
	upgrade_wire_put_end(&tell.out, &m);
	return send_it(fd);
}
