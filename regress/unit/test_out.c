/*
 * How mctctl writes values, JSON and tables.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "../../common/bridge.h"
#include "../../common/record.h"
#include "../../libmct/fields.h"
#include "../../libmct/include/mct/list.h"
#include "../../mctctl/out.h"
#include "../../mctctl/table.h"

/* What was written to a stream of memory. */
static char *memory;
static size_t memory_size;

static FILE *
memory_open(void)
{
	FILE *f = open_memstream(&memory, &memory_size);

	assert_non_null(f);
	return f;
}

static void
memory_is(FILE *f, const char *expected)
{
	fclose(f);
	assert_string_equal(memory, expected);
	free(memory);
}

/* ---- values ---- */

static void
bytes_are(uint64_t n, const char *expected)
{
	char buf[OUT_BYTES];

	assert_string_equal(out_bytes(n, buf), expected);
}

static void
test_bytes_are_rounded_to_units(void **state)
{
	(void)state;
	bytes_are(0, "0");
	bytes_are(1023, "1023");
	bytes_are(1024, "1.0K");
	bytes_are(1536, "1.5K");
	bytes_are(10 * 1024 - 1, "10K");
	bytes_are(10 * 1024, "10K");
	bytes_are(1023 * 1024 + 511, "1023K");
	bytes_are(1024 * 1024 - 512, "1.0M");
	bytes_are(1024 * 1024 - 1, "1.0M");
	bytes_are(1024 * 1024, "1.0M");
	bytes_are(5ULL << 40, "5.0T");
	bytes_are(UINT64_MAX, "16E");
}

static void
count_is(uint64_t n, const char *expected)
{
	char buf[OUT_BYTES];

	assert_string_equal(out_count(n, buf), expected);
}

static void
test_counts_are_rounded_when_they_are_long(void **state)
{
	(void)state;
	count_is(0, "0");
	count_is(1024, "1024");
	count_is(999999, "999999");
	count_is(1000000, "1.0M");
	count_is(1250000, "1.3M");
	count_is(123456789, "123M");
	count_is(999499999, "999M");
	count_is(999500000, "1.0G");
	count_is(UINT64_MAX, "18E");
}

static void
age_is(uint64_t s, const char *expected)
{
	char buf[OUT_BYTES];

	assert_string_equal(out_age(s, buf), expected);
}

static void
test_ages_have_two_units(void **state)
{
	(void)state;
	age_is(0, "0s");
	age_is(59, "59s");
	age_is(60, "1m00s");
	age_is(3599, "59m59s");
	age_is(3600, "1h00m");
	age_is(86399, "23h59m");
	age_is(86400, "1d00h");
	age_is(90000, "1d01h");
}

static void
test_times_are_local(void **state)
{
	char buf[OUT_BYTES];

	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	assert_string_equal(out_time(1700000000123456789ULL, buf),
	    "2023-11-14 22:13:20.123");
	out_time(UINT64_MAX, buf);
	assert_true(strlen(buf) < sizeof buf);
}

static void
test_nothing_reaches_a_terminal_unescaped(void **state)
{
	char buf[64], small[6];
	char all[256];
	const char *c;
	size_t i;

	(void)state;
	assert_string_equal(out_safe("a b", buf, sizeof buf), "a b");
	assert_string_equal(out_safe("\033[2J\n\xff", buf, sizeof buf),
	    "\\x1b[2J\\x0a\\xff");
	assert_string_equal(out_safe("ab\n", small, sizeof small), "ab");
	assert_string_equal(out_safe("a\n", small, sizeof small), "a\\x0a");
	assert_string_equal(out_safe("abcdefg", small, sizeof small), "abcde");
	for (i = 0; i < 255; i++)
		all[i] = (char)(i + 1);
	all[255] = '\0';
	for (c = out_safe(all, buf, sizeof buf); *c != '\0'; c++)
		assert_in_range(*c, ' ', '~');
}

/* ---- JSON ---- */

static void
json_is(const char *text, const char *expected)
{
	FILE *f = memory_open();

	out_json_text(f, text);
	memory_is(f, expected);
}

static void
test_json_escapes_what_it_must(void **state)
{
	(void)state;
	json_is("plain", "\"plain\"");
	json_is("a\"b\\c/", "\"a\\\"b\\\\c/\"");
	json_is("\n\t\x01\x7f", "\"\\u000a\\u0009\\u0001\\u007f\"");
}

