/* links: regress/unit/conf_text.c */
/* The budget: descriptors and powers from the configuration; its text. */

#include <sys/resource.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../mctd/conf/budget.h"
#include "../../mctd/sandbox/sandbox.h"
#include "conf_text.h"

static const char *
printed(const struct budget *b, const struct conf *conf)
{
	static char text[16384];
	FILE *out;

	out = fmemopen(text, sizeof(text), "w");
	assert_non_null(out);
	budget_print(b, conf, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void
assert_says(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" is not in\n%s", part, text);
}

static void
descriptors_follow_the_limits(void **state)
{
	const struct conf *conf;
	struct budget b;
	uint32_t parent;

	(void)state;
	memset(&b, 0, sizeof(b));
	conf = conf_text_good("limits { bridges 10 sessions 100 clients 5 "
			      "groups 7 flows 3 }\n");
	budget_fds(&b, conf);
	parent = b.parent_fds;
	assert_true(parent >= LOW_FDS + 5 + 1 + 2 * 10 + 2 * 100 + 2 * 16);
	assert_int_equal(b.engine_fds,
	    2 * 10 + 2 * 100 + 2 * 16 + 7 + 2 * 3 + 32);
	assert_int_equal(b.control_fds, 5 + 1 + 32);
	conf = conf_text_good("limits { bridges 11 sessions 101 clients 6 "
			      "groups 8 flows 4 }\n"
			      "directory /a\ndirectory /b\n");
	budget_fds(&b, conf);
	assert_int_equal(b.parent_fds, parent + 2 + 2 + 1 + 2 + 1 + 2);
	/* With the smallest tables the children must start all the same. */
	conf = conf_text_good("limits { bridges 1 sessions 1 clients 1 "
			      "standby 1 pipes 0 }\n"
			      "engines 16\n");
	budget_fds(&b, conf);
	assert_true(b.parent_fds >= LOW_FDS + 2 + 2 * 16);
	/* A pipe has two, in its engine and in the parent. */
	conf = conf_text_good("limits { bridges 10 sessions 100 clients 5 "
			      "pipes 20 groups 7 flows 3 }\nengines 3\n");
	budget_fds(&b, conf);
	/* a table of each engine is kept for the mctd after this one */
	assert_int_equal(b.parent_fds, parent + 2 * (3 * 20 - 16) + 2);
	assert_int_equal(b.engine_fds,
	    2 * 10 + 2 * 100 + 2 * 20 + 7 + 2 * 3 + 32);
	/* The largest fits its type by far. */
	conf = conf_text_good("limits { bridges 4096 sessions 500000 "
			      "clients 1024 }\n");
	budget_fds(&b, conf);
	assert_true(b.parent_fds > 1000000 && b.parent_fds < 1020000);
}

static unsigned int
powers(const char *text)
{
	struct budget b;

	memset(&b, 0xff, sizeof(b));
	budget_fds(&b, conf_text_good(text));
	return b.powers;
}

static void
powers_follow_the_ports_of_src(void **state)
{
	(void)state;
	assert_int_equal(powers(""), 0);
	assert_int_equal(powers("bridge tcp:*:1024 tcp:1.2.3.4:80\n"), 0);
	assert_int_equal(powers("bridge unix:@a tcp:1.2.3.4:80\n"), 0);
	assert_int_equal(powers("bridge tcp:*:1023 tcp:1.2.3.4:80\n"),
	    POWER_LOW_PORTS);
	assert_int_equal(powers("bridge tcp:*:8000 tcp:1.2.3.4:80\n"
				"bridge udp:[::1]:53 udp:[::1]:5353\n"),
	    POWER_LOW_PORTS);
	assert_int_equal(powers("bridge vsock:*:1023 tcp:1.2.3.4:80\n"),
	    POWER_LOW_PORTS);
	assert_int_equal(powers("bridge vsock:*:4000000000 vsock:2:80\n"), 0);
	assert_int_equal(powers("bridge seqtipc:64:1 seqtipc:65:1\n"), 0);
}

static void
marks_need_a_power(void **state)
{
	(void)state;
	assert_int_equal(powers("bridge tcp:*:8000 tcp:1.2.3.4:80 "
				"{ mark 5 }\n"),
	    POWER_NET_ADMIN);
	assert_int_equal(powers("bridge tcp:*:80 tcp:1.2.3.4:80 { dscp 5 "
				"bind-device lo source 1.2.3.5 }\n"
				"bridge tcp:*:8000 tcp:1.2.3.4:80 "
				"{ mark 0 }\n"
				"bridge tcp:*:8001 tcp:1.2.3.4:80 "
				"{ mark 1 }\n"),
	    POWER_LOW_PORTS | POWER_NET_ADMIN);
	assert_string_equal(sandbox_powers_text(
				POWER_LOW_PORTS | POWER_NET_ADMIN),
	    "CAP_NET_BIND_SERVICE CAP_NET_ADMIN");
}

static void
tables_are_multiplied_by_their_processes(void **state)
{
	const struct conf *conf =
	    conf_text_good("limits { standby 2 pipes 10 }\nengines 4\n");
	struct budget b;
	const char *text;

	(void)state;
	memset(&b, 0, sizeof(b));
	budget_add(&b, "shared", "registry", 1000);
	budget_add(&b, "parent", "sessions", 200);
	budget_add(&b, "engine", "sessions", 30);
	budget_add(&b, "control", "clients", 4);
	budget_fds(&b, conf);
	text = printed(&b, conf);
	assert_says(text,
	    "registry                             1000     1"
	    "           1000\n");
	assert_says(text,
	    "sessions                               30     6"
	    "            180\n");
	assert_says(text,
	    "clients                                 4     3"
	    "             12\n");
	assert_says(text, " 1392\n");
	assert_says(text, "# capabilities\n#   none\n");
	assert_says(text, "for 9280 sockets\n#   idle     38010880 bytes");
	assert_says(text,
	    "for 40 pipes\n#   empty    409600 bytes, 10240 each\n"
	    "#   at most  41943040 bytes, 1048576 each\n");
	assert_null(strstr(text, "warning"));
}

static void
what_does_not_suffice_is_said(void **state)
{
	const struct conf *conf;
	struct rlimit limit;
	struct budget b;
	char words[64];

	(void)state;
	memset(&b, 0, sizeof(b));
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max = 64;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	conf = conf_text_good("limits { sessions 100 }\n"
			      "bridge tcp:*:80 tcp:1.2.3.4:80 { max 60 }\n"
			      "bridge unix:@a tcp:1.2.3.4:80 { max 41 }\n"
			      "bridge udp:*:80 udp:1.2.3.4:80\n");
	budget_fds(&b, conf);
	(void)snprintf(words, sizeof(words), "raise the hard limit to %u",
	    b.parent_fds);
	assert_says(printed(&b, conf), "RLIMIT_NOFILE is soft 64, hard 64\n");
	assert_says(printed(&b, conf), words);
	assert_says(printed(&b, conf), "#   CAP_NET_BIND_SERVICE\n");
	assert_says(printed(&b, conf), "may have 101 sessions, the table 100");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(descriptors_follow_the_limits),
		cmocka_unit_test(powers_follow_the_ports_of_src),
		cmocka_unit_test(marks_need_a_power),
		cmocka_unit_test(tables_are_multiplied_by_their_processes),
		cmocka_unit_test(what_does_not_suffice_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
