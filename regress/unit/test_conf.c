/* links: regress/unit/conf_text.c */
/* The configuration: what statements do, and printing them back. */

#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../mctd/conf/conf.h"
#include "conf_text.h"

static void
assert_addr(const struct addr *a, const char *text)
{
	char buf[ADDR_TEXT_BYTES];

	assert_string_equal(addr_print(a, buf, sizeof(buf)), text);
}

static void
assert_defaults(const struct conf *conf)
{
	assert_string_equal(conf->user, "_mctd");
	assert_int_equal(conf->user_given, 0);
	assert_string_equal(conf->chroot, "/var/empty/mctd");
	assert_string_equal(conf->socket, "/run/mctd/mctd.sock");
	assert_int_equal(conf->socket_given, 0);
	assert_int_equal(conf->socket_mode, 0600);
	assert_string_equal(conf->socket_group, "");
	assert_int_equal(conf->limits.bridges, 256);
	assert_int_equal(conf->limits.sessions, 4096);
	assert_int_equal(conf->limits.clients, 32);
	assert_int_equal(conf->limits.events, 4096);
	assert_int_equal(conf->limits.standby, 4);
	assert_int_equal(conf->limits.pipes, 16);
	assert_int_equal(conf->engines, 1);
	assert_int_equal(conf->spin_us, 0);
	assert_int_equal(conf->timeouts.connect_s, 10);
	assert_int_equal(conf->timeouts.idle_s, 0);
	assert_int_equal(conf->timeouts.half_closed_s, 60);
	assert_int_equal(conf->timeouts.drain_s, 10);
	assert_int_equal(conf->ndirectories, 0);
	assert_int_equal(conf->nbridges, 0);
}

static void
nothing_gives_the_defaults(void **state)
{
	static const char *const texts[] = { "", "\n", "# only this",
		"  \t\n\n# a\n\\\n", "\\\n" };
	struct conf *conf = conf_new(2);
	size_t i;

	(void)state;
	assert_non_null(conf);
	assert_int_equal(conf->bridges_room, 2);
	assert_defaults(conf);
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_defaults(conf_text_good(texts[i]));
}

static void
what_is_left_of_a_tree_can_be_used(void **state)
{
	struct conf *conf = conf_new(LIMIT_BRIDGES_MAX);

	(void)state;
	assert_non_null(conf);
	conf->limits.bridges = 3;
	conf_fit(conf);
	assert_int_equal(conf->bridges_room, 3);
	memset(conf->bridges, 0xff, 3 * sizeof(*conf->bridges));
	conf_default(conf);
	assert_defaults(conf);
	assert_int_equal(conf->bridges_room, 3);
	conf_fit(conf); /* its limit is more than it has room for */
	assert_int_equal(conf->bridges_room, 3);
}

static const char everything[] =
    "# what there is\n"
    "app = \"/run/app\"   # a macro\n"
    "many=1000\n"
    "dst = \"tcp:10.0.0.5:8080\"\n"
    "log = unix:/run/app/log.sock\n"
    "again = $dst\n"
    "dst2 = unix:/srv/other\n"
    "\n"
    "bridge \"web\" tcp:0.0.0.0:80 $again {\n"
    "\tmax $many # all of them\n"
    "\n"
    "\tidle 5m max-per-source 7\n"
    "}\n"
    "bridge log $log \\\n"
    "\ttcp:[::1]:514 { connect 0 half-closed 1d }\n"
    "bridge udp:*:5000 udp:10.0.0.9:5000\n"
    "bridge udp:*:5000 udp:10.0.0.10:5000\n"
    "bridge \"tcp:[fe80::1%lo]:1\" unix:@a\\x20b\n"
    "bridge \"unixdgram:/srv/\\\"a b\\\\\\\\{\" unixdgram:@x {}\n"
    "bridge mptcp:*:6 sctp:[::1]:6 { dst vsock:2:6 lifetime 1h\n"
    "\tdst tcp:[fe80::2%lo]:6 dst $dst2 keepalive 30 keepalive-count 3\n"
    "\tkeepalive-interval 5 user-timeout 30s hold 0 nodelay no\n"
    "\tdscp 46 mark 77 bind-device \"eth0\" source fe80::1%lo rate 10M\n"
    "\tconnection-rate 100 backlog 64 }\n"
    "bridge unixseq:/run/app/seq seqtipc:100:7 { dst seqsctp:[::1]:7 }\n"
    "user alice\n"
    "chroot \"/var/empty\"\n"
    "socket /run/m.sock mode 0660 group \"staff\"\n"
    "limits { bridges 8 sessions 500000\n"
    "clients 1024 events 65536 standby 2 pipes 0 groups 7 flows 65536 }\n"
    "engines 15\n"
    "spin 10000\n"
    "timeouts { connect 90 idle 2h half-closed 0 }\n"
    "drain 7d\n"
    "directory $app\n"
    "directory \"/srv/\"";

