/*
 * Room for groups.  One that is left takes a place until the engine has let go
 * of it, which is no reason to refuse another.
 */

#include <errno.h>

#include "../../common/join.h"
#include "../../common/log.h"
#include "events.h"
#include "group_room.h"
#include "groups.h"
#include "slots.h"

static uint32_t
needed(const struct bridge_spec *spec, const struct bridge_options *o)
{
	return o->njoins + (uint32_t)join_is_group(&spec->src);
}

/* Those of bridges that are made and have not begun. */
static uint32_t
reserved(void)
{
	const struct bridge_spec *spec;
	const struct bridge *b;
	uint32_t n = 0;

	for (b = bridges_next(1); b != NULL; b = bridges_next(b->slot + 1))
		if (b->state == BRIDGE_HELD && !bridges_is_stream(b)) {
			spec = bridges_spec(b);
			n += needed(spec, &spec->options);
		}
	return n;
}

static void
note_limit(const struct bridge *b)
{
	static struct log_rate rate;
	struct event_note note = { .type = EVENT_LIMIT_REACHED };

	if (!log_rate(&rate, 1, "limits of groups"))
		return;
	note.id = note.bridge = b != NULL ? slots_id(b->slot) : 0;
	note.text = "groups";
	events_add(&note);
	log_warn("limit reached: groups");
}

int
group_room(const struct bridge *b, const struct bridge_spec *spec,
    const struct bridge_options *o, const char **why)
{
	uint32_t need = needed(spec, o), has = 0;

	if (b != NULL)
		has = needed(spec, &bridges_spec(b)->options);
	if (need <= has ||
	    groups_wanted() + reserved() + need - has <= groups_limit())
		return 0;
	note_limit(b);
	*why = "as many groups as the limit allows";
	errno = ENOSPC;
	return -1;
}
