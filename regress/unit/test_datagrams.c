/*
 * What the engines of datagrams are told, and in which order; in place of the
 * children a channel that says what it took.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../../common/log.h"
#include "../../mctd/parent/children.h"
#include "../../mctd/parent/datagrams.h"
#include "../../mctd/parent/events.h"
#include "../../mctd/parent/flows.h"
#include "../../mctd/parent/slots.h"

#define BRIDGES  4
#define SESSIONS 4
#define EVENTS   16
#define TOLD     16

static struct {
	uint16_t type[TOLD];
	uint32_t n;
} told;

int
children_send(enum process_kind kind, uint32_t which, const void *buf,
    size_t len, const int *fds, size_t nfds)
{
	struct frame_in in;

	(void)fds;
	(void)nfds;
	assert_int_equal(kind, PROCESS_ENGINE);
	assert_int_equal(which, DATAGRAM_ENGINE);
	assert_int_equal(frame_open(&in, buf, len), 0);
	assert_true(told.n < TOLD);
	told.type[told.n++] = in.type;
	return 0;
}

void
children_kill(enum process_kind kind, uint32_t which, const char *why)
{
	(void)kind;
	(void)which;
	(void)why;
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
	struct slots_setup s = { .engines = 1,
		.bridges = BRIDGES,
		.sessions = SESSIONS };

	(void)state;
	log_set(NULL, LOG_LEVEL_FATAL);
	s.registry = zeros(registry_bytes(BRIDGES, SESSIONS));
	s.counters[0] = zeros(counters_bytes(BRIDGES + SESSIONS, 0));
	assert_int_equal(loop_init(64), 0);
	assert_int_equal(slots_init(&s), 0);
	events_init(zeros(ring_bytes(EVENTS)), EVENTS);
	assert_int_equal(bridges_init(BRIDGES), 0);
	assert_int_equal(datagrams_init(BRIDGES), 0);
	assert_int_equal(flows_init(BRIDGES, 1), 0);
	return 0;
}

static void
expect_told(const uint16_t *types, uint32_t n)
{
	uint32_t i;

	assert_int_equal(told.n, n);
	for (i = 0; i < n; i++)
		assert_int_equal(told.type[i], types[i]);
	told.n = 0;
}

/* So that what the dead had in hand is counted by who knows how. */
static void
datagrams_that_were_closing_are_told_to_the_next(void **state)
{
	static const uint16_t again[] = { MSG_P2E_SRC, MSG_P2E_DST,
		MSG_P2E_CLOSE };
	static const uint16_t over[] = { MSG_P2E_SRC_CLOSE };
	uint32_t slot = slots_take(SLOT_BRIDGE);
	struct bridge_spec *spec = slots_spec(slot);
	struct bridge *b = bridges_at(slot);
	struct inner_end end = { .slot = slot };
	struct inner_src src = { .src = 0 };
	const char *why;

	(void)state;
	memset(spec, 0, sizeof *spec);
	assert_int_equal(addr_parse(&spec->src, "udp:127.0.0.1:2009", NULL,
			     NULL),
	    0);
	assert_int_equal(addr_parse(&spec->dst, "udp:127.0.0.1:9", NULL, NULL),
	    0);
	b->slot = slot;
	assert_int_equal(datagrams_open(b, spec, &spec->options, &why), 0);
	b->state = BRIDGE_INSTALLING;
	datagrams_begin(b);
	assert_int_equal(datagrams_flush(), 0);
	expect_told(again, 2);
	b->state = BRIDGE_CLOSING;
	datagrams_close(b);
	assert_int_equal(datagrams_flush(), 0);
	expect_told(again + 2, 1);
	datagrams_engine_died();
	assert_int_equal(b->state, BRIDGE_CLOSING);
	assert_int_equal(datagrams_flush(), 0);
	expect_told(again, 3);
	end.serial = b->serial;
	assert_int_equal(datagrams_ended(&end), 0);
	assert_int_equal(datagrams_flush(), 0);
	expect_told(over, 1);
	src.src = b->source;
	assert_int_equal(datagrams_source_closed(&src), 0);
	assert_int_equal(b->state, BRIDGE_FREE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    datagrams_that_were_closing_are_told_to_the_next),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
