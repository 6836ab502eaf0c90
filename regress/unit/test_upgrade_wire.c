/*
 * The messages of an upgrade: what is put is what is got; what is cut off,
 * too long or out of range is not taken.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "../../mctd/parent/upgrade_wire.h"

static uint8_t buf[FRAME_MAX];
static struct frame_out out;
static struct frame_in in;

static void
begin(void)
{
	frame_begin(&out, buf, sizeof buf, MSG_O2N_END, 0, 0);
}

/* Opens what was put, without the last `less` bytes. */
static void
open_it(size_t less)
{
	size_t len = frame_end(&out) - less;

	assert_true(len > 0);
	buf[2] = (uint8_t)(len >> 8);
	buf[3] = (uint8_t)len;
	assert_int_equal(frame_open(&in, buf, len), 0);
}

/* Bytes that differ from each other, so that no field passes for another. */
static void
fill(void *p, size_t size)
{
	static uint8_t next = 1;
	uint8_t *byte = p;

	while (size-- > 0)
		*byte++ = (uint8_t)(next++ % 127 + 1);
}

static void
make_hello(struct upgrade_hello *m)
{
	memset(m, 0, sizeof *m);
	m->magic = UPGRADE_MAGIC;
	m->format = UPGRADE_FORMAT;
	fill(&m->pid, sizeof m->pid);
	fill(m->same, sizeof m->same);
	(void)snprintf(m->version, sizeof m->version, "1.2.3");
}

static void
hello_is_what_was_put(void **state)
{
	struct upgrade_hello m, got;
	size_t less;

	(void)state;
	make_hello(&m);
	begin();
	upgrade_wire_put_hello(&out, &m);
	open_it(0);
	upgrade_wire_get_hello(&in, &got);
	assert_int_equal(frame_done(&in), 0);
	assert_memory_equal(&got, &m, sizeof m);
	for (less = 1; less < 7; less++) {
		begin();
		upgrade_wire_put_hello(&out, &m);
		open_it(less);
		upgrade_wire_get_hello(&in, &got);
		assert_int_equal(frame_done(&in), -1);
	}
}

static void
hello_of_another_format_is_known_as_such(void **state)
{
	struct upgrade_hello m, ours, got;
	char text[TEXT_BYTES];

	(void)state;
	make_hello(&ours);
	m = ours;
	m.format++;
	begin();
	frame_put_u32(&out, m.magic);
	frame_put_u16(&out, m.format);
	frame_put_text(&out, "whatever it is");
	open_it(0);
	upgrade_wire_get_hello(&in, &got);
	assert_int_equal(frame_done(&in), 0);
	assert_string_equal(upgrade_wire_differs(&ours, &got, text,
				sizeof text),
	    "upgrade format: the running mctd has 2, the new one 3");
	got.magic++;
	assert_non_null(upgrade_wire_differs(&ours, &got, text, sizeof text));
}

static void
each_difference_is_named(void **state)
{
	char text[TEXT_BYTES], before[TEXT_BYTES] = "";
	struct upgrade_hello a, b;
	int i;

	(void)state;
	make_hello(&a);
	assert_null(upgrade_wire_differs(&a, &a, text, sizeof text));
	for (i = 0; i < SAMES; i++) {
		b = a;
		b.same[i]++;
		assert_non_null(
		    upgrade_wire_differs(&a, &b, text, sizeof text));
		assert_string_not_equal(text, before);
		(void)snprintf(before, sizeof before, "%s", text);
	}
	b = a;
	b.pid++;
	assert_null(upgrade_wire_differs(&a, &b, text, sizeof text));
}