static void
assert_options(const struct bridge_options *o)
{
	char text[ADDR_TEXT_BYTES];

	assert_int_equal(o->nmore, 3);
	assert_addr(&o->more[0], "vsock:2:6");
	assert_addr(&o->more[1], "tcp:[fe80::2%lo]:6");
	assert_addr(&o->more[2], "unix:/srv/other");
	assert_int_equal(o->lifetime_s, 3600);
	assert_int_equal(o->keepalive_s, 30);
	assert_int_equal(o->keepalive_interval_s, 5);
	assert_int_equal(o->keepalive_count, 3);
	assert_int_equal(o->user_timeout_s, 30);
	assert_int_equal(o->hold_s, OPTION_NEVER);
	assert_int_equal(o->nodelay, FLAG_NO);
	assert_int_equal(o->dscp, 46);
	assert_int_equal(o->mark, 77);
	assert_string_equal(o->device, "eth0");
	assert_string_equal(addr_print_host(&o->source, text, sizeof(text)),
	    "fe80::1%lo");
	assert_int_equal(o->rate, 10 * 1024 * 1024);
	assert_int_equal(o->connection_rate, 100);
	assert_int_equal(o->backlog, 64);
}

static void
assert_bridges(const struct conf *conf)
{
	const struct conf_bridge *b = conf->bridges;

	assert_int_equal(conf->nbridges, 8);
	assert_string_equal(b[0].spec.name, "web");
	assert_addr(&b[0].spec.src, "tcp:0.0.0.0:80");
	assert_addr(&b[0].spec.dst, "tcp:10.0.0.5:8080");
	assert_int_equal(b[0].spec.options.max, 1000);
	assert_int_equal(b[0].spec.options.max_per_source, 7);
	assert_int_equal(b[0].spec.options.connect_s, 0);
	assert_int_equal(b[0].spec.options.idle_s, 300);
	assert_string_equal(b[1].spec.name, "log");
	assert_addr(&b[1].spec.src, "unix:/run/app/log.sock");
	assert_addr(&b[1].spec.dst, "tcp:[::1]:514");
	assert_int_equal(b[1].spec.options.connect_s, OPTION_NEVER);
	assert_int_equal(b[1].spec.options.half_closed_s, 86400);
	assert_string_equal(b[2].spec.name, "");
	assert_addr(&b[2].spec.src, "udp:*:5000");
	assert_int_equal(b[2].spec.options.max, 0);
	assert_addr(&b[4].spec.src, "tcp:[fe80::1%lo]:1");
	assert_addr(&b[4].spec.dst, "unix:@a\\x20b");
	assert_addr(&b[5].spec.src, "unixdgram:/srv/\\x22a\\x20b\\\\{");
	assert_options(&b[6].spec.options);
	assert_int_equal(b[7].spec.options.nmore, 1);
	assert_addr(&b[7].spec.options.more[0], "seqsctp:[::1]:7");
}

