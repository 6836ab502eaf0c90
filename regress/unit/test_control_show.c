/*
 * What the control process tells out of the shared tables: lists in pages,
 * sums, events; and that it believes none of their numbers.
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
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../../common/clock.h"
#include "../../common/record.h"
#include "control_rig.h"

#define SLOTS (RIG_BRIDGES + RIG_SESSIONS)

/* One record as it came. */
struct got {
	unsigned int n;
	struct record_field field[64];
};

static struct rig rig;
static struct got got;

static int
setup(void **state)
{
	(void)state;
	rig_start(&rig, 1, 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	rig_end(&rig, 0);
	return 0;
}

/* An id that lives in this slot. */
static uint32_t
id_of(uint32_t slot)
{
	return 3 * (SLOTS + 1) + slot;
}

static void
add_entry(uint32_t slot, enum slot_kind kind, uint32_t bridge, const char *src,
    const char *dst)
{
	struct registry_entry *e = registry_begin(&rig.registry, slot);
	const char *why;

	memset(e, 0, sizeof *e);
	e->id = id_of(slot);
	e->kind = (uint8_t)kind;
	e->state = kind == SLOT_BRIDGE ? STATE_LISTENING : STATE_OPEN;
	e->bridge = bridge;
	e->born_ns = clock_wall_ns() - 5 * (uint64_t)1000000000;
	snprintf(e->spec.name, sizeof e->spec.name, "name-%u", slot);
	assert_int_equal(addr_parse(&e->spec.src, src, NULL, &why), 0);
	assert_int_equal(addr_parse(&e->spec.dst, dst, NULL, &why), 0);
	e->spec.options.max = 17;
	e->parent_count[PARENT_OPENED] = 8;
	e->ended[COUNT_BYTES_TO_DST] = 1000;
	registry_end(&rig.registry, slot);
}

static void
add_stream_bridge(uint32_t slot)
{
	add_entry(slot, SLOT_BRIDGE, 0, "tcp:127.0.0.1:80", "tcp:[::1]:8080");
}

static void
add_session(uint32_t slot, uint32_t bridge, uint64_t bytes)
{
	add_entry(slot, SLOT_SESSION, bridge, "tcp:10.0.0.9:4711",
	    "tcp:[::1]:8080");
	counters_reset(&rig.counters, slot, id_of(slot), clock_ms());
	counters_add(&rig.counters.slots[slot], COUNT_BYTES_TO_DST, bytes);
	counters_add(&rig.counters.slots[slot], COUNT_BYTES_TO_SRC, 3);
}

static const struct record_field *
field(unsigned int number)
{
	unsigned int i;

	for (i = 0; i < got.n; i++)
		if (got.field[i].field == number)
			return &got.field[i];
	return NULL;
}

static uint64_t
number(unsigned int n)
{
	const struct record_field *f = field(n);

	if (f == NULL || f->type != FIELD_NUMBER)
		fail_msg("no number %s", field_name(n));
	return f->number;
}

static const char *
text(unsigned int n)
{
	const struct record_field *f = field(n);

	if (f == NULL || f->type != FIELD_STRING)
		fail_msg("no text %s", field_name(n));
	return f->text;
}

static void
is_addr(unsigned int n, const char *want)
{
	const struct record_field *f = field(n);
	char buf[ADDR_TEXT_BYTES];

	if (f == NULL || f->type != FIELD_ADDR)
		fail_msg("no address %s", field_name(n));
	assert_string_equal(addr_print(&f->addr, buf, sizeof buf), want);
}

static void
next_record(struct frame_in *in)
{
	unsigned int i;

	got.n = record_open(in);
	assert_true(got.n > 0);
	assert_true(got.n <= sizeof got.field / sizeof got.field[0]);
	for (i = 0; i < got.n; i++)
		assert_int_equal(record_get(in, &got.field[i]), 1);
}

static void
expect_records(int fd, uint32_t request, struct frame_in *in,
    struct proto_records *head)
{
	peer_recv(fd, in);
	assert_int_equal(in->type, MSG_C2L_RECORDS);
	assert_int_equal(in->request, request);
	proto_get_records(in, head);
}

/* A list of exactly one record. */
static void
list_one(int fd, uint8_t what)
{
	struct proto_records head;
	struct frame_in in;

	peer_list(fd, 2, what, 0);
	expect_records(fd, 2, &in, &head);
	assert_int_equal(head.cursor, 0);
	assert_int_equal(head.count, 1);
	next_record(&in);
	assert_int_equal(frame_done(&in), 0);
}

static void
empty_lists_are_empty(void **state)
{
	struct proto_records head;
	struct frame_in in;
	uint8_t what;
	int fd;

	(void)state;
	fd = rig_open(&rig, 0, 1, ROLE_OBSERVE);
	for (what = LIST_BRIDGES; what <= LIST_SESSIONS; what++) {
		peer_list(fd, what, what, 0);
		expect_records(fd, what, &in, &head);
		assert_int_equal(frame_done(&in), 0);
		assert_int_equal(head.cursor, 0);
		assert_int_equal(head.count, 0);
	}
}

static void
pages_hold_each_bridge_once(void **state)
{
	struct proto_records head = { 0 };
	struct frame_in in;
	uint32_t slot, pages = 0, expected = 1;
	unsigned int i;
	int fd;

	(void)state;
	for (slot = 1; slot <= RIG_BRIDGES; slot += 1 + slot % 2)
		add_stream_bridge(slot);
	fd = rig_open(&rig, 0, 1, ROLE_OBSERVE);
	do {
		peer_list(fd, 9, LIST_BRIDGES, head.cursor);
		expect_records(fd, 9, &in, &head);
		for (i = 0; i < head.count; i++) {
			next_record(&in);
			assert_int_equal(number(FIELD_ID), id_of(expected));
			expected += 1 + expected % 2;
		}
		assert_int_equal(frame_done(&in), 0);
		assert_true(head.count > 0);
		pages++;
	} while (head.cursor != 0);
	assert_true(expected > RIG_BRIDGES);
	assert_true(pages > 1);
}

static void
bridge_sums_its_sessions(void **state)
{
	int fd;

	(void)state;
	add_stream_bridge(4);
	add_session(RIG_BRIDGES + 1, id_of(4), 10);
	add_session(RIG_BRIDGES + 9, id_of(4), 200);
	add_session(SLOTS, id_of(5), 7); /* of no bridge there is */
	/* Of the one that was in the slot before. */
	add_session(SLOTS - 1, id_of(4) - (SLOTS + 1), 7);
	fd = rig_open(&rig, 0, 1, ROLE_OBSERVE);
	list_one(fd, LIST_BRIDGES);
	assert_int_equal(number(FIELD_ID), id_of(4));
	assert_string_equal(text(FIELD_NAME), "name-4");
	assert_string_equal(text(FIELD_KIND), "bridge");
	assert_string_equal(text(FIELD_STATE), "listening");
	is_addr(FIELD_SRC, "tcp:127.0.0.1:80");
	is_addr(FIELD_DST, "tcp:[::1]:8080");
	assert_int_equal(number(FIELD_AGE), 5);
	assert_int_equal(number(FIELD_OPTIONS), 17);
	assert_int_equal(number(FIELD_PARENT + PARENT_OPENED), 8);
	assert_int_equal(number(FIELD_COUNT + COUNT_BYTES_TO_DST), 1210);
	assert_int_equal(number(FIELD_COUNT + COUNT_BYTES_TO_SRC), 6);
	assert_null(field(FIELD_COUNT + COUNT_MESSAGES_IN));
	assert_null(field(FIELD_COUNT + COUNT_DROP_OTHER));
	/* What is new is seen at once. */
	counters_add(&rig.counters.slots[RIG_BRIDGES + 1], COUNT_BYTES_TO_DST,
	    5);
	list_one(fd, LIST_BRIDGES);
	assert_int_equal(number(FIELD_COUNT + COUNT_BYTES_TO_DST), 1215);
}

static void
datagram_bridge_has_messages_and_drops(void **state)
{
	int fd;

	(void)state;
	add_entry(2, SLOT_BRIDGE, 0, "udp:127.0.0.1:53", "udp:10.0.0.1:53");
	counters_reset(&rig.counters, 2, id_of(2), clock_ms());
	counters_add(&rig.counters.slots[2], COUNT_MESSAGES_IN, 12);
	counters_add(&rig.counters.slots[2], COUNT_DROP_TOO_LONG, 2);
	fd = rig_open(&rig, 0, 1, ROLE_OBSERVE);
	list_one(fd, LIST_BRIDGES);
	assert_int_equal(number(FIELD_COUNT + COUNT_MESSAGES_IN), 12);
	assert_int_equal(number(FIELD_COUNT + COUNT_DROP_TOO_LONG), 2);
	assert_int_equal(number(FIELD_COUNT + COUNT_DROP_OTHER), 0);
	assert_null(field(FIELD_COUNT + COUNT_BYTES_TO_SRC));
	assert_null(field(FIELD_SESSIONS));
	assert_non_null(field(FIELD_SILENT));
}

static void
session_names_its_bridge(void **state)
{
	int fd;

	(void)state;
	add_stream_bridge(4);
	add_session(RIG_BRIDGES + 1, id_of(4), 10);
	rig_skip_ms(2000);
	fd = rig_open(&rig, 0, 1, ROLE_OBSERVE);
	list_one(fd, LIST_SESSIONS);
	assert_int_equal(number(FIELD_ID), id_of(RIG_BRIDGES + 1));
	assert_int_equal(number(FIELD_BRIDGE), id_of(4));
	assert_string_equal(text(FIELD_BRIDGE_NAME), "name-4");
	assert_string_equal(text(FIELD_STATE), "open");
	is_addr(FIELD_PEER, "tcp:10.0.0.9:4711");
	is_addr(FIELD_DST, "tcp:[::1]:8080");
	assert_true(number(FIELD_SILENT) >= 2000);
	assert_int_equal(number(FIELD_AGE), 5);
	assert_int_equal(number(FIELD_COUNT + COUNT_BYTES_TO_DST), 10);
}

static void
summary_is_one_record(void **state)
{
	int fd;

	(void)state;
	add_stream_bridge(4);
	add_session(RIG_BRIDGES + 1, id_of(4), 10);
	rig.registry.head->bridges_limit = 120;
	rig.registry.head->born_ns = clock_wall_ns() - 9000000000;
	atomic_store(&rig.registry.head->bridges, 1);
	atomic_store(&rig.registry.head->standby_engines, 4);
	atomic_store(&rig.registry.head->parent_count[PARENT_FAILED], 6);
	fd = rig_open(&rig, 0, 1, ROLE_OBSERVE);
	list_one(fd, LIST_SUMMARY);
	assert_string_equal(text(FIELD_VERSION), MCTD_VERSION);
	assert_int_equal(number(FIELD_UPTIME), 9);
	assert_int_equal(number(FIELD_BRIDGES), 1);
	assert_int_equal(number(FIELD_BRIDGES_LIMIT), 120);
	assert_int_equal(number(FIELD_STANDBY_ENGINES), 4);
	assert_int_equal(number(FIELD_PARENT + PARENT_FAILED), 6);
	assert_int_equal(number(FIELD_EVENTS), 1);
	assert_int_equal(number(FIELD_COUNT + COUNT_BYTES_TO_DST), 1010);
}

static void
wrong_lists_and_cursors_are_told(void **state)
{
	int fd;

	(void)state;
	fd = rig_open(&rig, 0, 1, ROLE_OBSERVE);
	peer_list(fd, 2, 0, 0);
	peer_error(fd, 2, EINVAL, "no such list");
	peer_list(fd, 3, 99, 0);
	peer_error(fd, 3, EINVAL, "no such list");
	peer_list(fd, 4, LIST_SUMMARY, 1);
	peer_error(fd, 4, EINVAL, "cursor");
	peer_list(fd, 5, LIST_BRIDGES, RIG_BRIDGES + 1);
	peer_error(fd, 5, EINVAL, "cursor");
	peer_list(fd, 6, LIST_SESSIONS, RIG_BRIDGES);
	peer_error(fd, 6, EINVAL, "cursor");
	peer_list(fd, 7, LIST_SESSIONS, UINT32_MAX);
	peer_error(fd, 7, EINVAL, "cursor");
}

static void
slot_that_stays_in_change_is_busy(void **state)
{
	int fd;

	(void)state;
	fd = rig_open(&rig, 0, 1, ROLE_OBSERVE);
	registry_begin(&rig.registry, 7);
	peer_list(fd, 2, LIST_BRIDGES, 0);
	peer_error(fd, 2, EAGAIN, "busy");
	registry_end(&rig.registry, 7);
	registry_begin(&rig.registry, RIG_BRIDGES + 1);
	peer_list(fd, 3, LIST_SESSIONS, 0);
	peer_error(fd, 3, EAGAIN, "busy");
	registry_end(&rig.registry, RIG_BRIDGES + 1);
}

/* Numbers out of range in a table are another process's madness. */
static void
tables_are_not_believed(void **state)
{
	struct registry_entry *e;
	struct proto_records head;
	struct frame_in in;
	int fd, i;

	(void)state;
	add_stream_bridge(1);
	add_stream_bridge(2);
	e = registry_begin(&rig.registry, 1);
	e->spec.src.len = UINT16_MAX;
	registry_end(&rig.registry, 1);
	e = registry_begin(&rig.registry, 2);
	e->state = 250;
	memset(e->spec.name, 'n', sizeof e->spec.name);
	registry_end(&rig.registry, 2);
	add_session(RIG_BRIDGES + 1, UINT32_MAX, 1);
	add_session(RIG_BRIDGES + 2, 0, 1);
	add_session(RIG_BRIDGES + 3, id_of(RIG_BRIDGES + 1), 1);
	fd = rig_open(&rig, 0, 1, ROLE_OBSERVE);
	list_one(fd, LIST_BRIDGES);
	assert_int_equal(number(FIELD_ID), id_of(2));
	assert_int_equal(strlen(text(FIELD_NAME)), NAME_BYTES - 1);
	peer_list(fd, 3, LIST_SESSIONS, 0);
	expect_records(fd, 3, &in, &head);
	assert_int_equal(head.count, 3);
	for (i = 0; i < 3; i++) {
		next_record(&in);
		assert_null(field(FIELD_BRIDGE_NAME));
	}
}

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

int
main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(empty_lists_are_empty),
		T(pages_hold_each_bridge_once),
		T(bridge_sums_its_sessions),
		T(datagram_bridge_has_messages_and_drops),
		T(session_names_its_bridge),
		T(summary_is_one_record),
		T(wrong_lists_and_cursors_are_told),
		T(slot_that_stays_in_change_is_busy),
		T(tables_are_not_believed),
		T(events_are_replayed_and_gaps_told),
		T(waiting_client_is_woken_by_the_parent),
		T(event_numbers_roll_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
