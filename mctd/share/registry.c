/*
 * The registry: layout, and the sequence count that publishes a slot.
 */

#include <errno.h>
#include <string.h>

#include "registry.h"

/* A writer needs less than a microsecond; a reader that is unlucky this
 * often has been shown a slot that is never finished. */
#define READ_TRIES 1000

static const char *const state_names[STATES] = {
	[STATE_NONE] = "none",
	[STATE_LISTENING] = "listening",
	[STATE_PAUSED] = "paused",
	[STATE_RELAYING] = "relaying",
	[STATE_CONNECTING] = "connecting",
	[STATE_OPEN] = "open",
	[STATE_CLOSING] = "closing",
};

const char *
name_state(unsigned int state)
{
	return state < STATES ? state_names[state] : "unknown";
}

/* The slots begin at a cache line of their own. */
static size_t
head_bytes(void)
{
	return (sizeof(struct registry_head) + 63) & ~(size_t)63;
}

size_t
registry_bytes(uint32_t bridges, uint32_t sessions)
{
	return head_bytes() +
	    ((size_t)bridges + sessions + 1) * sizeof(struct registry_slot) +
	    ((size_t)bridges + 1) * REGISTRY_GROUPS *
	    sizeof(struct registry_group) +
	    ((size_t)bridges + 1) * sizeof(struct bridge_spec);
}

void
registry_map(struct registry *r, void *mem, uint32_t bridges, uint32_t sessions)
{
	r->head = mem;
	r->slots = (struct registry_slot *)(void *)((char *)mem + head_bytes());
	r->bridges = bridges;
	r->nslots = bridges + sessions;
	r->groups = (struct registry_group *)(void *)(r->slots + r->nslots + 1);
	r->specs = (struct bridge_spec *)(void *)(r->groups +
	    ((size_t)bridges + 1) * REGISTRY_GROUPS);
}

struct registry_entry *
registry_begin(struct registry *r, uint32_t slot)
{
	struct registry_slot *s = &r->slots[slot];
	uint32_t guard;

	guard = atomic_load_explicit(&s->guard, memory_order_relaxed);
	atomic_store_explicit(&s->guard, guard | 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	return &s->entry;
}

void
registry_end(struct registry *r, uint32_t slot)
{
	struct registry_slot *s = &r->slots[slot];
	uint32_t guard;

	guard = atomic_load_explicit(&s->guard, memory_order_relaxed);
	atomic_store_explicit(&s->guard, (guard | 1) + 1, memory_order_release);
}

const struct registry_entry *
registry_peek(const struct registry *r, uint32_t slot)
{
	return &r->slots[slot].entry;
}

struct bridge_spec *
registry_spec(const struct registry *r, uint32_t slot)
{
	return &r->specs[slot];
}

struct registry_group *
registry_group(const struct registry *r, uint32_t slot, unsigned int place)
{
	return &r->groups[(size_t)slot * REGISTRY_GROUPS + place];
}

static int
read_slot(const struct registry *r, uint32_t slot, struct registry_entry *copy,
    struct bridge_spec *spec, struct registry_group *groups)
{
	const struct registry_slot *s = &r->slots[slot];
	uint32_t before, after;
	int tries;

	for (tries = 0; tries < READ_TRIES; tries++) {
		before = atomic_load_explicit(&s->guard, memory_order_acquire);
		if (before & 1)
			continue;
		memcpy(copy, &s->entry, sizeof *copy);
		if (spec != NULL)
			memcpy(spec, &r->specs[slot], sizeof *spec);
		if (groups != NULL)
			memcpy(groups, registry_group(r, slot, 0),
			    REGISTRY_GROUPS * sizeof *groups);
		atomic_thread_fence(memory_order_acquire);
		after = atomic_load_explicit(&s->guard, memory_order_relaxed);
		if (before == after)
			return 0;
	}
	errno = EAGAIN;
	return -1;
}

int
registry_read(const struct registry *r, uint32_t slot,
    struct registry_entry *copy)
{
	return read_slot(r, slot, copy, NULL, NULL);
}

int
registry_read_bridge(const struct registry *r, uint32_t slot,
    struct registry_entry *copy, struct bridge_spec *spec)
{
	return read_slot(r, slot, copy, spec, NULL);
}

int
registry_read_groups(const struct registry *r, uint32_t slot,
    struct registry_entry *copy, struct bridge_spec *spec,
    struct registry_group groups[REGISTRY_GROUPS])
{
	return read_slot(r, slot, copy, spec, groups);
}