static void
assert_everything(const struct conf *conf)
{
	assert_string_equal(conf->user, "alice");
	assert_int_equal(conf->user_given, 1);
	assert_string_equal(conf->chroot, "/var/empty");
	assert_string_equal(conf->socket, "/run/m.sock");
	assert_int_equal(conf->socket_given, 1);
	assert_int_equal(conf->socket_mode, 0660);
	assert_string_equal(conf->socket_group, "staff");
	assert_int_equal(conf->limits.bridges, 8);
	assert_int_equal(conf->limits.sessions, 500000);
	assert_int_equal(conf->limits.clients, 1024);
	assert_int_equal(conf->limits.events, 65536);
	assert_int_equal(conf->limits.standby, 2);
	assert_int_equal(conf->limits.pipes, 0);
	assert_int_equal(conf->limits.groups, 7);
	assert_int_equal(conf->limits.flows, 65536);
	assert_int_equal(conf->engines, 15);
	assert_int_equal(conf->spin_us, 10000);
	assert_int_equal(conf->timeouts.connect_s, 90);
	assert_int_equal(conf->timeouts.idle_s, 7200);
	assert_int_equal(conf->timeouts.half_closed_s, 0);
	assert_int_equal(conf->timeouts.drain_s, 7 * 86400);
	assert_int_equal(conf->ndirectories, 2);
	assert_string_equal(conf->directory[0], "/run/app");
	assert_string_equal(conf->directory[1], "/srv");
	assert_bridges(conf);
}

static void
every_statement_in_any_order(void **state)
{
	const struct conf *conf = conf_text_good(everything);

	(void)state;
	assert_everything(conf);
	assert_string_equal(conf->bridges[0].file, "t");
	assert_int_equal(conf->bridges[0].line, 9);
	assert_int_equal(conf->bridges[1].line, 14);
	assert_int_equal(conf->bridges[2].line, 16);
}

static void
keywords_are_words_elsewhere(void **state)
{
	const struct conf *conf = conf_text_good(
	    "user user\nsocket /s mode 0 group \"mode\"\nsocket2 = /a\n"
	    "bridge bridge unix:@user unix:@mode\nchroot $socket2\n");

	(void)state;
	assert_string_equal(conf->user, "user");
	assert_string_equal(conf->socket_group, "mode");
	assert_int_equal(conf->socket_mode, 0);
	assert_string_equal(conf->bridges[0].spec.name, "bridge");
	assert_string_equal(conf->chroot, "/a");
}

/* Lines and file of bridges are no part of it. */
static void
assert_same(const struct conf *a, const struct conf *b)
{
	const struct bridge_spec *x, *y;
	uint32_t i;

	assert_string_equal(a->user, b->user);
	assert_int_equal(a->user_given, b->user_given);
	assert_string_equal(a->chroot, b->chroot);
	assert_string_equal(a->socket, b->socket);
	assert_int_equal(a->socket_given, b->socket_given);
	assert_int_equal(a->socket_mode, b->socket_mode);
	assert_string_equal(a->socket_group, b->socket_group);
	assert_memory_equal(&a->limits, &b->limits, sizeof(a->limits));
	assert_memory_equal(&a->timeouts, &b->timeouts, sizeof(a->timeouts));
	assert_int_equal(a->engines, b->engines);
	assert_int_equal(a->spin_us, b->spin_us);
	assert_int_equal(a->ndirectories, b->ndirectories);
	for (i = 0; i < a->ndirectories; i++)
		assert_string_equal(a->directory[i], b->directory[i]);
	assert_int_equal(a->nbridges, b->nbridges);
	for (i = 0; i < a->nbridges; i++) {
		x = &a->bridges[i].spec;
		y = &b->bridges[i].spec;
		assert_string_equal(x->name, y->name);
		assert_true(addr_equal(&x->src, &y->src));
		assert_true(addr_equal(&x->dst, &y->dst));
		assert_memory_equal(&x->options, &y->options,
		    sizeof(x->options));
	}
}

