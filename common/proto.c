/*
 * The messages between libmct and the control process, each encoder beside
 * its decoder.
 */

#include <string.h>

#include "proto.h"
#include "record.h"

void
proto_put_hello(struct frame_out *out, const struct proto_hello *m)
{
	frame_put_u32(out, m->magic);
	frame_put_u16(out, m->version);
	frame_put_u16(out, m->role);
	frame_put_u32(out, m->frame_max);
}

void
proto_get_hello(struct frame_in *in, struct proto_hello *m)
{
	m->magic = frame_get_u32(in);
	m->version = frame_get_u16(in);
	m->role = frame_get_u16(in);
	m->frame_max = frame_get_u32(in);
}

void
proto_put_error(struct frame_out *out, const struct proto_error *m)
{
	frame_put_u32(out, m->err);
	frame_put_text(out, m->text);
}

void
proto_get_error(struct frame_in *in, struct proto_error *m)
{
	m->err = frame_get_u32(in);
	frame_get_text(in, m->text, sizeof m->text);
}

void
proto_put_done(struct frame_out *out, uint32_t id)
{
	frame_put_u32(out, id);
}

uint32_t
proto_get_done(struct frame_in *in)
{
	return frame_get_u32(in);
}

void
proto_put_join(struct frame_out *out, const struct bridge_join *m)
{
	frame_put_u8(out, m->end);
	frame_put_u8(out, m->has_source);
	frame_put_u16(out, m->family);
	frame_put_bytes(out, m->group, sizeof m->group);
	frame_put_bytes(out, m->source, sizeof m->source);
	frame_put_text(out, m->device);
}

void
proto_get_join(struct frame_in *in, struct bridge_join *m)
{
	m->end = frame_get_u8(in);
	m->has_source = frame_get_u8(in);
	m->family = frame_get_u16(in);
	frame_get_bytes(in, m->group, sizeof m->group);
	frame_get_bytes(in, m->source, sizeof m->source);
	frame_get_text(in, m->device, sizeof m->device);
}

/*
 * One option: what its unit needs.  Nothing is checked here but that it fits:
 * whoever receives a spec asks bridge_check.
 */
static void
put_option(struct frame_out *out, const struct bridge_options *m,
    const struct bridge_option *o)
{
	uint32_t i;

	switch (o->unit) {
	case OPTION_DEVICE:
		frame_put_text(out, (const char *)m + o->offset);
		break;
	case OPTION_HOST:
		frame_put_u8(out, (uint8_t)m->source_client);
		record_put_plain_addr(out, &m->source);
		break;
	case OPTION_JOIN:
		if (m->njoins > JOINS_MAX) {
			out->bad = 1;
			break;
		}
		frame_put_u8(out, (uint8_t)m->njoins);
		for (i = 0; i < m->njoins; i++)
			proto_put_join(out, &m->joins[i]);
		break;
	case OPTION_DST:
		if (m->nmore > DSTS_MAX - 1) {
			out->bad = 1;
			break;
		}
		frame_put_u8(out, (uint8_t)m->nmore);
		for (i = 0; i < m->nmore; i++)
			record_put_plain_addr(out, &m->more[i]);
		break;
	default:
		frame_put_u32(out, bridge_option_number(m, o));
		break;
	}
}

static void
get_option(struct frame_in *in, struct bridge_options *m,
    const struct bridge_option *o)
{
	uint32_t value;
	uint8_t i, n;

	switch (o->unit) {
	case OPTION_DEVICE:
		frame_get_text(in, bridge_option_device(m, o), DEVICE_BYTES);
		break;
	case OPTION_JOIN:
		if ((n = frame_get_u8(in)) > JOINS_MAX) {
			in->bad = 1;
			break;
		}
		for (i = 0; i < n; i++)
			proto_get_join(in, &m->joins[i]);
		m->njoins = n;
		break;
	case OPTION_HOST:
		m->source_client = frame_get_u8(in);
		record_get_plain_addr(in, &m->source);
		if (m->source.kind == ADDR_NONE) /* one way to say none */
			memset(&m->source, 0, sizeof m->source);
		break;
	case OPTION_DST:
		if ((n = frame_get_u8(in)) > DSTS_MAX - 1) {
			in->bad = 1;
			break;
		}
		for (i = 0; i < n; i++)
			record_get_plain_addr(in, &m->more[i]);
		m->nmore = n;
		break;
	default:
		value = frame_get_u32(in);
		memcpy((char *)m + o->offset, &value, sizeof value);
		break;
	}
}

