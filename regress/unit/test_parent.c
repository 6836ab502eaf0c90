/*
 * The parent against an engine that says what is not so, and a kernel that
 * does not do what is asked of it.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../common/log.h"
#include "../../mctd/parent/flow_sockets.h"
#include "../../mctd/parent/flows.h"
#include "../../mctd/parent/accept.h"
#include "../../mctd/parent/bridges.h"
#include "../../mctd/parent/broker.h"
#include "../../mctd/parent/datagrams.h"
#include "../../mctd/parent/dial.h"
#include "../../mctd/parent/events.h"
#include "../../mctd/parent/options.h"
#include "../../mctd/parent/sessions.h"
#include "../../mctd/parent/slots.h"
#include "../../mctd/parent/sockets.h"

#define BRIDGES    4
#define SESSIONS   16
#define ENGINES    2
#define EVENTS     64
#define FLOOD      1000
#define PEERS      100

/* The lines of one second and the next, each with one about the others. */
#define MOST_LINES (2 * (SESSION_LOG_RATE + 1))

static unsigned int lines;

/* In place of options.c: all can be set, but not on an accepted socket. */

int
options_listener(int fd, const struct addr *src, const struct bridge_options *o,
    int again, const char **why)
{
	(void)fd;
	(void)src;
	(void)o;
	(void)again;
	(void)why;
	return 0;
}

int
options_accepted(int fd, const struct addr *src, const struct bridge_options *o,
    const char **why)
{
	(void)fd;
	(void)src;
	(void)o;
	(void)why;
	errno = EINVAL;
	return -1;
}

int
options_dst(int fd, const struct addr *dst, const struct bridge_options *o,
    const char **why)
{
	(void)fd;
	(void)dst;
	(void)o;
	(void)why;
	return 0;
}

int
options_dst_again(int fd, const struct addr *dst,
    const struct bridge_options *was, const struct bridge_options *o,
    const char **why)
{
	(void)was;
	return options_dst(fd, dst, o, why);
}

int
options_device(int fd, const struct bridge_options *o, const char **why)
{
	(void)fd;
	(void)o;
	(void)why;
	return 0;
}

int
options_source(int fd, const struct addr *dst, const struct bridge_options *o,
    const char **why)
{
	(void)fd;
	(void)dst;
	(void)o;
	(void)why;
	return 0;
}

/* In place of flow_sockets.c: no bridge here has flows. */

void
flow_sockets_change(const int fd[2], const struct bridge_spec *spec,
    const struct bridge_options *was)
{
	(void)fd;
	(void)spec;
	(void)was;
}

int
flow_sockets_src(int fd, const struct addr *src, const char *device)
{
	(void)fd;
	(void)src;
	(void)device;
	return -1;
}

int
flow_sockets_asker(int fd, const struct addr *src, struct addr *asker)
{
	(void)fd;
	(void)src;
	(void)asker;
	return -1;
}

int
flow_sockets_try(const struct addr *dst, const struct bridge_options *o,
    const char **why)
{
	(void)dst;
	(void)o;
	(void)why;
	return 0;
}

int
flow_sockets_to_asker(const struct bridge_spec *spec, const struct addr *asker,
    const struct addr *local, const char **why)
{
	(void)spec;
	(void)asker;
	(void)local;
	(void)why;
	return -1;
}

int
flow_sockets_to_dst(const struct bridge_spec *spec, const struct addr *asker,
    const char **why)
{
	(void)spec;
	(void)asker;
	(void)why;
	return -1;
}

static void
count_line(void *arg, enum log_level level, const char *line)
{
	(void)arg;
	(void)level;
	(void)line;
	lines++;
}

static void *
zeros(size_t bytes)
{
	void *mem = calloc(1, bytes);

	assert_non_null(mem);
	return mem;
}

/* The tables, as at the start; there is no child. */
static int
set_up(void **state)
{
	static const struct log_sink sink = { .write = count_line };
	struct slots_setup s = { .engines = ENGINES,
		.bridges = BRIDGES,
		.sessions = SESSIONS };
	uint32_t i;

	(void)state;
	log_set(&sink, LOG_LEVEL_INFO);
	s.registry = zeros(registry_bytes(BRIDGES, SESSIONS));
	for (i = 0; i < ENGINES; i++)
		s.counters[i] = zeros(counters_bytes(BRIDGES + SESSIONS, 0));
	assert_int_equal(loop_init(64), 0);
	assert_int_equal(slots_init(&s), 0);
	events_init(zeros(ring_bytes(EVENTS)), EVENTS);
	assert_int_equal(bridges_init(BRIDGES), 0);
	assert_int_equal(sessions_init(BRIDGES, SESSIONS, ENGINES), 0);
	assert_int_equal(dial_init(SESSIONS), 0);
	assert_int_equal(datagrams_init(BRIDGES), 0);
	assert_int_equal(flows_init(BRIDGES, 1), 0);
	return 0;
}

static struct bridge *
new_bridge(const char *src, const char *dst)
{
	uint32_t slot = slots_take(SLOT_BRIDGE);
	struct bridge *b = bridges_at(slot);
	struct bridge_spec *spec = slots_spec(slot);

	assert_int_not_equal(slot, 0);
	memset(b, 0, sizeof *b);
	memset(spec, 0, sizeof *spec);
	b->slot = slot;
	b->fd = -1;
	assert_int_equal(addr_parse(&spec->src, src, NULL, NULL), 0);
	assert_int_equal(addr_parse(&spec->dst, dst, NULL, NULL), 0);
	b->state = BRIDGE_HELD;
	return b;
}

