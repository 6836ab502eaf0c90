/* Addresses as programs and the kernel hold them; what is asked of them. */

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "addr_text.h"

#define UN_OFFSET offsetof(struct sockaddr_un, sun_path)
#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* A copy of exactly len bytes, so that a sanitizer sees a read beyond. */
static int
from(struct addr *a, int type, const void *sa, socklen_t len)
{
	void *copy = malloc(len > 0 ? len : 1);
	int result, saved;

	assert_non_null(copy);
	memcpy(copy, sa, len);
	result = addr_from_sockaddr(a, type, copy, len);
	saved = errno;
	free(copy);
	errno = saved;
	return result;
}

static void
socket_addresses_are_taken(void **state)
{
	struct sockaddr_storage ss;
	struct sockaddr_in6 in6;
	struct addr a, b;

	(void)state;
	a = addr_of_text("tcp:1.2.3.4:5");
	assert_int_equal(from(&b, SOCK_STREAM, &a.u, a.len), 0);
	assert_true(addr_equal(&a, &b));
	assert_int_equal(from(&b, SOCK_DGRAM, &a.u, a.len), 0);
	addr_assert_prints(&b, "udp:1.2.3.4:5");
	memset(&ss, 0xaa, sizeof(ss));
	memcpy(&ss, &a.u, a.len);
	assert_int_equal(from(&b, SOCK_STREAM, &ss, sizeof(ss)), 0);
	assert_true(addr_equal(&a, &b));
	memset(&in6, 0, sizeof(in6));
	in6.sin6_family = AF_INET6;
	in6.sin6_port = htons(9);
	in6.sin6_addr = in6addr_loopback;
	in6.sin6_flowinfo = 77;
	in6.sin6_scope_id = 1; /* means nothing here */
	assert_int_equal(from(&b, SOCK_STREAM, &in6, sizeof(in6)), 0);
	addr_assert_prints(&b, "tcp:[::1]:9");
	assert_int_equal(b.u.in6.sin6_flowinfo, 0);
	(void)inet_pton(AF_INET6, "fe80::1", &in6.sin6_addr);
	assert_int_equal(from(&b, SOCK_STREAM, &in6, sizeof(in6)), 0);
	addr_assert_prints(&b, "tcp:[fe80::1%lo]:9");
	a = addr_of_text("unixdgram:@a\\x00");
	assert_int_equal(from(&b, SOCK_DGRAM, &a.u, a.len), 0);
	assert_true(addr_equal(&a, &b));
	/* A path may lack its NUL; it ends with the length. */
	a = addr_of_text("unix:/ab");
	assert_int_equal(from(&b, SOCK_STREAM, &a.u, UN_OFFSET + 3u), 0);
	assert_true(addr_equal(&a, &b));
	assert_int_equal(from(&b, SOCK_STREAM, &a.u, sizeof(a.u.un)), 0);
	assert_true(addr_equal(&a, &b));
}

static void
bad_socket_addresses_are_refused(void **state)
{
	struct addr a, in, in6, un;
	struct sockaddr_un full;
	socklen_t len;

	(void)state;
	in = addr_of_text("tcp:1.2.3.4:5");
	in6 = addr_of_text("tcp:[::1]:5");
	un = addr_of_text("unix:/a");
#define REFUSED(type, sa, size, err)                                         \
	do {                                                                 \
		errno = 0;                                                   \
		assert_int_equal(from(&a, type, sa, (socklen_t)(size)), -1); \
		assert_int_equal(errno, err);                                \
	} while (0)
	for (len = 0; len < sizeof(in.u.in); len++)
		REFUSED(SOCK_STREAM, &in.u, len, EINVAL);
	for (len = 0; len < sizeof(in6.u.in6); len++)
		REFUSED(SOCK_STREAM, &in6.u, len, EINVAL);
	for (len = 0; len <= UN_OFFSET; len++)
		REFUSED(SOCK_STREAM, &un.u, len, EINVAL);
	REFUSED(SOCK_RDM, &in.u, in.len, EPROTOTYPE);
	REFUSED(SOCK_RAW, &in6.u, in6.len, EPROTOTYPE);
	REFUSED(0, &un.u, un.len, EPROTOTYPE);
	memset(&full, 'a', sizeof(full));
	full.sun_family = AF_LOCAL;
	REFUSED(SOCK_STREAM, &full, UN_OFFSET + 4, EINVAL); /* relative */
	full.sun_path[0] = '/';
	REFUSED(SOCK_STREAM, &full, sizeof(full), EINVAL); /* no NUL */
	full.sun_family = AF_PACKET;
	REFUSED(SOCK_STREAM, &full, sizeof(full), EAFNOSUPPORT);
	full.sun_family = AF_UNSPEC;
	REFUSED(SOCK_STREAM, &full, sizeof(full), EAFNOSUPPORT);
	(void)inet_pton(AF_INET6, "::ffff:1.2.3.4", &in6.u.in6.sin6_addr);
	REFUSED(SOCK_STREAM, &in6.u, in6.len, EADDRNOTAVAIL);
#undef REFUSED
	assert_int_equal(addr_from_sockaddr(&a, SOCK_STREAM, NULL, 16), -1);
	assert_int_equal(errno, EINVAL);
}