static void
what_is_printed_parses_to_the_same(void **state)
{
	static const char *const texts[] = {
		"",
		everything,
		"user _mctd\n",
		"socket \"/run/mctd/mctd.sock\"\n",
		"chroot \"/a \\\\ \\\" b\"\nsocket \"/s#{}$=\\\\\"\n",
		"directory \"/d \\\"\\\\ \xc3\xa4\"\n",
		"directory \"/d\"\nbridge unix:/d/\\x0a\\xff\\\\ unix:@\\x00\n"
		"bridge \"unix:/d/{ # $x = }\" unix:@\\\\\n",
		"timeouts { connect 59 idle 61s half-closed 60 drain 3601 }\n",
		"timeouts { connect 1h idle 86401 half-closed 90m drain 0 }\n",
		"bridge tcp:*:1 tcp:1.2.3.4:1 { connect 0 idle 0 }\n",
		"bridge tcp:*:1 tcp:1.2.3.4:1 { bind-device \"a#{\\\"\\\\$=\" "
		"dst unix:@\\\\\\x00 }\n",
		"engines auto\n",
		"limits { standby 8 }\nengines auto\nspin 1\n",
		"bridge a udp:[ff02::1%1]:1 unixdgram:@a {\n\n}\n",
	};
	struct conf *again = conf_new(LIMIT_BRIDGES_MAX);
	char first[16384];
	const char *printed;
	size_t i;

	(void)state;
	assert_non_null(again);
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		printed = conf_text_printed(conf_text_good(texts[i]));
		assert_true(strlen(printed) < sizeof(first));
		(void)strcpy(first, printed);
		if (conf_text(again, first) == -1)
			fail_msg("%s:\n%s", conf_text_error(), first);
		assert_same(conf_text_tree(), again);
		assert_string_equal(conf_text_printed(again), first);
	}
}

/* Some value, as the file has it; none for what needs another option. */
static int
random_value(const struct bridge_option *o, int nth, char *text, size_t size)
{
	static const char *const dsts[] = { "tcp:10.0.0.%d:%d",
		"mptcp:[2001:db8::%x]:%d", "sctp:10.1.0.%d:%d", "vsock:%d:%d",
		"\"unix:@%d-%d\\\\x00\"", "\"unix:/d/%d {\\\\\\\\%d\"" };
	long n = random() % 2000000000 >> random() % 30;

	switch (o->unit) {
	case OPTION_JOIN:
		(void)snprintf(text, size, "%s 239.1.1.%d interface \"v#%ld\"",
		    n % 2 ? "src" : "dst", nth, n);
		return 1;
	case OPTION_DST:
		(void)snprintf(text, size, dsts[n % 6], nth + 1,
		    (int)(n % 60000 + 1));
		return 1;
	case OPTION_DEVICE:
		(void)snprintf(text, size, "\"v#%ld\"", n);
		return nth == 0;
	case OPTION_FLAG:
		(void)snprintf(text, size, n % 2 ? "yes" : "no");
		return nth == 0 && strcmp(o->name, "reply") != 0; /* joins */
	case OPTION_HOST:
		return 0;
	default:
		(void)snprintf(text, size, "%ld",
		    o->max < INT32_MAX ? n % ((long)o->max + 1) : n);
		return nth == 0 && strcmp(o->name, "min") != 0; /* than max */
	}
}

static size_t
random_bridge(char *text, size_t size, int port)
{
	static const char *const kinds[] = { "tcp", "udp" };
	const struct bridge_option *o;
	char value[ADDR_TEXT_BYTES];
	struct bridge_spec spec;
	size_t at;
	int i, kind = (int)(random() % 2);

	memset(&spec, 0, sizeof(spec));
	spec.src.kind = kind == 0 ? ADDR_TCP : ADDR_UDP;
	spec.dst.kind = spec.src.kind;
	at = (size_t)snprintf(text, size,
	    "bridge %s:10.9.9.9:%d %s:10.9.9.8:%d {", kinds[kind], port,
	    kinds[kind], port);
	for (o = bridge_options; o->name != NULL; o++)
		for (i = (int)(random() % 4); i > 0; i--)
			if (bridge_option_applies(&spec, o, NULL) &&
			    random_value(o, i - 1, value, sizeof(value)))
				at += (size_t)snprintf(text + at, size - at,
				    " %s %s", o->name, value);
	return at + (size_t)snprintf(text + at, size - at, "\n}\n");
}