static void
make_bridge(struct bridge *b)
{
	memset(b, 0, sizeof *b);
	b->state = BRIDGE_OPEN;
	b->slot = 77;
	b->from_conf = b->begun = 1;
	b->has_waiter = 1;
	b->waiter.slot = 3;
	b->waiter.generation = 4;
	b->waiter.request = 5;
	fill(&b->file, sizeof b->file);
	b->paused = 1;
	fill(&b->limit_note_ms, sizeof b->limit_note_ms);
	fill(&b->rate_ms, sizeof b->rate_ms);
	fill(&b->credit, sizeof b->credit);
	b->down = 3;
	b->held = 1;
	fill(b->held_until_ms, sizeof b->held_until_ms);
	b->noted = 2;
	fill(b->noted_ms, sizeof b->noted_ms);
	fill(&b->serial, sizeof b->serial);
	b->source = 9;
	b->told = b->lost = 1;
	fill(b->dropped, sizeof b->dropped);
}

static int
get_bridge(size_t less, struct bridge *got)
{
	open_it(less);
	upgrade_wire_get_bridge(&in, got);
	return frame_done(&in);
}

static void
bridge_is_what_was_put(void **state)
{
	struct bridge b, got;
	size_t less, len;

	(void)state;
	make_bridge(&b);
	begin();
	upgrade_wire_put_bridge(&out, &b);
	assert_int_equal(get_bridge(0, &got), 0);
	assert_memory_equal(&got, &b, sizeof b);
	b.fd = -1;
	begin();
	upgrade_wire_put_bridge(&out, &b);
	len = out.at;
	assert_int_equal(get_bridge(0, &got), 0);
	assert_memory_equal(&got, &b, sizeof b);
	for (less = 1; less + FRAME_HEADER <= len; less++)
		assert_int_equal(get_bridge(less, &got), -1);
	b.state = BRIDGE_HELD;
	begin();
	upgrade_wire_put_bridge(&out, &b);
	assert_int_equal(get_bridge(0, &got), -1);
}

static void
make_session(struct upgrade_session *m)
{
	struct session *s = &m->session;

	memset(m, 0, sizeof *m);
	s->state = SESSION_CONNECTING;
	fill(&s->slot, sizeof s->slot);
	fill(&s->bridge, sizeof s->bridge);
	fill(&s->engine, sizeof s->engine);
	fill(&s->serial, sizeof s->serial);
	fill(&s->opened_ms, sizeof s->opened_ms);
	fill(&s->idle_ms, sizeof s->idle_ms);
	fill(&s->half_closed_ms, sizeof s->half_closed_ms);
	fill(&s->lifetime_ms, sizeof s->lifetime_ms);
	fill(&s->rate, sizeof s->rate);
	s->reason = END_REQUESTED;
	s->has_waiter = 1;
	s->waiter.slot = 1;
	s->waiter.generation = 2;
	s->waiter.request = 3;
	fill(&m->dial.deadline_ms, sizeof m->dial.deadline_ms);
	m->dial.number = DSTS_MAX - 1;
	m->dial.tried = 0x80;
	m->dial.err = 111;
	m->dial.ours = 1;
}

static int
carry_session(const struct upgrade_session *m, struct upgrade_session *got)
{
	begin();
	upgrade_wire_put_session(&out, m);
	open_it(0);
	upgrade_wire_get_session(&in, got);
	return frame_done(&in);
}

static void
session_is_what_was_put(void **state)
{
	struct upgrade_session m, got;

	(void)state;
	make_session(&m);
	assert_int_equal(carry_session(&m, &got), 0);
	assert_memory_equal(&got, &m, sizeof m);
	m.session.fd[1] = -1;
	m.dial.waits = 1;
	assert_int_equal(carry_session(&m, &got), 0);
	assert_memory_equal(&got, &m, sizeof m);
}

