/* Options of a bridge as text: read, printed, resolved. */

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../common/bridge.h"
#include "../../common/record.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static const struct bridge_option *
option(const char *name)
{
	const struct bridge_option *o = bridge_option_find(name);

	if (o == NULL)
		fail_msg("no option \"%s\"", name);
	return o;
}

/* 0, or errno with a sentence. */
static int
set(struct bridge_options *options, const char *name, const char *text)
{
	const char *why = NULL;

	if (bridge_option_set(options, option(name), text, NULL, &why) == 0)
		return 0;
	assert_non_null(why);
	assert_true(strlen(why) > 10);
	return errno;
}

static void
the_table_is_whole(void **state)
{
	static const char *const names[] = { "max", "max-per-source",
		"connection-rate", "rate", "backlog", "connect", "idle",
		"half-closed", "lifetime", "keepalive", "keepalive-interval",
		"keepalive-count", "user-timeout", "hold", "nodelay", "dscp",
		"mark", "bind-device", "source", "dst", "min", "datagram-rate",
		"hops", "broadcast", "loop", "reply", "flows", "receive-buffer",
		"send-buffer", "in-interface", "ttl", "loopback", "affinity",
		"join" };
	const struct bridge_option *o;
	uint64_t places = 0;
	size_t i;

	(void)state;
	for (i = 0; bridge_options[i].name != NULL; i++) {
		assert_true(i < LENGTH(names));
		o = &bridge_options[i];
		assert_string_equal(o->name, names[i]);
		assert_ptr_equal(option(names[i]), o);
		if (!bridge_option_is_number(o))
			continue;
		/* Numbers lie at the begin, each in its place. */
		assert_int_equal(o->offset % sizeof(uint32_t), 0);
		assert_true(o->offset < 64 * sizeof(uint32_t));
		assert_int_equal(places &
			UINT64_C(1) << o->offset / sizeof(uint32_t),
		    0);
		places |= UINT64_C(1) << o->offset / sizeof(uint32_t);
		assert_true(o->max > 0);
	}
	assert_int_equal(i, LENGTH(names));
	/* A field of a record each, and a bit of the parser's. */
	assert_true(i < 64 && FIELD_OPTIONS + i <= FIELD_PARENT);
	assert_null(bridge_option_find("maximum"));
	assert_null(bridge_option_find("ma"));
	assert_null(bridge_option_find(""));
	assert_null(bridge_option_find("name"));
}

static const struct reading {
	enum option_unit unit;
	const char *text;
	int err;
	uint32_t value;
} readings[] = {
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
	{ OPTION_COUNT, "1K", EINVAL, 0 },
	{ OPTION_COUNT, "1.5", EINVAL, 0 },
	{ OPTION_SECONDS, "0", 0, 0 },
	{ OPTION_SECONDS, "0d", 0, 0 },
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
	{ OPTION_BYTES, "0", 0, 0 },
	{ OPTION_BYTES, "500", 0, 500 },
	{ OPTION_BYTES, "488K", 0, 499712 },
	{ OPTION_BYTES, "489K", ERANGE, 0 },
	{ OPTION_BYTES, "1M", ERANGE, 0 },
	{ OPTION_BYTES, "1G", ERANGE, 0 },
	{ OPTION_BYTES, "4294967295G", ERANGE, 0 },
	{ OPTION_BYTES, "1k", EINVAL, 0 },
	{ OPTION_BYTES, "1KB", EINVAL, 0 },
	{ OPTION_BYTES, "1T", EINVAL, 0 },
	{ OPTION_BYTES, "K", EINVAL, 0 },
	{ OPTION_BYTES, "1s", EINVAL, 0 },
	{ OPTION_FLAG, "yes", 0, FLAG_YES },
	{ OPTION_FLAG, "no", 0, FLAG_NO },
	{ OPTION_FLAG, "", EINVAL, 0 },
	{ OPTION_FLAG, "1", EINVAL, 0 },
	{ OPTION_FLAG, "YES", EINVAL, 0 },
	{ OPTION_FLAG, "yess", EINVAL, 0 },
};

