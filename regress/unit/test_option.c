/* Options of a bridge as a program sets them. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../libmct/include/mct/session.h"
#include "../../libmct/option.h"

static struct mct_options *
options_new(void)
{
	struct mct_options *options = mct_options_new();

	assert_non_null(options);
	return options;
}

static void
what_is_set_again_is_replaced(void **state)
{
	struct mct_options *options = options_new();

	(void)state;
	assert_int_equal(mct_options_set(options, "max", "5"), 0);
	assert_int_equal(mct_options_set(options, "max", "6"), 0);
	assert_int_equal(options->values.max, 6);
	assert_int_equal(mct_options_set(options, "max", "0"), 0);
	assert_int_equal(options->values.max, 0);
	assert_int_equal(mct_options_set(options, "idle", "0"), 0);
	assert_int_equal(options->values.idle_s, OPTION_NEVER);
	assert_int_equal(mct_options_set(options, "idle", "1m"), 0);
	assert_int_equal(options->values.idle_s, 60);
	assert_int_equal(mct_options_set(options, "nodelay", "no"), 0);
	assert_int_equal(mct_options_set(options, "nodelay", "yes"), 0);
	assert_int_equal(options->values.nodelay, FLAG_YES);
	assert_int_equal(mct_options_set(options, "bind-device", "long-name0"),
	    0);
	assert_int_equal(mct_options_set(options, "bind-device", "lo"), 0);
	assert_string_equal(options->values.device, "lo");
	assert_int_equal(options->values.device[5], 0);
	assert_int_equal(mct_options_set(options, "source", "::1"), 0);
	assert_int_equal(mct_options_set(options, "source", "127.0.0.1"), 0);
	assert_int_equal(addr_family(&options->values.source), AF_INET);
	assert_int_equal(mct_options_set(options, "name", "a-long-name"), 0);
	assert_int_equal(mct_options_set(options, "name", "b"), 0);
	assert_string_equal(options->name, "b");
	mct_options_free(options);
}

static void
each_dst_is_one_more(void **state)
{
	struct mct_options *options = options_new();
	char text[64];
	int i;

	(void)state;
	for (i = 2; i <= DSTS_MAX; i++) {
		(void)snprintf(text, sizeof text, "tcp:10.0.0.%d:80", i);
		assert_int_equal(mct_options_set(options, "dst", text), 0);
		assert_int_equal(options->values.nmore, i - 1);
		assert_int_equal(mct_options_set(options, "dst", text), -1);
		assert_int_equal(errno, i < DSTS_MAX ? EEXIST : ENOSPC);
	}
	for (i = 1; i <= JOINS_MAX; i++) {
		(void)snprintf(text, sizeof text, "src 239.0.0.%d", i);
		assert_int_equal(mct_options_set(options, "join", text), 0);
		assert_int_equal(options->values.njoins, i);
		assert_int_equal(mct_options_set(options, "join", text), -1);
		assert_int_equal(errno, i < JOINS_MAX ? EEXIST : ENOSPC);
	}
	mct_options_free(options);
}

static void
an_error_leaves_the_set_as_it_was(void **state)
{
	static const struct {
		const char *name;
		const char *value;
		int err;
	} cases[] = {
		{ "maximum", "1", ENOENT },
		{ "", "1", ENOENT },
		{ "max", "500001", ERANGE },
		{ "max", "five", EINVAL },
		{ "idle", "8d", ERANGE },
		{ "rate", "1T", EINVAL },
		{ "nodelay", "perhaps", EINVAL },
		{ "bind-device", "a/b", EINVAL },
		{ "source", "::ffff:1.2.3.4", EADDRNOTAVAIL },
		{ "source", "fe80::1%nosuch0", ENXIO },
		{ "dst", "nosuch:1", EAFNOSUPPORT },
		{ "dst", "tcp:10.0.0.1", EINVAL },
		{ "dst", "tcp:*:80", EADDRNOTAVAIL },
		{ "name", "1", EINVAL },
		{ "name", "a23456789012345678901234567890123", ERANGE },
		{ "max", NULL, EINVAL },
		{ NULL, "1", EINVAL },
	};
	struct mct_options *options = options_new();
	struct mct_options before;
	size_t i;

	(void)state;
	assert_int_equal(mct_options_set(options, "max", "5"), 0);
	assert_int_equal(mct_options_set(options, "idle", "5"), 0);
	assert_int_equal(mct_options_set(options, "nodelay", "no"), 0);
	assert_int_equal(mct_options_set(options, "bind-device", "lo"), 0);
	assert_int_equal(mct_options_set(options, "source", "::1"), 0);
	assert_int_equal(mct_options_set(options, "dst", "unix:@a"), 0);
	assert_int_equal(mct_options_set(options, "name", "a"), 0);
	before = *options;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		errno = 0;
		assert_int_equal(mct_options_set(options, cases[i].name,
				     cases[i].value),
		    -1);
		assert_int_equal(errno, cases[i].err);
		assert_memory_equal(options, &before, sizeof before);
	}
	assert_int_equal(mct_options_set(NULL, "max", "5"), -1);
	assert_int_equal(errno, EINVAL);
	mct_options_free(options);
	mct_options_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_set_again_is_replaced),
		cmocka_unit_test(each_dst_is_one_more),
		cmocka_unit_test(an_error_leaves_the_set_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
