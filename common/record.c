/*
 * Records: the names of fields, and their way into and out of frames.
 */

#include <string.h>

#include "bridge.h"
#include "record.h"

static const char *const field_names[FIELD_OPTIONS] = {
	[FIELD_ID] = "id",
	[FIELD_NAME] = "name",
	[FIELD_KIND] = "kind",
	[FIELD_STATE] = "state",
	[FIELD_SRC] = "src",
	[FIELD_DST] = "dst",
	[FIELD_PEER] = "peer",
	[FIELD_BRIDGE] = "bridge",
	[FIELD_BRIDGE_NAME] = "bridge-name",
	[FIELD_OWNER] = "owner",
	[FIELD_BORN] = "born",
	[FIELD_AGE] = "age",
	[FIELD_SILENT] = "silent",
	[FIELD_SESSIONS] = "sessions",
	[FIELD_SESSIONS_LIMIT] = "sessions-limit",
	[FIELD_BRIDGES] = "bridges",
	[FIELD_BRIDGES_LIMIT] = "bridges-limit",
	[FIELD_CLIENTS] = "clients",
	[FIELD_CLIENTS_LIMIT] = "clients-limit",
	[FIELD_CONNECTING] = "connecting",
	[FIELD_EVENTS] = "events",
	[FIELD_EVENTS_LIMIT] = "events-limit",
	[FIELD_STANDBY_ENGINES] = "standby-engines",
	[FIELD_STANDBY_CONTROLS] = "standby-controls",
	[FIELD_VERSION] = "version",
	[FIELD_UPTIME] = "uptime",
	[FIELD_SEQ] = "seq",
	[FIELD_TIME] = "time",
	[FIELD_EVENT] = "event",
	[FIELD_EVENT_NUMBER] = "event-number",
	[FIELD_ERR] = "err",
	[FIELD_REASON] = "reason",
	[FIELD_TEXT] = "text",
	[FIELD_SRC_SHARED] = "src-shared",
	[FIELD_LIMIT_FD] = "descriptors-limit",
	[FIELD_ENGINES] = "engines",
	[FIELD_ENGINE] = "engine",
	[FIELD_DST_2] = "dst-2",
	[FIELD_DST_2 + 1] = "dst-3",
	[FIELD_DST_2 + 2] = "dst-4",
	[FIELD_DST_2 + 3] = "dst-5",
	[FIELD_DST_2 + 4] = "dst-6",
	[FIELD_DST_2 + 5] = "dst-7",
	[FIELD_DST_2 + 6] = "dst-8",
	[FIELD_HELD] = "held",
	[FIELD_ENDED] = "ended",
	[FIELD_LASTED] = "lasted",
	[FIELD_AGO] = "ago",
	[FIELD_PID] = "pid",
	[FIELD_UID] = "uid",
	[FIELD_GID] = "gid",
	[FIELD_CAPABILITIES] = "capabilities",
	[FIELD_PRIVILEGED] = "privileged",
	[FIELD_CHROOT] = "chroot",
	[FIELD_CHROOT_DEVICE] = "chroot-device",
	[FIELD_CHROOT_INODE] = "chroot-inode",
	[FIELD_ONE_WAY] = "one-way",
	[FIELD_RECEIVE_BUFFER] = "receive-buffer-granted",
	[FIELD_SEND_BUFFER] = "send-buffer-granted",
	[FIELD_FLOWS] = "flows-now",
	[FIELD_END] = "end",
	[FIELD_GROUP] = "group",
	[FIELD_SOURCE] = "group-source",
	[FIELD_INTERFACE] = "interface",
	[FIELD_SINCE] = "since",
	[FIELD_GROUPS] = "groups",
	[FIELD_GROUPS_LIMIT] = "groups-limit",
	[FIELD_FLOWS_LIMIT] = "flows-limit",
	[FIELD_INTERFACE_INDEX] = "interface-index",
};

/* How many entries bridge_options has before its end. */
static unsigned int
option_count(void)
{
	unsigned int n = 0;

	while (bridge_options[n].name != NULL)
		n++;
	return n;
}