static void
random_bridges_are_printed_and_parse_back(void **state)
{
	static char text[65536];
	struct conf *again = conf_new(LIMIT_BRIDGES_MAX);
	const struct conf *conf;
	size_t at;
	int round, i;

	(void)state;
	srandom(20251126);
	for (round = 0; round < 100; round++) {
		at = (size_t)snprintf(text, sizeof(text),
		    "directory /d\nlimits { groups 4096 }\n");
		for (i = 0; i < 50; i++)
			at +=
			    random_bridge(text + at, sizeof(text) - at, i + 1);
		conf = conf_text_good(text);
		assert_int_equal(conf->nbridges, 50);
		if (conf_text(again, conf_text_printed(conf)) == -1)
			fail_msg("%s:\n%s", conf_text_error(), text);
		assert_same(conf, again);
	}
}

static void
automatic_engines_leave_room_for_the_others(void **state)
{
	static const uint32_t standby[] = { 0, 4, 8 };
	long processors = sysconf(_SC_NPROCESSORS_ONLN), want;
	const struct conf *conf;
	char text[80];
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		/* In whatever order they stand. */
		(void)snprintf(text, sizeof(text),
		    "engines auto\nlimits { standby %u }\n", standby[i]);
		conf = conf_text_good(text);
		want = processors - 1;
		if (want > LIMIT_ENGINES_MAX)
			want = LIMIT_ENGINES_MAX;
		if (want > 19 - 2 * (long)standby[i])
			want = 19 - 2 * (long)standby[i];
		assert_int_equal(conf->engines, want < 1 ? 1 : want);
	}
	assert_int_equal(conf_text_good("engines 3\n")->engines, 3);
	/* The word of one file is not that of the next. */
	assert_int_equal(conf_text_good("")->engines, 1);
}

static void
defaults_are_printed_too(void **state)
{
	const char *text = conf_text_printed(conf_text_good(""));

	(void)state;
	assert_string_equal(text,
	    "# default: user \"_mctd\"\n"
	    "chroot \"/var/empty/mctd\"\n"
	    "# default: socket \"/run/mctd/mctd.sock\" mode 0600\n"
	    "limits { bridges 256 sessions 4096 clients 32 events 4096 "
	    "standby 4 pipes 16 groups 64 flows 256 }\n"
	    "engines 1\nspin 0\n"
	    "timeouts { connect 10s idle 0 half-closed 1m drain 10s }\n");
}

static void
a_tree_is_used_again(void **state)
{
	struct mallinfo2 before, after;
	struct conf *conf = conf_text_tree();
	int i;

	(void)state;
	assert_int_equal(conf_text(conf, everything), 0);
	before = mallinfo2();
	for (i = 0; i < 100; i++) {
		assert_int_equal(conf_text(conf, everything), 0);
		assert_everything(conf);
		assert_int_equal(conf_text(conf, "bridge\n"), -1);
		assert_int_equal(errno, EINVAL);
		assert_int_equal(conf_text(conf, ""), 0);
		assert_string_equal(conf_text_error(), "");
		assert_defaults(conf);
		/* Macros of a file end with it. */
		assert_int_equal(conf_text(conf, "user $many\n"), -1);
	}
	after = mallinfo2();
	assert_int_equal(before.uordblks, after.uordblks);
	assert_int_equal(before.hblkhd, after.hblkhd);
	assert_int_equal(before.arena, after.arena);
}

