/*
 * The engine that takes over dies as well, anywhere on its way, and so does
 * the one after it.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/types.h>

#include "../../mctd/engine/engine.h"
#include "engine_fate.h"

/* The second has all of it before it, from the take-over on. */
static void
die_in_turn(const struct efate *f)
{
	unsigned int stops[3], first, second;

	for (first = 12; first < 40; first += 9) {
		for (second = 1; second < 40; second += 3 * EFATE_SLOWER) {
			stops[0] = first;
			stops[1] = stops[2] = second;
			assert_int_not_equal(efate_run(f, stops, 3), 0);
		}
	}
}

static void
copied_bytes_survive_three_engines(void **state)
{
	struct efate f;
	size_t k;

	(void)state;
	for (k = 0; k < 2; k++) {
		f = efate_of(k, 2000, 2000);
		die_in_turn(&f);
	}
}

static void
spliced_bytes_survive_three_engines(void **state)
{
	struct efate f;
	size_t k;

	(void)state;
	for (k = 0; k < EFATE_KINDS; k += 2) {
		f = efate_held_up(k, 100000);
		die_in_turn(&f);
	}
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copied_bytes_survive_three_engines),
		cmocka_unit_test(spliced_bytes_survive_three_engines),
	};

	erig_init(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