static void
notations_are_read_strictly(void **state)
{
	const struct reading *r;
	const char *why;
	uint32_t value;
	size_t i;
	int result;

	(void)state;
	for (i = 0; i < LENGTH(readings); i++) {
		r = &readings[i];
		value = 0;
		errno = 0;
		why = "?";
		result =
		    option_parse(r->unit, r->text, 0, 500000, &value, &why);
		if (result != (r->err == 0 ? 0 : -1) || errno != r->err ||
		    value != r->value)
			fail_msg("\"%s\": %d, %s, %s, %u", r->text, result,
			    strerror(errno), why, value);
	}
	assert_int_equal(option_parse(OPTION_COUNT, "2", 3, 9, &value, &why),
	    -1);
	assert_int_equal(errno, ERANGE);
	assert_string_equal(why, "this is out of range (3 to 9)");
	assert_int_equal(option_parse(OPTION_SECONDS, "x", 3, 9, &value, NULL),
	    -1);
}

static void
numbers_are_printed_in_their_largest_unit(void **state)
{
	static const struct {
		enum option_unit unit;
		uint32_t value;
		const char *text;
	} cases[] = {
		{ OPTION_COUNT, 0, "0" },
		{ OPTION_COUNT, 86400, "86400" },
		{ OPTION_COUNT, UINT32_MAX, "4294967295" },
		{ OPTION_SECONDS, 0, "0" },
		{ OPTION_SECONDS, 59, "59s" },
		{ OPTION_SECONDS, 60, "1m" },
		{ OPTION_SECONDS, 5400, "90m" },
		{ OPTION_SECONDS, 7200, "2h" },
		{ OPTION_SECONDS, 86400, "1d" },
		{ OPTION_SECONDS, 86401, "86401s" },
		{ OPTION_BYTES, 1023, "1023" },
		{ OPTION_BYTES, 1024, "1K" },
		{ OPTION_BYTES, 1536, "1536" },
		{ OPTION_BYTES, 3 * 1024 * 1024, "3M" },
		{ OPTION_BYTES, 2147483648U, "2G" },
		{ OPTION_BYTES, 4000000000U, "3906250K" },
		{ OPTION_FLAG, FLAG_YES, "yes" },
		{ OPTION_FLAG, FLAG_NO, "no" },
	};
	char text[32];
	size_t i;

	(void)state;
	for (i = 0; i < LENGTH(cases); i++)
		assert_string_equal(option_print(cases[i].unit, cases[i].value,
					text, sizeof(text)),
		    cases[i].text);
}

static void
each_value_has_its_member(void **state)
{
	struct bridge_options o;
	char text[OPTION_TEXT_BYTES];

	(void)state;
	memset(&o, 0, sizeof(o));
	assert_int_equal(set(&o, "max", "1"), 0);
	assert_int_equal(set(&o, "max-per-source", "2"), 0);
	assert_int_equal(set(&o, "connection-rate", "3"), 0);
	assert_int_equal(set(&o, "rate", "4K"), 0);
	assert_int_equal(set(&o, "backlog", "5"), 0);
	assert_int_equal(set(&o, "connect", "6"), 0);
	assert_int_equal(set(&o, "idle", "0"), 0);
	assert_int_equal(set(&o, "half-closed", "8m"), 0);
	assert_int_equal(set(&o, "lifetime", "9h"), 0);
	assert_int_equal(set(&o, "keepalive", "10"), 0);
	assert_int_equal(set(&o, "keepalive-interval", "11"), 0);
	assert_int_equal(set(&o, "keepalive-count", "12"), 0);
	assert_int_equal(set(&o, "user-timeout", "13"), 0);
	assert_int_equal(set(&o, "hold", "14"), 0);
	assert_int_equal(set(&o, "nodelay", "no"), 0);
	assert_int_equal(set(&o, "dscp", "46"), 0);
	assert_int_equal(set(&o, "mark", "4294967295"), 0);
	assert_int_equal(set(&o, "bind-device", "eth0"), 0);
	assert_int_equal(set(&o, "source", "10.0.0.9"), 0);
	assert_int_equal(set(&o, "dst", "vsock:2:80"), 0);
	assert_int_equal(o.max, 1);
	assert_int_equal(o.max_per_source, 2);
	assert_int_equal(o.connection_rate, 3);
	assert_int_equal(o.rate, 4096);
	assert_int_equal(o.backlog, 5);
	assert_int_equal(o.connect_s, 6);
	assert_int_equal(o.idle_s, OPTION_NEVER);
	assert_int_equal(o.half_closed_s, 480);
	assert_int_equal(o.lifetime_s, 32400);
	assert_int_equal(o.keepalive_s, 10);
	assert_int_equal(o.keepalive_interval_s, 11);
	assert_int_equal(o.keepalive_count, 12);
	assert_int_equal(o.user_timeout_s, 13);
	assert_int_equal(o.hold_s, 14);
	assert_int_equal(o.nodelay, FLAG_NO);
	assert_int_equal(o.dscp, 46);
	assert_int_equal(o.mark, UINT32_MAX);
	assert_int_equal(o.nmore, 1);
	assert_string_equal(o.device, "eth0");
	assert_string_equal(addr_print(&o.more[0], text, sizeof(text)),
	    "vsock:2:80");
	assert_string_equal(addr_print_host(&o.source, text, sizeof(text)),
	    "10.0.0.9");
}

