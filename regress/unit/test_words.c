/*
 * Command lines of mctctl against a table like its own.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../mctctl/words.h"

#define ARGC_MAX (2 * WORDS_OPTIONS + 8)

static const struct words_option bridge_options[] = { { "name", "N", 0 },
	{ "max", "N", 0 }, { "max-per-source", "N", 0 }, { "idle", "T", 0 },
	{ "dst", "DST", 1 }, { NULL, NULL, 0 } };

static const struct words_option show_options[] = { { "verbose", NULL, 0 },
	{ "until", "T", 0 }, { NULL, NULL, 0 } };

static const struct words_command table[] = {
	{ { "bridge", "add" }, { "SRC", "DST" }, bridge_options, NULL },
	{ { "bridge", "close" }, { "ID|NAME" }, NULL, NULL },
	{ { "session", "close" }, { "ID" }, NULL, NULL },
	{ { "show", "summary" }, { NULL }, NULL, NULL },
	{ { "show", "bridges" }, { NULL }, show_options, NULL },
	{ { "show", "sessions" }, { NULL }, NULL, NULL },
	{ { "monitor", NULL }, { NULL }, NULL, NULL },
	{ { "stop", NULL }, { NULL }, NULL, NULL },
	{ { NULL, NULL }, { NULL }, NULL, NULL }
};

static struct words_call call;
static char why[WORDS_WHY_BYTES];
static char line[8 * WORDS_OPTIONS];

/* Matches the words of a line, which are separated by single spaces. */
static int
match(const char *text)
{
	char *argv[ARGC_MAX], *word, *rest = NULL;
	int argc = 0;

	assert_true(strlen(text) < sizeof line);
	strcpy(line, text);
	for (word = strtok_r(line, " ", &rest); word != NULL;
	     word = strtok_r(NULL, " ", &rest))
		argv[argc++] = word;
	return words_match(table, argc, argv, &call, why);
}

static void
is(const char *text, const struct words_command *command)
{
	assert_int_equal(match(text), 0);
	assert_ptr_equal(call.command, command);
}

static void
is_not(const char *text, const char *because)
{
	assert_int_equal(match(text), -1);
	assert_string_equal(why, because);
}

static void
test_words_may_be_shortened_while_unique(void **state)
{
	(void)state;
	is("show bridges", &table[4]);
	is("sh b", &table[4]);
	is("sho su", &table[3]);
	is("show se", &table[5]);
	is("m", &table[6]);
	is("st", &table[7]);
	is("b c web", &table[1]);
	is("se c 5", &table[2]);
	assert_string_equal(call.args[0], "5");
}

static void
test_ambiguous_words_are_refused(void **state)
{
	(void)state;
	is_not("s", "\"s\" may be session, show or stop");
	is_not("show s", "\"s\" may be summary or sessions");
	is_not("b a x y ma 1", "\"ma\" may be max or max-per-source");
	is_not("show", "show: expected summary, bridges or sessions");
	is_not("", "expected bridge, session, show, monitor or stop");
}

static void
test_unknown_words_are_refused(void **state)
{
	(void)state;
	is_not("halt",
	    "unknown word \"halt\"; expected bridge, session, "
	    "show, monitor or stop");
	is_not("showing bridges",
	    "unknown word \"showing\"; expected bridge, "
	    "session, show, monitor or stop");
	is_not("show summary now", "\"now\" is one word too many");
	is_not("b a x y colour red",
	    "unknown word \"colour\"; expected name, "
	    "max, max-per-source, idle or dst");
}

static void
test_options_are_pairs(void **state)
{
	(void)state;
	is("bridge add s d max 5 max-p 6 n idle", &table[0]);
	assert_string_equal(call.args[0], "s");
	assert_string_equal(call.args[1], "d");
	assert_int_equal(call.noptions, 3);
	assert_string_equal(call.options[0].name, "max");
	assert_string_equal(call.options[0].value, "5");
	assert_string_equal(call.options[1].name, "max-per-source");
	assert_string_equal(call.options[1].value, "6");
	assert_string_equal(call.options[2].name, "name");
	assert_string_equal(call.options[2].value, "idle");
	is_not("bridge add s", "bridge add: DST is missing");
	is_not("session close", "session close: ID is missing");
	is_not("bridge add s d max", "max needs a value");
	is_not("bridge add s d max 5 max 6", "max is given twice");
}

