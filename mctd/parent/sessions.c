/*
 * Sessions: the table, the lists they are on, and their endings.
 *
 * Calls: close
 */

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../common/clock.h"
#include "clients.h"
#include "dial.h"
#include "events.h"
#include "sessions.h"
#include "slots.h"
#include "sockets.h"
#include "system.h"

TAILQ_HEAD(session_list, session);
LIST_HEAD(host_list, session);

struct of_bridge {
	struct session_list list;
	uint32_t count;
	uint32_t connecting;
};

static struct {
	struct session *table; /* slot first is table[0] */
	uint32_t first;
	uint32_t n;
	struct of_bridge *bridge; /* by slot */
	struct host_list *host;
	uint32_t host_mask;
	struct session_queue queue[LIMIT_ENGINES_MAX];
	struct session_queue orphans[LIMIT_ENGINES_MAX];
	uint32_t load[LIMIT_ENGINES_MAX]; /* sessions of an engine */
	uint32_t engines;
	uint32_t all;
	uint32_t connecting;
	uint32_t closing;
	int freed;
	struct log_rate rate;
} sessions;

/* A power of two, so that the chains of max-per-source stay short. */
static uint32_t
host_buckets(uint32_t n)
{
	uint32_t size = 64;

	while (size < n)
		size <<= 1;
	return size;
}

size_t
sessions_bytes(uint32_t bridges, uint32_t n)
{
	return n * sizeof(struct session) +
	    ((size_t)bridges + 1) * sizeof(struct of_bridge) +
	    host_buckets(n) * sizeof(struct host_list);
}

int
sessions_init(uint32_t bridges, uint32_t n, uint32_t engines)
{
	uint32_t i, buckets = host_buckets(n);

	sessions.table = calloc(n, sizeof *sessions.table);
	sessions.bridge = calloc((size_t)bridges + 1, sizeof *sessions.bridge);
	sessions.host = calloc(buckets, sizeof *sessions.host);
	if (sessions.table == NULL || sessions.bridge == NULL ||
	    sessions.host == NULL)
		return -1;
	sessions.first = bridges + 1;
	sessions.n = n;
	sessions.host_mask = buckets - 1;
	for (i = 0; i < n; i++) {
		sessions.table[i].slot = sessions.first + i;
		sessions.table[i].fd[0] = sessions.table[i].fd[1] = -1;
	}
	for (i = 0; i <= bridges; i++)
		TAILQ_INIT(&sessions.bridge[i].list);
	for (i = 0; i < buckets; i++)
		LIST_INIT(&sessions.host[i]);
	sessions.engines = engines;
	for (i = 0; i < engines; i++) {
		TAILQ_INIT(&sessions.queue[i]);
		TAILQ_INIT(&sessions.orphans[i]);
	}
	return 0;
}

struct session *
sessions_at(uint32_t slot)
{
	if (slot < sessions.first || slot - sessions.first >= sessions.n)
		return NULL;
	return &sessions.table[slot - sessions.first];
}

struct session_queue *
sessions_queue(uint32_t engine)
{
	return &sessions.queue[engine];
}

struct session_queue *
sessions_orphans(uint32_t engine)
{
	return &sessions.orphans[engine];
}

/* Of those with the fewest sessions the first. */
static uint32_t
least_loaded(void)
{
	uint32_t i, least = 0;

	for (i = 1; i < sessions.engines; i++)
		if (sessions.load[i] < sessions.load[least])
			least = i;
	return least;
}

static void
enqueue(struct session *s)
{
	assert(!s->queued);
	s->queued = 1;
	TAILQ_INSERT_TAIL(s->orphan ? &sessions.orphans[s->engine] :
				      &sessions.queue[s->engine],
	    s, in_queue);
}

void
sessions_told(struct session *s)
{
	assert(s->queued);
	TAILQ_REMOVE(s->orphan ? &sessions.orphans[s->engine] :
				 &sessions.queue[s->engine],
	    s, in_queue);
	s->queued = s->orphan = 0;
}

/* The bridge's figures in the registry follow the lists. */
static void
publish_bridge(uint32_t bridge)
{
	struct registry_head *h = slots_head();
	struct registry_entry *e = slots_begin(bridge);

	e->sessions = sessions.bridge[bridge].count;
	e->connecting = sessions.bridge[bridge].connecting;
	slots_end(bridge);
	atomic_store_explicit(&h->connecting, sessions.connecting,
	    memory_order_relaxed);
}

static void
set_state(struct session *s, enum session_state from, enum session_state to,
    enum slot_state shown)
{
	struct registry_entry *e;

