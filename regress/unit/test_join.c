/* Groups as text, as addresses and as what a program says they are. */

#include <arpa/inet.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../common/join.h"
#include "../../common/proto.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static struct bridge_join
join(const char *text)
{
	struct bridge_join j;
	const char *why = "?";

	if (join_parse(&j, text, &why) == -1)
		fail_msg("%s: %s", text, why);
	return j;
}

static void
good_texts_are_printed_in_their_shortest_form(void **state)
{
	static const char *const texts[][2] = {
		{ "src 239.1.1.1", "src 239.1.1.1" },
		{ "  dst\t224.0.0.1  ", "dst 224.0.0.1" },
		{ "src 239.255.255.255 interface eth0",
		    "src 239.255.255.255 interface eth0" },
		{ "src 232.1.1.1 source 10.0.0.9 interface a.b-c@1",
		    "src 232.1.1.1 interface a.b-c@1 source 10.0.0.9" },
		{ "dst ff15::7 interface 3", "dst ff15::7 interface 3" },
		{ "dst FF15:0:0::07", "dst ff15::7" },
		{ "src ff02::1%lo", "src ff02::1 interface 1" },
		{ "src ff02::1%lo interface eth9",
		    "src ff02::1 interface eth9" },
		{ "src ff3e::8000:1 source 2001:db8::1",
		    "src ff3e::8000:1 source 2001:db8::1" },
		{ "dst 239.1.1.1 interface source",
		    "dst 239.1.1.1 interface source" },
		{ "dst 239.1.1.1 interface 123456789012345",
		    NULL }, /* too large for an index */
		{ "dst 239.1.1.1 interface 2147483647",
		    "dst 239.1.1.1 interface 2147483647" },
	};
	char text[JOIN_TEXT_BYTES];
	struct bridge_join j, again;
	size_t i;

	(void)state;
	for (i = 0; i < LENGTH(texts); i++) {
		if (texts[i][1] == NULL) {
			assert_int_equal(join_parse(&j, texts[i][0], NULL), -1);
			continue;
		}
		j = join(texts[i][0]);
		assert_string_equal(join_print(&j, text, sizeof(text)),
		    texts[i][1]);
		again = join(text);
		assert_true(join_equal(&j, &again));
		assert_memory_equal(&j, &again, sizeof(j));
		assert_int_equal(join_check(&j, NULL), 0);
	}
}

static void
bad_texts_are_refused_with_a_sentence(void **state)
{
	static const char *const texts[] = {
		"", " ", "src", "239.1.1.1", "src 239.1.1.1 interface",
		"src 239.1.1.1 eth0", "SRC 239.1.1.1", "both 239.1.1.1",
		"src 239.1.1.1:5", "src 10.0.0.1", "src 0.0.0.0",
		"src 240.0.0.1", "src ::1", "src fe80::1%lo", "src *",
		"src host", "src [ff02::1]", "src ::ffff:239.1.1.1",
		"src 239.1.1.1 interface a/b", "src 239.1.1.1 interface ..",
		"src 239.1.1.1 interface 0",
		"src 239.1.1.1 interface 4294967297",
		"src 239.1.1.1 interface 1234567890abcdef",
		"src 239.1.1.1 interface a interface b",
		"src 239.1.1.1 source 10.0.0.1 source 10.0.0.2",
		"src 239.1.1.1 source 239.1.1.2",
		"src 239.1.1.1 source 0.0.0.0", "src 239.1.1.1 source ::1",
		"src ff15::1 source 10.0.0.1",
		"src ff15::1 source ::", "dst 239.1.1.1 source 10.0.0.1",
		"src 239.1.1.1 interface a source 10.0.0.1 more x",
		"src 239.1.1.1 interface a\n",
		"src 239.1.1.1 interface \xc3\xa4",
		"src 239.1.1.1 interface "
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	};
	struct bridge_join j;
	const char *why;
	size_t i;

	(void)state;
	for (i = 0; i < LENGTH(texts); i++) {
		why = NULL;
		if (join_parse(&j, texts[i], &why) == 0)
			fail_msg("\"%s\" is taken", texts[i]);
		assert_non_null(why);
		assert_true(strlen(why) > 10);
	}
}

/* Of one that a client sent nothing is certain. */
static void
what_a_program_made_is_checked(void **state)
{
	static const uint8_t mapped[16] = { [10] = 0xff, 0xff, 10, 0, 0, 1 };
	struct bridge_join good = join("src 232.1.1.1 interface a source "
				       "10.0.0.1");
	struct bridge_join j;

	(void)state;
#define BROKEN(change)                                      \
	do {                                                \
		j = good;                                   \
		change;                                     \
		errno = 0;                                  \
		assert_int_equal(join_check(&j, NULL), -1); \
		assert_int_equal(errno, EINVAL);            \
	} while (0)
	assert_int_equal(join_check(&good, NULL), 0);
	BROKEN(j.end = 2);
	BROKEN(j.end = 255);
	BROKEN(j.end = ADDR_DST);
	BROKEN(j.has_source = 2);
	BROKEN(j.has_source = 0); /* but one is there */
	BROKEN(memset(j.source, 0, sizeof(j.source)));
	BROKEN(j.source[0] = 239);
	BROKEN(j.family = AF_UNIX);
	BROKEN(j.family = AF_INET6); /* e801:101:: */
	BROKEN(j.group[0] = 10);
	BROKEN(memset(j.device, 'a', sizeof(j.device)));
	BROKEN(j.group[4] = 1); /* the same group, and yet another */
	BROKEN(j.source[15] = 1);
	BROKEN((void)strcpy(j.device, "a b"));
	BROKEN((void)strcpy(j.device, "007:"));
	BROKEN(memset(&j, 0, sizeof(j)));
	BROKEN(memset(&j, 0xff, sizeof(j)));
	good = join("src ff3e::1 source 2001:db8::1");
	BROKEN(memcpy(j.source, mapped, sizeof(mapped)));
}

