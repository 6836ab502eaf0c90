/* What makes a bridge possible: ends, options on them, a name. */

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
give(struct bridge_spec *s, const char *name, const char *text)
{
	const struct bridge_option *o = bridge_option_find(name);
	const char *why = "no such option";

	if (o == NULL ||
	    bridge_option_set(&s->options, o, text, NULL, &why) == -1)
		fail_msg("%s \"%s\": %s", name, text, why);
}

static void
several_dsts_are_of_one_type_and_differ(void **state)
{
	struct bridge_spec s, t;
	char text[64];
	int i;

	(void)state;
	s = spec("", "tcp:*:80", "tcp:10.0.0.1:80");
	assert_ptr_equal(bridge_dst(&s, 0), &s.dst);
	assert_null(bridge_dst(&s, 1));
	for (i = 2; i <= DSTS_MAX; i++) {
		(void)snprintf(text, sizeof(text), "tcp:10.0.0.%d:80", i);
		give(&s, "dst", text);
		assert_check(&s, 0);
	}
	assert_ptr_equal(bridge_dst(&s, 7), &s.options.more[6]);
	assert_null(bridge_dst(&s, 8));
	t = s;
	assert_true(bridge_same_ends(&s, &t));
	t.options.more[6] = t.options.more[0];
	assert_check(&t, EINVAL);
	assert_false(bridge_same_ends(&s, &t));
	t = s;
	t.options.nmore--;
	assert_false(bridge_same_ends(&s, &t));
	assert_false(bridge_same_ends(&t, &s));
	t.options.more[3] = t.dst;
	assert_check(&t, EINVAL);
	t.options.more[3] = t.src;
	assert_check(&t, EADDRNOTAVAIL);
	t = s;
	t.options.more[2].kind = ADDR_UDP;
	assert_check(&t, EPROTOTYPE);
	t = s;
	t.options.nmore = DSTS_MAX;
	assert_check(&t, EINVAL);
	t.options.nmore = UINT32_MAX;
	assert_check(&t, EINVAL);
	assert_null(bridge_dst(&t, DSTS_MAX));
	t = spec("", "unixseq:@a", "seqsctp:1.2.3.4:5");
	give(&t, "dst", "seqtipc:100:1");
	give(&t, "dst", "unixseq:@b");
	assert_check(&t, 0);
	give(&t, "dst", "unixseq:@a");
	assert_check(&t, EINVAL); /* src */
	/* Another src alone is another bridge. */
	t = s;
	t.src.u.in6.sin6_port++;
	assert_false(bridge_same_ends(&s, &t));
}

static const char all[] = "tcp mptcp sctp unix vsock seqsctp unixseq seqtipc";
static const char dgrams[] = "udp udplite unixdgram tipc";
static const char ip[] = "tcp mptcp sctp seqsctp udp udplite";
static const char udp[] = "udp udplite";
static const char every[] = "tcp mptcp sctp unix vsock seqsctp unixseq "
			    "seqtipc udp udplite unixdgram tipc";

/* Each option on a bridge between each two kinds of one socket type. */
static const struct effect {
	const char *name;
	const char *value;
	const char *src; /* kinds it has an effect on at src */
	const char *dst;
} effects[] = {
	{ "max", "5", every, every },
	{ "max-per-source", "5", all, all },
	{ "connection-rate", "5", all, all },
	{ "rate", "5", every, every },
	{ "backlog", "5", all, all },
	{ "connect", "5", all, all },
	{ "idle", "5", all, all },
	{ "half-closed", "5", "tcp mptcp unix unixseq vsock",
	    "tcp mptcp unix unixseq vsock" },
	{ "lifetime", "5", all, all },
	{ "keepalive", "5", "tcp mptcp", "tcp mptcp" },
	{ "user-timeout", "5", "tcp mptcp", "tcp mptcp" },
	{ "nodelay", "no", "tcp mptcp sctp seqsctp", "tcp mptcp sctp seqsctp" },
	{ "dscp", "5", ip, ip },
	{ "mark", "5", "", ip },
	{ "bind-device", "lo", "", ip },
	{ "source", "10.0.0.9", "", ip },
	{ "dst", NULL, all, all },
	{ "min", "5", dgrams, dgrams },
	{ "datagram-rate", "5", dgrams, dgrams },
	{ "hops", "no", udp, udp },
	{ "broadcast", "yes", udp, udp },
	{ "loop", "yes", dgrams, dgrams },
	{ "reply", "yes", dgrams, dgrams },
	{ "receive-buffer", "5", dgrams, dgrams },
	{ "send-buffer", "5", dgrams, dgrams },
	{ "in-interface", "lo", udp, "" },
	{ "ttl", "5", "", udp },
	{ "loopback", "yes", udp, udp },
	{ "affinity", "lo", "", udp },
};