static void
those_of_datagrams_have_theirs(void **state)
{
	struct bridge_options o;
	char text[OPTION_TEXT_BYTES];

	(void)state;
	memset(&o, 0, sizeof(o));
	assert_int_equal(set(&o, "min", "15"), 0);
	assert_int_equal(set(&o, "datagram-rate", "16"), 0);
	assert_int_equal(set(&o, "hops", "no"), 0);
	assert_int_equal(set(&o, "broadcast", "yes"), 0);
	assert_int_equal(set(&o, "loop", "no"), 0);
	assert_int_equal(set(&o, "reply", "yes"), 0);
	assert_int_equal(set(&o, "flows", "17"), 0);
	assert_int_equal(set(&o, "receive-buffer", "4M"), 0);
	assert_int_equal(set(&o, "send-buffer", "3M"), 0);
	assert_int_equal(set(&o, "in-interface", "eth1"), 0);
	assert_int_equal(set(&o, "ttl", "255"), 0);
	assert_int_equal(set(&o, "loopback", "no"), 0);
	assert_int_equal(set(&o, "affinity", "eth2"), 0);
	assert_int_equal(set(&o, "join", " src  239.1.1.1 interface a"), 0);
	assert_int_equal(o.min, 15);
	assert_int_equal(o.datagram_rate, 16);
	assert_int_equal(o.hops, FLAG_NO);
	assert_int_equal(o.broadcast, FLAG_YES);
	assert_int_equal(o.loop, FLAG_NO);
	assert_int_equal(o.reply, FLAG_YES);
	assert_int_equal(o.flows, 17);
	assert_int_equal(o.receive_buffer, 4194304);
	assert_int_equal(o.send_buffer, 3145728);
	assert_string_equal(o.in_device, "eth1");
	assert_int_equal(o.ttl, 255);
	assert_int_equal(o.loopback, FLAG_NO);
	assert_string_equal(o.affinity, "eth2");
	assert_int_equal(o.njoins, 1);
	assert_int_equal(bridge_option_text(&o, option("join"), 0, text,
			     sizeof(text)),
	    1);
	assert_string_equal(text, "src 239.1.1.1 interface a");
}

static void
what_is_given_is_given_once(void **state)
{
	static const char *const twice[][2] = { { "max", "5" }, { "idle", "0" },
		{ "idle", "9" }, { "nodelay", "yes" }, { "bind-device", "lo" },
		{ "source", "::1" }, { "dst", "unix:@a" }, { "rate", "5K" },
		{ "source", "client" }, { "ttl", "3" }, { "affinity", "a" },
		{ "in-interface", "a" }, { "join", "dst ff15::1" } };
	const struct bridge_option *o;
	struct bridge_options options, before, none;
	size_t i;

	(void)state;
	memset(&none, 0, sizeof(none));
	for (i = 0; i < LENGTH(twice); i++) {
		options = none;
		assert_int_equal(set(&options, twice[i][0], twice[i][1]), 0);
		before = options;
		assert_int_equal(set(&options, twice[i][0], twice[i][1]),
		    EEXIST);
		assert_memory_equal(&options, &before, sizeof(options));
		o = option(twice[i][0]);
		bridge_option_clear(&options, o);
		assert_memory_equal(&options, &none, sizeof(options));
		assert_int_equal(set(&options, twice[i][0], twice[i][1]), 0);
	}
}

