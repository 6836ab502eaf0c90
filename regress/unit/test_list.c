/*
 * Lists and records of the library, against a scripted daemon.
 */
/* links: common/clock.c */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../common/bridge.h"
#include "../../libmct/fields.h"
#include "../../libmct/include/mct/list.h"
#include "../../libmct/include/mct/mct.h"
#include "fake_daemon.h"

/* The field of the option "source". */
static unsigned int
source_field(void)
{
	return FIELD_OPTIONS +
	    (unsigned int)(bridge_option_find("source") - bridge_options);
}

static void
put_bridge(struct fake *fake, uint32_t id, const char *name)
{
	struct record_out r;
	struct addr addr;

	addr_parse(&addr, "tcp:[::1]:80", NULL, NULL);
	record_begin(&r, &fake->out);
	record_put_number(&r, FIELD_ID, id);
	record_put_text(&r, FIELD_NAME, name);
	record_put_addr(&r, FIELD_SRC, &addr);
	addr_parse_host(&addr, "fe80::1", NULL);
	record_put_addr(&r, source_field(), &addr);
	record_put_number(&r, FIELDS - 1, 1); /* of a newer daemon */
	record_put_number(&r, FIELD_COUNT + COUNT_BYTES_TO_DST, UINT64_MAX);
	record_end(&r);
	fake->head.count++;
}

static uint32_t
expect_list(struct fake *fake, uint32_t cursor)
{
	struct proto_list m;
	struct frame_in in;
	uint32_t request = fake_expect(fake, MSG_L2C_LIST, &in);

	proto_get_list(&in, &m);
	FAKE_CHECK(fake, frame_done(&in) == 0);
	FAKE_CHECK(fake, m.what == LIST_BRIDGES && m.cursor == cursor);
	return request;
}

/* Two records, busy, an empty page, one record. */
static void
script_pages(struct fake *fake)
{
	fake_hello(fake);
	fake_records(fake, expect_list(fake, 0), 3);
	put_bridge(fake, 1, "one");
	put_bridge(fake, 2, "");
	fake_records_end(fake);
	fake_error(fake, expect_list(fake, 3), EAGAIN, "busy");
	fake_records(fake, expect_list(fake, 3), 9);
	fake_records_end(fake);
	fake_records(fake, expect_list(fake, 9), 0);
	put_bridge(fake, 9, "nine");
	fake_records_end(fake);
}

