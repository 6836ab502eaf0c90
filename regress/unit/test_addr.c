/* Addresses as text: what is read, what is printed. */

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "addr_text.h"

#define UN_OFFSET offsetof(struct sockaddr_un, sun_path)
#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static void
good_text_comes_back(void **state)
{
	static const char *const texts[] = {
		"tcp:127.0.0.1:80",
		"udp:10.0.0.1:53",
		"tcp:0.0.0.0:1",
		"udp:255.255.255.255:65535",
		"tcp:[::1]:80",
		"udp:[::]:5000",
		"tcp:[2001:db8::1:2]:443",
		"tcp:*:80",
		"udp:*:9",
		"udp:[ff02::1%lo]:5000",
		"tcp:[fe80::1%lo]:80",
		"tcp:[fe80::1%4000000000]:80",
		"tcp:[::1.2.3.4]:80",
		"unix:/run/app/a.sock",
		"unix:/a",
		"unixdgram:/run/d",
		"unix:@abstract",
		"unixdgram:@a/b",
		"unix:@",
		"unix:@a\\x00b\\x00",
		"unix:/a\\x20b\\x22\\x27\\\\\\x0a",
		"unix:/\\xff\\x80",
		"unix:/a=b{c}#d$e",
		"unix:@@",
		"unix://",
	};
	struct addr a;
	size_t i;

	(void)state;
	for (i = 0; i < LENGTH(texts); i++) {
		a = addr_of_text(texts[i]);
		addr_assert_prints(&a, texts[i]);
	}
}

static void
other_spellings_are_printed_in_one_way(void **state)
{
	static const char *const pairs[][2] = {
		{ "tcp:[0:0::0001]:80", "tcp:[::1]:80" },
		{ "tcp:[FE80::A%lo]:80", "tcp:[fe80::a%lo]:80" },
		{ "tcp:[fe80::1%1]:80", "tcp:[fe80::1%lo]:80" },
		{ "unix:/\\x61\\x2F\\x2f", "unix:/a//" },
		{ "unix:/a b", "unix:/a\\x20b" },
		{ "unix:/a\"b'\xc3\xa4", "unix:/a\\x22b\\x27\\xc3\\xa4" },
		{ "unix:@\\x5c", "unix:@\\\\" },
	};
	struct addr a, b;
	size_t i;

	(void)state;
	for (i = 0; i < LENGTH(pairs); i++) {
		a = addr_of_text(pairs[i][0]);
		b = addr_of_text(pairs[i][1]);
		addr_assert_prints(&a, pairs[i][1]);
		assert_true(addr_equal(&a, &b));
	}
}

