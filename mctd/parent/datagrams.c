/*
 * Connectionless bridges: their sockets, and what the engine is told.
 *
 * Calls: close
 */

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../common/clock.h"
#include "../../common/log.h"
#include "children.h"
#include "clients.h"
#include "datagrams.h"
#include "events.h"
#include "local.h"
#include "slots.h"
#include "sockets.h"

/* A dst that is lost is dialled again this often. */
#define RECONNECT_MS 50

/*
 * A src socket.  It is in use while users > 0 or the engine has it.
 * told: the engine was sent it; close_told: and was asked to give it up.
 */
struct source {
	int fd;
	uint32_t users;
	struct addr addr;
	struct local_file file; /* of a local address */
	int told;
	int close_told;
	uint64_t deadline_ms; /* of SRC_CLOSED */
};

static struct {
	struct source *table;
	uint32_t n;
	int dirty;        /* the engine is to be told something */
	uint64_t full_ms; /* since when it takes nothing; 0: it does */
	struct loop_event again;
	int again_waits;
} sources;

size_t
datagrams_bytes(uint32_t n)
{
	return n * sizeof(struct source);
}

int
datagrams_init(uint32_t n)
{
	uint32_t i;

	sources.table = calloc(n, sizeof *sources.table);
	if (sources.table == NULL)
		return -1;
	sources.n = n;
	for (i = 0; i < n; i++)
		sources.table[i].fd = -1;
	return 0;
}

static int
is_ours(const struct bridge *b)
{
	return !addr_is_connected_type(&bridges_spec(b)->src);
}

/*
 * The source of that address, or a free one; NULL when there is none.  One
 * whose path was removed is found by nobody, and so not here.
 */
static struct source *
find_source(const struct addr *src)
{
	struct source *free_one = NULL;
	uint32_t i;

	for (i = 0; i < sources.n; i++) {
		if (sources.table[i].fd == -1) {
			if (free_one == NULL)
				free_one = &sources.table[i];
		} else if (addr_equal(&sources.table[i].addr, src) &&
		    !local_is_gone(src))
			return &sources.table[i];
	}
	return free_one;
}

/* All bridges on a source show how many they are. */
static void
publish_users(const struct source *s)
{
	uint32_t number = (uint32_t)(s - sources.table);
	struct registry_entry *e;
	struct bridge *b;

	for (b = bridges_next(1); b != NULL; b = bridges_next(b->slot + 1))
		if (b->source == number && is_ours(b)) {
			e = slots_begin(b->slot);
			e->shared = (uint16_t)s->users;
			slots_end(b->slot);
		}
}

static void
close_source(struct source *s)
{
	assert(s->users == 0 && !s->told);
	close(s->fd);
	s->fd = -1;
	local_unlink(&s->addr, &s->file);
}

/* Bridges that waited for the engine to let go of their src are over. */
static void
finish_waiting(const struct source *s)
{
	uint32_t number = (uint32_t)(s - sources.table);
	struct bridge *b;

	for (b = bridges_next(1); b != NULL; b = bridges_next(b->slot + 1))
		if (is_ours(b) && b->source == number && b->fd == -1 &&
		    b->state == BRIDGE_CLOSING)
			bridges_finished(b);
}

int
datagrams_open(struct bridge *b, const struct bridge_spec *spec,
    const char **why)
{
	struct source *s = find_source(&spec->src);
	int saved;

	if (s == NULL) { /* as many sources as bridges: cannot be */
		errno = ENOSPC;
		return -1;
	}
	if (s->fd == -1) {
		memset(s, 0, sizeof *s);
		s->addr = spec->src;
		s->fd = sockets_src(&spec->src, &s->file, why);
		if (s->fd == -1)
			return -1;
	}
	b->fd = sockets_dst(&spec->dst, why);
	if (b->fd == -1) {
		saved = errno;
		if (s->users == 0 && !s->told)
			close_source(s);
		errno = saved;
		return -1;
	}
	/* the engine was not asked yet to give it up, and will not be */
	if (s->users == 0 && s->told && !s->close_told)
		finish_waiting(s);
	s->users++;
	b->source = (uint32_t)(s - sources.table);
	b->serial = slots_serial();
	return 0;
}

void
datagrams_begin(struct bridge *b)
{
	publish_users(&sources.table[b->source]);
	sources.dirty = 1;
}

/* The dst socket is closed; the bridge is over when nobody has its src. */
static void
release(struct bridge *b)
{
	struct source *s = &sources.table[b->source];

	close(b->fd);
	b->fd = -1;
	b->told = 0;
	s->users--;
	publish_users(s);
	if (s->users > 0)
		bridges_finished(b);
	else if (!s->told) {
		close_source(s);
		bridges_finished(b);
	} else
		sources.dirty = 1; /* over with SRC_CLOSED */
}

void
datagrams_close(struct bridge *b)
{
	if (!b->told)
		release(b);
	else
		sources.dirty = 1;
}

