/*
 * A bridge in a list: those of its options, dsts and counts that say something
 * of one of its kind.
 */

#include <string.h>

#include "show_bridge.h"

/* What a bridge or a session carries: other counts say something of each. */
enum carries {
	CARRIES_STREAMS,
	CARRIES_DATAGRAMS,
	CARRIES_ANSWERS /* datagrams there, and others back */
};

static enum carries
carries(const struct bridge_spec *spec)
{
	if (addr_is_connected_type(&spec->src))
		return CARRIES_STREAMS;
	return bridge_has_flows(spec) ? CARRIES_ANSWERS : CARRIES_DATAGRAMS;
}

static int
count_applies(enum count c, enum carries what)
{
	switch (c) {
	case COUNT_BYTES_TO_DST:
		return 1;
	case COUNT_BYTES_TO_SRC:
		return what != CARRIES_DATAGRAMS;
	case COUNT_DROP_RIGHTS:
		return what == CARRIES_STREAMS;
	case COUNT_REPLIES_IN:
	case COUNT_REPLIES_OUT:
	case COUNT_REPLIES_DROPPED:
	case COUNT_FLOWS:
	case COUNT_FLOWS_DISPLACED:
	case COUNT_DROP_FLOW:
		return what == CARRIES_ANSWERS;
	default:
		return what != CARRIES_STREAMS;
	}
}

void
show_counts(struct record_out *r, const uint64_t count[COUNTS],
    const struct bridge_spec *spec)
{
	enum carries what = spec != NULL ? carries(spec) : CARRIES_STREAMS;
	unsigned int i;

	for (i = 0; i < COUNTS; i++)
		if (count_applies(i, what))
			record_put_number(r, FIELD_COUNT + i, count[i]);
}

/*
 * One option: a number, or a text that is empty when it is not given.  An
 * address goes as it is: to print one with an interface takes a socket.
 */
static void
put_option(struct record_out *r, unsigned int field,
    const struct bridge_options *options, const struct bridge_option *o)
{
	char text[OPTION_TEXT_BYTES];

	switch (o->unit) {
	case OPTION_DST:  /* these are fields of their own */
	case OPTION_JOIN: /* and these records: LIST_GROUPS */
		break;
	case OPTION_HOST:
		if (options->source_client)
			record_put_text(r, field, "client");
		else if (options->source.kind != ADDR_NONE)
			record_put_addr(r, field, &options->source);
		else
			record_put_text(r, field, "");
		break;
	case OPTION_FLAG:
	case OPTION_DEVICE:
		if (!bridge_option_text(options, o, 0, text, sizeof text))
			text[0] = '\0';
		record_put_text(r, field, text);
		break;
	default:
		record_put_number(r, field, bridge_option_number(options, o));
	}
}

void
show_dsts(struct record_out *r, const struct registry_entry *e,
    const struct bridge_spec *spec)
{
	char held[2 * DSTS_MAX + 1] = "";
	const struct addr *dst;
	unsigned int i, used = 0;

	for (i = 0; i < DSTS_MAX; i++) {
		dst = bridge_dst(spec, i);
		if (dst == NULL)
			break;
		if (i > 0)
			record_put_addr(r, FIELD_DST_2 + i - 1, dst);
		if (!(e->held & 1U << i))
			continue;
		if (used > 0)
			held[used++] = ',';
		held[used++] = (char)('1' + i);
	}
	held[used] = '\0';
	record_put_text(r, FIELD_HELD, held);
}

/*
 * Whether an option says something of such a bridge: of one with sessions all
 * that concern sessions do.
 */
static int
says_something(const struct bridge_spec *spec, const struct bridge_option *o)
{
	if (!addr_is_connected_type(&spec->src))
		return bridge_option_applies(spec, o, NULL);
	return o->reach != REACH_DGRAM && o->reach != REACH_UDP &&
	    o->reach != REACH_UDP_SRC && o->reach != REACH_UDP_DST;
}

void
show_options(struct record_out *r, const struct bridge_spec *spec)
{
	const struct bridge_option *o;

	for (o = bridge_options; o->name != NULL; o++)
		if (says_something(spec, o))
			put_option(r,
			    FIELD_OPTIONS + (unsigned int)(o - bridge_options),
			    &spec->options, o);
}
