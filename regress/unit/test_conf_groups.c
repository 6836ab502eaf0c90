/* links: regress/unit/conf_text.c */
/* The configuration: groups of bridges, and what is sent to them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "../../mctd/conf/conf.h"
#include "conf_text.h"

static void
assert_join(const struct bridge_options *o, unsigned int nth, const char *want)
{
	char text[OPTION_TEXT_BYTES] = "";

	(void)bridge_option_text(o, bridge_option_find("join"), nth, text,
	    sizeof(text));
	assert_string_equal(text, want);
}

static const char groups[] =
    "if = eth1\nfeed = \"src 239.1.1.9 interface eth3\"\n"
    "bridge udp:0.0.0.0:5000 udp:10.0.0.9:5000 {\n"
    "\tjoin src 239.1.1.1 interface $if\n"
    "\tjoin src 232.1.1.1 source 10.0.0.9 interface eth1 # of one\n"
    "\tsource 10.0.0.5\n"
    "\tjoin dst 239.2.2.2 interface \"ttl\" ttl dst 4 join dst ff15::7\n"
    "\tjoin $feed join \"src 239.1.1.8\"\n"
    "\tjoin dst 239.2.2.3 interface interface min 3\n"
    "\tjoin src 239.1.1.3 \\\n interface \"join\" }\n"
    "bridge udp:239.0.0.1:5001 udp:10.0.0.9:5000 { ttl 5 affinity join\n"
    "source 10.0.0.6 bind-device source in-interface interface }\n";

static void
groups_are_words_of_a_line(void **state)
{
	const struct conf *conf = conf_text_good(groups);
	const struct bridge_options *o = &conf->bridges[0].spec.options;
	char text[ADDR_TEXT_BYTES];

	(void)state;
	assert_int_equal(o->njoins, 8);
	assert_join(o, 0, "src 239.1.1.1 interface eth1");
	assert_join(o, 1, "src 232.1.1.1 interface eth1 source 10.0.0.9");
	assert_join(o, 2, "dst 239.2.2.2 interface ttl");
	assert_join(o, 3, "dst ff15::7");
	assert_join(o, 4, "src 239.1.1.9 interface eth3");
	assert_join(o, 5, "src 239.1.1.8");
	assert_join(o, 6, "dst 239.2.2.3 interface interface");
	assert_join(o, 7, "src 239.1.1.3 interface join");
	assert_int_equal(o->ttl, 4);
	assert_int_equal(o->min, 3);
	/* On a line of its own it is the bridge's. */
	assert_string_equal(addr_print_host(&o->source, text, sizeof(text)),
	    "10.0.0.5");
	o = &conf->bridges[1].spec.options;
	assert_int_equal(o->njoins, 0);
	assert_int_equal(o->ttl, 5);
	assert_string_equal(o->affinity, "join");
	assert_string_equal(o->device, "source");
	assert_string_equal(o->in_device, "interface");
}

static void
they_are_printed_and_parse_back(void **state)
{
	static char printed[8192];
	struct conf *again = conf_new(LIMIT_BRIDGES_MAX);
	const struct conf *conf = conf_text_good(groups);
	size_t i;

	(void)state;
	assert_non_null(again);
	(void)strcpy(printed, conf_text_printed(conf));
	if (conf_text(again, printed) == -1)
		fail_msg("%s:\n%s", conf_text_error(), printed);
	assert_int_equal(again->nbridges, conf->nbridges);
	for (i = 0; i < conf->nbridges; i++)
		assert_memory_equal(&again->bridges[i].spec,
		    &conf->bridges[i].spec, sizeof(struct bridge_spec));
	assert_string_equal(conf_text_printed(again), printed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_are_words_of_a_line),
		cmocka_unit_test(they_are_printed_and_parse_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
