/*
 * What the control process tells out of the shared tables: lists in pages
 * and sums; and that it believes none of their numbers.
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
#include "control_records.h"
#include "control_rig.h"

#define SLOTS (RIG_BRIDGES + RIG_SESSIONS)

static struct rig rig;

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
	struct bridge_spec *spec;
	const char *why;

	memset(e, 0, sizeof *e);
	e->id = id_of(slot);
	e->kind = (uint8_t)kind;
	e->state = kind == SLOT_BRIDGE ? STATE_LISTENING : STATE_OPEN;
	e->bridge = bridge;
	e->born_ns = clock_wall_ns();
	e->born_ms = clock_ms() - 5000;
	assert_int_equal(addr_parse(&e->peer, src, NULL, &why), 0);
	assert_int_equal(addr_parse(&e->dst, dst, NULL, &why), 0);
	if (kind == SLOT_BRIDGE) {
		spec = registry_spec(&rig.registry, slot);
		memset(spec, 0, sizeof *spec);
		snprintf(spec->name, sizeof spec->name, "name-%u", slot);
		spec->src = e->peer;
		spec->dst = e->dst;
		spec->options.max = 17;
	}
	e->parent_count[PARENT_OPENED] = 8;
	e->ended[COUNT_BYTES_TO_DST] = 1000;
	registry_end(&rig.registry, slot);
}

static void
add_stream_bridge(uint32_t slot)
{
	add_entry(slot, SLOT_BRIDGE, 0, "tcp:127.0.0.1:80", "tcp:[::1]:8080");
}

/* A session of an engine, which may be one that there is not. */
static void
add_engine_session(uint32_t slot, uint32_t bridge, uint64_t bytes,
    uint8_t engine)
{
	struct counters *c = &rig.counters[engine % RIG_ENGINES];
	struct registry_entry *e;

	add_entry(slot, SLOT_SESSION, bridge, "tcp:10.0.0.9:4711",
	    "tcp:[::1]:8080");
	e = registry_begin(&rig.registry, slot);
	e->engine = engine;
	registry_end(&rig.registry, slot);
	counters_reset(c, slot, id_of(slot), clock_ms());
	counters_add(&c->slots[slot], COUNT_BYTES_TO_DST, bytes);
	counters_add(&c->slots[slot], COUNT_BYTES_TO_SRC, 3);
}

static void
add_session(uint32_t slot, uint32_t bridge, uint64_t bytes)
{
	add_engine_session(slot, bridge, bytes, 0);
}