static const struct bad {
	const char *text;
	int err;
} bad_texts[] = {
	{ "", EINVAL },
	{ "tcp", EINVAL },
	{ "127.0.0.1", EINVAL },
	{ ":", EAFNOSUPPORT },
	{ "TCP:1.2.3.4:5", EAFNOSUPPORT },
	{ "tcp4:1.2.3.4:5", EAFNOSUPPORT },
	{ "tc:1.2.3.4:5", EAFNOSUPPORT },
	{ "none:1.2.3.4:5", EAFNOSUPPORT },
	{ " tcp:1.2.3.4:5", EAFNOSUPPORT },
	{ "seqtcp:1.2.3.4:5", EAFNOSUPPORT },
	{ "seqtipcs:100:1", EAFNOSUPPORT },
	{ "udplit:*:5", EAFNOSUPPORT },
	/* Ports. */
	{ "tcp:", EINVAL },
	{ "tcp:1.2.3.4", EINVAL },
	{ "tcp:1.2.3.4:", EINVAL },
	{ "tcp:1.2.3.4:0", EINVAL },
	{ "tcp:1.2.3.4:65536", EINVAL },
	{ "tcp:1.2.3.4:99999999999999999999", EINVAL },
	{ "tcp:1.2.3.4:-1", EINVAL },
	{ "tcp:1.2.3.4:+1", EINVAL },
	{ "tcp:1.2.3.4: 1", EINVAL },
	{ "tcp:1.2.3.4:1 ", EINVAL },
	{ "tcp:1.2.3.4:080", EINVAL },
	{ "tcp:1.2.3.4:0x50", EINVAL },
	{ "tcp:1.2.3.4:http", EINVAL },
	{ "tcp:1.2.3.4:8a", EINVAL },
	{ "tcp:1.2.3.4:4294967376", EINVAL },
	/* IPv4 hosts. */
	{ "tcp::80", EINVAL },
	{ "tcp:1.2.3:80", EINVAL },
	{ "tcp:1.2.3.4.5:80", EINVAL },
	{ "tcp:256.1.1.1:80", EINVAL },
	{ "tcp:1.2.3.04:80", EINVAL },
	{ "tcp:1.2.3.4 :80", EINVAL },
	{ "tcp: 1.2.3.4:80", EINVAL },
	{ "tcp:127.1:80", EINVAL },
	{ "tcp:0x7f.1:80", EINVAL },
	{ "tcp:2130706433:80", EINVAL },
	{ "tcp:**:80", EINVAL },
	{ "tcp:*.1:80", EINVAL },
	{ "tcp:-1.2.3.4:80", EINVAL },
	{ "tcp:localhost:80", EINVAL },
	/* IPv6 hosts. */
	{ "tcp:::1:80", EINVAL },
	{ "tcp:fe80::1:80", EINVAL },
	{ "tcp:[]:80", EINVAL },
	{ "tcp:[::1:80", EINVAL },
	{ "tcp:[::1]", EINVAL },
	{ "tcp:[::1]80", EINVAL },
	{ "tcp:[::1]:", EINVAL },
	{ "tcp:[::1]:0", EINVAL },
	{ "tcp:[::1]x:80", EINVAL },
	{ "tcp:[1.2.3.4]:80", EINVAL },
	{ "tcp:[:::1]:80", EINVAL },
	{ "tcp:[g::1]:80", EINVAL },
	{ "tcp:[*]:80", EINVAL },
	{ "tcp:[[::1]]:80", EINVAL },
	{ "tcp:[::1%lo]:80", EINVAL },
	{ "tcp:[fe80::1%]:80", EINVAL },
	{ "tcp:[fe80::1%0]:80", EINVAL },
	{ "tcp:[fe80::1%01]:80", EINVAL },
	{ "tcp:[fe80::1%4294967296]:80", EINVAL },
	{ "tcp:[fe80::1%-1]:80", ENXIO },
	{ "tcp:[fe80::1%nosuch0]:80", ENXIO },
	{ "tcp:[fe80::1%a-name-that-is-much-too-long]:80", ENXIO },
	{ "tcp:[%lo]:80", EINVAL },
	{ "tcp:[::ffff:1.2.3.4]:80", EADDRNOTAVAIL },
	{ "udp:[::ffff:0:0]:80", EADDRNOTAVAIL },
	{ "tcp:[0:0:0:0:0:FFFF:7f00:1]:80", EADDRNOTAVAIL },
	/* Local ones. */
	{ "unix:", EINVAL },
	{ "unix:a", EINVAL },
	{ "unix:./a", EINVAL },
	{ "unix:\\x2fa", EINVAL },
	{ "unix:\\x00a", EINVAL },
	{ "unix:/a\\", EINVAL },
	{ "unix:/a\\x", EINVAL },
	{ "unix:/a\\x4", EINVAL },
	{ "unix:/a\\x4g", EINVAL },
	{ "unix:/a\\n", EINVAL },
	{ "unix:/a\\x00", EINVAL },
	{ "unix:/a\nb", EINVAL },
	{ "unix:/a\x7f", EINVAL },
	{ "unix:@a\tb", EINVAL },
};

static void
bad_text_is_refused_with_its_error(void **state)
{
	const char *why;
	struct addr a;
	size_t i;

	(void)state;
	for (i = 0; i < LENGTH(bad_texts); i++) {
		why = NULL;
		errno = 0;
		if (addr_parse(&a, bad_texts[i].text, NULL, &why) == 0)
			fail_msg("%s is taken", bad_texts[i].text);
		if (errno != bad_texts[i].err)
			fail_msg("%s: %s", bad_texts[i].text, strerror(errno));
		assert_non_null(why);
		/* It may be printed beside the address as a sentence. */
		assert_true(strlen(why) > 10 && strlen(why) < 100);
		assert_int_equal(addr_parse(&a, bad_texts[i].text, NULL, NULL),
		    -1);
	}
}

