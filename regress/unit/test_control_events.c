/*
 * Events to clients: replayed, waited for, and told to be missed.
 */
/* links: regress/unit/control_rig.c regress/unit/control_peer.c */
/* links: mctd/control/control.c mctd/control/uplink.c */
/* links: mctd/control/client.c mctd/control/dispatch.c */
/* links: mctd/control/show.c mctd/control/attach.c mctd/control/loop.c */
/* libs: -levent_core -lcap-ng -lbsd */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "../../common/record.h"
#include "control_records.h"
#include "control_rig.h"

static struct rig rig;

static void
add_events(uint32_t n)
{
	struct ring_event e = { .type = EVENT_DROPPED_PACKET,
		.id = 8,
		.reason = COUNT_DROP_REFUSED,
		.err = ECONNREFUSED };

	e.count[COUNT_DROP_REFUSED] = 5;
	while (n-- > 0)
		ring_add(&rig.ring, &e);
}

/* Takes answers until `upto` is the next number; checks the numbers. */
static void
take_events(int fd, uint32_t from, uint32_t upto)
{
	struct proto_records head;
	struct frame_in in;
	unsigned int i;

	while (from != upto) {
		peer_events(fd, 8, 0, from);
		expect_records(fd, 8, &in, &head);
		assert_int_equal(head.lost, 0);
		assert_true(head.count > 0);
		for (i = 0; i < head.count; i++) {
			next_record(&in);
			assert_int_equal(number(FIELD_SEQ), from);
			from++;
		}
		assert_int_equal(frame_done(&in), 0);
		assert_int_equal(head.cursor, from);
	}
}

static void
events_are_replayed_and_gaps_told(void **state)
{
	struct proto_records head;
	struct frame_in in;
	int fd;

	(void)state;
	fd = rig_open(&rig, 0, 1, ROLE_OBSERVE);
	add_events(10);
	take_events(fd, 1, 11);
	take_events(fd, 4, 11);
	assert_string_equal(text(FIELD_EVENT), "dropped-packet");
	assert_int_equal(number(FIELD_EVENT_NUMBER), EVENT_DROPPED_PACKET);
	assert_int_equal(number(FIELD_ID), 8);
	assert_int_equal(number(FIELD_ERR), ECONNREFUSED);
	assert_string_equal(text(FIELD_REASON), name_count(COUNT_DROP_REFUSED));
	assert_int_equal(number(FIELD_COUNT + COUNT_DROP_REFUSED), 5);
	assert_null(field(FIELD_COUNT + COUNT_MESSAGES_IN));
	assert_null(field(FIELD_TEXT));
	peer_events(fd, 8, 0, 0); /* before the first: nothing is lost */
	expect_records(fd, 8, &in, &head);
	assert_int_equal(head.lost, 0);
	assert_int_equal(head.count, 10);
	add_events(RIG_EVENTS); /* 1..10 have left */
	peer_events(fd, 8, 0, 4);
	expect_records(fd, 8, &in, &head);
	assert_int_equal(head.lost, 7);
	next_record(&in);
	assert_int_equal(number(FIELD_SEQ), 11);
	take_events(fd, 11, 11 + RIG_EVENTS);
}

static void
waiting_client_is_woken_by_the_parent(void **state)
{
	struct proto_records head;
	struct frame_in in;
	int fd, other;

	(void)state;
	add_events(3);
	fd = rig_open(&rig, 0, 1, ROLE_OBSERVE);
	other = rig_open(&rig, 1, 1, ROLE_OBSERVE);
	peer_events(fd, 5, EVENTS_WAIT, 2); /* there are some: at once */
	expect_records(fd, 5, &in, &head);
	assert_int_equal(head.count, 2);
	assert_int_equal(head.cursor, 4);
	peer_events(fd, 6, EVENTS_WAIT, head.cursor);
	peer_events(other, 7, EVENTS_WAIT | EVENTS_NEXT, 1);
	peer_alive(fd, 100); /* both wait now, and go on asking */
	peer_alive(other, 101);
	rig_plain(&rig, MSG_P2C_EVENTS); /* for nothing */
	add_events(1);
	rig_plain(&rig, MSG_P2C_EVENTS);
	expect_records(fd, 6, &in, &head);
	assert_int_equal(head.count, 1);
	assert_int_equal(head.cursor, 5);
	expect_records(other, 7, &in, &head);
	assert_int_equal(head.count, 1);
	next_record(&in);
	assert_int_equal(number(FIELD_SEQ), 4);
	peer_events(fd, 8, EVENTS_NEXT, 0); /* not waiting: none, at once */
	expect_records(fd, 8, &in, &head);
	assert_int_equal(head.count, 0);
	assert_int_equal(head.cursor, 5);
	peer_events(fd, 9, 0x80, 0);
	peer_error(fd, 9, EINVAL, "flags");
}

static void
event_numbers_roll_over(void **state)
{
	struct proto_records head;
	struct frame_in in;
	int fd;

	(void)state;
	atomic_store(&rig.ring.head->next, UINT32_MAX - 4);
	fd = rig_open(&rig, 0, 1, ROLE_OBSERVE);
	add_events(10);
	take_events(fd, UINT32_MAX - 4, 5);
	take_events(fd, UINT32_MAX, 5);
	take_events(fd, 0, 5);
	add_events(RIG_EVENTS);
	peer_events(fd, 8, 0, UINT32_MAX);
	expect_records(fd, 8, &in, &head);
	assert_int_equal(head.lost, 6);
	/* From another life of the daemon: from now on. */
	peer_events(fd, 9, 0, 100000);
	expect_records(fd, 9, &in, &head);
	assert_int_equal(head.count, 0);
	assert_int_equal(head.cursor, 5 + RIG_EVENTS);
}

static void
down_dst_is_told_with_its_address(void **state)
{
	struct ring_event e = { .type = EVENT_DST_DOWN,
		.id = 8,
		.bridge = 8,
		.reason = END_CONNECT_TIMEOUT,
		.err = ETIMEDOUT,
		.text = "tcp:10.0.0.1:80" };
	int fd;

	(void)state;
	fd = rig_open(&rig, 0, 1, ROLE_OBSERVE);
	ring_add(&rig.ring, &e);
	take_events(fd, 1, 2);
	assert_string_equal(text(FIELD_EVENT), "dst-down");
	assert_string_equal(text(FIELD_REASON), "connect-timeout");
	assert_string_equal(text(FIELD_TEXT), "tcp:10.0.0.1:80");
	assert_int_equal(number(FIELD_ERR), ETIMEDOUT);
	e.type = EVENT_DST_UP;
	e.reason = END_NONE;
	ring_add(&rig.ring, &e);
	take_events(fd, 2, 3);
	assert_string_equal(text(FIELD_EVENT), "dst-up");
	assert_null(field(FIELD_REASON));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(f) RIG_TEST(f, &rig)
		T(events_are_replayed_and_gaps_told),
		T(waiting_client_is_woken_by_the_parent),
		T(event_numbers_roll_over),
		T(down_dst_is_told_with_its_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