const char *
field_name(unsigned int field)
{
	if (field < FIELD_OPTIONS)
		return field_names[field];
	if (field < FIELD_PARENT) {
		if (field - FIELD_OPTIONS >= option_count())
			return NULL;
		return bridge_options[field - FIELD_OPTIONS].name;
	}
	if (field < FIELD_COUNT) {
		if (field - FIELD_PARENT >= PARENT_COUNTS)
			return NULL;
		return name_parent_count(field - FIELD_PARENT);
	}
	if (field - FIELD_COUNT < COUNTS)
		return name_count(field - FIELD_COUNT);
	return NULL;
}

unsigned int
field_find(const char *name)
{
	const char *known;
	unsigned int field;

	for (field = 1; field < FIELDS; field++) {
		known = field_name(field);
		if (known != NULL && strcmp(known, name) == 0)
			return field;
	}
	return FIELD_NONE;
}

void
record_begin(struct record_out *record, struct frame_out *frame)
{
	record->frame = frame;
	record->count = 0;
	record->count_at = frame->at;
	frame_put_u16(frame, 0);
}

static void
field_begin(struct record_out *record, unsigned int field, enum field_type type)
{
	frame_put_u16(record->frame, (uint16_t)field);
	frame_put_u8(record->frame, (uint8_t)type);
	record->count++;
}

void
record_put_number(struct record_out *record, unsigned int field, uint64_t n)
{
	field_begin(record, field, FIELD_NUMBER);
	frame_put_u64(record->frame, n);
}

void
record_put_text(struct record_out *record, unsigned int field, const char *text)
{
	field_begin(record, field, FIELD_STRING);
	frame_put_text(record->frame, text);
}

void
record_put_addr(struct record_out *record, unsigned int field,
    const struct addr *addr)
{
	field_begin(record, field, FIELD_ADDR);
	record_put_plain_addr(record->frame, addr);
}

void
record_end(struct record_out *record)
{
	size_t end = record->frame->at;

	if (record->frame->bad)
		return;
	record->frame->at = record->count_at;
	frame_put_u16(record->frame, record->count);
	record->frame->at = end;
}

unsigned int
record_open(struct frame_in *in)
{
	return frame_get_u16(in);
}

int
record_get(struct frame_in *in, struct record_field *f)
{
	f->field = frame_get_u16(in);
	f->number = 0;
	f->text[0] = '\0';
	switch (frame_get_u8(in)) {
	case FIELD_NUMBER:
		f->type = FIELD_NUMBER;
		f->number = frame_get_u64(in);
		break;
	case FIELD_STRING:
		f->type = FIELD_STRING;
		frame_get_text(in, f->text, sizeof f->text);
		break;
	case FIELD_ADDR:
		f->type = FIELD_ADDR;
		record_get_plain_addr(in, &f->addr);
		break;
	default:
		in->bad = 1;
	}
	return !in->bad;
}

/*
 * An address: kind, flags, family in our own numbers by kind, then what the
 * kind needs.  The bytes of the socket address go as they are: both sides
 * run on one machine, and the receiver checks them (addr_check).
 */
void
record_put_plain_addr(struct frame_out *out, const struct addr *addr)
{
	frame_put_u8(out, addr->kind);
	frame_put_u8(out, addr->flags);
	frame_put_u16(out, addr->len);
	if (addr->len > sizeof addr->u) {
		out->bad = 1;
		return;
	}
	frame_put_bytes(out, &addr->u, addr->len);
}

void
record_get_plain_addr(struct frame_in *in, struct addr *addr)
{
	memset(addr, 0, sizeof *addr);
	addr->kind = frame_get_u8(in);
	addr->flags = frame_get_u8(in);
	addr->len = frame_get_u16(in);
	if (addr->len > sizeof addr->u) {
		addr->len = 0;
		in->bad = 1;
		return;
	}
	frame_get_bytes(in, &addr->u, addr->len);
}