	assert(s->state == from);
	if (from == SESSION_CONNECTING) {
		sessions.bridge[s->bridge].connecting--;
		sessions.connecting--;
		sessions.freed = 1; /* of the limit on these */
	}
	if (to == SESSION_CONNECTING) {
		sessions.bridge[s->bridge].connecting++;
		sessions.connecting++;
	}
	sessions.closing += to == SESSION_CLOSING;
	sessions.closing -= from == SESSION_CLOSING;
	s->state = to;
	e = slots_begin(s->slot);
	e->state = (uint8_t)shown;
	slots_end(s->slot);
	publish_bridge(s->bridge);
}

/* Hosts are counted for each bridge: many of one do not slow another. */
static uint32_t
host_hash(uint32_t bridge, const struct addr *peer)
{
	return addr_host_hash(peer) ^ bridge * 0x9e3779b1U;
}

struct session *
sessions_new(uint32_t bridge, int fd, const struct addr *peer,
    const struct session_rules *rules)
{
	uint32_t slot = slots_take(SLOT_SESSION);
	struct of_bridge *b = &sessions.bridge[bridge];
	struct registry_entry *e;
	struct session *s;

	if (slot == 0)
		return NULL;
	s = sessions_at(slot);
	s->bridge = bridge;
	s->fd[0] = fd;
	s->fd[1] = -1;
	s->serial = slots_serial();
	s->reason = END_NONE;
	s->has_waiter = 0;
	s->host = host_hash(bridge, peer);
	e = slots_begin(slot);
	e->bridge = slots_id(bridge);
	e->owner = rules->owner;
	e->peer = *peer;
	e->dst = rules->dst;
	slots_end(slot);
	TAILQ_INSERT_TAIL(&b->list, s, of_bridge);
	LIST_INSERT_HEAD(&sessions.host[s->host & sessions.host_mask], s,
	    of_host);
	b->count++;
	sessions.all++;
	set_state(s, SESSION_FREE, SESSION_CONNECTING, STATE_CONNECTING);
	slots_count(bridge, PARENT_ACCEPTED);
	return s;
}

/* The last close, and the slot is free. */
static void
release(struct session *s, int reset)
{
	struct of_bridge *b = &sessions.bridge[s->bridge];
	int i;

	dial_stop(s);
	if (s->queued)
		sessions_told(s);
	for (i = 0; i < 2; i++) {
		if (s->fd[i] != -1 && reset)
			sockets_reset(s->fd[i]);
		else if (s->fd[i] != -1)
			close(s->fd[i]);
		s->fd[i] = -1;
	}
	if (s->has_waiter)
		clients_done(&s->waiter, slots_id(s->slot));
	TAILQ_REMOVE(&b->list, s, of_bridge);
	LIST_REMOVE(s, of_host);
	b->count--;
	sessions.all--;
	if (s->state != SESSION_CONNECTING)
		sessions.load[s->engine]--;
	set_state(s, s->state, SESSION_FREE, STATE_NONE);
	slots_give_ended(s->slot);
	sessions.freed = 1;
}

void
sessions_ready(struct session *s)
{
	struct event_note note = { .type = EVENT_SESSION_OPENED };
	struct registry_entry *e = slots_begin(s->slot);

	s->engine = least_loaded();
	sessions.load[s->engine]++;
	e->engine = (uint8_t)s->engine;
	slots_end(s->slot);
	set_state(s, SESSION_CONNECTING, SESSION_READY, STATE_OPEN);
	slots_count(s->bridge, PARENT_OPENED);
	note.id = slots_id(s->slot);
	note.bridge = slots_id(s->bridge);
	events_add(&note);
	enqueue(s);
}

/* In the log the unusual ones, so many a second; all when it is verbose. */
static void
log_ended(const struct session *s, enum end_reason reason, int err)
{
	static const unsigned int usual = 1U << END_CLEAN | 1U << END_IDLE |
	    1U << END_REQUESTED | 1U << END_BRIDGE_CLOSED | 1U << END_STOPPED |
	    1U << END_LIFETIME;
	int is_usual = (usual >> reason & 1) != 0 && err == 0;
	const struct registry_entry *e = slots_entry(s->slot);
	char peer[ADDR_TEXT_BYTES], dst[ADDR_TEXT_BYTES];

	if (log_get_level() < LOG_LEVEL_DEBUG &&
	    (is_usual ||
		!log_rate(&sessions.rate, SESSION_LOG_RATE, "sessions")))
		return;
	(is_usual ? log_debug : log_info)("session %u of bridge %u closed: "
					  "%s%s%s, %s to %s",
	    e->id, e->bridge, name_end_reason(reason), err != 0 ? ": " : "",
	    err != 0 ? strerror(err) : "",
	    addr_print(&e->peer, peer, sizeof peer),
	    addr_print(&e->dst, dst, sizeof dst));
}

