/*
 * Events of the library, against a scripted daemon.
 */
/* links: common/clock.c */

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "../../libmct/include/mct/event.h"
#include "../../libmct/include/mct/list.h"
#include "../../libmct/include/mct/mct.h"
#include "../../libmct/include/mct/session.h"
#include "fake_daemon.h"

/* Long enough for whatever comes; reached only when the test fails. */
#define PATIENCE_MS 10000

static void
ended(struct fake *fake, struct mct *mct)
{
	assert_int_equal(mct_event_detach(mct), 0);
	fake_ended(fake, mct);
}

static int
is_readable(struct mct *mct, int ms)
{
	struct pollfd p = { .fd = mct_fd(mct), .events = POLLIN };

	return poll(&p, 1, ms) == 1;
}

/* The next event must have this number. */
static void
reads(struct mct *mct, unsigned int seq)
{
	unsigned int id;

	assert_int_equal(mct_event_read(mct, NULL, &id, NULL, NULL), 0);
	assert_int_equal(id, seq);
}

static void
would_block(struct mct *mct)
{
	assert_int_equal(mct_event_read(mct, NULL, NULL, NULL, NULL), -1);
	assert_int_equal(errno, EWOULDBLOCK);
}

/* ---- the script's side ---- */

/* ---- tests ---- */

static void
test_events_have_the_daemon_s_numbers(void **state)
{
	(void)state;
	assert_int_equal(MCT_SESSION_CLOSED, EVENT_SESSION_CLOSED);
	assert_int_equal(MCT_SHORT_SEND, EVENT_SHORT_SEND);
	assert_int_equal(MCT_CONFIG_LOADED, EVENT_CONFIG_LOADED);
	assert_int_equal(MCT_DST_DOWN, EVENT_DST_DOWN);
	assert_int_equal(MCT_DST_UP, EVENT_DST_UP);
	assert_int_equal(MCT_ONE_WAY, EVENT_ONE_WAY);
	assert_int_equal(MCT_GROUP_JOINED, EVENT_GROUP_JOINED);
	assert_int_equal(MCT_GROUP_LEFT, EVENT_GROUP_LEFT);
	assert_int_equal(MCT_GROUP_WAITING, EVENT_GROUP_WAITING);
	assert_int_equal(MCT_GROUP_WAITING + 1, EVENT_TYPES);
}

static void
script_rollover(struct fake *fake)
{
	uint32_t wait = fake_attached(fake, UINT32_MAX);

	fake_records(fake, wait, 3);
	fake_event(fake, UINT32_MAX, 42);
	fake_event(fake, 0, 0);
	fake_event(fake, 2, 42); /* 1 has left the daemon's ring */
	fake_records_end(fake);
	fake_events(fake, fake_expect_events(fake, EVENTS_WAIT, 3), 3, 1);
	fake_expect_events(fake, EVENTS_WAIT, 4);
	fake_expect_end(fake);
}

static void
test_blocking_reads_give_all_and_show_gaps(void **state)
{
	struct fake fake;
	struct mct *mct = fake_connected(&fake, script_rollover);
	enum mct_event e;
	unsigned int id;
	int s, err;

	(void)state;
	assert_int_equal(mct_event_read(mct, NULL, NULL, NULL, NULL), -1);
	assert_int_equal(errno, ENOTCONN);
	assert_int_equal(mct_event_detach(mct), -1);
	assert_int_equal(errno, ENOTCONN);
	assert_int_equal(mct_event_attach(mct, 1), 0);
	assert_int_equal(mct_event_attach(mct, 1), -1);
	assert_int_equal(errno, EISCONN);
	assert_int_equal(mct_event_read(mct, &e, &id, &s, &err), 0);
	assert_int_equal(e, MCT_CONNECT_FAILED);
	assert_int_equal(id, UINT32_MAX);
	assert_int_equal(s, 42);
	assert_int_equal(err, 111);
	reads(mct, 0);
	reads(mct, 2);
	reads(mct, 3);
	assert_int_equal(mct_fini(mct), -1);
	assert_int_equal(errno, EISCONN);
	ended(&fake, mct);
}