/* prefix, then n times unit. */
static const char *
repeated(const char *prefix, const char *unit, size_t n)
{
	static char text[2048];
	size_t i;

	(void)snprintf(text, sizeof(text), "%s", prefix);
	for (i = 0; i < n; i++)
		(void)strcat(text, unit);
	return text;
}

static void
local_length_has_its_limit(void **state)
{
	const char *why;
	struct addr a;

	(void)state;
	/* sun_path holds 108: a path with its NUL, a name behind one. */
	a = addr_of_text(repeated("unix:/", "a", 106));
	assert_int_equal(a.len, sizeof(struct sockaddr_un));
	addr_assert_prints(&a, repeated("unix:/", "a", 106));
	a = addr_of_text(repeated("unixdgram:@", "\\x01", 107));
	assert_int_equal(a.len, sizeof(struct sockaddr_un));
	addr_assert_prints(&a, repeated("unixdgram:@", "\\x01", 107));
	assert_int_equal(addr_parse(&a, repeated("unix:/", "a", 107), NULL,
			     &why),
	    -1);
	assert_int_equal(errno, ENAMETOOLONG);
	assert_int_equal(addr_parse(&a, repeated("unix:@", "a", 108), NULL,
			     &why),
	    -1);
	assert_int_equal(errno, ENAMETOOLONG);
	assert_int_equal(addr_parse(&a, repeated("tcp:", "a", 300), NULL, &why),
	    -1);
	assert_int_equal(errno, EINVAL);
}

static void
every_byte_comes_back(void **state)
{
	struct sockaddr_un un;
	char text[ADDR_TEXT_BYTES];
	struct addr a, b;
	int byte;

	(void)state;
	for (byte = 0; byte < 256; byte++) {
		memset(&un, 0, sizeof(un));
		un.sun_family = AF_LOCAL;
		un.sun_path[1] = 'x';
		un.sun_path[2] = (char)byte;
		assert_int_equal(addr_from_sockaddr(&a, SOCK_STREAM,
				     (struct sockaddr *)&un, UN_OFFSET + 3),
		    0);
		b = addr_of_text(addr_print(&a, text, sizeof(text)));
		assert_int_equal(a.len, b.len);
		assert_memory_equal(&a.u, &b.u, a.len);
		if (byte == 0)
			continue;
		un.sun_path[0] = '/';
		assert_int_equal(addr_from_sockaddr(&a, SOCK_DGRAM,
				     (struct sockaddr *)&un, sizeof(un)),
		    0);
		b = addr_of_text(addr_print(&a, text, sizeof(text)));
		assert_true(addr_equal(&a, &b));
	}
}

static int
resolve(void *arg, const char *host, struct addr *a)
{
	int *calls = arg;

	(*calls)++;
	if (strcmp(host, "four.example") == 0) {
		a->u.in.sin_family = AF_INET;
		a->u.in.sin_addr.s_addr = htonl(0x0a000001);
		a->len = sizeof(a->u.in);
	} else if (strcmp(host, "six") == 0 || strcmp(host, "mapped") == 0) {
		a->u.in6.sin6_family = AF_INET6;
		(void)inet_pton(AF_INET6,
		    host[0] == 's' ? "2001:db8::1" : "::ffff:1.2.3.4",
		    &a->u.in6.sin6_addr);
		a->len = sizeof(a->u.in6);
	} else if (strcmp(host, "local") == 0)
		a->u.un.sun_family = AF_LOCAL;
	else
		return -1;
	return 0;
}

