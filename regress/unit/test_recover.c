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

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copied_bytes_arrive_once),
	};

	erig_init(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
