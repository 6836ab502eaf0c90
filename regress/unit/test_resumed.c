/*
 * The library at a take-over in the daemon: what it asks again, with which
 * request ids, and that its callers notice nothing.
 */
/* links: common/clock.c */

#include <sys/types.h>

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

#define SRC      "tcp:127.0.0.1:7001"
#define DST      "tcp:127.0.0.1:7002"
#define SHORT_MS 50

static void
resumed(struct fake *fake)
{
	fake_begin(fake, MSG_C2L_RESUMED, 0);
	fake_send(fake);
}

/* A request, then the take-over, then the same request. */
static uint32_t
asked_twice(struct fake *fake, uint16_t type)
{
	uint32_t request = fake_expect(fake, type, NULL);

	resumed(fake);
	FAKE_CHECK(fake, fake_expect(fake, type, NULL) == request);
	return request;
}

static void
answer_hello(struct fake *fake, uint32_t request)
{
	struct proto_hello hello = { PROTO_MAGIC, PROTO_VERSION, ROLE_ADMIN,
		FRAME_MAX };

	fake_begin(fake, MSG_C2L_HELLO, request);
	proto_put_hello(&fake->out, &hello);
	fake_send(fake);
}

static void
script_hello(struct fake *fake)
{
	uint32_t request = asked_twice(fake, MSG_L2C_HELLO);

	answer_hello(fake, request);
	answer_hello(fake, request); /* to both, as it may happen */
	fake_done(fake, fake_expect(fake, MSG_L2C_RELOAD, NULL), 0);
	fake_expect_end(fake);
}

static void
hello_is_said_again(void **state)
{
	struct fake fake;
	struct mct *mct = fake_connected(&fake, script_hello);

	(void)state;
	assert_int_equal(mct_reload(mct), 0);
	fake_ended(&fake, mct);
}

/* Two take-overs; the caller gets one answer, and the others are dropped. */
static void
script_order(struct fake *fake)
{
	struct bridge_spec spec;
	struct frame_in in;
	uint32_t request;
	int i;

	fake_hello(fake);
	request = asked_twice(fake, MSG_L2C_BRIDGE_ADD);
	resumed(fake);
	FAKE_CHECK(fake, fake_expect(fake, MSG_L2C_BRIDGE_ADD, &in) == request);
	proto_get_spec(&in, &spec);
	FAKE_CHECK(fake, frame_done(&in) == 0);
	FAKE_CHECK(fake, addr_port(&spec.dst) == 7002);
	for (i = 0; i < 3; i++)
		fake_done(fake, request, 5);
	fake_done(fake, fake_expect(fake, MSG_L2C_CLOSE, NULL), 0);
	fake_expect_end(fake);
}

static void
order_is_asked_again_and_answered_once(void **state)
{
	struct fake fake;
	struct mct *mct = fake_connected(&fake, script_order);

	(void)state;
	assert_int_equal(mct_bridge_text(mct, SRC, DST, NULL), 5);
	assert_int_equal(mct_session_close(mct, 5), 0);
	fake_ended(&fake, mct);
}

/* What was given up is not asked again, nor is what has its answer. */
static void
script_given_up(struct fake *fake)
{
	uint32_t request;

	fake_hello(fake);
	fake_done(fake, fake_expect(fake, MSG_L2C_RELOAD, NULL), 0);
	fake_expect(fake, MSG_L2C_STOP, NULL);
	fake_wait(fake, 1); /* its caller has ETIMEDOUT */
	resumed(fake);
	/* It is read by the next call only, which has asked by then. */
	request = fake_expect(fake, MSG_L2C_RELOAD, NULL);
	FAKE_CHECK(fake, fake_expect(fake, MSG_L2C_RELOAD, NULL) == request);
	fake_done(fake, request, 0);
	fake_expect_end(fake);
}

static void
request_given_up_is_not_asked_again(void **state)
{
	struct fake fake;
	struct mct *mct = fake_connected(&fake, script_given_up);

	(void)state;
	assert_int_equal(mct_reload(mct), 0);
	assert_int_equal(mct_timeout(mct, SHORT_MS), 0);
	assert_int_equal(mct_stop(mct), -1);
	assert_int_equal(errno, ETIMEDOUT);
	fake_give(&fake, 1);
	assert_int_equal(mct_timeout(mct, 30000), 0);
	assert_int_equal(mct_reload(mct), 0);
	fake_ended(&fake, mct);
}

static unsigned int
next_event(struct mct *mct)
{
	unsigned int seq;

	assert_int_equal(mct_event_read(mct, NULL, &seq, NULL, NULL), 0);
	return seq;
}

static void
script_events(struct fake *fake)
{
	uint32_t wait = fake_attached(fake, 10);

	resumed(fake);
	FAKE_CHECK(fake, fake_expect_events(fake, EVENTS_WAIT, 10) == wait);
	fake_events(fake, wait, 10, 2);
	fake_events(fake, wait, 10, 2); /* a late answer: not seen twice */
	wait = fake_expect_events(fake, EVENTS_WAIT, 12);
	fake_events(fake, wait, 12, 1);
	fake_expect_events(fake, EVENTS_WAIT, 13);
	fake_expect_end(fake);
}

