/*
 * An engine dies while a reset, an urgent byte, or what is not to be taken
 * over for certain is on its way.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/types.h>

#include "../../mctd/engine/engine.h"
#include "engine_fate.h"

/* By a TCP peer, with all that it sent before, and dst half closed or not. */
static void
resets_arrive(void **state)
{
	struct efate f;
	size_t k;

	(void)state;
	for (k = 0; k < 4; k++) {
		f = efate_of(k / 2 * 2, 1000, 1000);
		f.end = k % 2 == 0 ? EFATE_RESET : EFATE_RESET_LAST;
		assert_true(efate_at_each_stop(&f, 1) > 10);
	}
}

/* One byte and its end, or a reset: the figures of both can be the same. */
static void
a_last_byte_is_not_taken_for_an_end(void **state)
{
	struct efate f = efate_of(0, 1, 1);

	(void)state;
	f.bytes[1] = 1;
	f.end = EFATE_RESET_LAST;
	f.doubt = 1;
	assert_true(efate_at_each_stop(&f, 1) > 10);
	f.end = EFATE_CLOSE;
	f.doubt = 0;
	assert_true(efate_at_each_stop(&f, 1) > 10);
}

static void
urgent_bytes_keep_their_place(void **state)
{
	struct efate f = efate_of(0, 3000, 500);

	(void)state;
	f.urgent = 2;
	assert_true(efate_at_each_stop(&f, 1) > 20);
}

/* A record that may have been sent ends its session, any other does not. */
static void
records_in_doubt_end_the_session(void **state)
{
	struct efate f = efate_of(0, 2000, 500);
	unsigned int stops, before = efate_doubts;

	(void)state;
	f.kind[0] = f.kind[1] = ADDR_UNIXSEQ;
	f.doubt = 1;
	stops = efate_at_each_stop(&f, 1);
	assert_in_range(efate_doubts - before, 1, stops / 2);
}

/* So do bytes that are copied into a local socket, as no pipe is free. */
static void
bytes_in_doubt_end_the_session(void **state)
{
	unsigned int stops, before;
	struct efate f;
	size_t k;

	(void)state;
	for (k = 2; k < EFATE_KINDS; k++) {
		before = efate_doubts;
		f = efate_of(k, 1000, 500);
		f.pipes = 0;
		f.doubt = 1;
		stops = efate_at_each_stop(&f, 1);
		assert_in_range(efate_doubts - before, 1, stops / 2);
	}
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resets_arrive),
		cmocka_unit_test(a_last_byte_is_not_taken_for_an_end),
		cmocka_unit_test(urgent_bytes_keep_their_place),
		cmocka_unit_test(records_in_doubt_end_the_session),
		cmocka_unit_test(bytes_in_doubt_end_the_session),
	};

	erig_init(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