static void
the_largest_configuration_fits(void **state)
{
	static char text[CONF_TEXT_BYTES];
	struct conf *conf = conf_text_tree();
	size_t at;
	int i;

	(void)state;
	at = (size_t)snprintf(text, sizeof(text), "limits { bridges %d }\n",
	    LIMIT_BRIDGES_MAX);
	for (i = 0; i < LIMIT_BRIDGES_MAX; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at,
		    "bridge \"name-%d\" tcp:127.0.0.1:%d tcp:10.0.0.1:%d\n", i,
		    i + 1, i + 1);
	assert_int_equal(conf_text(conf, text), 0);
	assert_int_equal(conf->nbridges, LIMIT_BRIDGES_MAX);
	(void)snprintf(text + at, sizeof(text) - at,
	    "bridge tcp:127.0.0.1:60000 tcp:10.0.0.1:1\n");
	assert_int_equal(conf_text(conf, text), -1);
	assert_string_equal(conf_text_error(),
	    "t:4098: more than 4096 bridges");
}

static void
timeouts_are_put_in_where_a_bridge_says_nothing(void **state)
{
	const struct conf *conf = conf_text_good(
	    "timeouts { connect 3 idle 4 half-closed 5 }\n"
	    "bridge tcp:*:1 tcp:1.2.3.4:1\n"
	    "bridge tcp:*:2 tcp:1.2.3.4:1 { connect 9 idle 0 max 8 }\n");
	struct bridge_options o;

	(void)state;
	o = conf->bridges[0].spec.options;
	conf_resolve(conf, &o);
	assert_int_equal(o.connect_s, 3);
	assert_int_equal(o.idle_s, 4);
	assert_int_equal(o.half_closed_s, 5);
	assert_int_equal(o.max, 0);
	assert_int_equal(o.backlog, BACKLOG_DEFAULT);
	o = conf->bridges[1].spec.options;
	conf_resolve(conf, &o);
	assert_int_equal(o.connect_s, 9);
	assert_int_equal(o.idle_s, 0);
	assert_int_equal(o.half_closed_s, 5);
	assert_int_equal(o.max, 8);
}

/* The last: what is defined stays so. */
static void
the_command_line_outdoes_the_file(void **state)
{
	char text[1024];
	int i;

	(void)state;
	assert_int_equal(conf_define("who=carol"), 0);
	for (i = 0; i < 2; i++)
		assert_string_equal(conf_text_good("who = dave\nuser $who\n")
					->user,
		    "carol");
	assert_int_equal(conf_define("who=eve"), 0);
	assert_string_equal(conf_text_good("user $who\n")->user, "eve");
	assert_int_equal(conf_define("path=/a=b \"c\\"), 0);
	assert_string_equal(conf_text_good("chroot $path\n")->chroot,
	    "/a=b \"c\\");
	assert_int_equal(conf_define("who"), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(conf_define("=x"), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(conf_define("a b=x"), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(conf_define("1a=x"), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(conf_define("a=x\ny"), -1);
	assert_int_equal(errno, EINVAL);
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	text[100] = '=';
	assert_int_equal(conf_define(text), -1);
	assert_int_equal(errno, ENAMETOOLONG);
	for (i = 0; i < CONF_MACROS - 2; i++) {
		(void)snprintf(text, sizeof(text), "m%d=", i);
		assert_int_equal(conf_define(text), 0);
	}
	assert_int_equal(conf_define("one_more="), -1);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(conf_text(conf_text_tree(), "\none_more = a\n"), -1);
	assert_string_equal(conf_text_error(), "t:2: more than 128 macros");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_gives_the_defaults),
		cmocka_unit_test(what_is_left_of_a_tree_can_be_used),
		cmocka_unit_test(every_statement_in_any_order),
		cmocka_unit_test(keywords_are_words_elsewhere),
		cmocka_unit_test(what_is_printed_parses_to_the_same),
		cmocka_unit_test(random_bridges_are_printed_and_parse_back),
		cmocka_unit_test(automatic_engines_leave_room_for_the_others),
		cmocka_unit_test(defaults_are_printed_too),
		cmocka_unit_test(a_tree_is_used_again),
		cmocka_unit_test(the_largest_configuration_fits),
		cmocka_unit_test(
		    timeouts_are_put_in_where_a_bridge_says_nothing),
		cmocka_unit_test(the_command_line_outdoes_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
