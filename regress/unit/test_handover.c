/*
 * What an engine and its successors are told, and in which order; in place
 * of the children a channel that takes so much, and says what it took.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../common/clock.h"
#include "../../common/log.h"
#include "../../mctd/parent/bridges.h"
#include "../../mctd/parent/children.h"
#include "../../mctd/parent/datagrams.h"
#include "../../mctd/parent/dial.h"
#include "../../mctd/parent/events.h"
#include "../../mctd/parent/flows.h"
#include "../../mctd/parent/handover.h"
#include "../../mctd/parent/sessions.h"
#include "../../mctd/parent/slots.h"

#define BRIDGES  4
#define SESSIONS 400
#define ENGINES  2
#define EVENTS   64
#define TOLD     4096

/* What was told, in order; of sessions one each. */
struct told {
	uint32_t engine;
	uint16_t type;
	uint64_t serial;
	struct inner_session session;
};

static struct {
	struct told at[TOLD];
	uint32_t n;
	long room; /* so many messages are taken */
	int err;   /* then this is the answer */
	unsigned int killed;
} told;

static struct counters counters[ENGINES];
static struct bridge *bridge;

static void
note_sessions(uint32_t engine, struct frame_in *in, size_t nfds)
{
	struct told *t;
	uint16_t n = frame_get_u16(in);

	assert_in_range(n, 1, HAND_OVER_PAIRS);
	assert_int_equal(nfds, 2 * n);
	for (; n > 0; n--) {
		assert_true(told.n < TOLD);
		t = &told.at[told.n++];
		t->engine = engine;
		t->type = in->type;
		inner_get_session(in, &t->session);
		t->serial = t->session.serial;
	}
	assert_int_equal(frame_done(in), 0);
}

static void
note(uint32_t engine, struct frame_in *in)
{
	struct inner_which which = { 0 };
	struct told *t;

	assert_true(told.n < TOLD);
	if (in->type == MSG_P2E_CLOSE)
		inner_get_which(in, &which);
	assert_int_equal(frame_done(in), 0);
	t = &told.at[told.n++];
	memset(t, 0, sizeof *t);
	t->engine = engine;
	t->type = in->type;
	t->serial = which.serial;
}

int
children_send(enum process_kind kind, uint32_t which, const void *buf,
    size_t len, const int *fds, size_t nfds)
{
	struct frame_in in;

	(void)fds;
	assert_int_equal(kind, PROCESS_ENGINE);
	if (told.room == 0) {
		errno = told.err;
		return -1;
	}
	told.room--;
	assert_int_equal(frame_open(&in, buf, len), 0);
	if (in.type == MSG_P2E_SESSIONS)
		note_sessions(which, &in, nfds);
	else
		note(which, &in);
	return 0;
}

void
children_kill(enum process_kind kind, uint32_t which, const char *why)
{
	(void)kind;
	(void)which;
	(void)why;
	told.killed++;
}

int
children_fill_low_fds(void)
{
	return 0;
}

static void *
zeros(size_t bytes)
{
	void *mem = calloc(1, bytes);

	assert_non_null(mem);
	return mem;
}

static int
set_up(void **state)
{
	struct slots_setup s = { .engines = ENGINES,
		.bridges = BRIDGES,
		.sessions = SESSIONS };
	struct bridge_spec *spec;
	uint32_t i, slot;

	(void)state;
	log_set(NULL, LOG_LEVEL_FATAL);
	s.registry = zeros(registry_bytes(BRIDGES, SESSIONS));
	for (i = 0; i < ENGINES; i++) {
		s.counters[i] = zeros(counters_bytes(BRIDGES + SESSIONS, 0));
		counters_map(&counters[i], s.counters[i], BRIDGES + SESSIONS,
		    0);
	}
	assert_int_equal(loop_init(64), 0);
	assert_int_equal(slots_init(&s), 0);
	events_init(zeros(ring_bytes(EVENTS)), EVENTS);
	assert_int_equal(bridges_init(BRIDGES), 0);
	assert_int_equal(sessions_init(BRIDGES, SESSIONS, ENGINES), 0);
	assert_int_equal(dial_init(SESSIONS), 0);
	assert_int_equal(datagrams_init(BRIDGES), 0);
	assert_int_equal(flows_init(BRIDGES, 1), 0);
	slot = slots_take(SLOT_BRIDGE);
	bridge = bridges_at(slot);
	bridge->slot = slot;
	bridge->fd = -1;
	spec = slots_spec(slot);
	assert_int_equal(addr_parse(&spec->src, "unix:@a", NULL, NULL), 0);
	assert_int_equal(addr_parse(&spec->dst, "unix:@b", NULL, NULL), 0);
	return 0;
}