static const struct end {
	const char *kind;
	const char *src;
	const char *dst;
	const char *more;
} ends[] = {
	{ "tcp", "tcp:*:80", "tcp:10.0.0.1:80", "tcp:10.0.0.2:80" },
	{ "mptcp", "mptcp:*:80", "mptcp:10.0.0.1:80", "mptcp:10.0.0.2:80" },
	{ "sctp", "sctp:*:80", "sctp:10.0.0.1:80", "sctp:10.0.0.2:80" },
	{ "unix", "unix:@s", "unix:@d", "unix:@e" },
	{ "vsock", "vsock:*:80", "vsock:1:80", "vsock:1:81" },
	{ "seqsctp", "seqsctp:*:80", "seqsctp:10.0.0.1:80",
	    "seqsctp:10.0.0.2:80" },
	{ "unixseq", "unixseq:@s", "unixseq:@d", "unixseq:@e" },
	{ "seqtipc", "seqtipc:100:1", "seqtipc:100:2", "seqtipc:100:3" },
	{ "udp", "udp:*:80", "udp:10.0.0.1:80", "udp:10.0.0.2:80" },
	{ "udplite", "udplite:*:80", "udplite:10.0.0.1:80",
	    "udplite:10.0.0.2:80" },
	{ "unixdgram", "unixdgram:@s", "unixdgram:@d", "unixdgram:@e" },
	{ "tipc", "tipc:100:1", "tipc:100:2", "tipc:100:3" },
};
#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* Whether a list of words has this one. */
static int
has_word(const char *list, const char *word)
{
	size_t len = strlen(word);
	const char *p;

	for (p = list; (p = strstr(p, word)) != NULL; p += len)
		if ((p == list || p[-1] == ' ') &&
		    (p[len] == ' ' || p[len] == '\0'))
			return 1;
	return 0;
}

static void
assert_effect(const struct effect *e, const struct end *src,
    const struct end *dst)
{
	int effect = has_word(e->src, src->kind) || has_word(e->dst, dst->kind);
	struct bridge_spec s = spec("", src->src, dst->dst);
	const char *why = NULL;

	give(&s, e->name, e->value != NULL ? e->value : dst->more);
	if (bridge_check(&s, &why) == (effect ? 0 : -1)) {
		if (!effect)
			assert_memory_equal(why, e->name, strlen(e->name));
		return;
	}
	fail_msg("%s from %s to %s: %s", e->name, src->kind, dst->kind,
	    effect ? why : "taken");
}

static void
options_have_an_effect_or_are_refused(void **state)
{
	struct bridge_spec s;
	size_t i, src, dst;

	(void)state;
	for (src = 0; src < LENGTH(ends); src++)
		for (dst = 0; dst < LENGTH(ends); dst++) {
			s = spec("", ends[src].src, ends[dst].dst);
			if (addr_socktype(&s.src) != addr_socktype(&s.dst)) {
				assert_check(&s, EPROTOTYPE);
				continue;
			}
			assert_check(&s, 0);
			for (i = 0; i < LENGTH(effects); i++)
				assert_effect(&effects[i], &ends[src],
				    &ends[dst]);
		}
	/* A further dst counts as the first does. */
	s = spec("", "unix:@s", "unix:@d");
	give(&s, "mark", "5");
	assert_check(&s, EINVAL);
	give(&s, "dst", "tcp:[::1]:80");
	assert_check(&s, 0);
}

