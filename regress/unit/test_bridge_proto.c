/* A bridge as a message: whole there, and nothing believed. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../common/proto.h"
#include "../../libmct/handle.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static uint8_t message[FRAME_MAX];

static void
set(struct bridge_spec *s, const char *name, const char *text)
{
	const char *why = "?";

	if (bridge_option_set(&s->options, bridge_option_find(name), text, NULL,
		&why) == -1)
		fail_msg("%s \"%s\": %s", name, text, why);
}

/* The longest there is: all ends paths, all options given. */
static struct bridge_spec
full_spec(void)
{
	static const char *const numbers[] = { "max", "max-per-source",
		"connection-rate", "rate", "backlog", "connect", "idle",
		"half-closed", "lifetime", "keepalive", "keepalive-interval",
		"keepalive-count", "user-timeout", "hold", "dscp", "mark" };
	struct bridge_spec s;
	char text[ADDR_TEXT_BYTES];
	size_t i;

	memset(&s, 0, sizeof(s));
	(void)snprintf(s.name, sizeof(s.name), "%031d", 0);
	s.name[0] = 'a';
	assert_int_equal(addr_parse(&s.src, "tcp:[fe80::1%1]:5", NULL, NULL),
	    0);
	for (i = 0; i < DSTS_MAX; i++) {
		(void)snprintf(text, sizeof(text), "unix:/%0106zu", i);
		if (i == 0)
			assert_int_equal(addr_parse(&s.dst, text, NULL, NULL),
			    0);
		else if (i == 1)
			set(&s, "dst", "tcp:[::1]:5");
		else
			set(&s, "dst", text);
	}
	for (i = 0; i < LENGTH(numbers); i++)
		set(&s, numbers[i], "50");
	set(&s, "nodelay", "no");
	set(&s, "bind-device", "123456789012345");
	set(&s, "source", "2001:db8::1");
	assert_int_equal(bridge_check(&s, NULL), 0);
	return s;
}

static size_t
put(const struct bridge_spec *s, size_t room)
{
	struct frame_out out;

	frame_begin(&out, message, room, MSG_L2C_BRIDGE_ADD, 0, 1);
	proto_put_spec(&out, s);
	return frame_end(&out);
}

/* Over whatever was there before. */
static int
get(struct bridge_spec *s, size_t len)
{
	struct frame_in in;

	memset(s, 0xaa, sizeof(*s));
	if (frame_open(&in, message, len) == -1)
		return -1;
	proto_get_spec(&in, s);
	return frame_done(&in);
}

/* What is told in it is bad, though all of it is there. */
static void
get_broken(struct bridge_spec *s)
{
	struct frame_in in;
	size_t len = sizeof(message);

	message[2] = (uint8_t)(len >> 8);
	message[3] = (uint8_t)len;
	assert_int_equal(frame_open(&in, message, len), 0);
	proto_get_spec(&in, s);
	assert_true(in.bad);
}

static void
a_bridge_arrives_as_it_was(void **state)
{
	struct bridge_spec s = full_spec(), got;
	size_t len;

	(void)state;
	len = put(&s, HANDLE_REQUEST_BYTES);
	assert_true(len > 0);
	assert_int_equal(get(&got, len), 0);
	assert_memory_equal(&s, &got, sizeof(s));
	memset(&s, 0, sizeof(s));
	assert_int_equal(addr_parse(&s.src, "tcp:*:5", NULL, NULL), 0);
	assert_int_equal(addr_parse(&s.dst, "vsock:2:5", NULL, NULL), 0);
	len = put(&s, HANDLE_REQUEST_BYTES);
	assert_true(len > 0);
	assert_int_equal(get(&got, len), 0);
	assert_memory_equal(&s, &got, sizeof(s));
}

static void
a_cut_or_longer_message_is_bad(void **state)
{
	struct bridge_spec s = full_spec(), got;
	size_t len = put(&s, sizeof(message)), cut;

	(void)state;
	for (cut = FRAME_HEADER; cut < len; cut++) {
		message[2] = (uint8_t)(cut >> 8); /* the length */
		message[3] = (uint8_t)cut;
		assert_int_equal(get(&got, cut), -1);
	}
	message[2] = (uint8_t)((len + 1) >> 8);
	message[3] = (uint8_t)(len + 1);
	assert_int_equal(get(&got, len + 1), -1);
	for (cut = FRAME_HEADER; cut < len; cut++)
		assert_int_equal(put(&s, cut), 0);
}

static void
more_dsts_than_can_be_do_not_travel(void **state)
{
	struct bridge_spec s = full_spec(), got;
	uint8_t one[FRAME_MAX];
	size_t at = FRAME_HEADER;

	(void)state;
	s.options.nmore = DSTS_MAX;
	assert_int_equal(put(&s, sizeof(message)), 0);
	s = full_spec();
	s.options.nmore = 1;
	assert_true(put(&s, sizeof(message)) > 0);
	memcpy(one, message, sizeof(one));
	s.options.nmore = 0;
	assert_true(put(&s, sizeof(message)) > 0);
	while (message[at] == one[at])
		at++;
	assert_int_equal(message[at], 0); /* their number */
	assert_int_equal(one[at], 1);
	/* As many as are said are there, but they are too many. */
	memset(message + at + 1, 0, sizeof(message) - at - 1);
	message[at] = DSTS_MAX;
	get_broken(&got);
	message[at] = 255;
	get_broken(&got);
}

