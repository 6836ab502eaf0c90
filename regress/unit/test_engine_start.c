/*
 * The engine's start, and a standby's: it takes over as the engine it is
 * told to be, and writes to that one's counters alone; what the parent
 * cannot mean ends it.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>

#include <string.h>
#include <unistd.h>

#include "../../common/limits.h"
#include "../../mctd/engine/engine.h"
#include "engine_one.h"

#define SLOT EONE_SLOT

static struct erig *rig = &eone.rig;
static struct erig_side *peer = &eone.peer;
static struct erig_side *dst = &eone.dst;

static void
standby_takes_over(void **state)
{
	(void)state;
	erig_start(rig, 0, 0);
	erig_activate(rig);
	eone_open(ADDR_TCP, ADDR_TCP);
	erig_exchange(peer->outside, dst->outside, 1000, 1000, 1000);
	eone_close();
	erig_stop(rig, 0);
}

static void
standby_ends_with_its_parent(void **state)
{
	(void)state;
	erig_start(rig, 0, 0);
	erig_stop(rig, 0);
}

static void
standby_takes_no_session(void **state)
{
	(void)state;
	erig_start(rig, 0, 0);
	eone_open(ADDR_TCP, ADDR_TCP);
	eone_close();
	erig_wait_stop(rig, 1);
	assert_non_null(strstr(rig->log, "message"));
}

/* Nothing of it is written, from start to end. */
static int
is_zero(const struct counters *c)
{
	const uint8_t *bytes = (const uint8_t *)c->slots;
	size_t i, n = counters_bytes(c->nslots, c->npipes);

	for (i = 0; i < n; i++)
		if (bytes[i] != 0)
			return 0;
	return 1;
}

/* The engine and the standby that becomes one, with bulk, so with pipes. */
static void
engine_writes_to_its_own_counters(void **state)
{
	struct erig_setup s;
	uint32_t which;
	int standby;

	(void)state;
	for (standby = 0; standby < 2; standby++) {
		for (which = 0; which < ERIG_ENGINES; which++) {
			erig_as_usual(&s);
			s.start.active = !standby;
			s.start.engine = standby ? 0 : which;
			erig_start_as(rig, &s);
			if (standby) {
				erig_send_activate(rig, which, NULL, 0);
				erig_send_pipes(rig);
			}
			eone_open(ADDR_TCP, ADDR_TCP);
			erig_exchange(peer->outside, dst->outside, 3000000,
			    3000000, 65536);
			assert_int_equal(is_zero(&rig->others),
			    which == ERIG_ENGINE);
			assert_int_equal(is_zero(&rig->counters),
			    which != ERIG_ENGINE);
			eone_close();
			erig_stop(rig, 0);
		}
	}
}

static void
standby_writes_to_no_counters(void **state)
{
	(void)state;
	erig_start(rig, 0, 0);
	assert_true(is_zero(&rig->others));
	assert_true(is_zero(&rig->counters));
	erig_stop(rig, 0);
}

static void
standby_cannot_become_what_there_is_not(void **state)
{
	static const uint32_t which[] = { ERIG_ENGINES, ERIG_ENGINES + 1,
		UINT32_MAX };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof which / sizeof which[0]; i++) {
		erig_start(rig, 0, 0);
		erig_send_activate(rig, which[i], NULL, 0);
		erig_wait_stop(rig, 1);
		assert_non_null(strstr(rig->log, "message"));
	}
}

static void
standby_is_activated_once_and_without_descriptors(void **state)
{
	int fd = STDERR_FILENO;

	(void)state;
	erig_start(rig, 0, 0);
	erig_send_activate(rig, ERIG_ENGINE, &fd, 1);
	erig_wait_stop(rig, 1);
	erig_start(rig, 0, 0);
	erig_send_activate(rig, ERIG_ENGINE, NULL, 0);
	erig_send_activate(rig, ERIG_ENGINE, NULL, 0);
	erig_wait_stop(rig, 1);
}

/* Each changes one thing of a start that is right. */

static void
no_engines(struct erig_setup *s)
{
	s->start.engines = 0;
	s->regions = 0;
}

static void
no_engines_but_descriptors(struct erig_setup *s)
{
	s->start.engines = 0;
}

static void
too_many_engines(struct erig_setup *s)
{
	s->start.engines = LIMIT_ENGINES_MAX + 1;
}

static void
descriptor_too_few(struct erig_setup *s)
{
	s->regions = ERIG_ENGINES - 1;
}

static void
descriptor_too_many(struct erig_setup *s)
{
	s->regions = ERIG_ENGINES + 1;
}

static void
no_such_engine(struct erig_setup *s)
{
	s->start.engine = ERIG_ENGINES;
}

static void
too_many_pipes(struct erig_setup *s)
{
	s->start.pipes = LIMIT_PIPES_MAX + 1;
}

/* So the counters' region does not hold their owners. */
static void
more_pipes_than_counted(struct erig_setup *s)
{
	s->start.pipes = LIMIT_PIPES_MAX;
	s->start.sessions = ERIG_SESSIONS + 100;
}

static void
no_sessions(struct erig_setup *s)
{
	s->start.sessions = 0;
}

static void
too_many_sessions(struct erig_setup *s)
{
	s->start.sessions = LIMIT_SESSIONS_MAX + 1;
}

static void
no_bridges(struct erig_setup *s)
{
	s->start.bridges = 0;
}

static void
other_process(struct erig_setup *s)
{
	s->start.kind = PROCESS_CONTROL;
}

static void
start_that_cannot_be_meant_is_fatal(void **state)
{
	static void (*const wrong[])(struct erig_setup *) = { no_engines,
		no_engines_but_descriptors, too_many_engines,
		descriptor_too_few, descriptor_too_many, no_such_engine,
		too_many_pipes, more_pipes_than_counted, no_sessions,
		too_many_sessions, no_bridges, other_process };
	struct erig_setup s;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		erig_as_usual(&s);
		wrong[i](&s);
		erig_begin(rig, &s);
		erig_wait_stop(rig, 1);
	}
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(standby_takes_over),
		cmocka_unit_test(standby_ends_with_its_parent),
		cmocka_unit_test(standby_takes_no_session),
		cmocka_unit_test(engine_writes_to_its_own_counters),
		cmocka_unit_test(standby_writes_to_no_counters),
		cmocka_unit_test(standby_cannot_become_what_there_is_not),
		cmocka_unit_test(
		    standby_is_activated_once_and_without_descriptors),
		cmocka_unit_test(start_that_cannot_be_meant_is_fatal),
	};

	erig_init(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
