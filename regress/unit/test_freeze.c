/*
 * Having a child stand still that does not answer in time, or late.
 */

#include <sys/types.h>
#include <sys/wait.h>

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../mctd/parent/children.h"
#include "../../mctd/parent/freeze.h"

static pid_t child;
static unsigned int halts, goes;
static int answers; /* as soon as it is listened to, so often */

pid_t
children_pid(unsigned int number, int *at_work)
{
	*at_work = number == 0;
	return number == 0 ? child : 0;
}

void
children_tell(unsigned int number, enum inner_type type)
{
	assert_int_equal(number, 0);
	halts += type == MSG_P2X_HALT;
	goes += type == MSG_P2X_GO_ON;
}

int
children_hear(unsigned int number)
{
	assert_int_equal(number, 0);
	for (; answers > 0; answers--)
		assert_int_equal(freeze_halted(child), 0);
	return 0;
}

void
children_ended(unsigned int number, int status)
{
	(void)number;
	(void)status;
	fail();
}

int
children_failed(void)
{
	return 0;
}

static int
set_up(void **state)
{
	(void)state;
	halts = goes = 0;
	answers = 0;
	child = fork();
	if (child == 0)
		for (;;)
			(void)pause();
	return child == -1 ? -1 : 0;
}

static int
tear_down(void **state)
{
	(void)state;
	(void)kill(child, SIGKILL);
	return waitpid(child, NULL, 0) == child ? 0 : -1;
}

/* It was let go: what it was stopped by is over. */
static void
expect_goes_on(void)
{
	int status;

	assert_int_equal(waitpid(child, &status, WCONTINUED), child);
	assert_true(WIFCONTINUED(status));
}

static void
who_answers_stands_and_is_let_go(void **state)
{
	(void)state;
	assert_int_equal(freeze_halted(child), -1);
	answers = 1;
	assert_int_equal(freeze(), 0);
	assert_int_equal(freeze_halted(child), -1);
	freeze_undo();
	assert_int_equal(halts, 1);
	assert_int_equal(goes, 1);
	assert_int_equal(freeze_halted(child), -1);
	answers = 1;
	assert_int_equal(freeze(), 0);
	freeze_undo();
	assert_int_equal(halts, 2);
}

/* It lay in its channel when it was stopped. */
static void
answer_of_who_is_stopped_is_no_offence(void **state)
{
	(void)state;
	assert_int_equal(freeze(), 0);
	assert_int_equal(freeze_halted(child), 0);
	assert_int_equal(freeze_halted(child), -1);
	freeze_undo();
	expect_goes_on();
	assert_int_equal(freeze_halted(child), -1);
}

static void
answer_after_it_was_let_go_is_no_offence(void **state)
{
	(void)state;
	assert_int_equal(freeze(), 0);
	freeze_undo();
	expect_goes_on();
	assert_int_equal(freeze_halted(child), 0);
	assert_int_equal(freeze_halted(child), -1);
}

/* What it says late does not mean that it stands now. */
static void
late_answer_is_none_to_the_next_question(void **state)
{
	(void)state;
	assert_int_equal(freeze(), 0);
	freeze_undo();
	expect_goes_on();
	answers = 1;
	assert_int_equal(freeze(), 0);
	assert_int_equal(halts, 1);
	freeze_undo();
	expect_goes_on(); /* so it was stopped */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    who_answers_stands_and_is_let_go, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    answer_of_who_is_stopped_is_no_offence, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    answer_after_it_was_let_go_is_no_offence, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    late_answer_is_none_to_the_next_question, set_up,
		    tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