/* Each test begins with no session and a channel that takes everything. */
static int
begin(void **state)
{
	uint32_t i;

	(void)state;
	for (i = 0; i < ENGINES; i++) {
		told.room = -1;
		handover_flush(i);
	}
	memset(&told, 0, sizeof told);
	told.room = -1;
	told.err = EAGAIN;
	assert_int_equal(sessions_all(), 0);
	return 0;
}

/* What is left over is ended as its engine would. */
static int
end(void **state)
{
	struct inner_end m = { .reason = END_CLEAN };
	struct session *s;
	uint32_t slot;

	(void)state;
	told.room = -1;
	sessions_close_all(bridge->slot, END_STOPPED);
	for (slot = BRIDGES + 1; slot <= BRIDGES + SESSIONS; slot++) {
		s = sessions_at(slot);
		m.slot = slot;
		m.serial = s->serial;
		if (s->state != SESSION_FREE)
			assert_int_equal(sessions_ended(s->engine, &m), 0);
	}
	return 0;
}

static struct session *
ready_session(void)
{
	struct session_rules rules;
	struct session *s;
	int pair[2];

	memset(&rules, 0, sizeof rules);
	rules.dst = bridges_spec(bridge)->dst;
	assert_int_equal(socketpair(AF_LOCAL, SOCK_STREAM, 0, pair), 0);
	s = sessions_new(bridge->slot, pair[0], &bridges_spec(bridge)->src,
	    &rules);
	assert_non_null(s);
	s->fd[1] = pair[1];
	sessions_ready(s);
	return s;
}

/* As its engine says when it has installed it. */
static void
install(const struct session *s)
{
	counters_reset(&counters[s->engine], s->slot, slots_id(s->slot), 1);
}

static void
flush(void)
{
	uint32_t i;

	for (i = 0; i < ENGINES; i++)
		handover_flush(i);
}

static struct session *
open_session(void)
{
	struct session *s = ready_session();

	flush();
	assert_int_equal(s->state, SESSION_OPEN);
	install(s);
	return s;
}

/* The death of an engine; a standby is at work when this returns. */
static void
die(uint32_t engine)
{
	long room = told.room;

	told.room = 0;
	told.err = EPIPE;
	sessions_engine_died(engine);
	handover_engine_died(engine);
	flush();
	told.room = room;
	told.err = EAGAIN;
	told.n = 0;
}

/* Ends it, as its engine would note for the one after it. */
static void
note_end(const struct session *s, unsigned int reason, int err)
{
	atomic_store(&counters[s->engine].slots[s->slot].ended,
	    counters_end(reason, err));
}

static int
say_end(const struct session *s, enum end_reason reason)
{
	struct inner_end m = { .slot = s->slot,
		.serial = s->serial,
		.reason = (uint8_t)reason };

	return sessions_ended(s->engine, &m);
}

static const struct told *
expect(uint32_t n, uint16_t type, uint64_t serial)
{
	assert_true(n < told.n);
	assert_int_equal(told.at[n].type, type);
	assert_int_equal(told.at[n].serial, serial);
	return &told.at[n];
}

static void
orphans_come_before_resumed_and_new_ones_after(void **state)
{
	struct session *one = open_session(), *other = open_session();
	struct session *mine = one->engine == 0 ? one : other;
	struct session *new_one, *theirs = mine == one ? other : one;
	const struct told *t;

	(void)state;
	assert_int_not_equal(one->engine, other->engine);
	do /* the first that goes to the same one */
		new_one = ready_session();
	while (new_one->engine != 0);
	die(0);
	assert_int_equal(mine->state, SESSION_OPEN);
	assert_int_equal(slots_entry(mine->slot)->state, STATE_OPEN);
	handover_flush(0);
	t = expect(0, MSG_P2E_SESSIONS, mine->serial);
	assert_int_equal(t->session.recovered, 1);
	assert_int_equal(t->session.id, slots_id(mine->slot));
	expect(1, MSG_P2E_RESUMED, 0);
	t = expect(2, MSG_P2E_SESSIONS, new_one->serial);
	assert_int_equal(t->session.recovered, 0);
	assert_int_equal(t->session.age_ms, 0);
	assert_int_equal(told.n, 3);
	assert_int_equal(theirs->state, SESSION_OPEN);
	assert_false(theirs->orphan);
}

