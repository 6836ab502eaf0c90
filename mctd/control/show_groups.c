/*
 * The groups of a bridge: what it was asked to join, and how it is with each.
 * An interface is said as it was asked for, and by its number: a name cannot
 * be looked up here, which takes a socket.
 */

#include <string.h>

#include "../../common/join.h"
#include "../../common/record.h"
#include "show_groups.h"

/* Of a bridge: what it is, and the places of its groups. */
struct groups {
	struct registry_entry entry;
	struct bridge_spec spec;
	struct registry_group group[REGISTRY_GROUPS];
};

static void
put_group(struct frame_out *out, const struct groups *g,
    const struct bridge_join *j, unsigned int place)
{
	const struct registry_group *state = &g->group[place];
	char text[JOIN_TEXT_BYTES];
	struct record_out r;

	record_begin(&r, out);
	record_put_number(&r, FIELD_BRIDGE, g->entry.id);
	record_put_text(&r, FIELD_BRIDGE_NAME, g->spec.name);
	record_put_text(&r, FIELD_KIND, place == 0 ? "address" : "join");
	record_put_text(&r, FIELD_END, j->end == ADDR_DST ? "dst" : "src");
	record_put_text(&r, FIELD_GROUP, join_group_text(j, text, sizeof text));
	record_put_text(&r, FIELD_SOURCE,
	    join_source_text(j, text, sizeof text));
	record_put_text(&r, FIELD_INTERFACE, j->device);
	record_put_number(&r, FIELD_INTERFACE_INDEX, state->index);
	record_put_text(&r, FIELD_STATE, name_group_state(state->state));
	record_put_number(&r, FIELD_SINCE, state->since_ns);
	record_put_number(&r, FIELD_ERR, state->err);
	record_end(&r);
}

/* Where src is a group itself, that group; 0 when it is none. */
static int
own_group(const struct bridge_spec *spec, struct bridge_join *j)
{
	return !addr_is_connected_type(&spec->src) &&
	    join_is_group(&spec->src) &&
	    join_set(j, ADDR_SRC, &spec->src, spec->options.in_device, NULL,
		NULL) == 0;
}

int
show_groups(const struct registry *registry, uint32_t slot,
    struct frame_out *out)
{
	static struct groups g; /* of a process with one thread */
	struct bridge_join own;
	uint32_t i;
	int n = 0;

	if (registry_read_groups(registry, slot, &g.entry, &g.spec, g.group) ==
	    -1)
		return -1;
	if (g.entry.kind != SLOT_BRIDGE)
		return 0;
	g.spec.name[sizeof g.spec.name - 1] = '\0';
	g.spec.options.in_device[DEVICE_BYTES - 1] = '\0';
	if (own_group(&g.spec, &own)) {
		put_group(out, &g, &own, 0);
		n++;
	}
	for (i = 0; i < g.spec.options.njoins && i < JOINS_MAX; i++) {
		g.spec.options.joins[i].device[DEVICE_BYTES - 1] = '\0';
		put_group(out, &g, &g.spec.options.joins[i], i + 1);
		n++;
	}
	return n;
}
