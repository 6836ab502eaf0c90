/*
 * What the control process does with groups, and with bridges that may have
 * some: lists of them, and changes on their way to the parent.
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
add_bridge(uint32_t slot, const char *src, const char *dst)
{
	struct registry_entry *e = registry_begin(&rig.registry, slot);
	struct bridge_spec *spec = registry_spec(&rig.registry, slot);
	const char *why;

	memset(e, 0, sizeof *e);
	e->id = id_of(slot);
	e->kind = SLOT_BRIDGE;
	e->state = STATE_LISTENING;
	memset(spec, 0, sizeof *spec);
	snprintf(spec->name, sizeof spec->name, "name-%u", slot);
	assert_int_equal(addr_parse(&spec->src, src, NULL, &why), 0);
	assert_int_equal(addr_parse(&spec->dst, dst, NULL, &why), 0);
	spec->options.max = 17;
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

/* The field of an option. */
static unsigned int
option(const char *name)
{
	const struct bridge_option *o = bridge_option_find(name);

	assert_non_null(o);
	return FIELD_OPTIONS + (unsigned int)(o - bridge_options);
}

static void
datagram_bridge_has_its_options_and_what_was_granted(void **state)
{
	struct registry_entry *e;
	struct bridge_options *o;
	int fd;

	(void)state;
	add_bridge(2, "udp:127.0.0.1:53", "udp:10.0.0.1:53");
	e = registry_begin(&rig.registry, 2);
	e->one_way = ONE_WAY_NOT;
	e->flows = 9;
	e->receive_buffer = 425984;
	e->send_buffer = 212992;
	o = &registry_spec(&rig.registry, 2)->options;
	o->reply = FLAG_YES;
	o->min = 11;
	o->ttl = 12;
	memset(o->affinity, 'a', sizeof o->affinity);
	registry_end(&rig.registry, 2);
	counters_reset(&rig.counters[0], 2, id_of(2), clock_ms());
	counters_add(&rig.counters[0].slots[2], COUNT_REPLIES_IN, 13);
	counters_add(&rig.counters[0].slots[2], COUNT_BYTES_TO_SRC, 14);
	fd = rig_open(&rig, 0, 1, ROLE_OBSERVE);
	list_one(fd, LIST_BRIDGES);
	assert_string_equal(text(FIELD_ONE_WAY), "not enforceable");
	assert_int_equal(number(FIELD_FLOWS), 9);
	assert_int_equal(number(FIELD_RECEIVE_BUFFER), 425984);
	assert_int_equal(number(FIELD_SEND_BUFFER), 212992);
	assert_string_equal(text(option("reply")), "yes");
	assert_string_equal(text(option("hops")), "");
	assert_string_equal(text(option("affinity")), "aaaaaaaaaaaaaaa");
	assert_int_equal(number(option("max")), 17);
	assert_int_equal(number(option("min")), 11);
	assert_int_equal(number(option("ttl")), 12);
	assert_null(field(option("backlog")));
	assert_int_equal(number(FIELD_COUNT + COUNT_REPLIES_IN), 13);
	assert_int_equal(number(FIELD_COUNT + COUNT_BYTES_TO_SRC), 14);
	add_bridge(2, "tcp:*:80", "tcp:[::1]:80");
	list_one(fd, LIST_BRIDGES);
	assert_null(field(FIELD_ONE_WAY));
	assert_null(field(option("min")));
	assert_int_equal(number(option("backlog")), 0);
}

/* A bridge with so many groups, all told and none of them joined yet. */
static void
add_groups(uint32_t slot, const char *src, uint32_t n)
{
	struct bridge_options *o;
	char join[64];
	const char *why;
	uint32_t i;

	add_bridge(slot, src, "udp:10.0.0.1:53");
	(void)registry_begin(&rig.registry, slot);
	o = &registry_spec(&rig.registry, slot)->options;
	memset(registry_group(&rig.registry, slot, 0), 0,
	    REGISTRY_GROUPS * sizeof(struct registry_group));
	for (i = 0; i < n; i++) {
		snprintf(join, sizeof join, "%s 239.1.1.%u interface long-name",
		    i % 2 ? "dst" : "src", i + 1);
		assert_int_equal(join_parse(&o->joins[i], join, &why), 0);
	}
	o->njoins = n;
	registry_end(&rig.registry, slot);
}