static void
kernel_addresses_are_kept_or_unmapped(void **state)
{
	struct addr a, b, six;
	struct sockaddr_un un;
	char text[ADDR_TEXT_BYTES], full[sizeof(un) + 1];

	(void)state;
	six = addr_of_text("tcp:[::1]:5");
	addr_from_kernel(&a, ADDR_TCP, &six.u.sa, six.len);
	assert_true(addr_equal(&a, &six));
	(void)inet_pton(AF_INET6, "::ffff:1.2.3.4", &six.u.in6.sin6_addr);
	addr_from_kernel(&a, ADDR_TCP, &six.u.sa, six.len);
	b = addr_of_text("tcp:1.2.3.4:5");
	assert_true(addr_equal(&a, &b));
	assert_int_equal(a.len, sizeof(struct sockaddr_in));
	/* accept gives a local peer without a name as its family alone. */
	memset(&un, 0, sizeof(un));
	un.sun_family = AF_LOCAL;
	addr_from_kernel(&a, ADDR_UNIX, (struct sockaddr *)&un, UN_OFFSET);
	addr_assert_prints(&a, "unix:-");
	assert_int_equal(addr_family(&a), AF_LOCAL);
	assert_false(addr_is_path(&a));
	assert_true(addr_equal(&a, &a));
	/* Nor can a peer look like what it is not. */
	(void)strcpy(un.sun_path, "@root");
	addr_from_kernel(&a, ADDR_UNIX, (struct sockaddr *)&un, UN_OFFSET + 6);
	addr_assert_prints(&a, "unix:./@root");
	(void)strcpy(un.sun_path, "-");
	addr_from_kernel(&a, ADDR_UNIX, (struct sockaddr *)&un, UN_OFFSET + 2);
	addr_assert_prints(&a, "unix:./-");
	/* The longest path that bind takes has no room for its NUL. */
	memset(full, 'a', sizeof(full));
	memcpy(full, &un.sun_family, sizeof(un.sun_family));
	full[UN_OFFSET] = '/';
	full[sizeof(un)] = '\0';
	addr_from_kernel(&a, ADDR_UNIX, (struct sockaddr *)full, sizeof(full));
	assert_int_equal(strlen(addr_print(&a, text, sizeof(text))),
	    strlen("unix:") + 107);
	/* Nothing at all. */
	addr_from_kernel(&a, ADDR_TCP, (struct sockaddr *)full, 0);
	addr_assert_prints(&a, "tcp:-");
	assert_int_equal(addr_port(&a), -1);
}

static void
assert_check(const struct addr *a, enum addr_end end, int err)
{
	const char *why = NULL;

	errno = 0;
	assert_int_equal(addr_check(a, end, &why), err == 0 ? 0 : -1);
	assert_int_equal(errno, err);
	if (err != 0)
		assert_non_null(why);
}

static void
check_tells_what_can_be_an_end(void **state)
{
	struct addr a;

	(void)state;
	a = addr_of_text("tcp:*:80");
	assert_check(&a, ADDR_SRC, 0);
	assert_check(&a, ADDR_DST, EADDRNOTAVAIL);
	a = addr_of_text("udp:0.0.0.0:80");
	assert_check(&a, ADDR_SRC, 0);
	assert_check(&a, ADDR_DST, EADDRNOTAVAIL);
	a = addr_of_text("tcp:[::]:80");
	assert_check(&a, ADDR_SRC, 0);
	assert_check(&a, ADDR_DST, EADDRNOTAVAIL);
	a = addr_of_text("tcp:[fe80::1]:80");
	assert_check(&a, ADDR_SRC, EINVAL);
	a = addr_of_text("tcp:[fe80::1%lo]:80");
	assert_check(&a, ADDR_DST, 0);
	a = addr_of_text("udp:[ff02::1]:80");
	assert_check(&a, ADDR_DST, 0);
	a = addr_of_text("unix:@");
	assert_check(&a, ADDR_DST, 0);
	a = addr_of_text("unix:/a");
	assert_check(&a, ADDR_SRC, 0);
	a = addr_of_text("tcp:1.2.3.4:80");
	assert_check(&a, ADDR_DST, 0);
	a.u.in.sin_port = 0;
	assert_check(&a, ADDR_SRC, EINVAL);
	assert_check(&a, ADDR_DST, EINVAL);
	a = addr_of_text("tcp:[::1]:80");
	(void)inet_pton(AF_INET6, "::ffff:0.0.0.0", &a.u.in6.sin6_addr);
	assert_check(&a, ADDR_SRC, EADDRNOTAVAIL);
	assert_check(&a, ADDR_DST, EADDRNOTAVAIL);
}