static void
each_part_makes_another_group(void **state)
{
	static const char *const texts[] = { "src 239.1.1.1", "dst 239.1.1.1",
		"src 239.1.1.2", "src 239.1.1.1 interface a",
		"src 239.1.1.1 interface b", "src 239.1.1.1 source 10.0.0.1",
		"src 239.1.1.1 source 10.0.0.2", "src ff15::1" };
	struct bridge_join a, b;
	size_t i, k;

	(void)state;
	for (i = 0; i < LENGTH(texts); i++)
		for (k = 0; k < LENGTH(texts); k++) {
			a = join(texts[i]);
			b = join(texts[k]);
			assert_int_equal(join_equal(&a, &b), i == k);
		}
}

static void
they_become_addresses(void **state)
{
	struct bridge_join j = join("src ff3e::1 interface lo source ::9");
	char text[ADDR_TEXT_BYTES];
	struct addr a;

	(void)state;
	join_group(&j, ADDR_UDP, 5000, &a);
	assert_string_equal(addr_print(&a, text, sizeof(text)),
	    "udp:[ff3e::1]:5000");
	assert_true(join_is_group(&a));
	join_source(&j, ADDR_UDPLITE, &a);
	assert_string_equal(addr_print_host(&a, text, sizeof(text)), "::9");
	assert_false(join_is_group(&a));
	j = join("src 239.1.2.3");
	join_group(&j, ADDR_UDPLITE, 65535, &a);
	assert_string_equal(addr_print(&a, text, sizeof(text)),
	    "udplite:239.1.2.3:65535");
	assert_string_equal(join_source_text(&j, text, sizeof(text)), "");
	assert_int_equal(addr_parse(&a, "unix:@a", NULL, NULL), 0);
	assert_false(join_is_group(&a));
}

/* A change of a bridge, which carries one. */
static void
a_change_arrives_as_it_was(void **state)
{
	uint8_t buf[512];
	struct proto_change m, got;
	struct frame_out out;
	struct frame_in in;
	size_t len, cut;

	(void)state;
	memset(&m, 0, sizeof(m));
	m.what = CHANGE_LEAVE;
	m.id = 0x12345678;
	(void)snprintf(m.name, sizeof(m.name), "%031d", 0);
	m.join = join("src ff3e::1 interface 123456789abcdef source ::9");
	m.ttl = 0x87654321;
	frame_begin(&out, buf, sizeof(buf), MSG_L2C_CHANGE, 0, 1);
	proto_put_change(&out, &m);
	len = frame_end(&out);
	assert_true(len > 0);
	memset(&got, 0, sizeof(got));
	assert_int_equal(frame_open(&in, buf, len), 0);
	proto_get_change(&in, &got);
	assert_int_equal(frame_done(&in), 0);
	assert_memory_equal(&m, &got, sizeof(m));
	for (cut = FRAME_HEADER; cut < len; cut++) {
		buf[2] = (uint8_t)(cut >> 8);
		buf[3] = (uint8_t)cut;
		assert_int_equal(frame_open(&in, buf, cut), 0);
		proto_get_change(&in, &got);
		assert_int_equal(frame_done(&in), -1);
	}
}

/* Whatever bytes come, they are refused or print to what parses back. */
static void
no_bytes_break_it(void **state)
{
	struct bridge_join good = join("src 232.1.1.1 interface a source "
				       "10.0.0.1");
	char text[JOIN_TEXT_BYTES];
	struct bridge_join j, again;
	const char *why;
	long round, taken = 0;
	int i;

	(void)state;
	srandom(20251122);
	for (round = 0; round < 100000; round++) {
		j = good;
		for (i = (int)(random() % 3); i >= 0; i--)
			((uint8_t *)&j)[(size_t)random() % sizeof(j)] =
			    (uint8_t)random();
		(void)join_print(&j, text, sizeof(text));
		if (join_check(&j, &why) == -1)
			continue;
		taken++;
		again = join(text);
		(void)join_print(&again, text, sizeof(text));
		assert_int_equal(join_check(&again, NULL), 0);
	}
	assert_true(taken > 1000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_texts_are_printed_in_their_shortest_form),
		cmocka_unit_test(bad_texts_are_refused_with_a_sentence),
		cmocka_unit_test(what_a_program_made_is_checked),
		cmocka_unit_test(each_part_makes_another_group),
		cmocka_unit_test(they_become_addresses),
		cmocka_unit_test(a_change_arrives_as_it_was),
		cmocka_unit_test(no_bytes_break_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