static void
session_that_cannot_be_is_not_taken(void **state)
{
	struct upgrade_session m, got;

	(void)state;
	make_session(&m);
	m.session.state = SESSION_FREE;
	assert_int_equal(carry_session(&m, &got), -1);
	m.session.state = SESSION_CLOSING + 1;
	assert_int_equal(carry_session(&m, &got), -1);
	m.session.state = SESSION_OPEN;
	assert_int_equal(carry_session(&m, &got), 0);
	m.session.fd[1] = -1; /* only a connecting one has no dst */
	assert_int_equal(carry_session(&m, &got), -1);
	make_session(&m);
	m.session.fd[0] = -1;
	assert_int_equal(carry_session(&m, &got), -1);
	make_session(&m);
	m.session.reason = END_REASONS;
	assert_int_equal(carry_session(&m, &got), -1);
	make_session(&m);
	m.dial.number = DSTS_MAX;
	assert_int_equal(carry_session(&m, &got), -1);
}

static void
client_is_what_was_put(void **state)
{
	struct client c, got;

	(void)state;
	memset(&c, 0, sizeof c);
	c.state = CLIENT_PRESENT;
	c.generation = 12;
	c.role = ROLE_CONTROL;
	c.uid = 1000;
	c.whole = c.asked = c.answered = 1;
	c.request = 13;
	c.err = 17;
	c.id = 19;
	(void)snprintf(c.text, sizeof c.text, "why");
	begin();
	upgrade_wire_put_client(&out, 7, &c);
	open_it(0);
	assert_int_equal(upgrade_wire_get_client(&in, &got), 7);
	assert_int_equal(frame_done(&in), 0);
	assert_memory_equal(&got, &c, sizeof c);
	c.state = CLIENT_PRESENT + 1;
	begin();
	upgrade_wire_put_client(&out, 7, &c);
	open_it(0);
	(void)upgrade_wire_get_client(&in, &got);
	assert_int_equal(frame_done(&in), -1);
}

/* A membership as it can be. */
static void
make_group(struct bridge_group *g)
{
	const char *why;

	memset(g, 0, sizeof *g);
	assert_int_equal(join_parse(&g->join,
			     "src 232.1.1.1 interface e source 10.0.0.1", &why),
	    0);
	g->slot = 3;
	g->source = 4;
	g->state = GROUP_JOINED;
	g->index = 5;
	g->err = 6;
	g->since_ns = 7;
	g->out = 8;
}

static void
group_is_what_was_put(void **state)
{
	struct bridge_group g, got;

	(void)state;
	make_group(&g);
	begin();
	upgrade_wire_put_group(&out, 9, &g);
	open_it(0);
	assert_int_equal(upgrade_wire_get_group(&in, &got), 9);
	assert_int_equal(frame_done(&in), 0);
	assert_memory_equal(&got, &g, sizeof g);
	open_it(1);
	(void)upgrade_wire_get_group(&in, &got);
	assert_int_equal(frame_done(&in), -1);
}

static void
refuse_group(const struct bridge_group *g)
{
	struct bridge_group got;

	begin();
	upgrade_wire_put_group(&out, 1, g);
	open_it(0);
	(void)upgrade_wire_get_group(&in, &got);
	assert_int_equal(frame_done(&in), -1);
}

static void
group_that_cannot_be_is_not_taken(void **state)
{
	struct bridge_group g;

	(void)state;
	make_group(&g);
	g.state = GROUP_STATES;
	refuse_group(&g);
	make_group(&g);
	g.fd = -1; /* joined by nothing */
	refuse_group(&g);
	make_group(&g);
	g.join.group[0] = 10; /* no group */
	refuse_group(&g);
}

static void
numbers_fill_a_message_and_no_more(void **state)
{
	static struct upgrade_numbers m, got;

	(void)state;
	m.list = SLOTS_FREE_SESSIONS;
	m.first = 8000;
	m.count = UPGRADE_NUMBERS;
	fill(m.number, sizeof m.number);
	begin();
	upgrade_wire_put_numbers(&out, &m);
	open_it(0);
	upgrade_wire_get_numbers(&in, &got);
	assert_int_equal(frame_done(&in), 0);
	assert_memory_equal(&got, &m, sizeof m);
	begin();
	frame_put_u8(&out, 0);
	frame_put_u32(&out, 0);
	frame_put_u16(&out, UPGRADE_NUMBERS + 1);
	open_it(0);
	upgrade_wire_get_numbers(&in, &got);
	assert_int_equal(frame_done(&in), -1);
}