/* A connectionless one that the engine has. */
static struct bridge *
new_told(const char *src, const char *dst)
{
	struct bridge *b = new_bridge(src, dst);
	const char *why;

	assert_int_equal(datagrams_open(b, bridges_spec(b),
			     &bridges_spec(b)->options, &why),
	    0);
	b->state = BRIDGE_OPEN;
	b->told = 1;
	return b;
}

static int
say_end(uint32_t engine, uint32_t slot, uint64_t serial, uint32_t err)
{
	struct inner_end m = { .slot = slot,
		.serial = serial,
		.reason = END_ERROR,
		.err = err };
	struct frame_out out;
	struct frame_in in;
	uint8_t buf[64];

	frame_begin(&out, buf, sizeof buf, MSG_E2P_ENDS, 0, 0);
	frame_put_u16(&out, 1);
	inner_put_end(&out, &m);
	assert_int_equal(frame_open(&in, buf, frame_end(&out)), 0);
	return broker_engine_message(engine, &in);
}

static int
say_lost(const struct bridge *b)
{
	struct inner_out m = { .slot = b->slot, .serial = b->serial };
	struct frame_out out;
	struct frame_in in;
	uint8_t buf[64];

	frame_begin(&out, buf, sizeof buf, MSG_E2P_DST_LOST, 0, 0);
	inner_put_out(&out, &m);
	assert_int_equal(frame_open(&in, buf, frame_end(&out)), 0);
	return broker_engine_message(DATAGRAM_ENGINE, &in);
}

static void
end_of_a_bridge_is_said_by_its_engine_alone(void **state)
{
	struct bridge *b = new_told("udp:127.0.0.1:2001", "udp:127.0.0.1:9");

	(void)state;
	b->state = BRIDGE_CLOSING;
	assert_int_equal(say_end(1, b->slot, b->serial, 0), -1);
	assert_int_equal(b->state, BRIDGE_CLOSING);
	assert_int_not_equal(b->fd, -1);
	assert_int_equal(say_end(DATAGRAM_ENGINE, b->slot, b->serial, 0), 0);
	assert_int_equal(b->state, BRIDGE_FREE);
}

static struct session *
open_session(struct bridge *b)
{
	struct session_rules rules;
	struct session *s;
	int pair[2];

	memset(&rules, 0, sizeof rules);
	rules.dst = bridges_spec(b)->dst;
	assert_int_equal(socketpair(AF_LOCAL, SOCK_STREAM, 0, pair), 0);
	s = sessions_new(b->slot, pair[0], &bridges_spec(b)->src, &rules);
	assert_non_null(s);
	s->fd[1] = pair[1];
	sessions_ready(s);
	s->state = SESSION_OPEN; /* as if the engine had it */
	return s;
}

static void
error_of_an_end_is_one_that_there_is(void **state)
{
	/* 41 is the one that Linux left out */
	static const uint32_t none[] = { 41, 134, 4000, 4096, INT32_MAX,
		UINT32_MAX };
	struct bridge *b = new_bridge("unix:@src", "unix:@dst");
	struct session *s = open_session(b);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof none / sizeof none[0]; i++) {
		assert_int_equal(say_end(s->engine, s->slot, s->serial,
				     none[i]),
		    -1);
		assert_int_equal(s->state, SESSION_OPEN);
	}
	assert_int_equal(say_end(s->engine, s->slot, s->serial, EPIPE), 0);
	assert_int_equal(s->state, SESSION_FREE);
	assert_int_equal(slots_entry(s->slot)->err, EPIPE);
	s = open_session(b);
	assert_int_equal(say_end(s->engine, s->slot, s->serial, 0), 0);
	assert_int_equal(slots_entry(s->slot)->err, 0);
	slots_give(b->slot);
	b->state = BRIDGE_FREE;
}

static void
engine_does_not_fill_the_log(void **state)
{
	struct bridge *b = new_told("udp:127.0.0.1:2002", "udp:127.0.0.1:9");
	int i;

	(void)state;
	lines = 0;
	for (i = 0; i < FLOOD; i++)
		assert_int_equal(say_lost(b), 0);
	assert_in_range(lines, 1, MOST_LINES);
	datagrams_close(b);
	b->state = BRIDGE_FREE;
}

static int
connect_to(const struct addr *a)
{
	int fd = socket(addr_family(a), SOCK_STREAM, 0);

	assert_int_not_equal(fd, -1);
	assert_int_equal(connect(fd, &a->u.sa, a->len), 0);
	return fd;
}

/* Counted and said, and the next one has its chance. */
static void
peer_that_cannot_have_its_options_is_refused(void **state)
{
	struct bridge *b = new_bridge("unix:@mctd-unit-test", "unix:@dst");
	const struct addr *src = &bridges_spec(b)->src;
	const char *why;
	char byte;
	int i, fd;

	(void)state;
	b->fd = sockets_listen(src, &bridges_spec(b)->options, &b->file, &why);
	assert_int_not_equal(b->fd, -1);
	assert_int_equal(accept_start(b), 0);
	b->state = BRIDGE_OPEN;
	lines = 0;
	for (i = 0; i < PEERS; i++) {
		fd = connect_to(src);
		assert_int_not_equal(loop_turn(0), -1);
		assert_int_equal(read(fd, &byte, 1), 0);
		close(fd);
	}
	assert_int_equal(slots_entry(b->slot)->parent_count[PARENT_REFUSED],
	    PEERS);
	assert_int_equal(slots_entry(b->slot)->parent_count[PARENT_ACCEPTED],
	    0);
	assert_int_equal(sessions_all(), 0);
	assert_in_range(lines, 1, MOST_LINES);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(end_of_a_bridge_is_said_by_its_engine_alone),
		cmocka_unit_test(error_of_an_end_is_one_that_there_is),
		cmocka_unit_test(engine_does_not_fill_the_log),
		cmocka_unit_test(peer_that_cannot_have_its_options_is_refused),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