static void
resumed_comes_once_a_death_and_without_sessions_too(void **state)
{
	(void)state;
	flush();
	assert_int_equal(told.n, 0);
	die(1);
	flush();
	flush();
	expect(0, MSG_P2E_RESUMED, 0);
	assert_int_equal(told.at[0].engine, 1);
	assert_int_equal(told.n, 1);
}

static void
what_was_ended_is_finished_as_it_was(void **state)
{
	struct session *clean = open_session(), *reset = open_session();
	struct session *bad = open_session(), *worse = open_session();
	struct session *other = open_session();
	const struct registry_entry *e;

	(void)state;
	note_end(clean, END_CLEAN, 0);
	note_end(reset, END_PEER_LOST, ETIMEDOUT);
	note_end(bad, END_REASONS, 0);
	note_end(worse, END_ERROR, 4000);
	/* the end of who had the slot before */
	note_end(other, END_CLEAN, 0);
	atomic_store(&counters[other->engine].slots[other->slot].id, 77);
	die(0);
	die(1);
	assert_int_equal(sessions_all(), 1);
	assert_int_equal(slots_entry(clean->slot)->reason, END_CLEAN);
	e = slots_entry(reset->slot);
	assert_int_equal(e->reason, END_PEER_LOST);
	assert_int_equal(e->err, ETIMEDOUT);
	assert_int_equal(slots_entry(bad->slot)->reason, END_ENGINE_DIED);
	e = slots_entry(worse->slot);
	assert_int_equal(e->reason, END_ENGINE_DIED);
	assert_int_equal(e->err, 0);
	assert_int_equal(other->state, SESSION_OPEN);
	flush();
	assert_int_equal(other->orphan, 0);
}

static void
closing_one_is_over_with_its_engine(void **state)
{
	struct session *untold = open_session(), *said = open_session();

	(void)state;
	assert_int_equal(sessions_close(said, END_REQUESTED, NULL), 0);
	flush();
	expect(2, MSG_P2E_CLOSE, said->serial);
	assert_int_equal(sessions_close(untold, END_BRIDGE_CLOSED, NULL), 0);
	die(0);
	die(1);
	assert_int_equal(sessions_all(), 0);
	assert_int_equal(slots_entry(said->slot)->reason, END_REQUESTED);
	assert_int_equal(slots_entry(untold->slot)->reason, END_BRIDGE_CLOSED);
	flush();
	expect(0, MSG_P2E_RESUMED, 0);
	expect(1, MSG_P2E_RESUMED, 0);
	assert_int_equal(told.n, 2);
}

static void
close_in_the_gap_is_the_parents_own(void **state)
{
	struct session *gone = open_session(), *told_of;
	uint32_t engine = gone->engine;

	(void)state;
	do
		told_of = open_session();
	while (told_of->engine != engine);
	die(engine);
	/* the successor was told of nothing: it can end nothing */
	assert_int_equal(say_end(gone, END_CLEAN), -1);
	assert_int_equal(sessions_close(gone, END_REQUESTED, NULL), 0);
	assert_int_equal(gone->state, SESSION_FREE);
	assert_int_equal(slots_entry(gone->slot)->reason, END_REQUESTED);
	flush();
	expect(0, MSG_P2E_SESSIONS, told_of->serial);
	expect(1, MSG_P2E_RESUMED, 0);
	assert_int_equal(told.n, 2);
	/* now the successor has it */
	assert_int_equal(sessions_close(told_of, END_REQUESTED, NULL), 0);
	assert_int_equal(told_of->state, SESSION_CLOSING);
	flush();
	expect(2, MSG_P2E_CLOSE, told_of->serial);
	assert_int_equal(say_end(told_of, END_CLEAN), 0);
	assert_int_equal(slots_entry(told_of->slot)->reason, END_REQUESTED);
}

static void
one_that_cannot_be_recovered_is_ended(void **state)
{
	struct session *s = open_session();

	(void)state;
	die(s->engine);
	flush();
	assert_int_equal(say_end(s, END_ENGINE_DIED), 0);
	assert_int_equal(s->state, SESSION_FREE);
	assert_int_equal(slots_entry(s->slot)->reason, END_ENGINE_DIED);
}

/* How often each was told to the engine, and whether as a recovered one. */
static void
count_told(uint32_t *times, uint32_t *recovered)
{
	uint32_t i;

	memset(times, 0, (BRIDGES + SESSIONS + 1) * sizeof *times);
	*recovered = 0;
	for (i = 0; i < told.n; i++)
		if (told.at[i].type == MSG_P2E_SESSIONS) {
			times[told.at[i].session.slot]++;
			*recovered += told.at[i].session.recovered;
		}
}

