/*
 * Records of the daemon and their getters: mct_record_*.
 */

#include <errno.h>
#include <string.h>

#include "../common/bridge.h"
#include "../common/record.h"
#include "fields.h"
#include "include/mct/list.h"

/* Room for len bytes and a NUL; NULL when the record is too long. */
static char *
text_room(struct mct_record *record, size_t len)
{
	char *room;

	if (sizeof record->text - record->text_used < len + 1)
		return NULL;
	room = record->text + record->text_used;
	record->text_used += (uint32_t)(len + 1);
	return room;
}

static int
text_add(struct mct_record *record, const char *text)
{
	size_t len = strlen(text);
	char *room = text_room(record, len);

	if (room == NULL)
		return -1;
	memcpy(room, text, len + 1);
	return 0;
}

/* Listing many sessions, this is most of the work: no snprintf. */
static int
text_add_number(struct mct_record *record, uint64_t number)
{
	char digits[21];
	size_t at = sizeof digits - 1;

	digits[at] = '\0';
	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	return text_add(record, digits + at);
}

/* Of an option that is a host, the host alone: so it is written. */
static const char *
field_addr(const struct record_field *f, char *text, size_t size)
{
	const struct bridge_option *o;

	if (f->field >= FIELD_OPTIONS) {
		o = bridge_option_find(field_name(f->field));
		if (o != NULL && o->unit == OPTION_HOST)
			return addr_print_host(&f->addr, text, size);
	}
	return addr_print(&f->addr, text, size);
}

static int
field_add(struct mct_record *record, const struct record_field *f)
{
	char text[ADDR_TEXT_BYTES];
	struct mct_field *field;

	if (record->count == FIELDS_MAX)
		return -1;
	field = &record->fields[record->count];
	field->name = field_name(f->field);
	if (field->name == NULL)
		return 0; /* a newer daemon's */
	field->is_number = f->type == FIELD_NUMBER;
	field->number = f->number;
	field->text_at = record->text_used;
	record->count++;
	switch (f->type) {
	case FIELD_NUMBER:
		return text_add_number(record, f->number);
	case FIELD_STRING:
		return text_add(record, f->text);
	case FIELD_ADDR:
		return text_add(record, field_addr(f, text, sizeof text));
	}
	return -1;
}

int
fields_take(struct mct_record *record, struct frame_in *in)
{
	struct record_field f;
	unsigned int n;

	record->count = 0;
	record->text_used = 0;
	for (n = record_open(in); n > 0; n--) {
		if (!record_get(in, &f) || field_add(record, &f) == -1) {
			errno = EBADMSG;
			return -1;
		}
	}
	if (in->bad) {
		errno = EBADMSG;
		return -1;
	}
	return 0;
}

const struct mct_field *
fields_find(const struct mct_record *record, const char *name)
{
	unsigned int i;

	if (record == NULL || name == NULL)
		return NULL;
	for (i = 0; i < record->count; i++) {
		if (strcmp(record->fields[i].name, name) == 0)
			return &record->fields[i];
	}
	return NULL;
}

unsigned int
mct_record_fields(const struct mct_record *record)
{
	return record == NULL ? 0 : record->count;
}

const char *
mct_record_field(const struct mct_record *record, unsigned int i)
{
	if (record == NULL || i >= record->count)
		return NULL;
	return record->fields[i].name;
}

int
mct_record_number(const struct mct_record *record, const char *name,
    uint64_t *value)
{
	const struct mct_field *field = fields_find(record, name);

	if (field == NULL) {
		errno = ENOENT;
		return -1;
	}
	if (!field->is_number) {
		errno = EINVAL;
		return -1;
	}
	if (value != NULL)
		*value = field->number;
	return 0;
}

const char *
mct_record_text(const struct mct_record *record, const char *name)
{
	const struct mct_field *field = fields_find(record, name);

	if (field == NULL) {
		errno = ENOENT;
		return NULL;
	}
	return record->text + field->text_at;
}

int
mct_record_is_number(const struct mct_record *record, const char *name)
{
	const struct mct_field *field = fields_find(record, name);

	if (field == NULL) {
		errno = ENOENT;
		return -1;
	}
	return field->is_number;
}
