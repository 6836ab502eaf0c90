/*
 * An engine that looks again before it sleeps: traffic goes as ever, and one
 * that has nothing to do sleeps.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "../../common/limits.h"
#include "../../mctd/engine/engine.h"
#include "engine_one.h"

#define SLOT EONE_SLOT

static struct erig *rig = &eone.rig;
static struct erig_side *peer = &eone.peer;
static struct erig_side *dst = &eone.dst;

static void
start(uint32_t spin_us)
{
	struct erig_setup s;

	erig_as_usual(&s);
	s.start.spin_us = spin_us;
	erig_start_as(rig, &s);
}

static void
open_session(enum addr_kind kind, uint32_t rate)
{
	struct inner_session m = { .rate = rate };

	eone_open_as(&m, kind, kind);
}

static void
ping_pong(unsigned int times)
{
	for (; times > 0; times--) {
		erig_write(peer->outside, times, 64);
		erig_read(dst->outside, times, 64);
		erig_write(dst->outside, times, 64);
		erig_read(peer->outside, times, 64);
	}
}

static void
traffic_goes_while_spinning(void **state)
{
	static const enum addr_kind kinds[] = { ADDR_TCP, ADDR_UNIX };
	static const uint32_t spins[] = { 1, 50, SPIN_US_MAX };
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof spins / sizeof spins[0]; i++) {
		start(spins[i]);
		for (k = 0; k < 2; k++) {
			open_session(kinds[k], 0);
			ping_pong(200);
			erig_exchange(peer->outside, dst->outside, 3000000,
			    2000000, 65536);
			eone_finish();
		}
		erig_stop(rig, 0);
	}
}

/* What the engine uses in 250 ms in which nothing happens. */
static uint64_t
idle_cpu_us(void)
{
	const struct timespec window = { .tv_nsec = 250000000 };
	uint64_t before = erig_cpu_us(rig);

	assert_int_equal(nanosleep(&window, NULL), 0);
	return erig_cpu_us(rig) - before;
}

/* It may spin a few times before it believes it. */
static void
idle_engine_sleeps(void **state)
{
	static const uint32_t spins[] = { 0, 50, 2000, SPIN_US_MAX };
	const uint64_t unused = 100000, some = 50000;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof spins / sizeof spins[0]; i++) {
		start(spins[i]);
		assert_in_range(idle_cpu_us(), 0, unused);
		open_session(ADDR_TCP, 0);
		ping_pong(100);
		assert_in_range(idle_cpu_us(), 0,
		    some + spins[i] * SPINS_IN_VAIN);
		/* a full pipe of bytes that nobody reads is nothing to do */
		while (erig_write_some(peer->outside, 0, 65536, 0) > 0)
			continue;
		(void)idle_cpu_us();
		assert_in_range(idle_cpu_us(), 0,
		    some + spins[i] * SPINS_IN_VAIN);
		eone_close();
		erig_stop(rig, 0);
	}
}

/* It waits for the clock, which spinning does not make faster. */
static void
engine_that_waits_for_a_rate_sleeps(void **state)
{
	const struct timespec warm_up = { .tv_nsec = 300000000 };

	(void)state;
	start(SPIN_US_MAX);
	open_session(ADDR_TCP, 1000);
	erig_write(peer->outside, 0, 60000);
	erig_read(dst->outside, 0, 1000);
	assert_int_equal(nanosleep(&warm_up, NULL), 0);
	assert_in_range(idle_cpu_us(), 0, 150000);
	eone_close();
	erig_stop(rig, 0);
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(traffic_goes_while_spinning),
		cmocka_unit_test(idle_engine_sleeps),
		cmocka_unit_test(engine_that_waits_for_a_rate_sleeps),
	};

	erig_init(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