static void
script_on_demand(struct fake *fake)
{
	uint32_t wait = fake_attached(fake, 1);

	fake_wait(fake, 1);
	fake_events(fake, wait, 1, 1);
	wait = fake_expect_events(fake, EVENTS_WAIT, 2);
	fake_wait(fake, 2);
	fake_events(fake, wait, 2, 1);
	fake_expect_events(fake, EVENTS_WAIT, 3);
	fake_expect_end(fake);
}

static void
test_descriptor_tells_of_events(void **state)
{
	const struct mct_record *record;
	struct fake fake;
	struct mct *mct = fake_connected(&fake, script_on_demand);
	int i;

	(void)state;
	assert_int_equal(mct_event_attach(mct, 0), 0);
	would_block(mct);
	for (i = 1; i <= 2; i++) {
		assert_false(is_readable(mct, 0));
		fake_give(&fake, i);
		assert_true(is_readable(mct, PATIENCE_MS));
		assert_int_equal(mct_event_next(mct, &record), 0);
		assert_string_equal(mct_record_text(record, "id"), "42");
		would_block(mct);
	}
	ended(&fake, mct);
}

static void
script_in_between(struct fake *fake)
{
	uint32_t request, wait = fake_attached(fake, 1);

	request = fake_expect(fake, MSG_L2C_CLOSE, NULL);
	fake_records(fake, wait, 3);
	fake_event(fake, 1, 42);
	fake_event(fake, 2, 42);
	fake_records_end(fake);
	fake_done(fake, request, 0);
	fake_expect_events(fake, EVENTS_WAIT, 3);
	fake_expect_end(fake);
}

static void
test_events_during_a_call_are_kept(void **state)
{
	struct fake fake;
	struct mct *mct = fake_connected(&fake, script_in_between);

	(void)state;
	assert_int_equal(mct_event_attach(mct, 0), 0);
	assert_int_equal(mct_session_close(mct, 42), 0);
	reads(mct, 1);
	reads(mct, 2);
	would_block(mct);
	ended(&fake, mct);
}

/*
 * The daemon takes one waiting request: attached again, the handle must not
 * send another before the first is answered, and miss nothing.
 */
static void
script_again(struct fake *fake)
{
	uint32_t stale = fake_attached(fake, 5);

	fake_events(fake, fake_expect_events(fake, EVENTS_NEXT, 0), 5, 0);
	FAKE_CHECK(fake, fake_quiet(fake));
	fake_events(fake, stale, 5, 1);
	fake_events(fake, fake_expect_events(fake, EVENTS_WAIT, 5), 5, 1);
	fake_expect_events(fake, EVENTS_WAIT, 6);
	fake_expect_end(fake);
}

static void
test_attach_again_from_now_on(void **state)
{
	struct fake fake;
	struct mct *mct = fake_connected(&fake, script_again);

	(void)state;
	assert_int_equal(mct_event_attach(mct, 1), 0);
	assert_int_equal(mct_event_detach(mct), 0);
	assert_int_equal(mct_event_attach(mct, 1), 0);
	reads(mct, 5);
	ended(&fake, mct);
}

static void
script_again_since(struct fake *fake)
{
	uint32_t stale = fake_attached(fake, 5);

	fake_events(fake, fake_expect_events(fake, EVENTS_NEXT, 0), 5, 0);
	fake_records(fake, fake_expect_events(fake, 0, 3), 5);
	fake_event(fake, 3, 42);
	fake_event(fake, 4, 42);
	fake_records_end(fake);
	fake_events(fake, fake_expect_events(fake, 0, 5), 5, 0);
	fake_wait(fake, 1);
	fake_events(fake, stale, 5, 1);
	fake_events(fake, fake_expect_events(fake, EVENTS_WAIT, 5), 5, 1);
	fake_expect_events(fake, EVENTS_WAIT, 6);
	fake_expect_end(fake);
}

