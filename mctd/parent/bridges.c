/*
 * Bridges: the table.
 */

#include <assert.h>
#include <bsd/string.h>
#include <stdlib.h>
#include <string.h>

#include "../../common/log.h"
#include "bridges.h"
#include "clients.h"
#include "events.h"
#include "slots.h"

static struct {
	struct bridge *table; /* by slot; the first is not used */
	uint32_t n;
	int look; /* bridges_take_look */
} bridges;

size_t
bridges_bytes(uint32_t n)
{
	return ((size_t)n + 1) * sizeof(struct bridge);
}

int
bridges_init(uint32_t n)
{
	uint32_t i;

	bridges.table = calloc((size_t)n + 1, sizeof *bridges.table);
	if (bridges.table == NULL)
		return -1;
	bridges.n = n;
	for (i = 0; i <= n; i++) {
		bridges.table[i].slot = i;
		bridges.table[i].fd = -1;
	}
	return 0;
}

uint32_t
bridges_limit(void)
{
	return bridges.n;
}

struct bridge *
bridges_at(uint32_t slot)
{
	return slot >= 1 && slot <= bridges.n ? &bridges.table[slot] : NULL;
}

struct bridge *
bridges_next(uint32_t from)
{
	for (; from <= bridges.n; from++)
		if (bridges.table[from].state != BRIDGE_FREE)
			return &bridges.table[from];
	return NULL;
}

const struct bridge_spec *
bridges_spec(const struct bridge *b)
{
	return slots_spec(b->slot);
}

int
bridges_is_stream(const struct bridge *b)
{
	return addr_is_connected_type(&bridges_spec(b)->src);
}

int
bridges_is_living(const struct bridge *b)
{
	return b->state != BRIDGE_CLOSING && !b->gone;
}

struct bridge *
bridges_named(const char *name)
{
	struct bridge *b;

	for (b = bridges_next(1); b != NULL; b = bridges_next(b->slot + 1))
		if (bridges_is_living(b) && name[0] != '\0' &&
		    strcmp(bridges_spec(b)->name, name) == 0)
			return b;
	return NULL;
}

struct bridge *
bridges_same(const struct bridge_spec *spec)
{
	struct bridge *b;

	for (b = bridges_next(1); b != NULL; b = bridges_next(b->slot + 1))
		if (bridges_is_living(b) &&
		    bridge_same_ends(bridges_spec(b), spec))
			return b;
	return NULL;
}

void
bridges_show(const struct bridge *b, enum slot_state state)
{
	struct registry_entry *e = slots_begin(b->slot);

	e->state = (uint8_t)state;
	slots_end(b->slot);
}

void
bridges_note(const struct bridge *b, enum event_type type, const char *what)
{
	char src[ADDR_TEXT_BYTES], dst[ADDR_TEXT_BYTES];
	struct event_note n = { .type = type };

	n.id = n.bridge = slots_id(b->slot);
	n.text = bridges_spec(b)->name;
	events_add(&n);
	log_info("bridge %u %s: %s to %s", n.id, what,
	    addr_print(&bridges_spec(b)->src, src, sizeof src),
	    addr_print(&bridges_spec(b)->dst, dst, sizeof dst));
}

void
bridges_finished(struct bridge *b)
{
	assert(b->state == BRIDGE_CLOSING);
	if (b->begun)
		bridges_note(b, EVENT_BRIDGE_DESTROYED, "closed");
	if (b->has_waiter)
		clients_done(&b->waiter, slots_id(b->slot));
	b->has_waiter = 0;
	b->state = BRIDGE_FREE;
	b->gone = 0;
	slots_give(b->slot);
}

void
bridges_change(struct bridge *b, const struct bridge_spec *spec,
    const struct bridge_options *options)
{
	struct bridge_spec *now = slots_spec(b->slot);

	(void)slots_begin(b->slot);
	(void)strlcpy(now->name, spec->name, sizeof now->name);
	now->options = *options;
	slots_end(b->slot);
	bridges.look = 1;
}

int
bridges_take_look(void)
{
	int look = bridges.look;

	bridges.look = 0;
	return look;
}

void
bridges_look(void)
{
	bridges.look = 1;
}
