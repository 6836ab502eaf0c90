/*
 * What is shown of groups.
 */

#include <string.h>

#include "../../common/log.h"
#include "events.h"
#include "group_show.h"
#include "slots.h"

int
group_is_of(const struct bridge_group *g, const struct bridge *b)
{
	if (g->place != PLACE_WANTED)
		return 0;
	return g->own ? !bridges_is_stream(b) && b->source == g->source :
			b->slot == g->slot;
}

unsigned int
group_place_of(const struct bridge *b, const struct bridge_group *g)
{
	const struct bridge_options *o = &bridges_spec(b)->options;
	unsigned int i;

	for (i = 0; !g->own && i < o->njoins; i++)
		if (join_equal(&o->joins[i], &g->join))
			return i + 1;
	return 0;
}

void
group_show(const struct bridge *b, const struct bridge_group *g)
{
	struct registry_group *place;

	(void)slots_begin(b->slot);
	place = slots_group(b->slot, group_place_of(b, g));
	place->state = (uint8_t)g->state;
	place->index = g->state == GROUP_JOINED ? g->index : 0;
	place->err = (uint32_t)g->err;
	place->since_ns = g->since_ns;
	slots_end(b->slot);
}

void
group_show_event(const struct bridge *b, const struct bridge_group *g,
    enum event_type type)
{
	static struct log_rate rate;
	struct event_note note = { .type = type };
	char text[JOIN_TEXT_BYTES];

	note.id = note.bridge = slots_id(b->slot);
	note.err = g->err;
	note.text = join_print(&g->join, text, sizeof text);
	events_add(&note);
	if (!log_rate(&rate, SESSION_LOG_RATE, "groups"))
		return;
	if (type == EVENT_GROUP_WAITING)
		log_warn("bridge %u: %s waits: %s", note.id, text,
		    g->err != 0 ? strerror(g->err) : "no interface for it");
	else
		log_info("bridge %u: %s %s", note.id, text,
		    type == EVENT_GROUP_JOINED ? "joined" : "left");
}

void
group_show_state(const struct bridge *b, const struct bridge_group *g)
{
	group_show(b, g);
	group_show_event(b, g,
	    g->state == GROUP_JOINED ? EVENT_GROUP_JOINED :
				       EVENT_GROUP_WAITING);
}

void
group_show_states(const struct bridge_group *g)
{
	struct bridge *b;

	for (b = bridges_next(1); b != NULL; b = bridges_next(b->slot + 1))
		if (group_is_of(g, b) && b->state != BRIDGE_HELD &&
		    b->state != BRIDGE_CLOSING)
			group_show_state(b, g);
}
