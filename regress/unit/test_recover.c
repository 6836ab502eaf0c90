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

#include "../../mctd/engine/engine.h"
#include "engine_fate.h"

static void
copied_bytes_arrive_once(void **state)
{
	struct efate f;
	size_t k;

	(void)state;
	for (k = 0; k < EFATE_KINDS; k++) {
		f = efate_of(k, 3000, 1000);
		assert_true(efate_at_each_stop(&f, 1) > 20);
	}
}

/* Where t takes less than it is given, and has bytes of other calls. */
static void
bytes_for_a_slow_reader_arrive_once(void **state)
{
	struct efate f;
	size_t k;

	(void)state;
	for (k = 0; k < EFATE_KINDS; k++) {
		f = efate_of(k, 60000, 65536);
		f.buffer_bytes = 4096;
		f.reads = 5000;
		assert_true(efate_at_each_stop(&f, 5) > 20);
	}
}

/* Each way ends by itself, at the very beginning or later. */
static void
ends_arrive(void **state)
{
	struct efate f;
	size_t k;

	(void)state;
	for (k = 0; k < EFATE_KINDS; k++) {
		f = efate_of(k, 10, 10);
		f.bytes[k % 2] = 0;
		assert_true(efate_at_each_stop(&f, 3) > 10);
	}
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copied_bytes_arrive_once),
		cmocka_unit_test(bytes_for_a_slow_reader_arrive_once),
		cmocka_unit_test(ends_arrive),
	};

	erig_init(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
