/* Bridges: options by table, and what makes a bridge possible. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../common/bridge.h"

static struct bridge_spec
spec(const char *name, const char *src, const char *dst)
{
	struct bridge_spec s;
	const char *why = "?";

	memset(&s, 0, sizeof(s));
	(void)snprintf(s.name, sizeof(s.name), "%s", name);
	if (addr_parse(&s.src, src, NULL, &why) == -1)
		fail_msg("%s: %s", src, why);
	if (addr_parse(&s.dst, dst, NULL, &why) == -1)
		fail_msg("%s: %s", dst, why);
	return s;
}

static void
assert_check(const struct bridge_spec *s, int err)
{
	const char *why = NULL;

	errno = 0;
	assert_int_equal(bridge_check(s, &why), err == 0 ? 0 : -1);
	assert_int_equal(errno, err);
	if (err != 0) {
		assert_non_null(why);
		assert_int_equal(bridge_check(s, NULL), -1);
	}
}

static void
every_option_has_a_place_of_its_own(void **state)
{
	const struct bridge_option *o, *other;
	struct bridge_options options;
	uint32_t value = 1, n = 0;

	(void)state;
	memset(&options, 0, sizeof(options));
	for (o = bridge_options; o->name != NULL; o++, n++) {
		assert_ptr_equal(bridge_option_find(o->name), o);
		assert_int_equal(bridge_option_get(&options, o), 0);
		bridge_option_put(&options, o, value);
		for (other = bridge_options; other <= o; other++)
			assert_int_equal(bridge_option_get(&options, other),
			    (uint32_t)(other - bridge_options) + 1);
		value++;
	}
	assert_int_equal(n, sizeof(options) / sizeof(uint32_t));
	assert_int_equal(options.max, 1);
	assert_int_equal(options.max_per_source, 2);
	assert_int_equal(options.connect_s, 3);
	assert_int_equal(options.idle_s, 4);
	assert_int_equal(options.half_closed_s, 5);
	assert_null(bridge_option_find("maximum"));
	assert_null(bridge_option_find("ma"));
	assert_null(bridge_option_find(""));
}

static void
numbers_are_read_strictly(void **state)
{
	static const struct {
		enum option_unit unit;
		const char *text;
		int err;
		uint32_t value;
	} cases[] = {
		{ OPTION_COUNT, "0", 0, 0 },
		{ OPTION_COUNT, "17", 0, 17 },
		{ OPTION_COUNT, "500000", 0, 500000 },
		{ OPTION_COUNT, "500001", ERANGE, 0 },
		{ OPTION_COUNT, "4294967296", ERANGE, 0 },
		{ OPTION_COUNT, "18446744073709551617", ERANGE, 0 },
		{ OPTION_COUNT, "99999999999999999999999999", ERANGE, 0 },
		{ OPTION_COUNT, "", EINVAL, 0 },
		{ OPTION_COUNT, "-1", EINVAL, 0 },
		{ OPTION_COUNT, "+1", EINVAL, 0 },
		{ OPTION_COUNT, " 1", EINVAL, 0 },
		{ OPTION_COUNT, "1 ", EINVAL, 0 },
		{ OPTION_COUNT, "0x10", EINVAL, 0 },
		{ OPTION_COUNT, "1s", EINVAL, 0 },
		{ OPTION_COUNT, "1.5", EINVAL, 0 },
		{ OPTION_SECONDS, "0", 0, 0 },
		{ OPTION_SECONDS, "90", 0, 90 },
		{ OPTION_SECONDS, "90s", 0, 90 },
		{ OPTION_SECONDS, "5m", 0, 300 },
		{ OPTION_SECONDS, "2h", 0, 7200 },
		{ OPTION_SECONDS, "1d", 0, 86400 },
		{ OPTION_SECONDS, "5d", 0, 432000 },
		{ OPTION_SECONDS, "6d", ERANGE, 0 },
		{ OPTION_SECONDS, "4294967295d", ERANGE, 0 },
		{ OPTION_SECONDS, "213503982334602d", ERANGE, 0 },
		{ OPTION_SECONDS, "s", EINVAL, 0 },
		{ OPTION_SECONDS, "1w", EINVAL, 0 },
		{ OPTION_SECONDS, "1ms", EINVAL, 0 },
		{ OPTION_SECONDS, "1M", EINVAL, 0 },
		{ OPTION_SECONDS, "1m30", EINVAL, 0 },
		{ OPTION_SECONDS, "1m30s", EINVAL, 0 },
		{ OPTION_SECONDS, "never", EINVAL, 0 },
	};
	uint32_t value;
	size_t i;
	int result;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		value = 0;
		errno = 0;
		result = bridge_option_parse(cases[i].unit, cases[i].text,
		    500000, &value);
		if (result != (cases[i].err == 0 ? 0 : -1) ||
		    errno != cases[i].err || value != cases[i].value)
			fail_msg("\"%s\": %d, %s, %u", cases[i].text, result,
			    strerror(errno), value);
	}
}

static void
families_and_protocols_may_differ(void **state)
{
	struct bridge_spec s;

	(void)state;
	s = spec("a", "tcp:*:80", "tcp:10.0.0.1:80");
	assert_check(&s, 0);
	s = spec("", "unix:/run/a", "tcp:[::1]:80");
	assert_check(&s, 0);
	s = spec("", "udp:0.0.0.0:53", "unixdgram:@d");
	assert_check(&s, 0);
	s = spec("", "udp:[::]:53", "udp:[ff02::1%lo]:53");
	assert_check(&s, 0);
}

static void
what_cannot_be_a_bridge_is_refused(void **state)
{
	struct bridge_spec s;

	(void)state;
	s = spec("", "tcp:1.2.3.4:80", "udp:1.2.3.4:80");
	assert_check(&s, EPROTOTYPE);
	s = spec("", "unix:/a", "unixdgram:/b");
	assert_check(&s, EPROTOTYPE);
	s = spec("", "udp:1.2.3.4:80", "unix:/b");
	assert_check(&s, EPROTOTYPE);
	s = spec("", "tcp:1.2.3.4:80", "tcp:0.0.0.0:80");
	assert_check(&s, EADDRNOTAVAIL);
	s = spec("", "tcp:1.2.3.4:80", "tcp:*:81");
	assert_check(&s, EADDRNOTAVAIL);
	s = spec("", "tcp:1.2.3.4:80", "tcp:1.2.3.4:80");
	assert_check(&s, EINVAL); /* would carry to itself for ever */
	s = spec("", "tcp:1.2.3.4:80", "tcp:1.2.3.4:81");
	s.src.kind = ADDR_NONE;
	assert_check(&s, EAFNOSUPPORT);
	memset(&s, 0xff, sizeof(s));
	assert_check(&s, EAFNOSUPPORT);
}

