/* See control_records.h. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "control_records.h"
#include "control_rig.h"

/* One record as it came. */
static struct {
	unsigned int n;
	struct record_field field[64];
} got;

const struct record_field *
field(unsigned int number)
{
	unsigned int i;

	for (i = 0; i < got.n; i++)
		if (got.field[i].field == number)
			return &got.field[i];
	return NULL;
}

uint64_t
number(unsigned int n)
{
	const struct record_field *f = field(n);

	if (f == NULL || f->type != FIELD_NUMBER)
		fail_msg("no number %s", field_name(n));
	return f->number;
}

const char *
text(unsigned int n)
{
	const struct record_field *f = field(n);

	if (f == NULL || f->type != FIELD_STRING)
		fail_msg("no text %s", field_name(n));
	return f->text;
}

void
is_addr(unsigned int n, const char *want)
{
	const struct record_field *f = field(n);
	char buf[ADDR_TEXT_BYTES];

	if (f == NULL || f->type != FIELD_ADDR)
		fail_msg("no address %s", field_name(n));
	assert_string_equal(addr_print(&f->addr, buf, sizeof buf), want);
}

void
next_record(struct frame_in *in)
{
	unsigned int i;

	got.n = record_open(in);
	assert_true(got.n > 0);
	assert_true(got.n <= sizeof got.field / sizeof got.field[0]);
	for (i = 0; i < got.n; i++)
		assert_int_equal(record_get(in, &got.field[i]), 1);
}

void
expect_records(int fd, uint32_t request, struct frame_in *in,
    struct proto_records *head)
{
	peer_recv(fd, in);
	assert_int_equal(in->type, MSG_C2L_RECORDS);
	assert_int_equal(in->request, request);
	proto_get_records(in, head);
}