/* Each successor dies when it was told of a part; the last one has all. */
static void
deaths_in_a_row_lose_none(void **state)
{
	uint32_t times[BRIDGES + SESSIONS + 1];
	uint32_t i, recovered, mine = 0;

	(void)state;
	for (i = 0; i < SESSIONS; i++)
		mine += open_session()->engine == 0;
	assert_true(mine > 2 * HAND_OVER_PAIRS);
	for (i = 0; i < 4; i++) {
		die(0);
		told.room = i;
		handover_flush(0);
		assert_int_equal(sessions_all(), SESSIONS);
		count_told(times, &recovered);
		assert_true(recovered ==
		    (i * HAND_OVER_PAIRS < mine ? i * HAND_OVER_PAIRS : mine));
	}
	die(0);
	told.room = -1;
	handover_flush(0);
	count_told(times, &recovered);
	assert_int_equal(recovered, mine);
	for (i = BRIDGES + 1; i <= BRIDGES + SESSIONS; i++)
		assert_int_equal(times[i], sessions_at(i)->engine == 0);
	assert_int_equal(told.n, mine + 1);
	expect(mine, MSG_P2E_RESUMED, 0);
	assert_int_equal(told.killed, 0);
}

static void
age_is_that_of_the_session(void **state)
{
	struct session *s = open_session();
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		s->opened_ms -= 5000;
		die(s->engine);
		flush();
		assert_int_equal(told.at[0].session.recovered, 1);
		assert_in_range(told.at[0].session.age_ms, 5000 * (i + 1),
		    5000 * (i + 1) + 60000);
	}
}

/* Options that a reload brought are those of new sessions alone. */
static void
options_are_those_of_the_beginning(void **state)
{
	struct bridge_options *o = &slots_spec(bridge->slot)->options;
	struct session *s;

	(void)state;
	o->idle_s = 7;
	o->lifetime_s = 8;
	o->half_closed_s = 9;
	o->rate = 10;
	s = open_session();
	memset(o, 0, sizeof *o);
	die(s->engine);
	flush();
	assert_int_equal(told.at[0].session.idle_ms, 7000);
	assert_int_equal(told.at[0].session.lifetime_ms, 8000);
	assert_int_equal(told.at[0].session.half_closed_ms, 9000);
	assert_int_equal(told.at[0].session.rate, 10);
}

/* Many sessions go first; that they do so is no hang. */
static void
datagrams_wait_while_sessions_go(void **state)
{
	uint32_t slot = slots_take(SLOT_BRIDGE);
	struct bridge_spec *spec = slots_spec(slot);
	struct bridge *b = bridges_at(slot);

	(void)state;
	assert_int_equal(addr_parse(&spec->src, "udp:127.0.0.1:9", NULL, NULL),
	    0);
	b->slot = slot;
	b->fd = 0; /* any: nothing is sent */
	b->state = BRIDGE_INSTALLING;
	while (ready_session()->engine != DATAGRAM_ENGINE)
		continue;
	told.room = 0;
	datagrams_begin(b);
	assert_int_equal(datagrams_flush(), -1);
	assert_int_equal(datagrams_overdue(clock_ms() + END_WAIT_S * 1000), 1);
	told.room = 1;
	handover_flush(DATAGRAM_ENGINE);
	assert_int_equal(told.n, 1);
	assert_int_equal(datagrams_overdue(clock_ms() + END_WAIT_S * 1000), 0);
	assert_int_equal(datagrams_flush(), -1);
	assert_int_equal(datagrams_overdue(clock_ms() + END_WAIT_S * 1000), 1);
	told.room = -1;
	flush();
	b->fd = -1;
	b->state = BRIDGE_FREE;
	slots_give(slot);
	assert_int_equal(datagrams_flush(), 0);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		T(orphans_come_before_resumed_and_new_ones_after),
		T(resumed_comes_once_a_death_and_without_sessions_too),
		T(what_was_ended_is_finished_as_it_was),
		T(closing_one_is_over_with_its_engine),
		T(close_in_the_gap_is_the_parents_own),
		T(one_that_cannot_be_recovered_is_ended),
		T(deaths_in_a_row_lose_none),
		T(age_is_that_of_the_session),
		T(options_are_those_of_the_beginning),
		T(datagrams_wait_while_sessions_go),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