static void
names_go_to_the_resolver(void **state)
{
	int calls = 0;
	struct addr_resolver r = { resolve, &calls };
	const char *why;
	struct addr a;

	(void)state;
	assert_int_equal(addr_parse(&a, "tcp:four.example:80", &r, &why), 0);
	addr_assert_prints(&a, "tcp:10.0.0.1:80");
	assert_int_equal(addr_parse(&a, "udp:six:81", &r, &why), 0);
	addr_assert_prints(&a, "udp:[2001:db8::1]:81");
	assert_int_equal(addr_parse(&a, "tcp:mapped:80", &r, &why), -1);
	assert_int_equal(errno, EADDRNOTAVAIL);
	assert_int_equal(addr_parse(&a, "tcp:local:80", &r, &why), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(addr_parse(&a, "tcp:other:80", &r, &why), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(calls, 5);
	/* What was meant as a number is no name; nor is what is neither. */
	assert_int_equal(addr_parse(&a, "tcp:127.1:80", &r, &why), -1);
	assert_int_equal(addr_parse(&a, "tcp:a.0x1:80", &r, &why), -1);
	assert_int_equal(addr_parse(&a, "tcp:1:80", &r, &why), -1);
	assert_int_equal(addr_parse(&a, "tcp:a/b:80", &r, &why), -1);
	assert_int_equal(addr_parse(&a, "tcp:-a:80", &r, &why), -1);
	assert_int_equal(addr_parse(&a, "tcp:1.2.3.4:80", &r, &why), 0);
	assert_int_equal(addr_parse(&a, "unix:/six", &r, &why), 0);
	assert_int_equal(calls, 5);
}

static void
print_keeps_to_its_room(void **state)
{
	struct addr a = addr_of_text(repeated("unix:@", "\\xff", 107));
	char text[ADDR_TEXT_BYTES], whole[ADDR_TEXT_BYTES];
	size_t size;

	(void)state;
	(void)addr_print(&a, whole, sizeof(whole));
	for (size = 0; size <= sizeof(text); size++) {
		memset(text, '!', sizeof(text));
		(void)addr_print(&a, text, size);
		if (size < sizeof(text))
			assert_int_equal(text[size], '!');
		if (size > 0 && size <= strlen(whole)) {
			assert_int_equal(strlen(text), size - 1);
			assert_memory_equal(text, whole, size - 1);
		}
	}
}

/* Whatever is read prints to something that reads to the same. */
static void
no_input_breaks_it(void **state)
{
	static const char alphabet[] = "tcpudnixgram:[]%*@/\\x0123456789.f-";
	char text[64], printed[ADDR_TEXT_BYTES];
	const char *why;
	struct addr a, b;
	size_t i, n;
	long round, taken = 0;

	(void)state;
	srandom(20240611);
	for (round = 0; round < 300000; round++) {
		(void)snprintf(text, sizeof(text), "%s",
		    bad_texts[(size_t)random() % LENGTH(bad_texts)].text);
		n = strlen(text);
		for (i = (size_t)random() % 4; i > 0 && n > 0; i--)
			text[(size_t)random() % n] = random() % 8 == 0 ?
			    (char)random() :
			    alphabet[(size_t)random() % (sizeof(alphabet) - 1)];
		/* Not the names of interfaces: each is a system call. */
		if (strchr(text, '%') != NULL && round % 64 != 0)
			continue;
		if (addr_parse(&a, text, NULL, &why) == -1)
			continue;
		taken++;
		(void)addr_print(&a, printed, sizeof(printed));
		if (addr_parse(&b, printed, NULL, &why) == -1)
			fail_msg("%s gives %s: %s", text, printed, why);
		if (!addr_equal(&a, &b))
			fail_msg("%s gives %s", text, printed);
		(void)addr_check(&a, ADDR_DST, &why);
	}
	assert_true(taken > 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_text_comes_back),
		cmocka_unit_test(other_spellings_are_printed_in_one_way),
		cmocka_unit_test(bad_text_is_refused_with_its_error),
		cmocka_unit_test(local_length_has_its_limit),
		cmocka_unit_test(every_byte_comes_back),
		cmocka_unit_test(names_go_to_the_resolver),
		cmocka_unit_test(print_keeps_to_its_room),
		cmocka_unit_test(no_input_breaks_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