static const struct together {
	const char *src;
	const char *dst;
	const char *option[3][2];
	int err;
} togethers[] = {
#define UDP "udp:*:1", "udp:10.0.0.1:1"
	{ UDP, { { "min", "5" }, { "max", "5" } }, 0 },
	{ UDP, { { "min", "6" }, { "max", "5" } }, EINVAL },
	{ UDP, { { "flows", "5" } }, EINVAL },
	{ UDP, { { "flows", "5" }, { "reply", "no" } }, EINVAL },
	{ UDP, { { "flows", "5" }, { "reply", "yes" } }, 0 },
	{ UDP, { { "idle", "5" } }, EINVAL },
	{ UDP, { { "idle", "5" }, { "reply", "yes" } }, 0 },
	{ UDP, { { "join", "src 239.1.1.1" }, { "reply", "yes" } }, EINVAL },
	{ UDP, { { "join", "dst ff15::1" }, { "ttl", "5" } }, 0 },
	{ UDP, { { "hops", "yes" } }, 0 },
	{ "udp:*:1", "unixdgram:@a", { { "hops", "yes" } }, EINVAL },
	{ "udp:*:1", "unixdgram:@a", { { "join", "src 239.1.1.1" } }, 0 },
	{ "udp:*:1", "unixdgram:@a", { { "join", "dst 239.1.1.1" } }, EINVAL },
	{ "unixdgram:@a", "udp:10.0.0.1:1", { { "join", "src 239.1.1.1" } },
	    EINVAL },
	{ "unixdgram:@a", "udp:10.0.0.1:1", { { "join", "dst 239.1.1.1" } },
	    0 },
	{ "unixdgram:@a", "unixdgram:@b", { { "join", "dst 239.1.1.1" } },
	    EINVAL },
	{ "tcp:*:1", "tcp:10.0.0.1:1", { { "join", "src 239.1.1.1" } },
	    EINVAL },
	/* Every dst is to see who sent. */
	{ "udp:0.0.0.0:1", "udp:10.0.0.1:1", { { "source", "client" } }, 0 },
	{ "udp:0.0.0.0:1", "udp:10.0.0.1:1",
	    { { "source", "client" }, { "flows", "5" } }, 0 },
	{ "udp:0.0.0.0:1", "udp:[::1]:1", { { "source", "client" } }, EINVAL },
	{ "unixdgram:@a", "udp:10.0.0.1:1", { { "source", "client" } },
	    EINVAL },
	{ "tcp:0.0.0.0:1", "tcp:10.0.0.1:1", { { "source", "client" } },
	    EINVAL },
};

static void
options_of_datagrams_go_together(void **state)
{
	const struct together *t;
	struct bridge_spec s;
	size_t i, o;

	(void)state;
	for (i = 0; i < LENGTH(togethers); i++) {
		t = &togethers[i];
		s = spec("", t->src, t->dst);
		for (o = 0; o < 3 && t->option[o][0] != NULL; o++)
			give(&s, t->option[o][0], t->option[o][1]);
		assert_check(&s, t->err);
	}
	s = spec("", "udp:0.0.0.0:1", "udp:10.0.0.1:1");
	give(&s, "source", "client");
	give(&s, "join", "src 239.1.1.1");
	assert_check(&s, EINVAL);
	s.options.njoins = 0;
	s.options.source_client = 2;
	assert_check(&s, EINVAL);
	s.options.source_client = 1;
	(void)addr_parse_host(&s.options.source, "10.0.0.1", NULL);
	assert_check(&s, EINVAL);
}

/* Groups are ends of datagrams alone. */
static void
sessions_have_no_groups(void **state)
{
	static const char *const groups[] = { "239.1.1.1:80", "[ff15::1]:80" };
	static const char *const kinds[] = { "udp", "udplite", "tcp", "mptcp",
		"sctp", "seqsctp" };
	char group[64], host[64];
	struct bridge_spec s;
	size_t i, k;

	(void)state;
	for (i = 0; i < LENGTH(groups); i++)
		for (k = 0; k < LENGTH(kinds); k++) {
			(void)snprintf(group, sizeof(group), "%s:%s", kinds[k],
			    groups[i]);
			(void)snprintf(host, sizeof(host), "%s:10.0.0.1:80",
			    kinds[k]);
			s = spec("", group, host);
			assert_check(&s, k < 2 ? 0 : EOPNOTSUPP);
			s = spec("", host, group);
			assert_check(&s, k < 2 ? 0 : EOPNOTSUPP);
		}
}