static void
groups_say_how_it_is_with_them(void **state)
{
	struct registry_group *g;
	struct proto_records head;
	struct bridge_join *j;
	struct frame_in in;
	int fd;

	(void)state;
	add_bridge(1, "tcp:*:80", "tcp:[::1]:80");
	add_groups(2, "udp:239.9.9.9:53", 2);
	add_groups(3, "udp:*:53", 0);
	(void)registry_begin(&rig.registry, 2);
	j = &registry_spec(&rig.registry, 2)->options.joins[0];
	j->has_source = 1;
	j->source[0] = 10;
	j->source[3] = 7;
	memset(j->device, 'a', sizeof j->device);
	g = registry_group(&rig.registry, 2, 1);
	g->state = GROUP_JOINED;
	g->index = 4;
	g->since_ns = 1000;
	g = registry_group(&rig.registry, 2, 2);
	g->state = GROUP_WAITING;
	g->err = ENOBUFS;
	registry_group(&rig.registry, 2, 0)->state = 99;
	registry_end(&rig.registry, 2);
	fd = rig_open(&rig, 0, 1, ROLE_OBSERVE);
	peer_list(fd, 2, LIST_GROUPS, 0);
	expect_records(fd, 2, &in, &head);
	assert_int_equal(head.count, 3);
	assert_int_equal(head.cursor, 0);
	next_record(&in);
	assert_int_equal(number(FIELD_BRIDGE), id_of(2));
	assert_string_equal(text(FIELD_BRIDGE_NAME), "name-2");
	assert_string_equal(text(FIELD_KIND), "address");
	assert_string_equal(text(FIELD_END), "src");
	assert_string_equal(text(FIELD_GROUP), "239.9.9.9");
	assert_string_equal(text(FIELD_STATE), "unknown");
	next_record(&in);
	assert_string_equal(text(FIELD_KIND), "join");
	assert_string_equal(text(FIELD_END), "src");
	assert_string_equal(text(FIELD_GROUP), "239.1.1.1");
	assert_string_equal(text(FIELD_SOURCE), "10.0.0.7");
	assert_string_equal(text(FIELD_INTERFACE), "aaaaaaaaaaaaaaa");
	assert_int_equal(number(FIELD_INTERFACE_INDEX), 4);
	assert_string_equal(text(FIELD_STATE), "joined");
	assert_int_equal(number(FIELD_SINCE), 1000);
	next_record(&in);
	assert_string_equal(text(FIELD_END), "dst");
	assert_string_equal(text(FIELD_GROUP), "239.1.1.2");
	assert_string_equal(text(FIELD_SOURCE), "");
	assert_string_equal(text(FIELD_INTERFACE), "long-name");
	assert_string_equal(text(FIELD_STATE), "waiting");
	assert_int_equal(number(FIELD_ERR), ENOBUFS);
	assert_int_equal(frame_done(&in), 0);
}

/* Those of a bridge stay together, whatever it says of their number. */
static void
many_groups_come_in_pages(void **state)
{
	uint32_t slot, seen = 0, cursor = 0, pages = 0;
	struct proto_records head;
	struct frame_in in;
	int fd;

	(void)state;
	for (slot = 1; slot <= 20; slot++)
		add_groups(slot, "udp:239.9.9.9:53", JOINS_MAX);
	(void)registry_begin(&rig.registry, 20);
	registry_spec(&rig.registry, 20)->options.njoins = UINT32_MAX;
	registry_end(&rig.registry, 20);
	fd = rig_open(&rig, 0, 1, ROLE_OBSERVE);
	do {
		peer_list(fd, 2, LIST_GROUPS, cursor);
		expect_records(fd, 2, &in, &head);
		assert_true(head.count > 0);
		assert_int_equal(head.count % REGISTRY_GROUPS, 0);
		seen += head.count;
		cursor = head.cursor;
		pages++;
		for (; head.count > 0; head.count--)
			next_record(&in);
		assert_int_equal(frame_done(&in), 0);
	} while (cursor != 0);
	assert_int_equal(seen, 20 * REGISTRY_GROUPS);
	assert_true(pages > 1);
	peer_list(fd, 3, LIST_GROUPS, RIG_BRIDGES + 1);
	peer_error(fd, 3, EINVAL, "cursor");
}