static void
test_attach_again_since_a_number(void **state)
{
	struct fake fake;
	struct mct *mct = fake_connected(&fake, script_again_since);

	(void)state;
	assert_int_equal(mct_event_attach(mct, 1), 0);
	assert_int_equal(mct_event_detach(mct), 0);
	assert_int_equal(mct_event_attach_since(mct, 1, 3), 0);
	reads(mct, 3);
	reads(mct, 4);
	fake_give(&fake, 1);
	reads(mct, 5);
	ended(&fake, mct);
}

static void
script_refuses(struct fake *fake)
{
	uint32_t request, wait = fake_attached(fake, 1);

	request = fake_expect(fake, MSG_L2C_CLOSE, NULL);
	fake_error(fake, wait, ENOSYS, "no events today");
	fake_done(fake, request, 0);
	fake_events(fake, fake_expect_events(fake, EVENTS_WAIT, 1), 1, 1);
	fake_expect_events(fake, EVENTS_WAIT, 2);
	fake_expect_end(fake);
}

static void
test_refused_events_concern_no_other_call(void **state)
{
	struct fake fake;
	struct mct *mct = fake_connected(&fake, script_refuses);

	(void)state;
	assert_int_equal(mct_event_attach(mct, 1), 0);
	assert_int_equal(mct_session_close(mct, 42), 0);
	assert_int_equal(mct_event_read(mct, NULL, NULL, NULL, NULL), -1);
	assert_int_equal(errno, ENOSYS);
	assert_string_equal(mct_error(mct), "no events today");
	reads(mct, 1);
	ended(&fake, mct);
}

static void
script_ends(struct fake *fake)
{
	fake_events(fake, fake_attached(fake, 1), 1, 1);
	fake_expect_events(fake, EVENTS_WAIT, 2);
}

static void
test_end_of_the_daemon_ends_a_blocking_read(void **state)
{
	struct fake fake;
	struct mct *mct = fake_connected(&fake, script_ends);

	(void)state;
	assert_int_equal(mct_event_attach(mct, 1), 0);
	reads(mct, 1);
	assert_int_equal(mct_event_read(mct, NULL, NULL, NULL, NULL), -1);
	assert_int_equal(errno, EPIPE);
	assert_true(is_readable(mct, 0));
	ended(&fake, mct);
}

static void
script_no_number(struct fake *fake)
{
	struct record_out r;

	fake_records(fake, fake_attached(fake, 1), 2);
	record_begin(&r, &fake->out);
	record_put_number(&r, FIELD_SEQ, 1);
	record_end(&r);
	fake->head.count++;
	fake_records_end(fake);
}

static void
test_event_without_a_number_is_broken(void **state)
{
	struct fake fake;
	struct mct *mct = fake_connected(&fake, script_no_number);

	(void)state;
	assert_int_equal(mct_event_attach(mct, 1), 0);
	assert_int_equal(mct_event_read(mct, NULL, NULL, NULL, NULL), -1);
	assert_int_equal(errno, EBADMSG);
	ended(&fake, mct);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events_have_the_daemon_s_numbers),
		cmocka_unit_test(test_blocking_reads_give_all_and_show_gaps),
		cmocka_unit_test(test_descriptor_tells_of_events),
		cmocka_unit_test(test_events_during_a_call_are_kept),
		cmocka_unit_test(test_attach_again_from_now_on),
		cmocka_unit_test(test_attach_again_since_a_number),
		cmocka_unit_test(test_refused_events_concern_no_other_call),
		cmocka_unit_test(test_end_of_the_daemon_ends_a_blocking_read),
		cmocka_unit_test(test_event_without_a_number_is_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