static void
a_message_of_the_most_sessions_fits(void **state)
{
	struct upgrade_session m;
	int i;

	(void)state;
	make_session(&m);
	begin();
	frame_put_u16(&out, HAND_OVER_PAIRS);
	for (i = 0; i < HAND_OVER_PAIRS; i++)
		upgrade_wire_put_session(&out, &m);
	assert_int_not_equal(frame_end(&out), 0);
}

static void
the_others_are_what_was_put(void **state)
{
	struct upgrade_daemon daemon = { 1, 2, 1 }, daemon_got;
	struct upgrade_source source, source_got;
	struct upgrade_pipes pipes = { 1, 2, 3, 4 }, pipes_got;
	struct upgrade_end end = { 5, 6, 7, 8, 9 }, end_got;
	struct flows_kept flow = { 9, 10, 11, { 0 }, { -1, -1 } }, flow_got;

	(void)state;
	memset(&daemon_got, 0, sizeof daemon_got);
	memset(&pipes_got, 0, sizeof pipes_got);
	memset(&source, 0, sizeof source);
	memset(&source_got, 0, sizeof source_got);
	source.number = 3;
	fill(&source.file, sizeof source.file);
	begin();
	upgrade_wire_put_daemon(&out, &daemon);
	upgrade_wire_put_source(&out, &source);
	upgrade_wire_put_pipes(&out, &pipes);
	upgrade_wire_put_end(&out, &end);
	flow.asker.kind = ADDR_UDP;
	flow.asker.len = sizeof flow.asker.u.in;
	fill(&flow.asker.u.in, sizeof flow.asker.u.in);
	upgrade_wire_put_flow(&out, &flow);
	open_it(0);
	upgrade_wire_get_daemon(&in, &daemon_got);
	upgrade_wire_get_source(&in, &source_got);
	upgrade_wire_get_pipes(&in, &pipes_got);
	upgrade_wire_get_end(&in, &end_got);
	upgrade_wire_get_flow(&in, &flow_got);
	assert_int_equal(frame_done(&in), 0);
	assert_int_equal(daemon_got.serial, daemon.serial);
	assert_int_equal(daemon_got.frozen_us, daemon.frozen_us);
	assert_int_equal(daemon_got.has_service, 1);
	assert_memory_equal(&source_got, &source, sizeof source);
	assert_int_equal(pipes_got.each, 1);
	assert_int_equal(pipes_got.bytes, 2);
	assert_int_equal(pipes_got.first, 3);
	assert_int_equal(pipes_got.count, 4);
	assert_memory_equal(&end_got, &end, sizeof end);
	assert_int_equal(flow_got.flow, 9);
	assert_int_equal(flow_got.serial, 10);
	assert_int_equal(flow_got.slot, 11);
	assert_memory_equal(&flow_got.asker, &flow.asker, sizeof flow.asker);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hello_is_what_was_put),
		cmocka_unit_test(hello_of_another_format_is_known_as_such),
		cmocka_unit_test(each_difference_is_named),
		cmocka_unit_test(bridge_is_what_was_put),
		cmocka_unit_test(session_is_what_was_put),
		cmocka_unit_test(session_that_cannot_be_is_not_taken),
		cmocka_unit_test(client_is_what_was_put),
		cmocka_unit_test(group_is_what_was_put),
		cmocka_unit_test(group_that_cannot_be_is_not_taken),
		cmocka_unit_test(numbers_fill_a_message_and_no_more),
		cmocka_unit_test(a_message_of_the_most_sessions_fits),
		cmocka_unit_test(the_others_are_what_was_put),
	};

	return cmocka_run_group_tests_name("upgrade_wire", tests, NULL, NULL);
}
