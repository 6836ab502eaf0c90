/*
 * Who answers lives, and who does not is found out in time and not before.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "../../common/limits.h"
#include "../../mctd/parent/heartbeat.h"

#define START_MS 1000
#define LIMIT_MS (HEARTBEAT_S * 1000)

static void
who_answers_lives(void **state)
{
	struct heartbeat h = { 0 };
	uint64_t now_ms;

	(void)state;
	for (now_ms = START_MS; now_ms < 100 * LIMIT_MS; now_ms += 1000) {
		assert_true(heartbeat_due(&h));
		heartbeat_asked(&h, now_ms, 0);
		assert_false(heartbeat_due(&h));
		assert_false(heartbeat_overdue(&h, now_ms + LIMIT_MS - 1));
		assert_int_equal(heartbeat_answered(&h), 0);
		assert_false(heartbeat_overdue(&h, UINT64_MAX));
	}
}

static void
who_does_not_answer_is_overdue(void **state)
{
	struct heartbeat h = { 0 };

	(void)state;
	heartbeat_asked(&h, START_MS, 0);
	assert_false(heartbeat_overdue(&h, START_MS + LIMIT_MS - 1));
	assert_true(heartbeat_overdue(&h, START_MS + LIMIT_MS));
}

static void
answer_without_question_is_none(void **state)
{
	struct heartbeat h = { 0 };

	(void)state;
	assert_int_equal(heartbeat_answered(&h), -1);
	heartbeat_asked(&h, START_MS, EAGAIN);
	assert_int_equal(heartbeat_answered(&h), -1);
	heartbeat_asked(&h, START_MS, 0);
	assert_int_equal(heartbeat_answered(&h), 0);
	assert_int_equal(heartbeat_answered(&h), -1);
}

static void
full_channel_is_no_answer(void **state)
{
	struct heartbeat h = { 0 };

	(void)state;
	heartbeat_asked(&h, START_MS, EAGAIN);
	assert_true(heartbeat_due(&h));
	heartbeat_asked(&h, START_MS + 1000, EAGAIN);
	assert_true(heartbeat_overdue(&h, START_MS + LIMIT_MS));
	/* it took something: it lives, and has its time from then on */
	heartbeat_asked(&h, START_MS + LIMIT_MS, 0);
	assert_false(heartbeat_overdue(&h, START_MS + 2 * LIMIT_MS - 1));
	assert_true(heartbeat_overdue(&h, START_MS + 2 * LIMIT_MS));
}

/* There is much to say, so that the question finds no room: it does live. */
static void
channel_that_is_filled_again_is_no_hang(void **state)
{
	struct heartbeat h = { 0 };
	uint64_t now_ms;

	(void)state;
	for (now_ms = START_MS; now_ms < 10 * LIMIT_MS; now_ms += 1000) {
		heartbeat_asked(&h, now_ms, EAGAIN);
		assert_false(heartbeat_overdue(&h, now_ms + 1000));
		heartbeat_took(&h);
	}
	/* what it takes is no answer */
	heartbeat_asked(&h, now_ms, 0);
	heartbeat_took(&h);
	assert_true(heartbeat_overdue(&h, now_ms + LIMIT_MS));
}

static void
shortage_of_the_kernel_is_not_its_fault(void **state)
{
	struct heartbeat h = { 0 };

	(void)state;
	heartbeat_asked(&h, START_MS, ENOBUFS);
	assert_true(heartbeat_due(&h));
	assert_false(heartbeat_overdue(&h, UINT64_MAX));
}

static void
time_that_was_slept_does_not_count(void **state)
{
	struct heartbeat h = { 0 };

	(void)state;
	heartbeat_forgive(&h, START_MS);
	assert_false(heartbeat_overdue(&h, UINT64_MAX));
	heartbeat_asked(&h, START_MS, 0);
	heartbeat_forgive(&h, START_MS + 2 * LIMIT_MS);
	assert_false(heartbeat_overdue(&h, START_MS + 3 * LIMIT_MS - 1));
	assert_true(heartbeat_overdue(&h, START_MS + 3 * LIMIT_MS));
	assert_int_equal(heartbeat_answered(&h), 0);
}

/* Every look is late: who answers lives, who does not is found out. */
static void
always_late_is_no_excuse(void **state)
{
	struct heartbeat h = { 0 };
	uint64_t now_ms = START_MS;
	int i, errs[] = { 0, EAGAIN };
	size_t e;

	(void)state;
	for (i = 0; i < 10 * HEARTBEAT_FORGIVEN; i++, now_ms += LIMIT_MS) {
		heartbeat_forgive(&h, now_ms);
		assert_false(heartbeat_overdue(&h, now_ms));
		(void)heartbeat_answered(&h);
		heartbeat_asked(&h, now_ms, 0);
	}
	assert_int_equal(heartbeat_answered(&h), 0);
	for (e = 0; e < sizeof errs / sizeof errs[0]; e++) {
		heartbeat_asked(&h, now_ms, errs[e]);
		for (i = 0; i < HEARTBEAT_FORGIVEN; i++) {
			now_ms += LIMIT_MS;
			heartbeat_forgive(&h, now_ms);
			assert_false(heartbeat_overdue(&h, now_ms));
			heartbeat_asked(&h, now_ms, EAGAIN);
		}
		now_ms += LIMIT_MS;
		heartbeat_forgive(&h, now_ms);
		assert_true(heartbeat_overdue(&h, now_ms));
		(void)heartbeat_answered(&h);
		heartbeat_took(&h);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_answers_lives),
		cmocka_unit_test(who_does_not_answer_is_overdue),
		cmocka_unit_test(answer_without_question_is_none),
		cmocka_unit_test(full_channel_is_no_answer),
		cmocka_unit_test(channel_that_is_filled_again_is_no_hang),
		cmocka_unit_test(shortage_of_the_kernel_is_not_its_fault),
		cmocka_unit_test(time_that_was_slept_does_not_count),
		cmocka_unit_test(always_late_is_no_excuse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