void
proto_put_spec(struct frame_out *out, const struct bridge_spec *m)
{
	const struct bridge_option *o;
	uint8_t n = 0;

	frame_put_text(out, m->name);
	record_put_plain_addr(out, &m->src);
	record_put_plain_addr(out, &m->dst);
	for (o = bridge_options; o->name != NULL; o++)
		n++;
	frame_put_u8(out, n);
	for (o = bridge_options; o->name != NULL; o++)
		put_option(out, &m->options, o);
}

void
proto_get_spec(struct frame_in *in, struct bridge_spec *m)
{
	const struct bridge_option *o = bridge_options;
	uint8_t n;

	memset(m, 0, sizeof *m);
	frame_get_text(in, m->name, sizeof m->name);
	record_get_plain_addr(in, &m->src);
	record_get_plain_addr(in, &m->dst);
	for (n = frame_get_u8(in); n > 0 && o->name != NULL; n--, o++)
		get_option(in, &m->options, o);
	if (n > 0 || o->name != NULL)
		in->bad = 1;
}

void
proto_put_close(struct frame_out *out, const struct proto_close *m)
{
	frame_put_u8(out, m->what);
	frame_put_u32(out, m->id);
	frame_put_text(out, m->name);
}

void
proto_get_close(struct frame_in *in, struct proto_close *m)
{
	m->what = frame_get_u8(in);
	m->id = frame_get_u32(in);
	frame_get_text(in, m->name, sizeof m->name);
}

void
proto_put_change(struct frame_out *out, const struct proto_change *m)
{
	frame_put_u8(out, m->what);
	frame_put_u32(out, m->id);
	frame_put_text(out, m->name);
	proto_put_join(out, &m->join);
	frame_put_u32(out, m->ttl);
}

void
proto_get_change(struct frame_in *in, struct proto_change *m)
{
	m->what = frame_get_u8(in);
	m->id = frame_get_u32(in);
	frame_get_text(in, m->name, sizeof m->name);
	proto_get_join(in, &m->join);
	m->ttl = frame_get_u32(in);
}

void
proto_put_list(struct frame_out *out, const struct proto_list *m)
{
	frame_put_u8(out, m->what);
	frame_put_u32(out, m->cursor);
}

void
proto_get_list(struct frame_in *in, struct proto_list *m)
{
	m->what = frame_get_u8(in);
	m->cursor = frame_get_u32(in);
}

void
proto_put_events(struct frame_out *out, const struct proto_events *m)
{
	frame_put_u8(out, m->flags);
	frame_put_u32(out, m->from);
}

void
proto_get_events(struct frame_in *in, struct proto_events *m)
{
	m->flags = frame_get_u8(in);
	m->from = frame_get_u32(in);
}

void
proto_put_records(struct frame_out *out, const struct proto_records *m)
{
	frame_put_u32(out, m->cursor);
	frame_put_u32(out, m->lost);
	frame_put_u16(out, m->count);
}

void
proto_set_records(struct frame_out *out, const struct proto_records *m)
{
	size_t at = out->at;

	if (out->bad)
		return;
	out->at = FRAME_HEADER;
	proto_put_records(out, m);
	out->at = at;
}

void
proto_get_records(struct frame_in *in, struct proto_records *m)
{
	m->cursor = frame_get_u32(in);
	m->lost = frame_get_u32(in);
	m->count = frame_get_u16(in);
}