static int
tell(struct frame_out *out, const int *fd)
{
	if (children_send(PROCESS_ENGINE, DATAGRAM_ENGINE, out->data,
		frame_end(out), fd, fd != NULL ? 1 : 0) == 0) {
		sources.full_ms = 0;
		return 0;
	}
	if (errno == EAGAIN && sources.full_ms == 0)
		sources.full_ms = clock_ms();
	return -1;
}

static int
tell_source(struct source *s)
{
	struct inner_src m = { .kind = s->addr.kind };
	struct frame_out out;
	uint8_t buf[64];

	m.src = (uint32_t)(s - sources.table);
	frame_begin(&out, buf, sizeof buf, MSG_P2E_SRC, 0, 0);
	inner_put_src(&out, &m);
	if (tell(&out, &s->fd) == -1)
		return -1;
	s->told = 1;
	return 0;
}

static int
tell_dst(struct bridge *b)
{
	const struct registry_entry *e = slots_entry(b->slot);
	struct source *s = &sources.table[b->source];
	struct inner_dst m;
	struct frame_out out;
	uint8_t buf[64];

	if (s->close_told) /* it is told anew after SRC_CLOSED */
		return 0;
	if (!s->told && tell_source(s) == -1)
		return -1;
	m.slot = b->slot;
	m.id = e->id;
	m.serial = b->serial;
	m.src = b->source;
	m.kind = bridges_spec(b)->dst.kind;
	frame_begin(&out, buf, sizeof buf, MSG_P2E_DST, 0, 0);
	inner_put_dst(&out, &m);
	if (tell(&out, &b->fd) == -1)
		return -1;
	b->told = 1;
	b->deadline_ms = clock_ms() + END_WAIT_S * 1000;
	return 0;
}

static int
tell_close(struct bridge *b)
{
	struct inner_which m = { .slot = b->slot, .serial = b->serial };
	struct frame_out out;
	uint8_t buf[64];

	frame_begin(&out, buf, sizeof buf, MSG_P2E_CLOSE, 0, 0);
	inner_put_which(&out, &m);
	if (tell(&out, NULL) == -1)
		return -1;
	b->close_told = 1;
	b->deadline_ms = clock_ms() + END_WAIT_S * 1000;
	return 0;
}

static int
tell_source_close(struct source *s)
{
	struct inner_src m = { .kind = s->addr.kind };
	struct frame_out out;
	uint8_t buf[64];

	m.src = (uint32_t)(s - sources.table);
	frame_begin(&out, buf, sizeof buf, MSG_P2E_SRC_CLOSE, 0, 0);
	inner_put_src(&out, &m);
	if (tell(&out, NULL) == -1)
		return -1;
	s->close_told = 1;
	s->deadline_ms = clock_ms() + END_WAIT_S * 1000;
	return 0;
}

int
datagrams_flush(void)
{
	struct source *s;
	struct bridge *b;

	if (!sources.dirty)
		return 0;
	for (b = bridges_next(1); b != NULL; b = bridges_next(b->slot + 1)) {
		if (!is_ours(b))
			continue;
		if (!b->told &&
		    (b->state == BRIDGE_INSTALLING ||
			b->state == BRIDGE_OPEN) &&
		    tell_dst(b) == -1)
			return -1;
		if (b->told && b->state == BRIDGE_CLOSING && !b->close_told &&
		    tell_close(b) == -1)
			return -1;
	}
	for (s = sources.table; s < sources.table + sources.n; s++)
		if (s->told && s->users == 0 && !s->close_told &&
		    tell_source_close(s) == -1)
			return -1;
	sources.dirty = 0;
	sources.full_ms = 0;
	return 0;
}

/* The bridge an engine speaks of, or NULL. */
static struct bridge *
named(uint32_t slot, uint64_t serial)
{
	struct bridge *b = bridges_at(slot);

	if (b == NULL || b->state == BRIDGE_FREE || !is_ours(b) ||
	    b->serial != serial || !b->told)
		return NULL;
	return b;
}

int
datagrams_installed(const struct inner_which *m)
{
	struct bridge *b = named(m->slot, m->serial);

	if (b == NULL)
		return -1;
	if (b->state != BRIDGE_INSTALLING)
		return 0; /* a standby has it again, or it is closing */
	b->state = BRIDGE_OPEN;
	if (b->has_waiter)
		clients_done(&b->waiter, slots_id(b->slot));
	b->has_waiter = 0;
	return 0;
}

int
datagrams_ended(const struct inner_end *m)
{
	struct bridge *b = named(m->slot, m->serial);

	if (b == NULL || b->state != BRIDGE_CLOSING)
		return -1;
	release(b);
	return 0;
}

/* The engine has let go of a source: it is closed, or told anew. */
static void
source_free(struct source *s)
{
	s->told = s->close_told = 0;
	if (s->users == 0)
		close_source(s);
	sources.dirty = 1;
	finish_waiting(s);
}

