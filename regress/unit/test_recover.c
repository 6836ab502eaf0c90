/*
 * An engine dies at each of its system calls in turn, before it or after it,
 * and another takes over: every byte is there once, in order, and every end
 * is the right one.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/types.h>

#include <stdio.h>
#include <stdlib.h>

#include "../../mctd/engine/engine.h"
#include "engine_fate.h"

/* As many bytes as it takes to go by splice. */
#define BULK 200000

static const enum addr_kind kinds[][2] = { { ADDR_TCP, ADDR_TCP },
	{ ADDR_UNIX, ADDR_TCP }, { ADDR_TCP, ADDR_UNIX },
	{ ADDR_UNIX, ADDR_UNIX } };
#define KINDS 4

static struct efate
fate_of(size_t kind, size_t bytes, size_t chunk)
{
	struct efate f = { .kind = { kinds[kind][0], kinds[kind][1] },
		.bytes = { bytes, bytes / 2 },
		.chunk = chunk,
		.reads = 65536,
		.pipes = ERIG_PIPES };

	return f;
}

/* At each stop, until the session outlives all; so many in steps of stride. */
static unsigned int
at_each_stop(const struct efate *f, unsigned int stride)
{
	unsigned int stop = 1;

	while (efate_run(f, &stop, 1) > 0)
		stop += stride;
	if (getenv("VERBOSE"))
		printf("%u stops\n", stop);
	return stop;
}

static void
copied_bytes_arrive_once(void **state)
{
	struct efate f;
	size_t k;

	(void)state;
	for (k = 0; k < KINDS; k++) {
		f = fate_of(k, 3000, 1000);
		assert_true(at_each_stop(&f, 1) > 20);
	}
}

/* Pipes are full when it dies, and its successors find them. */
static void
spliced_bytes_arrive_once(void **state)
{
	struct efate f;
	size_t k;

	(void)state;
	for (k = 0; k < KINDS; k++) {
		f = fate_of(k, BULK, 65536);
		f.buffer_bytes = 8192;
		f.reads = 3000;
		f.roomy = 1; /* so pipes are kept */
		assert_true(at_each_stop(&f, 5) > 50);
	}
}

/* Each way ends by itself, at the very beginning or later. */
static void
ends_arrive(void **state)
{
	struct efate f;
	size_t k;

	(void)state;
	for (k = 0; k < KINDS; k++) {
		f = fate_of(k, 10, 10);
		f.bytes[k % 2] = 0;
		assert_true(at_each_stop(&f, 1) > 10);
	}
}

/* By a TCP peer, with all that it sent before, and dst half closed or not. */
static void
resets_arrive(void **state)
{
	struct efate f;
	size_t k;

	(void)state;
	for (k = 0; k < 4; k++) {
		f = fate_of(k / 2 * 2, 1000, 1000);
		f.end = k % 2 == 0 ? EFATE_RESET : EFATE_RESET_LAST;
		assert_true(at_each_stop(&f, 1) > 10);
	}
}

static void
urgent_bytes_keep_their_place(void **state)
{
	struct efate f = fate_of(0, 3000, 500);

	(void)state;
	f.urgent = 2;
	assert_true(at_each_stop(&f, 1) > 20);
}

static void
a_rate_goes_on(void **state)
{
	struct efate f;
	size_t k;

	(void)state;
	for (k = 0; k < KINDS; k++) {
		f = fate_of(k, 3000, 3000);
		f.rate = 100000;
		assert_true(at_each_stop(&f, 3) > 10);
	}
}

/* The second engine has all of it before it, from the take-over on. */
static void
successors_die_too(void **state)
{
	unsigned int stops[3], first, second, died;
	struct efate f;
	size_t k;

	(void)state;
	for (k = 0; k < KINDS; k++) {
		f = fate_of(k, k < 2 ? 2000 : 100000, 65536);
		if (k >= 2) {
			f.buffer_bytes = 8192;
			f.reads = 3000;
			f.roomy = 1;
		}
		for (first = 12; first < 40; first += 7) {
			for (second = 1; second < 40; second += 3) {
				stops[0] = first;
				stops[1] = stops[2] = second;
				died = efate_run(&f, stops, 3);
				assert_int_not_equal(died, 0);
			}
		}
	}
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copied_bytes_arrive_once),
		cmocka_unit_test(spliced_bytes_arrive_once),
		cmocka_unit_test(ends_arrive),
		cmocka_unit_test(resets_arrive),
		cmocka_unit_test(urgent_bytes_keep_their_place),
		cmocka_unit_test(a_rate_goes_on),
		cmocka_unit_test(successors_die_too),
	};

	erig_init(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