static void
wrong_values_change_nothing(void **state)
{
	static const struct {
		const char *name;
		const char *text;
		int err;
	} cases[] = {
		{ "max", "500001", ERANGE },
		{ "rate", "3906251K", ERANGE },
		{ "keepalive", "32768", ERANGE },
		{ "keepalive-count", "128", ERANGE },
		{ "backlog", "65536", ERANGE },
		{ "dscp", "64", ERANGE },
		{ "lifetime", "8d", ERANGE },
		{ "mark", "0x10", EINVAL },
		{ "bind-device", "", EINVAL },
		{ "bind-device", "1234567890123456", EINVAL },
		{ "bind-device", "a b", EINVAL },
		{ "bind-device", "a/b", EINVAL },
		{ "bind-device", "a:b", EINVAL },
		{ "bind-device", "a\n", EINVAL },
		{ "bind-device", "\xc3\xa4", EINVAL },
		{ "bind-device", ".", EINVAL },
		{ "bind-device", "..", EINVAL },
		{ "source", "", EINVAL },
		{ "source", "*", EINVAL },
		{ "source", "10.0.0.1:80", EINVAL },
		{ "source", "0.0.0.0", EADDRNOTAVAIL },
		{ "source", "224.0.0.1", EADDRNOTAVAIL },
		{ "source", "::ffff:1.2.3.4", EADDRNOTAVAIL },
		{ "source", "fe80::1", EINVAL },
		{ "source", "fe80::1%nosuch0", ENXIO },
		{ "dst", "", EINVAL },
		{ "dst", "x:1:2", EAFNOSUPPORT },
		{ "dst", "tcp:example.org:80", EINVAL },
		{ "dst", "tcp:*:80", EADDRNOTAVAIL },
		{ "source", "Client", EINVAL },
		{ "min", "65537", ERANGE },
		{ "flows", "1025", ERANGE },
		{ "ttl", "256", ERANGE },
		{ "receive-buffer", "257M", ERANGE },
		{ "hops", "1", EINVAL },
		{ "affinity", "any of them", EINVAL },
		{ "in-interface", "a/b", EINVAL },
		{ "join", "src 10.0.0.1", EINVAL },
	};
	struct bridge_options options, none;
	size_t i;
	int err;

	(void)state;
	memset(&none, 0, sizeof(none));
	options = none;
	for (i = 0; i < LENGTH(cases); i++) {
		err = set(&options, cases[i].name, cases[i].text);
		if (err != cases[i].err)
			fail_msg("%s \"%s\": %s", cases[i].name, cases[i].text,
			    strerror(err));
		assert_memory_equal(&options, &none, sizeof(options));
	}
}

static int
resolve(void *arg, const char *host, struct addr *a)
{
	(void)arg;
	if (strcmp(host, "web.example") != 0 || a->kind != ADDR_TCP)
		return -1;
	a->u.in.sin_family = AF_INET;
	a->u.in.sin_addr.s_addr = htonl(0x0a000001);
	a->len = sizeof(a->u.in);
	return 0;
}

static void
dsts_are_kept_in_order_and_counted(void **state)
{
	struct addr_resolver resolver = { resolve, NULL };
	struct bridge_options options;
	char text[OPTION_TEXT_BYTES], want[64];
	const char *why;
	unsigned int i;

	(void)state;
	memset(&options, 0, sizeof(options));
	for (i = 0; i < DSTS_MAX - 1; i++) {
		(void)snprintf(text, sizeof(text), "tcp:10.0.0.%u:80", 9 - i);
		assert_int_equal(set(&options, "dst", text), 0);
	}
	assert_int_equal(set(&options, "dst", "tcp:10.0.0.99:80"), ENOSPC);
	for (i = 0; i < DSTS_MAX - 1; i++) {
		assert_int_equal(bridge_option_text(&options, option("dst"), i,
				     text, sizeof(text)),
		    1);
		(void)snprintf(want, sizeof(want), "tcp:10.0.0.%u:80", 9 - i);
		assert_string_equal(text, want);
	}
	options.nmore = UINT32_MAX; /* not to be believed */
	assert_int_equal(bridge_option_text(&options, option("dst"), i, text,
			     sizeof(text)),
	    0);
	memset(&options, 0, sizeof(options));
	assert_int_equal(bridge_option_set(&options, option("dst"),
			     "tcp:web.example:80", &resolver, &why),
	    0);
	assert_string_equal(addr_print(&options.more[0], text, sizeof(text)),
	    "tcp:10.0.0.1:80");
}