int
datagrams_source_closed(const struct inner_src *m)
{
	if (m->src >= sources.n || !sources.table[m->src].close_told)
		return -1;
	source_free(&sources.table[m->src]);
	return 0;
}

static void
dial_lost(void *arg, unsigned int what)
{
	static struct log_rate rate;
	struct bridge *b;

	(void)arg;
	(void)what;
	sources.again_waits = 0;
	for (b = bridges_next(1); b != NULL; b = bridges_next(b->slot + 1)) {
		if (!b->lost || !is_ours(b) || b->fd == -1)
			continue;
		if (sockets_reconnect(b->fd, &bridges_spec(b)->dst) == -1) {
			sources.again_waits = 1;
			continue;
		}
		b->lost = 0;
		if (log_rate(&rate, SESSION_LOG_RATE, "dsts"))
			log_info("bridge %u: dst is reached again",
			    slots_id(b->slot));
	}
	if (!sources.again_waits)
		return;
	loop_set(&sources.again, -1, 0, dial_lost, NULL);
	(void)loop_add(&sources.again, RECONNECT_MS);
}

int
datagrams_lost(const struct inner_which *m)
{
	struct bridge *b = named(m->slot, m->serial);

	if (b == NULL)
		return -1;
	b->lost = 1;
	if (!sources.again_waits)
		dial_lost(NULL, 0);
	return 0;
}

void
datagrams_engine_died(void)
{
	struct source *s;
	struct bridge *b, *next;

	for (s = sources.table; s < sources.table + sources.n; s++)
		s->told = s->close_told = 0;
	for (b = bridges_next(1); b != NULL; b = next) {
		next = bridges_next(b->slot + 1);
		if (!is_ours(b))
			continue;
		b->told = b->close_told = 0;
		if (b->state == BRIDGE_CLOSING && b->fd != -1)
			release(b);
	}
	for (s = sources.table; s < sources.table + sources.n; s++)
		if (s->fd != -1 && s->users == 0)
			source_free(s);
		else if (s->fd != -1)
			finish_waiting(s);
	sources.dirty = 1;
	sources.full_ms = 0;
}

static void
note_drop(struct bridge *b, int reason, uint64_t more)
{
	struct event_note note = { .type = EVENT_DROPPED_PACKET };
	uint64_t count[COUNTS];

	memset(count, 0, sizeof count);
	count[reason] = more;
	note.id = note.bridge = slots_id(b->slot);
	note.reason = (unsigned int)reason;
	note.count = count;
	events_add(&note);
}

void
datagrams_note_drops(void)
{
	uint64_t count[COUNTS];
	struct bridge *b;
	int i;

	for (b = bridges_next(1); b != NULL; b = bridges_next(b->slot + 1)) {
		if (!is_ours(b) || !b->told)
			continue;
		slots_counters(b->slot, count);
		for (i = COUNT_DROP_FIRST; i < COUNTS; i++) {
			if (count[i] > b->dropped[i])
				note_drop(b, i, count[i] - b->dropped[i]);
			b->dropped[i] = count[i];
		}
	}
}

void
datagrams_engine_takes(void)
{
	sources.full_ms = 0;
}

int
datagrams_overdue(uint64_t now_ms)
{
	const struct source *s;
	const struct bridge *b;

	if (sources.full_ms != 0 &&
	    now_ms >= sources.full_ms + END_WAIT_S * 1000)
		return 1;
	for (b = bridges_next(1); b != NULL; b = bridges_next(b->slot + 1))
		if (is_ours(b) && b->told && now_ms >= b->deadline_ms &&
		    (b->state == BRIDGE_INSTALLING || b->close_told))
			return 1;
	for (s = sources.table; s < sources.table + sources.n; s++)
		if (s->close_told && now_ms >= s->deadline_ms)
			return 1;
	return 0;
}

int
datagrams_keep(uint32_t *from, struct local_file *file)
{
	const struct source *s;

	for (; *from < sources.n; ++*from) {
		s = &sources.table[*from];
		if (s->fd == -1)
			continue;
		*file = s->file;
		return s->fd;
	}
	return -1;
}

int
datagrams_adopt_source(uint32_t number, int fd, const struct local_file *file)
{
	struct source *s = &sources.table[number];

	if (number >= sources.n || s->fd != -1)
		return -1;
	memset(s, 0, sizeof *s);
	s->fd = fd;
	s->file = *file;
	s->told = 1;
	return 0;
}

int
datagrams_adopt(struct bridge *b)
{
	struct source *s = &sources.table[b->source];

	if (b->source >= sources.n || s->fd == -1 ||
	    (b->fd == -1 && b->state != BRIDGE_CLOSING))
		return -1;
	s->addr = bridges_spec(b)->src;
	s->users += b->fd != -1;
	if (b->lost && !sources.again_waits) {
		sources.again_waits = 1;
		loop_set(&sources.again, -1, 0, dial_lost, NULL);
		return loop_add(&sources.again, RECONNECT_MS);
	}
	return 0;
}