static void
check_first(const struct mct_record *record)
{
	uint64_t n;

	assert_int_equal(mct_record_fields(record), 5);
	assert_string_equal(mct_record_field(record, 0), "id");
	assert_string_equal(mct_record_field(record, 3), "source");
	assert_string_equal(mct_record_field(record, 4), "bytes-to-dst");
	assert_null(mct_record_field(record, 5));
	assert_int_equal(mct_record_number(record, "id", &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(mct_record_number(record, "name", &n), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(mct_record_number(record, "dst", &n), -1);
	assert_int_equal(errno, ENOENT);
	assert_null(mct_record_text(record, "dst"));
	assert_string_equal(mct_record_text(record, "name"), "one");
	assert_string_equal(mct_record_text(record, "src"), "tcp:[::1]:80");
	assert_string_equal(mct_record_text(record, "source"), "fe80::1");
	assert_string_equal(mct_record_text(record, "bytes-to-dst"),
	    "18446744073709551615");
	assert_int_equal(mct_record_is_number(record, "id"), 1);
	assert_int_equal(mct_record_is_number(record, "src"), 0);
	assert_int_equal(mct_record_is_number(record, "dst"), -1);
}

static void
test_list_goes_over_pages(void **state)
{
	const struct mct_record *record;
	struct mct_list *list;
	struct fake fake;
	struct mct *mct;

	(void)state;
	fake_start(&fake, script_pages);
	mct = mct_init(fake.name);
	assert_non_null(mct);
	assert_null(mct_list_open(mct, "things"));
	assert_int_equal(errno, ENOENT);
	list = mct_list_open(mct, "bridges");
	assert_non_null(list);
	assert_int_equal(mct_list_next(list, &record), 1);
	check_first(record);
	assert_int_equal(mct_list_next(list, &record), 1);
	assert_string_equal(mct_record_text(record, "name"), "");
	assert_int_equal(mct_list_next(list, &record), -1);
	assert_int_equal(errno, EAGAIN);
	assert_null(record);
	assert_int_equal(mct_list_next(list, &record), 1);
	assert_string_equal(mct_record_text(record, "name"), "nine");
	assert_int_equal(mct_list_next(list, &record), 0);
	assert_int_equal(mct_list_next(list, &record), 0);
	assert_int_equal(mct_fini(mct), -1);
	assert_int_equal(errno, EBUSY);
	mct_list_close(list);
	mct_list_close(NULL);
	assert_int_equal(mct_fini(mct), 0);
	fake_stop(&fake);
}

static void
script_every_list(struct fake *fake)
{
	static const uint8_t lists[] = { LIST_SUMMARY, LIST_BRIDGES,
		LIST_SESSIONS, LIST_ENDED };
	struct proto_list m;
	struct frame_in in;
	uint32_t request;
	size_t i;

	fake_hello(fake);
	for (i = 0; i < sizeof lists; i++) {
		request = fake_expect(fake, MSG_L2C_LIST, &in);
		proto_get_list(&in, &m);
		FAKE_CHECK(fake, frame_done(&in) == 0 && m.what == lists[i]);
		fake_records(fake, request, 0);
		fake_records_end(fake);
	}
}

static void
test_every_list_goes_by_its_name(void **state)
{
	static const char *const names[] = { "summary", "bridges", "sessions",
		"ended" };
	const struct mct_record *record;
	struct mct_list *list;
	struct fake fake;
	struct mct *mct;
	size_t i;

	(void)state;
	fake_start(&fake, script_every_list);
	mct = mct_init(fake.name);
	assert_non_null(mct);
	for (i = 0; i < sizeof names / sizeof *names; i++) {
		list = mct_list_open(mct, names[i]);
		assert_non_null(list);
		assert_int_equal(mct_list_next(list, &record), 0);
		mct_list_close(list);
	}
	assert_int_equal(mct_fini(mct), 0);
	fake_stop(&fake);
}

static void
script_cursor_stays(struct fake *fake)
{
	fake_hello(fake);
	fake_records(fake, expect_list(fake, 0), 3);
	fake_records_end(fake);
	fake_records(fake, expect_list(fake, 3), 3);
	fake_records_end(fake);
}

static void
script_count_too_high(struct fake *fake)
{
	fake_hello(fake);
	fake_records(fake, expect_list(fake, 0), 0);
	fake->head.count = 1;
	fake_records_end(fake);
}

static void
script_bytes_left(struct fake *fake)
{
	fake_hello(fake);
	fake_records(fake, expect_list(fake, 0), 0);
	put_bridge(fake, 1, "one");
	frame_put_u8(&fake->out, 1);
	fake_records_end(fake);
}

/* More fields than any record has. */
static void
script_too_many_fields(struct fake *fake)
{
	struct record_out r;
	int i;

	fake_hello(fake);
	fake_records(fake, expect_list(fake, 0), 0);
	record_begin(&r, &fake->out);
	for (i = 0; i < FIELDS_MAX + 1; i++)
		record_put_number(&r, FIELD_ID, 1);
	record_end(&r);
	fake->head.count++;
	fake_records_end(fake);
}

static void
test_broken_lists_end_the_handle(void **state)
{
	static void (*const scripts[])(struct fake *) = { script_cursor_stays,
		script_count_too_high, script_bytes_left,
		script_too_many_fields };
	const struct mct_record *record;
	struct mct_list *list;
	struct fake fake;
	struct mct *mct;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof scripts / sizeof *scripts; i++) {
		fake_start(&fake, scripts[i]);
		mct = mct_init(fake.name);
		assert_non_null(mct);
		list = mct_list_open(mct, "bridges");
		assert_int_equal(mct_list_next(list, &record), -1);
		assert_int_equal(errno, EBADMSG);
		assert_int_equal(mct_list_next(list, &record), -1);
		assert_int_equal(errno, EBADMSG);
		mct_list_close(list);
		assert_int_equal(mct_fini(mct), 0);
		fake_stop(&fake);
	}
}

/* Any bytes at all: only that nothing is read or written out of bounds. */
static void
test_random_records_do_no_harm(void **state)
{
	static struct mct_record record;
	uint8_t buf[600];
	struct frame_in in;
	unsigned int i, n, whole = 0;
	size_t j;

	(void)state;
	srand(7);
	for (i = 0; i < 200000; i++) {
		for (j = 0; j < sizeof buf; j++)
			buf[j] = (uint8_t)rand();
		/* Few fields, of sound types mostly, so that some are whole. */
		n = i % 4;
		buf[0] = 0;
		buf[1] = (uint8_t)n;
		buf[2] = 0;
		buf[4] = (uint8_t)(1 + i % 3);
		buf[5] = 0;
		buf[7] = 0;
		memset(&in, 0, sizeof in);
		in.data = buf;
		in.size = (size_t)rand() % sizeof buf;
		if (fields_take(&record, &in) == 0)
			whole++;
		for (j = 0; j < mct_record_fields(&record); j++)
			assert_true(
			    strlen(mct_record_text(&record,
				mct_record_field(&record, (unsigned int)j))) <
			    FIELDS_TEXT_BYTES);
	}
	assert_true(whole > 1000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list_goes_over_pages),
		cmocka_unit_test(test_every_list_goes_by_its_name),
		cmocka_unit_test(test_broken_lists_end_the_handle),
		cmocka_unit_test(test_random_records_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
