/*
 * An engine dies while bytes lie in its pipes, or while a rate holds them up.
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
spliced_bytes_arrive_once(void **state)
{
	struct efate f;
	size_t k;

	(void)state;
	for (k = 0; k < EFATE_KINDS; k++) {
		f = efate_held_up(k, 200000);
		assert_true(efate_at_each_stop(&f, 5) > 50);
	}
}

static void
a_rate_goes_on(void **state)
{
	struct efate f;
	size_t k;

	(void)state;
	for (k = 0; k < EFATE_KINDS; k++) {
		f = efate_of(k, 3000, 3000);
		f.rate = 100000;
		assert_true(efate_at_each_stop(&f, 3) > 10);
	}
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spliced_bytes_arrive_once),
		cmocka_unit_test(a_rate_goes_on),
	};

	erig_init(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