static void
test_some_options_may_be_given_again(void **state)
{
	char text[40 + 6 * WORDS_OPTIONS] = "bridge add s d";
	int i;

	(void)state;
	is("bridge add s d dst a max 1 dst b ds c", &table[0]);
	assert_int_equal(call.noptions, 4);
	assert_string_equal(call.options[0].value, "a");
	assert_string_equal(call.options[2].name, "dst");
	assert_string_equal(call.options[2].value, "b");
	assert_string_equal(call.options[3].value, "c");
	is_not("bridge add s d dst a idle 1 dst b idle 2",
	    "idle is given twice");
	is_not("bridge add s d dst a dst", "dst needs a value");
	for (i = 0; i < WORDS_OPTIONS; i++)
		strcat(text, " dst x");
	is(text, &table[0]);
	strcat(text, " dst x");
	is_not(text, "too many options");
}

static void
test_flags_have_no_value(void **state)
{
	(void)state;
	is("show bridges", &table[4]);
	assert_int_equal(call.noptions, 0);
	is("show bridges verbose", &table[4]);
	assert_int_equal(call.noptions, 1);
	assert_string_equal(call.options[0].name, "verbose");
	assert_null(call.options[0].value);
	is("sh b v until 3", &table[4]);
	assert_int_equal(call.noptions, 2);
	is("show bridges until 3 -v", &table[4]);
	assert_int_equal(call.noptions, 2);
	assert_string_equal(call.options[1].name, "verbose");
	is_not("show bridges -v verbose", "verbose is given twice");
	/* What takes a value is no flag, and others have none. */
	is_not("show bridges -u 3",
	    "unknown word \"-u\"; expected verbose or until");
	is_not("show bridges -vv",
	    "unknown word \"-vv\"; expected verbose or until");
	is_not("show sessions -v", "\"-v\" is one word too many");
}

static void
test_long_words_fit_the_sentence(void **state)
{
	char word[1000];
	char *argv[] = { word };

	(void)state;
	memset(word, 'x', sizeof word);
	word[sizeof word - 1] = '\0';
	assert_int_equal(words_match(table, 1, argv, &call, why), -1);
	assert_true(strlen(why) < sizeof why);
	word[0] = '\0';
	assert_int_equal(words_match(table, 1, argv, &call, why), -1);
}

static void
test_usage_comes_from_the_table(void **state)
{
	char text[200], small[10];

	(void)state;
	assert_string_equal(words_usage(&table[0], text, sizeof text),
	    "bridge add SRC DST [name N] [max N] [max-per-source N] "
	    "[idle T] [dst DST]...");
	assert_string_equal(words_usage(&table[4], text, sizeof text),
	    "show bridges [-v] [until T]");
	assert_string_equal(words_usage(&table[6], text, sizeof text),
	    "monitor");
	assert_string_equal(words_usage(&table[0], small, sizeof small),
	    "bridge ad");
}

static void
test_numbers(void **state)
{
	uint64_t n;

	(void)state;
	assert_int_equal(words_number("0", 9, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(words_number("4294967295", UINT32_MAX, &n), 0);
	assert_int_equal(n, UINT32_MAX);
	assert_int_equal(words_number("4294967296", UINT32_MAX, &n), -1);
	assert_int_equal(words_number("18446744073709551615", UINT64_MAX, &n),
	    0);
	assert_true(n == UINT64_MAX);
	assert_int_equal(words_number("18446744073709551616", UINT64_MAX, &n),
	    -1);
	assert_int_equal(words_number("9", 5, &n), -1);
	assert_int_equal(words_number("", 5, &n), -1);
	assert_int_equal(words_number("-1", 5, &n), -1);
	assert_int_equal(words_number("1x", 5, &n), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_may_be_shortened_while_unique),
		cmocka_unit_test(test_ambiguous_words_are_refused),
		cmocka_unit_test(test_unknown_words_are_refused),
		cmocka_unit_test(test_options_are_pairs),
		cmocka_unit_test(test_some_options_may_be_given_again),
		cmocka_unit_test(test_flags_have_no_value),
		cmocka_unit_test(test_long_words_fit_the_sentence),
		cmocka_unit_test(test_usage_comes_from_the_table),
		cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