/* The same session after its end. */
static void
end_session(uint32_t slot, enum end_reason reason, uint32_t err)
{
	struct registry_entry *e = registry_begin(&rig.registry, slot);

	e->kind = SLOT_ENDED;
	e->state = STATE_NONE;
	e->reason = (uint8_t)reason;
	e->err = err;
	e->ended_ns = clock_wall_ns();
	e->ended_ms = e->born_ms + 1500;
	e->ended[COUNT_BYTES_TO_DST] = 77;
	e->ended[COUNT_BYTES_TO_SRC] = 78;
	registry_end(&rig.registry, slot);
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
	for (what = LIST_BRIDGES; what <= LIST_ENDED; what++) {
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
	add_engine_session(RIG_BRIDGES + 9, id_of(4), 200, 1);
	add_session(SLOTS, id_of(5), 7);     /* of no bridge there is */
	add_session(SLOTS - 2, id_of(4), 7); /* is in the bridge's own sum */
	end_session(SLOTS - 2, END_CLEAN, 0);
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
	counters_add(&rig.counters[0].slots[RIG_BRIDGES + 1],
	    COUNT_BYTES_TO_DST, 5);
	list_one(fd, LIST_BRIDGES);
	assert_int_equal(number(FIELD_COUNT + COUNT_BYTES_TO_DST), 1215);
}

static void
datagram_bridge_has_messages_and_drops(void **state)
{
	int fd;

	(void)state;
	add_entry(2, SLOT_BRIDGE, 0, "udp:127.0.0.1:53", "udp:10.0.0.1:53");
	counters_reset(&rig.counters[0], 2, id_of(2), clock_ms());
	counters_add(&rig.counters[0].slots[2], COUNT_MESSAGES_IN, 12);
	counters_add(&rig.counters[0].slots[2], COUNT_DROP_TOO_LONG, 2);
	fd = rig_open(&rig, 0, 1, ROLE_OBSERVE);
	list_one(fd, LIST_BRIDGES);
	assert_int_equal(number(FIELD_COUNT + COUNT_MESSAGES_IN), 12);
	assert_int_equal(number(FIELD_COUNT + COUNT_DROP_TOO_LONG), 2);
	assert_int_equal(number(FIELD_COUNT + COUNT_DROP_OTHER), 0);
	assert_null(field(FIELD_COUNT + COUNT_BYTES_TO_SRC));
	assert_null(field(FIELD_COUNT + COUNT_REPLIES_IN));
	assert_null(field(FIELD_FLOWS));
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
	assert_int_equal(number(FIELD_AGE), 5 + 2);
	assert_int_equal(number(FIELD_COUNT + COUNT_BYTES_TO_DST), 10);
}

static uint32_t
option(const char *name)
{
	uint32_t i;

	for (i = 0; strcmp(bridge_options[i].name, name) != 0; i++)
		;
	return FIELD_OPTIONS + i;
}

static void
bridge_tells_its_options_and_dsts(void **state)
{
	const char *why;
	struct bridge_options *o;
	int fd;

	(void)state;
	add_stream_bridge(4);
	fd = rig_open(&rig, 0, 1, ROLE_OBSERVE);
	list_one(fd, LIST_BRIDGES);
	assert_string_equal(text(option("bind-device")), "");
	assert_string_equal(text(option("source")), "");
	assert_string_equal(text(FIELD_HELD), "");
	assert_null(field(FIELD_DST_2));
	registry_begin(&rig.registry, 4)->held = 0x05;
	o = &registry_spec(&rig.registry, 4)->options;
	o->nodelay = FLAG_NO;
	o->rate = 4096;
	o->nmore = 2;
	strcpy(o->device, "eth0");
	assert_int_equal(addr_parse_host(&o->source, "10.0.0.1", &why), 0);
	assert_int_equal(addr_parse(&o->more[0], "tcp:10.0.0.2:80", NULL, &why),
	    0);
	assert_int_equal(addr_parse(&o->more[1], "unix:@b", NULL, &why), 0);
	registry_end(&rig.registry, 4);
	list_one(fd, LIST_BRIDGES);
	assert_int_equal(number(option("rate")), 4096);
	assert_int_equal(number(option("idle")), 0);
	assert_string_equal(text(option("nodelay")), "no");
	assert_string_equal(text(option("bind-device")), "eth0");
	is_addr(option("source"), "tcp:10.0.0.1:0");
	is_addr(FIELD_DST, "tcp:[::1]:8080");
	is_addr(FIELD_DST_2, "tcp:10.0.0.2:80");
	is_addr(FIELD_DST_2 + 1, "unix:@b");
	assert_null(field(FIELD_DST_2 + 2));
	assert_null(field(option("dst")));
	assert_string_equal(text(FIELD_HELD), "1,3");
}

static void
ended_sessions_are_a_list_of_their_own(void **state)
{
	struct registry_entry *e;
	int fd;

	(void)state;
	add_stream_bridge(4);
	add_session(RIG_BRIDGES + 1, id_of(4), 10);
	add_session(RIG_BRIDGES + 2, id_of(4), 10);
	end_session(RIG_BRIDGES + 1, END_DST_LOST, ETIMEDOUT);
	fd = rig_open(&rig, 0, 1, ROLE_OBSERVE);
	list_one(fd, LIST_SESSIONS);
	assert_int_equal(number(FIELD_ID), id_of(RIG_BRIDGES + 2));
	assert_null(field(FIELD_REASON));
	list_one(fd, LIST_ENDED);
	assert_int_equal(number(FIELD_ID), id_of(RIG_BRIDGES + 1));
	assert_string_equal(text(FIELD_BRIDGE_NAME), "name-4");
	assert_string_equal(text(FIELD_REASON), "dst-lost");
	assert_int_equal(number(FIELD_ERR), ETIMEDOUT);
	is_addr(FIELD_PEER, "tcp:10.0.0.9:4711");
	assert_int_equal(number(FIELD_LASTED), 1500);
	assert_int_equal(number(FIELD_AGO), 3);
	assert_int_equal(number(FIELD_COUNT + COUNT_BYTES_TO_DST), 77);
	assert_int_equal(number(FIELD_COUNT + COUNT_BYTES_TO_SRC), 78);
	/* What cannot be gives no time of 500 years. */
	e = registry_begin(&rig.registry, RIG_BRIDGES + 1);
	e->ended_ms = e->born_ms - 1;
	registry_end(&rig.registry, RIG_BRIDGES + 1);
	list_one(fd, LIST_ENDED);
	assert_int_equal(number(FIELD_LASTED), 0);
}

static void
closing_session_says_why(void **state)
{
	struct registry_entry *e;
	int fd;

	(void)state;
	add_engine_session(SLOTS, id_of(4), 10, 1);
	fd = rig_open(&rig, 0, 1, ROLE_OBSERVE);
	list_one(fd, LIST_SESSIONS);
	assert_int_equal(number(FIELD_ENGINE), 1);
	assert_null(field(FIELD_REASON));
	e = registry_begin(&rig.registry, SLOTS);
	e->state = STATE_CLOSING;
	e->reason = END_LIFETIME;
	registry_end(&rig.registry, SLOTS);
	list_one(fd, LIST_SESSIONS);
	assert_string_equal(text(FIELD_REASON), "lifetime");
	assert_int_equal(number(FIELD_ERR), 0);
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
	rig.registry.head->born_ms = clock_ms() - 9000;
	atomic_store(&rig.registry.head->bridges, 1);
	atomic_store(&rig.registry.head->standby_engines, 4);
	rig.registry.head->engines = 2;
	atomic_store(&rig.registry.head->parent_count[PARENT_FAILED], 6);
	fd = rig_open(&rig, 0, 1, ROLE_OBSERVE);
	list_one(fd, LIST_SUMMARY);
	assert_string_equal(text(FIELD_VERSION), MCTD_VERSION);
	assert_int_equal(number(FIELD_UPTIME), 9);
	assert_int_equal(number(FIELD_BRIDGES), 1);
	assert_int_equal(number(FIELD_BRIDGES_LIMIT), 120);
	assert_int_equal(number(FIELD_ENGINES), 2);
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
	peer_list(fd, 8, LIST_ENDED, SLOTS + 1);
	peer_error(fd, 8, EINVAL, "cursor");
	peer_list(fd, 9, LIST_GROUPS + 1, 0);
	peer_error(fd, 9, EINVAL, "no such list");
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
break_bridge(uint32_t slot)
{
	struct registry_entry *e = registry_begin(&rig.registry, slot);
	struct bridge_spec *spec = registry_spec(&rig.registry, slot);

	e->state = 250;
	e->held = UINT8_MAX;
	memset(spec->name, 'n', sizeof spec->name);
	memset(spec->options.device, 'd', sizeof spec->options.device);
	spec->options.nodelay = 250;
	spec->options.nmore = UINT32_MAX;
	registry_end(&rig.registry, slot);
}

static void
tables_are_not_believed(void **state)
{
	struct proto_records head;
	struct frame_in in;
	int fd, i;

	(void)state;
	add_stream_bridge(1);
	add_stream_bridge(2);
	(void)registry_begin(&rig.registry, 1);
	registry_spec(&rig.registry, 1)->src.len = UINT16_MAX;
	registry_end(&rig.registry, 1);
	break_bridge(2);
	add_session(RIG_BRIDGES + 1, UINT32_MAX, 1);
	add_session(RIG_BRIDGES + 2, 0, 1);
	add_session(RIG_BRIDGES + 3, id_of(RIG_BRIDGES + 1), 1);
	add_engine_session(RIG_BRIDGES + 4, id_of(2), 1, RIG_ENGINES);
	fd = rig_open(&rig, 0, 1, ROLE_OBSERVE);
	list_one(fd, LIST_BRIDGES);
	assert_int_equal(number(FIELD_ID), id_of(2));
	assert_int_equal(strlen(text(FIELD_NAME)), NAME_BYTES - 1);
	assert_int_equal(strlen(text(option("bind-device"))), DEVICE_BYTES - 1);
	assert_string_equal(text(FIELD_HELD), "1,2,3,4,5,6,7,8");
	assert_int_equal(number(FIELD_COUNT + COUNT_BYTES_TO_DST), 1000);
	peer_list(fd, 3, LIST_SESSIONS, 0);
	expect_records(fd, 3, &in, &head);
	assert_int_equal(head.count, 4);
	for (i = 0; i < 3; i++) {
		next_record(&in);
		assert_null(field(FIELD_BRIDGE_NAME));
	}
	next_record(&in);
	assert_int_equal(number(FIELD_COUNT + COUNT_BYTES_TO_DST), 0);
	assert_null(field(FIELD_SILENT));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(f) RIG_TEST(f, &rig)
		T(empty_lists_are_empty),
		T(pages_hold_each_bridge_once),
		T(bridge_sums_its_sessions),
		T(datagram_bridge_has_messages_and_drops),
		T(session_names_its_bridge),
		T(bridge_tells_its_options_and_dsts),
		T(ended_sessions_are_a_list_of_their_own),
		T(closing_session_says_why),
		T(summary_is_one_record),
		T(wrong_lists_and_cursors_are_told),
		T(slot_that_stays_in_change_is_busy),
		T(tables_are_not_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