/* Some value of an option, as a number of its whole range. */
static void
any_text(const struct bridge_option *o, char *text, size_t size)
{
	uint32_t n = (uint32_t)random() >> random() % 31;

	switch (o->unit) {
	case OPTION_DEVICE:
		(void)snprintf(text, size, "eth%u", n % 100000);
		break;
	case OPTION_HOST:
		(void)snprintf(text, size, "10.1.%u.%u", n % 256,
		    1 + n / 256 % 255);
		break;
	case OPTION_DST:
		(void)snprintf(text, size, "vsock:%u:%u", n, 1 + n % 70000);
		break;
	case OPTION_JOIN:
		(void)snprintf(text, size, "%s 239.%u.1.%u interface v%u%s",
		    n % 2 ? "src" : "dst", n % 256, n / 256 % 256, n % 9999,
		    n % 4 == 1 ? " source 10.0.0.1" : "");
		break;
	case OPTION_FLAG:
		(void)snprintf(text, size, n % 2 ? "yes" : "no");
		break;
	default:
		(void)option_print(o->unit,
		    o->max == UINT32_MAX ? n : n % (o->max + 1), text, size);
		break;
	}
}

static void
random_options_come_back(void **state)
{
	struct bridge_options a, b;
	const struct bridge_option *o;
	char text[OPTION_TEXT_BYTES];
	const char *why;
	unsigned int nth;
	int round, i;

	(void)state;
	srandom(20251124);
	for (round = 0; round < 3000; round++) {
		memset(&a, 0, sizeof(a));
		for (o = bridge_options; o->name != NULL; o++)
			for (i = (int)(random() % 4); i > 0; i--) {
				any_text(o, text, sizeof(text));
				(void)bridge_option_set(&a, o, text, NULL,
				    &why);
			}
		memset(&b, 0, sizeof(b));
		for (o = bridge_options; o->name != NULL; o++)
			for (nth = 0;
			     bridge_option_text(&a, o, nth, text, sizeof(text));
			     nth++)
				assert_int_equal(set(&b, o->name, text), 0);
		assert_memory_equal(&a, &b, sizeof(a));
	}
}

static void
defaults_are_put_in(void **state)
{
	static const struct bridge_defaults defaults = { 3, 4, 5 };
	struct bridge_options o, none;

	(void)state;
	memset(&none, 0, sizeof(none));
	o = none;
	bridge_options_resolve(&o, &defaults);
	assert_int_equal(o.connect_s, 3);
	assert_int_equal(o.idle_s, 4);
	assert_int_equal(o.half_closed_s, 5);
	assert_int_equal(o.hold_s, HOLD_S_DEFAULT);
	assert_int_equal(o.backlog, BACKLOG_DEFAULT);
	assert_int_equal(o.nodelay, FLAG_YES);
	o.connect_s = o.idle_s = o.half_closed_s = o.hold_s = o.backlog = 0;
	o.nodelay = FLAG_NOT_GIVEN;
	assert_memory_equal(&o, &none, sizeof(o)); /* no other has one */
	o.connect_s = o.idle_s = o.half_closed_s = o.hold_s = OPTION_NEVER;
	o.lifetime_s = o.keepalive_s = o.keepalive_interval_s = OPTION_NEVER;
	o.user_timeout_s = OPTION_NEVER;
	o.nodelay = FLAG_NO;
	o.backlog = 7;
	bridge_options_resolve(&o, &defaults);
	assert_int_equal(o.nodelay, FLAG_NO);
	assert_int_equal(o.backlog, 7);
	o.nodelay = FLAG_NOT_GIVEN;
	o.backlog = 0;
	assert_memory_equal(&o, &none, sizeof(o));
	/* Where there are flows, idle is theirs. */
	o.reply = FLAG_YES;
	bridge_options_resolve(&o, &defaults);
	assert_int_equal(o.idle_s, FLOW_IDLE_S_DEFAULT);
	assert_int_equal(o.flows, FLOWS_DEFAULT);
	o = none;
	o.source_client = 1;
	o.idle_s = OPTION_NEVER;
	o.flows = 3;
	bridge_options_resolve(&o, &defaults);
	assert_int_equal(o.idle_s, 0);
	assert_int_equal(o.flows, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_whole),
		cmocka_unit_test(notations_are_read_strictly),
		cmocka_unit_test(numbers_are_printed_in_their_largest_unit),
		cmocka_unit_test(each_value_has_its_member),
		cmocka_unit_test(those_of_datagrams_have_theirs),
		cmocka_unit_test(what_is_given_is_given_once),
		cmocka_unit_test(wrong_values_change_nothing),
		cmocka_unit_test(dsts_are_kept_in_order_and_counted),
		cmocka_unit_test(random_options_come_back),
		cmocka_unit_test(defaults_are_put_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