static void
check_finds_what_is_not_whole(void **state)
{
	struct addr a, good = addr_of_text("tcp:1.2.3.4:80");

	(void)state;
	memset(&a, 0, sizeof(a));
	assert_check(&a, ADDR_SRC, EAFNOSUPPORT);
	a = good;
	a.kind = ADDR_KINDS;
	assert_check(&a, ADDR_SRC, EAFNOSUPPORT);
	a.kind = ADDR_UNIX;
	assert_check(&a, ADDR_SRC, EAFNOSUPPORT);
	a = good;
	a.u.sa.sa_family = AF_PACKET;
	assert_check(&a, ADDR_SRC, EAFNOSUPPORT);
	a = good;
	a.len--;
	assert_check(&a, ADDR_SRC, EINVAL);
	a.len = UINT16_MAX;
	assert_check(&a, ADDR_SRC, EINVAL);
	a = good;
	a.flags = ADDR_DUAL;
	assert_check(&a, ADDR_SRC, EINVAL);
	a = addr_of_text("tcp:*:80");
	a.flags = 0x80;
	assert_check(&a, ADDR_SRC, EINVAL);
	a = addr_of_text("unix:/abc");
	a.u.un.sun_path[0] = 'x';
	assert_check(&a, ADDR_SRC, EINVAL);
	a = addr_of_text("unix:/abc");
	a.u.un.sun_path[2] = '\0'; /* shorter than its length says */
	assert_check(&a, ADDR_SRC, EINVAL);
	a = good;
	a.u.in.sin_zero[3] = 1; /* of two that are equal, bytes are */
	assert_check(&a, ADDR_SRC, EINVAL);
	a = addr_of_text("tcp:[::1]:80");
	a.u.in6.sin6_scope_id = 1; /* means nothing here */
	assert_check(&a, ADDR_SRC, EINVAL);
	a = addr_of_text("unix:/abc");
	a.len = UN_OFFSET;
	assert_check(&a, ADDR_SRC, EINVAL);
}

static void
small_questions(void **state)
{
	struct addr a;

	(void)state;
	a = addr_of_text("tcp:1.2.3.4:80");
	assert_int_equal(addr_socktype(&a), SOCK_STREAM);
	assert_int_equal(addr_family(&a), AF_INET);
	assert_int_equal(addr_port(&a), 80);
	assert_true(addr_is_connected_type(&a));
	assert_false(addr_is_path(&a));
	a = addr_of_text("udp:[::1]:65535");
	assert_int_equal(addr_socktype(&a), SOCK_DGRAM);
	assert_int_equal(addr_port(&a), 65535);
	assert_false(addr_is_connected_type(&a));
	a = addr_of_text("unix:/a");
	assert_true(addr_is_path(&a));
	assert_int_equal(addr_port(&a), -1);
	a = addr_of_text("unixdgram:@/a");
	assert_false(addr_is_path(&a));
	a.kind = 200;
	assert_int_equal(addr_socktype(&a), 0);
}

static void
equal_and_same_host(void **state)
{
	static const char *const all[] = {
		"tcp:1.2.3.4:80",
		"tcp:1.2.3.4:81",
		"udp:1.2.3.4:80",
		"tcp:1.2.3.5:80",
		"tcp:[::1]:80",
		"tcp:[::2]:80",
		"tcp:[fe80::1%1]:80",
		"tcp:[fe80::1%2]:80",
		"tcp:*:80",
		"tcp:[::]:80",
		"unix:/a",
		"unix:/b",
		"unix:@/a",
		"unixdgram:/a",
		"unix:@/a\\x00",
	};
	struct addr a, b;
	size_t i, j;

	(void)state;
	for (i = 0; i < LENGTH(all); i++)
		for (j = 0; j < LENGTH(all); j++) {
			a = addr_of_text(all[i]);
			b = addr_of_text(all[j]);
			assert_int_equal(addr_equal(&a, &b), i == j);
			if (addr_same_host(&a, &b))
				assert_int_equal(addr_host_hash(&a),
				    addr_host_hash(&b));
		}
	a = addr_of_text("tcp:1.2.3.4:80");
	b = addr_of_text("udp:1.2.3.4:99");
	assert_true(addr_same_host(&a, &b));
	b = addr_of_text("tcp:1.2.3.5:80");
	assert_false(addr_same_host(&a, &b));
	assert_int_not_equal(addr_host_hash(&a), addr_host_hash(&b));
	b = addr_of_text("unix:/a");
	assert_false(addr_same_host(&a, &b));
	a = addr_of_text("unixdgram:@b");
	assert_true(addr_same_host(&a, &b));
	a = addr_of_text("tcp:[fe80::1%1]:80");
	b = addr_of_text("tcp:[fe80::1%2]:80");
	assert_false(addr_same_host(&a, &b));
	memset(&a, 0, sizeof(a));
	assert_false(addr_same_host(&a, &a));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(socket_addresses_are_taken),
		cmocka_unit_test(bad_socket_addresses_are_refused),
		cmocka_unit_test(kernel_addresses_are_kept_or_unmapped),
		cmocka_unit_test(check_tells_what_can_be_an_end),
		cmocka_unit_test(check_finds_what_is_not_whole),
		cmocka_unit_test(small_questions),
		cmocka_unit_test(equal_and_same_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