static void
names_have_few_letters_and_are_no_numbers(void **state)
{
	static const char *const good[] = { "", "a", "web-1", "A_b.c", "1a",
		"abcdefghijklmnopqrstuvwxyz01234", "-", "." };
	static const char *const bad[] = { "1", "0123", "a b", "a/b", "a\"",
		"a\n", "\xc3\xa4", "a:b", "*" };
	struct bridge_spec s;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		s = spec(good[i], "tcp:*:80", "tcp:[::1]:80");
		assert_check(&s, 0);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		s = spec(bad[i], "tcp:*:80", "tcp:[::1]:80");
		assert_check(&s, EINVAL);
	}
	s = spec("", "tcp:*:80", "tcp:[::1]:80");
	memset(s.name, 'a', sizeof(s.name)); /* no NUL */
	assert_check(&s, EINVAL);
}

static void
options_have_limits(void **state)
{
	const struct bridge_option *o;
	struct bridge_spec s;

	(void)state;
	for (o = bridge_options; o->name != NULL; o++) {
		s = spec("", "tcp:*:80", "tcp:[::1]:80");
		bridge_option_put(&s.options, o, o->max);
		assert_check(&s, 0);
		bridge_option_put(&s.options, o, o->max + 1);
		assert_check(&s, EINVAL);
		bridge_option_put(&s.options, o, OPTION_NEVER);
		assert_check(&s, o->unit == OPTION_SECONDS ? 0 : EINVAL);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_option_has_a_place_of_its_own),
		cmocka_unit_test(numbers_are_read_strictly),
		cmocka_unit_test(families_and_protocols_may_differ),
		cmocka_unit_test(what_cannot_be_a_bridge_is_refused),
		cmocka_unit_test(names_have_few_letters_and_are_no_numbers),
		cmocka_unit_test(options_have_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