static void
some_options_need_others(void **state)
{
	struct bridge_spec s = spec("", "tcp:*:80", "tcp:[::1]:80");
	struct bridge_spec t;

	(void)state;
	give(&s, "keepalive-interval", "5");
	assert_check(&s, EINVAL);
	t = s;
	give(&t, "keepalive", "0");
	assert_check(&t, EINVAL);
	give(&s, "keepalive", "5");
	give(&s, "keepalive-count", "5");
	assert_check(&s, 0);
	give(&s, "hold", "5");
	assert_check(&s, EINVAL);
	give(&s, "dst", "tcp:[::1]:81");
	assert_check(&s, 0);
}

static void
source_is_of_the_family_of_dst(void **state)
{
	struct bridge_spec s = spec("", "tcp:*:80", "tcp:[2001:db8::1]:80");

	(void)state;
	give(&s, "source", "2001:db8::2");
	assert_check(&s, 0);
	give(&s, "dst", "unix:@a");
	assert_check(&s, 0);
	give(&s, "dst", "tcp:1.2.3.4:5");
	assert_check(&s, EINVAL);
	s = spec("", "tcp:*:80", "tcp:1.2.3.4:80");
	give(&s, "source", "1.2.3.5");
	assert_check(&s, 0);
	s.options.source.u.in.sin_port = 1;
	assert_check(&s, EINVAL);
	s.options.source = s.dst;
	assert_check(&s, EINVAL);
	memset(&s.options.source, 0xff, sizeof(s.options.source));
	assert_check(&s, EAFNOSUPPORT);
}

/* Of one that a client sent nothing is certain. */
static void
values_of_programs_are_checked(void **state)
{
	const struct bridge_option *o;
	struct bridge_spec s, good = spec("", "tcp:*:80", "tcp:[::1]:80");
	struct bridge_spec dgram = spec("", "udp:*:80", "udp:[::1]:80");
	uint32_t value;

	(void)state;
	give(&good, "keepalive", "5");
	give(&good, "dst", "tcp:[::1]:81");
	give(&dgram, "reply", "yes");
	for (o = bridge_options; o->name != NULL; o++) {
		if (!bridge_option_is_number(o))
			continue;
#define PUT(v)                                                                 \
	do {                                                                   \
		s = bridge_option_applies(&good, o, NULL) ? good : dgram;      \
		value = (v);                                                   \
		memcpy((char *)&s.options + o->offset, &value, sizeof(value)); \
	} while (0)
		PUT(o->max);
		assert_check(&s, 0);
		PUT(UINT32_MAX);
		assert_check(&s,
		    o->unit == OPTION_SECONDS || o->max == UINT32_MAX ? 0 :
									EINVAL);
		if (o->max == UINT32_MAX)
			continue;
		PUT(o->max + 1);
		assert_check(&s, EINVAL);
	}
	s = good;
	memset(s.options.device, 'a', sizeof(s.options.device));
	assert_check(&s, EINVAL);
	(void)strcpy(s.options.device, "a/b");
	assert_check(&s, EINVAL);
	(void)strcpy(s.options.device, "eth0");
	assert_check(&s, 0);
	s = dgram;
	memset(s.options.in_device, 'a', sizeof(s.options.in_device));
	assert_check(&s, EINVAL);
	s = dgram;
	memset(s.options.affinity, 'a', sizeof(s.options.affinity));
	assert_check(&s, EINVAL);
	s = spec("", "udp:*:80", "udp:[::1]:80");
	give(&s, "join", "src 239.1.1.1");
	s.options.njoins = 2;
	assert_check(&s, EINVAL); /* the second is nothing */
	s.options.joins[1] = s.options.joins[0];
	assert_check(&s, EINVAL);
	s.options.joins[1].group[3]++;
	assert_check(&s, 0);
	s.options.njoins = JOINS_MAX + 1;
	assert_check(&s, EINVAL);
	s.options.njoins = UINT32_MAX;
	assert_check(&s, EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(families_and_protocols_may_differ),
		cmocka_unit_test(what_cannot_be_a_bridge_is_refused),
		cmocka_unit_test(names_have_few_letters_and_are_no_numbers),
		cmocka_unit_test(several_dsts_are_of_one_type_and_differ),
		cmocka_unit_test(options_have_an_effect_or_are_refused),
		cmocka_unit_test(options_of_datagrams_go_together),
		cmocka_unit_test(sessions_have_no_groups),
		cmocka_unit_test(some_options_need_others),
		cmocka_unit_test(source_is_of_the_family_of_dst),
		cmocka_unit_test(values_of_programs_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