/* The next packet is a request of this type, by whom. */
static void
expect_request(struct frame_in *in, uint16_t type, struct inner_client *who)
{
	rig_packet(&rig, in);
	assert_int_equal(in->type, type);
	inner_get_client(in, who);
}

static void
expect_done(int fd, uint32_t request, uint32_t id)
{
	struct frame_in in;

	peer_recv(fd, &in);
	assert_int_equal(in.type, MSG_C2L_DONE);
	assert_int_equal(in.request, request);
	assert_int_equal(proto_get_done(&in), id);
	assert_int_equal(frame_done(&in), 0);
}

static void
send_change(int fd, uint32_t request, const struct proto_change *m)
{
	uint8_t buf[1024];
	struct frame_out out;

	frame_begin(&out, buf, sizeof buf, MSG_L2C_CHANGE, 0, request);
	proto_put_change(&out, m);
	peer_send(fd, &out);
}

static struct proto_change
make_change(enum change_what what, const char *join)
{
	struct proto_change m;
	const char *why;

	memset(&m, 0, sizeof m);
	m.what = (uint8_t)what;
	m.id = 7;
	if (join != NULL)
		assert_int_equal(join_parse(&m.join, join, &why), 0);
	return m;
}

static void
change_goes_to_the_parent_and_is_answered(void **state)
{
	struct proto_change m[4], got;
	struct inner_client who;
	struct frame_in in;
	uint32_t i;
	int fd;

	(void)state;
	m[0] = make_change(CHANGE_JOIN,
	    "src ff3e::1 interface eth0 source 2001:db8::1");
	m[1] = make_change(CHANGE_LEAVE, "dst 239.1.1.1");
	m[2] = make_change(CHANGE_TTL, NULL);
	m[2].ttl = 255;
	m[3] = make_change(CHANGE_AFFINITY, NULL);
	strcpy(m[3].join.device, "eth7");
	strcpy(m[3].name, "feed");
	m[3].id = 0;
	fd = rig_open(&rig, 6, 77, ROLE_CONTROL);
	for (i = 0; i < 4; i++) {
		send_change(fd, 5 + i, &m[i]);
		expect_request(&in, MSG_C2P_CHANGE, &who);
		memset(&got, 0, sizeof got);
		proto_get_change(&in, &got);
		assert_int_equal(frame_done(&in), 0);
		assert_int_equal(who.request, 5 + i);
		assert_memory_equal(&got, &m[i], sizeof got);
		rig_done(&rig, &who, 7);
		expect_done(fd, 5 + i, 7);
	}
	peer_alive(fd, 20);
}

static void
change_that_cannot_be_is_answered_at_once(void **state)
{
	struct proto_change m;
	int fd;

	(void)state;
	fd = rig_open(&rig, 6, 77, ROLE_OBSERVE);
	m = make_change(CHANGE_TTL, NULL);
	send_change(fd, 5, &m);
	peer_error(fd, 5, EACCES, "needs the role control");
	close(fd);
	rig_gone(&rig, 6, 77);
	fd = rig_open(&rig, 6, 78, ROLE_CONTROL);
	m.ttl = 256;
	send_change(fd, 6, &m);
	peer_error(fd, 6, EINVAL, "0 to 255");
	m = make_change(0, NULL);
	send_change(fd, 7, &m);
	peer_error(fd, 7, EINVAL, "no such change");
	m.what = CHANGE_AFFINITY + 1;
	send_change(fd, 8, &m);
	peer_error(fd, 8, EINVAL, "no such change");
	m = make_change(CHANGE_AFFINITY, NULL);
	strcpy(m.join.device, "a/b");
	send_change(fd, 9, &m);
	peer_error(fd, 9, EINVAL, "interface");
	m = make_change(CHANGE_JOIN, "src 239.1.1.1");
	m.join.group[0] = 10;
	send_change(fd, 10, &m);
	peer_error(fd, 10, EINVAL, "group");
	rig_no_packet(&rig);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(datagram_bridge_has_its_options_and_what_was_granted),
		T(groups_say_how_it_is_with_them),
		T(many_groups_come_in_pages),
		T(change_goes_to_the_parent_and_is_answered),
		T(change_that_cannot_be_is_answered_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