/* Its slot shows how it ended, until it is used again. */
static void
remember(const struct session *s, enum end_reason reason, int err,
    const uint64_t count[COUNTS])
{
	struct registry_entry *e = slots_begin(s->slot);

	e->reason = (uint8_t)reason;
	e->err = (uint32_t)err;
	e->ended_ns = clock_wall_ns();
	e->ended_ms = clock_ms();
	memcpy(e->ended, count, sizeof e->ended);
	slots_end(s->slot);
	log_ended(s, reason, err);
}

static void
note_closed(const struct session *s, enum end_reason reason, int err)
{
	struct event_note note = { .type = EVENT_SESSION_CLOSED };
	uint64_t count[COUNTS];
	struct registry_entry *e;
	int i;

	slots_counters(s->slot, count);
	remember(s, reason, err, count);
	e = slots_begin(s->bridge);
	for (i = 0; i < COUNTS; i++)
		e->ended[i] += count[i];
	slots_end(s->bridge);
	note.id = slots_id(s->slot);
	note.bridge = slots_id(s->bridge);
	note.reason = reason;
	note.err = err;
	note.count = count;
	events_add(&note);
}

/* A dst never stood. */
static void
note_failed(const struct session *s, enum end_reason reason, int err)
{
	static const uint64_t none[COUNTS];
	struct event_note note = { .type = EVENT_CONNECT_FAILED };

	note.id = slots_id(s->slot);
	note.bridge = slots_id(s->bridge);
	note.reason = reason;
	note.err = err;
	events_add(&note);
	remember(s, reason, err, none);
}

void
sessions_failed(struct session *s, enum end_reason reason, int err)
{
	assert(s->state == SESSION_CONNECTING);
	note_failed(s, reason, err);
	slots_count(s->bridge, PARENT_FAILED);
	release(s, 1);
}

/*
 * Those last whose end looks like an end of file to the engine,
 * which it would carry over to the other side.
 */
static void
disconnect(const struct session *s)
{
	const struct registry_entry *e = slots_entry(s->slot);
	int first = sockets_ends_softly(&e->peer);

	sockets_revoke(s->fd[first], first ? &e->dst : &e->peer);
	sockets_revoke(s->fd[!first], first ? &e->peer : &e->dst);
}

int
sessions_close(struct session *s, enum end_reason reason,
    const struct inner_client *waiter)
{
	if (s->state == SESSION_CLOSING)
		return -1;
	if (waiter != NULL) {
		s->waiter = *waiter;
		s->has_waiter = 1;
	}
	s->reason = reason;
	if (s->state != SESSION_OPEN || s->orphan) {
		if (s->state == SESSION_CONNECTING)
			note_failed(s, reason, 0);
		else
			note_closed(s, reason, 0);
		release(s, 1);
		return 0;
	}
	disconnect(s);
	slots_begin(s->slot)->reason = (uint8_t)reason;
	slots_end(s->slot);
	set_state(s, SESSION_OPEN, SESSION_CLOSING, STATE_CLOSING);
	s->deadline_ms = UINT64_MAX; /* until the engine is told */
	enqueue(s);
	return 0;
}

void
sessions_close_all(uint32_t bridge, enum end_reason reason)
{
	struct session *s, *next;

	for (s = TAILQ_FIRST(&sessions.bridge[bridge].list); s != NULL;
	     s = next) {
		next = TAILQ_NEXT(s, of_bridge);
		(void)sessions_close(s, reason, NULL);
	}
}

/* It is over, as its engine said, or as the parent did before. */
static void
finish(struct session *s, enum end_reason reason, int err)
{
	int reset;

	/* an END that crosses a CLOSE: what the parent did counts */
	if (s->state == SESSION_CLOSING) {
		reason = s->reason;
		err = 0;
	}
	reset = reason != END_CLEAN && reason != END_IDLE &&
	    reason != END_HALF_CLOSED && reason != END_LIFETIME;
	/* bytes that were not delivered: no end of file may hide that */
	reset |= err != 0;
	note_closed(s, reason, err);
	release(s, reset);
}