/* The longest of datagrams: all groups, and all options that may be. */
static struct bridge_spec
dgram_spec(void)
{
	static const char *const values[][2] = { { "max", "9" },
		{ "rate", "9" }, { "dscp", "9" }, { "mark", "9" },
		{ "bind-device", "123456789012345" }, { "source", "::1" },
		{ "min", "9" }, { "datagram-rate", "9" }, { "hops", "yes" },
		{ "broadcast", "no" }, { "loop", "yes" }, { "reply", "no" },
		{ "receive-buffer", "9" }, { "send-buffer", "9" },
		{ "in-interface", "abcdefghijklmno" }, { "ttl", "9" },
		{ "loopback", "yes" }, { "affinity", "ABCDEFGHIJKLMNO" } };
	struct bridge_spec s;
	char text[JOIN_TEXT_BYTES];
	size_t i;

	memset(&s, 0, sizeof(s));
	assert_int_equal(addr_parse(&s.src, "udp:[fe80::1%1]:5", NULL, NULL),
	    0);
	assert_int_equal(addr_parse(&s.dst, "udplite:[::1]:5", NULL, NULL), 0);
	for (i = 0; i < LENGTH(values); i++)
		set(&s, values[i][0], values[i][1]);
	for (i = 0; i < JOINS_MAX; i++) {
		(void)snprintf(text, sizeof(text),
		    "src ff3e::%zx interface abcdefghijklmno source ::9", i);
		set(&s, "join", text);
	}
	assert_int_equal(bridge_check(&s, NULL), 0);
	return s;
}

static void
groups_arrive_as_they_were(void **state)
{
	struct bridge_spec s = dgram_spec(), got;
	size_t len;

	(void)state;
	len = put(&s, HANDLE_REQUEST_BYTES);
	assert_true(len > 0);
	assert_int_equal(get(&got, len), 0);
	assert_memory_equal(&s, &got, sizeof(s));
	s.options.njoins = JOINS_MAX + 1;
	assert_int_equal(put(&s, sizeof(message)), 0);
	s = dgram_spec();
	s.options.njoins = 0;
	len = put(&s, sizeof(message));
	message[len - 1] = JOINS_MAX + 1; /* they are the last */
	memset(message + len, 0, sizeof(message) - len);
	get_broken(&got);
	/* The sender's address is one value of "source". */
	s = dgram_spec();
	bridge_option_clear(&s.options, bridge_option_find("join"));
	memset(&s.options.source, 0, sizeof(s.options.source));
	s.options.source_client = 1;
	len = put(&s, sizeof(message));
	assert_int_equal(get(&got, len), 0);
	assert_memory_equal(&s, &got, sizeof(s));
}

/* A source that is none is so in one way: specs are compared by memory. */
static void
what_stands_in_no_source_is_left_out(void **state)
{
	struct bridge_spec s = full_spec(), got;
	size_t len;

	(void)state;
	s.options.source.kind = ADDR_NONE;
	s.options.source.flags = ADDR_DUAL;
	len = put(&s, sizeof(message));
	assert_int_equal(get(&got, len), 0);
	memset(&s.options.source, 0, sizeof(s.options.source));
	assert_memory_equal(&s, &got, sizeof(s));
}

/* Whatever a client sends ends in a bridge that holds, or in an error. */
static void
no_message_breaks_it(void **state)
{
	struct bridge_spec s = full_spec(), got, again;
	size_t len = put(&s, sizeof(message)), at, now;
	uint8_t whole[FRAME_MAX];
	const char *why;
	long round, taken = 0;
	int i;

	(void)state;
	memcpy(whole, message, len);
	srandom(20251125);
	for (round = 0; round < 100000; round++) {
		memcpy(message, whole, len);
		for (i = (int)(random() % 3); i >= 0; i--) {
			at = FRAME_HEADER +
			    (size_t)random() % (len - FRAME_HEADER);
			message[at] = (uint8_t)(random() % 2 ?
				random() % 256 :
				message[at] ^ 1 << random() % 8);
		}
		if (get(&got, len) == -1 || bridge_check(&got, &why) == -1)
			continue;
		taken++;
		/* what stood in no source is gone */
		now = put(&got, sizeof(message));
		assert_true(now > 0 &&
		    (now == len || got.options.source.kind == ADDR_NONE));
		assert_int_equal(get(&again, now), 0);
		assert_memory_equal(&got, &again, sizeof(got));
		assert_true(bridge_same_ends(&got, &again));
	}
	assert_true(taken > 1000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bridge_arrives_as_it_was),
		cmocka_unit_test(a_cut_or_longer_message_is_bad),
		cmocka_unit_test(more_dsts_than_can_be_do_not_travel),
		cmocka_unit_test(groups_arrive_as_they_were),
		cmocka_unit_test(what_stands_in_no_source_is_left_out),
		cmocka_unit_test(no_message_breaks_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