static void
events_go_on_without_gap_or_repeat(void **state)
{
	struct fake fake;
	struct mct *mct = fake_connected(&fake, script_events);

	(void)state;
	assert_int_equal(mct_event_attach(mct, 1), 0);
	assert_int_equal(next_event(mct), 10);
	assert_int_equal(next_event(mct), 11);
	assert_int_equal(next_event(mct), 12);
	assert_int_equal(mct_event_detach(mct), 0);
	fake_ended(&fake, mct);
}

/* An order and a request for events are out: both are asked again. */
static void
script_both(struct fake *fake)
{
	uint32_t wait = fake_attached(fake, 10), order;

	order = fake_expect(fake, MSG_L2C_RELOAD, NULL);
	resumed(fake);
	FAKE_CHECK(fake, fake_expect_events(fake, EVENTS_WAIT, 10) == wait);
	FAKE_CHECK(fake, fake_expect(fake, MSG_L2C_RELOAD, NULL) == order);
	fake_events(fake, wait, 10, 1);
	fake_done(fake, order, 0);
	fake_expect_events(fake, EVENTS_WAIT, 11);
	fake_expect_end(fake);
}

static void
order_and_events_are_both_asked_again(void **state)
{
	struct fake fake;
	struct mct *mct = fake_connected(&fake, script_both);

	(void)state;
	assert_int_equal(mct_event_attach(mct, 1), 0);
	assert_int_equal(mct_reload(mct), 0);
	assert_int_equal(next_event(mct), 10);
	assert_int_equal(mct_event_detach(mct), 0);
	fake_ended(&fake, mct);
}

/*
 * The waiting request of an earlier attachment is asked again from the number
 * that it had, so that it does not wait in the daemon beside a later one.
 */
static void
script_stale(struct fake *fake)
{
	uint32_t stale = fake_attached(fake, 10), now;

	fake_wait(fake, 1);
	fake_events(fake, fake_expect_events(fake, EVENTS_NEXT, 0), 20, 0);
	now = fake_expect_events(fake, 0, 20);
	resumed(fake);
	FAKE_CHECK(fake, fake_expect_events(fake, EVENTS_WAIT, 10) == stale);
	FAKE_CHECK(fake, fake_expect_events(fake, 0, 20) == now);
	fake_events(fake, stale, 10, 10);
	fake_events(fake, now, 20, 1);
	fake_expect_events(fake, EVENTS_WAIT, 21);
	fake_expect_end(fake);
}

static void
stale_request_is_asked_again_as_it_was(void **state)
{
	struct fake fake;
	struct mct *mct = fake_connected(&fake, script_stale);

	(void)state;
	assert_int_equal(mct_event_attach(mct, 1), 0);
	assert_int_equal(mct_event_detach(mct), 0);
	fake_give(&fake, 1);
	assert_int_equal(mct_event_attach_since(mct, 1, 20), 0);
	assert_int_equal(next_event(mct), 20);
	assert_int_equal(mct_event_detach(mct), 0);
	fake_ended(&fake, mct);
}

/* A page of a list, asked by its cursor. */
static void
script_list(struct fake *fake)
{
	uint32_t request;

	fake_hello(fake);
	request = asked_twice(fake, MSG_L2C_LIST);
	fake_events(fake, request, 7, 0); /* an empty page, the next is 7 */
	request = asked_twice(fake, MSG_L2C_LIST);
	fake_records(fake, request, 0);
	fake_event(fake, 1, 42);
	fake_records_end(fake);
	fake_expect_end(fake);
}

static void
page_of_a_list_is_asked_again(void **state)
{
	struct fake fake;
	struct mct *mct = fake_connected(&fake, script_list);
	struct mct_list *list = mct_list_open(mct, "bridges");
	const struct mct_record *record;

	(void)state;
	assert_non_null(list);
	assert_int_equal(mct_list_next(list, &record), 1);
	assert_int_equal(mct_list_next(list, &record), 0);
	mct_list_close(list);
	fake_ended(&fake, mct);
}

/* Nothing waits: it costs an idle program a look at its descriptor. */
static void
script_idle(struct fake *fake)
{
	fake_attached(fake, 10);
	fake_wait(fake, 1);
	resumed(fake);
	fake_expect_events(fake, EVENTS_WAIT, 10);
	fake_expect_end(fake);
}

static void
read_that_does_not_wait_asks_again(void **state)
{
	struct fake fake;
	struct mct *mct = fake_connected(&fake, script_idle);
	struct pollfd p = { .events = POLLIN };

	(void)state;
	assert_int_equal(mct_event_attach(mct, 0), 0);
	fake_give(&fake, 1);
	p.fd = mct_fd(mct);
	assert_int_equal(poll(&p, 1, 20000), 1);
	assert_int_equal(mct_event_read(mct, NULL, NULL, NULL, NULL), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	assert_int_equal(mct_event_detach(mct), 0);
	fake_ended(&fake, mct);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(hello_is_said_again),
		cmocka_unit_test(order_is_asked_again_and_answered_once),
		cmocka_unit_test(request_given_up_is_not_asked_again),
		cmocka_unit_test(events_go_on_without_gap_or_repeat),
		cmocka_unit_test(order_and_events_are_both_asked_again),
		cmocka_unit_test(stale_request_is_asked_again_as_it_was),
		cmocka_unit_test(page_of_a_list_is_asked_again),
		cmocka_unit_test(read_that_does_not_wait_asks_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