int
sessions_ended(uint32_t engine, const struct inner_end *end)
{
	struct session *s = sessions_at(end->slot);

	if (s == NULL || s->serial != end->serial || s->engine != engine ||
	    (s->state != SESSION_OPEN && s->state != SESSION_CLOSING) ||
	    s->orphan || end->reason >= END_REASONS ||
	    !system_is_errno(end->err))
		return -1;
	finish(s, (enum end_reason)end->reason, (int)end->err);
	return 0;
}

/*
 * Its engine died.  What it had ended may be gone from the sockets, so no
 * other can go on with it.
 */
static void
inherit(struct session *s)
{
	uint32_t ended = slots_ended(s->slot);
	unsigned int reason = counters_end_reason(ended);
	int err = counters_end_err(ended);

	if (ended == 0) {
		if (!s->orphan) {
			s->orphan = 1;
			enqueue(s);
		}
	} else if (reason >= END_REASONS || !system_is_errno((uint32_t)err))
		finish(s, END_ENGINE_DIED, 0);
	else
		finish(s, (enum end_reason)reason, err);
}

void
sessions_engine_died(uint32_t engine)
{
	struct session *s;
	uint32_t i, orphans = 0;

	for (i = 0; i < sessions.n; i++) {
		s = &sessions.table[i];
		if (s->engine != engine)
			continue;
		if (s->state == SESSION_CLOSING)
			finish(s, s->reason, 0);
		else if (s->state == SESSION_OPEN)
			inherit(s);
		orphans += s->state == SESSION_OPEN;
	}
	if (orphans > 0)
		log_info("%u sessions wait for another engine", orphans);
}

int
sessions_overdue(uint64_t now_ms, uint32_t *engine)
{
	const struct session *s;
	uint32_t i;

	for (i = 0; sessions.closing > 0 && i < sessions.n; i++) {
		s = &sessions.table[i];
		if (s->state == SESSION_CLOSING && now_ms >= s->deadline_ms) {
			*engine = s->engine;
			return 1;
		}
	}
	return 0;
}

uint32_t
sessions_of(uint32_t bridge)
{
	return sessions.bridge[bridge].count;
}

uint32_t
sessions_connecting(uint32_t bridge)
{
	return sessions.bridge[bridge].connecting;
}

uint32_t
sessions_of_host(uint32_t bridge, const struct addr *peer)
{
	uint32_t hash = host_hash(bridge, peer);
	const struct session *s;
	uint32_t n = 0;

	LIST_FOREACH(s, &sessions.host[hash & sessions.host_mask], of_host)
		if (s->bridge == bridge && s->host == hash &&
		    addr_same_host(&slots_entry(s->slot)->peer, peer))
			n++;
	return n;
}

uint32_t
sessions_all(void)
{
	return sessions.all;
}

int
sessions_freed(void)
{
	int freed = sessions.freed;

	sessions.freed = 0;
	return freed;
}

static void
adopt_figures(const struct session *s)
{
	struct of_bridge *b = &sessions.bridge[s->bridge];
	int connecting = s->state == SESSION_CONNECTING;

	b->count++;
	b->connecting += (uint32_t)connecting;
	sessions.all++;
	sessions.connecting += (uint32_t)connecting;
	sessions.closing += s->state == SESSION_CLOSING;
	if (!connecting)
		sessions.load[s->engine]++;
	publish_bridge(s->bridge);
}

int
sessions_adopt(const struct session *from)
{
	struct session *s = sessions_at(from->slot);
	const struct registry_entry *e;

	if (s == NULL || s->state != SESSION_FREE || from->bridge == 0 ||
	    from->bridge >= sessions.first || from->engine >= sessions.engines)
		return -1;
	e = slots_entry(s->slot);
	if (e->kind != SLOT_SESSION || e->bridge != slots_id(from->bridge))
		return -1;
	s->state = from->state;
	s->bridge = from->bridge;
	s->engine = from->engine;
	s->serial = from->serial;
	s->reason = from->reason;
	s->fd[0] = from->fd[0];
	s->fd[1] = from->fd[1];
	s->opened_ms = from->opened_ms;
	s->idle_ms = from->idle_ms;
	s->half_closed_ms = from->half_closed_ms;
	s->lifetime_ms = from->lifetime_ms;
	s->rate = from->rate;
	s->has_waiter = from->has_waiter;
	s->waiter = from->waiter;
	s->host = host_hash(s->bridge, &e->peer);
	TAILQ_INSERT_TAIL(&sessions.bridge[s->bridge].list, s, of_bridge);
	LIST_INSERT_HEAD(&sessions.host[s->host & sessions.host_mask], s,
	    of_host);
	adopt_figures(s);
	if (s->state == SESSION_READY)
		enqueue(s);
	return 0;
}