static void
test_json_is_valid_utf8_whatever_comes(void **state)
{
	(void)state;
	json_is("gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\"");
	json_is("\xe2\x82\xac", "\"\xe2\x82\xac\"");
	json_is("\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\"");
	json_is("\xff", "\"\\ufffd\"");
	json_is("\x80x", "\"\\ufffdx\"");
	json_is("\xc3", "\"\\ufffd\"");            /* cut off */
	json_is("\xe2\x82", "\"\\ufffd\\ufffd\""); /* cut off */
	json_is("\xc0\xaf", "\"\\ufffd\\ufffd\""); /* not the shortest */
	json_is("\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""); /* surrogate */
	json_is("\xf4\x90\x80\x80",
	    "\"\\ufffd\\ufffd\\ufffd\\ufffd\""); /* beyond Unicode */
	json_is("\xf8\x88\x80\x80\x80",
	    "\"\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\"");
}

/* A record as the library would have taken it. */
static void
make_record(struct mct_record *record)
{
	static uint8_t buf[1024];
	struct frame_out out;
	struct record_out r;
	struct frame_in in;

	frame_begin(&out, buf, sizeof buf, 1, 0, 1);
	record_begin(&r, &out);
	record_put_number(&r, FIELD_ID, 7);
	record_put_text(&r, FIELD_NAME, "a\"b\n");
	record_put_text(&r, FIELD_STATE, "");
	record_put_number(&r, FIELD_AGE, 75);
	record_put_number(&r, FIELD_ERR, 0);
	record_put_number(&r, FIELD_SILENT, 999);
	record_put_number(&r, FIELD_LASTED, 61000);
	record_put_number(&r, FIELD_COUNT + COUNT_BYTES_TO_DST,
	    9007199254740993ULL);
	record_end(&r);
	assert_int_equal(frame_open(&in, buf, frame_end(&out)), 0);
	assert_int_equal(fields_take(record, &in), 0);
}

static void
test_record_as_json_has_exact_numbers(void **state)
{
	static struct mct_record record;
	FILE *f;

	(void)state;
	make_record(&record);
	f = memory_open();
	out_json_record(f, &record);
	memory_is(f,
	    "{\"id\":7,\"name\":\"a\\\"b\\u000a\",\"state\":\"\","
	    "\"age\":75,\"err\":0,\"silent\":999,\"lasted\":61000,"
	    "\"bytes-to-dst\":9007199254740993}\n");
}

static void
test_fields_are_written_by_their_unit(void **state)
{
	static struct mct_record record;
	char buf[OUT_TEXT_BYTES];

	(void)state;
	make_record(&record);
	assert_string_equal(out_field(&record, "id", buf, sizeof buf), "7");
	assert_string_equal(out_field(&record, "name", buf, sizeof buf),
	    "a\"b\\x0a");
	assert_string_equal(out_field(&record, "state", buf, sizeof buf), "-");
	assert_string_equal(out_field(&record, "dst", buf, sizeof buf), "-");
	assert_string_equal(out_field(&record, "age", buf, sizeof buf),
	    "1m15s");
	assert_string_equal(out_field(&record, "bytes-to-dst", buf, sizeof buf),
	    "8.0P");
	assert_string_equal(out_field(&record, "silent", buf, sizeof buf),
	    "999ms");
	assert_string_equal(out_field(&record, "lasted", buf, sizeof buf),
	    "1m01s");
}

/* Every option with this number, and what is written of it. */
static void
test_options_are_written_as_in_the_configuration(void **state)
{
	static struct mct_record record;
	static uint8_t buf[2048];
	char text[OUT_TEXT_BYTES];
	const char *want;
	struct frame_out out;
	struct record_out r;
	struct frame_in in;
	unsigned int i;

	(void)state;
	frame_begin(&out, buf, sizeof buf, 1, 0, 1);
	record_begin(&r, &out);
	for (i = 0; bridge_options[i].name != NULL; i++)
		record_put_number(&r, FIELD_OPTIONS + i, 7200 << 10);
	record_end(&r);
	assert_int_equal(frame_open(&in, buf, frame_end(&out)), 0);
	assert_int_equal(fields_take(&record, &in), 0);
	for (i = 0; bridge_options[i].name != NULL; i++) {
		want = "7372800";
		if (bridge_options[i].unit == OPTION_SECONDS)
			want = "2048h";
		else if (bridge_options[i].unit == OPTION_BYTES)
			want = "7200K";
		else if (bridge_options[i].unit != OPTION_COUNT)
			continue;
		assert_string_equal(out_field(&record, bridge_options[i].name,
					text, sizeof text),
		    want);
	}
}

/* ---- tables ---- */

static const struct table_column columns[] = {
	{ "ID", TABLE_RIGHT },
	{ "NAME", TABLE_SHRINK | TABLE_OPTIONAL },
	{ "DST", TABLE_SHRINK },
	{ "BYTES", TABLE_RIGHT },
};

static void
make_table(struct table *t, const char *const *cells)
{
	table_begin(t, columns, 4);
	for (; *cells != NULL; cells++)
		table_cell(t, *cells);
}

static void
table_is(const char *const *cells, unsigned int width, const char *expected)
{
	struct table t;
	FILE *f = memory_open();

	make_table(&t, cells);
	assert_int_equal(table_end(&t, f, width), 0);
	memory_is(f, expected);
}

static const char *const wide[] = { "1", "web", "tcp:192.168.100.200:8080",
	"12", "10000", "-", "tcp:10.0.0.1:80", "1.5K", NULL };

static void
test_table_aligns_its_columns(void **state)
{
	(void)state;
	table_is(wide, 0,
	    "   ID  NAME  DST                       BYTES\n"
	    "    1  web   tcp:192.168.100.200:8080     12\n"
	    "10000  -     tcp:10.0.0.1:80            1.5K\n");
}

static void
test_table_is_shortened_to_the_width(void **state)
{
	(void)state;
	table_is(wide, 40,
	    "   ID  NAME  DST                   BYTES\n"
	    "    1  web   tcp:192.168.100.200~     12\n"
	    "10000  -     tcp:10.0.0.1:80        1.5K\n");
	/* No further than is readable; the line is then too long. */
	table_is(wide, 10,
	    "   ID  NAME  DST     BYTES\n"
	    "    1  web   tcp:1~     12\n"
	    "10000  -     tcp:1~   1.5K\n");
}

static void
test_empty_columns_are_left_out(void **state)
{
	static const char *const cells[] = { "1", "-", "x", "-", "2", "-", "y",
		"5", NULL };
	static const char *const none[] = { NULL };

	(void)state;
	table_is(cells, 80, "ID  DST  BYTES\n 1  x        -\n 2  y        5\n");
	table_is(none, 80, "ID  DST  BYTES\n");
}

static void
test_large_table_keeps_every_cell(void **state)
{
	struct table t;
	char text[32];
	FILE *f = memory_open();
	int i;

	(void)state;
	table_begin(&t, columns, 4);
	for (i = 0; i < 40000; i++) {
		snprintf(text, sizeof text, "%d", i);
		table_cell(&t, text);
	}
	assert_int_equal(table_end(&t, f, 0), 0);
	fclose(f);
	assert_non_null(strstr(memory, "\n39996  39997  39998  39999\n"));
	free(memory);
}

static void
test_output_that_fails_is_seen(void **state)
{
	FILE *f = fopen("/dev/full", "w");

	(void)state;
	assert_non_null(f);
	assert_int_equal(out_width(f), 0);
	assert_int_equal(out_flush(f), 0);
	fputs("x", f);
	assert_int_equal(out_flush(f), -1);
	assert_int_equal(out_flush(f), -1);
	fclose(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes_are_rounded_to_units),
		cmocka_unit_test(test_ages_have_two_units),
		cmocka_unit_test(test_times_are_local),
		cmocka_unit_test(test_nothing_reaches_a_terminal_unescaped),
		cmocka_unit_test(test_json_escapes_what_it_must),
		cmocka_unit_test(test_json_is_valid_utf8_whatever_comes),
		cmocka_unit_test(test_record_as_json_has_exact_numbers),
		cmocka_unit_test(test_fields_are_written_by_their_unit),
		cmocka_unit_test(
		    test_options_are_written_as_in_the_configuration),
		cmocka_unit_test(test_counts_are_rounded_when_they_are_long),
		cmocka_unit_test(test_table_aligns_its_columns),
		cmocka_unit_test(test_table_is_shortened_to_the_width),
		cmocka_unit_test(test_empty_columns_are_left_out),
		cmocka_unit_test(test_large_table_keeps_every_cell),
		cmocka_unit_test(test_output_that_fails_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
