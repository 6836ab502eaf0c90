/*
 * Sums of what is counted.
 *
 * The counts of a connection-oriented bridge are those of its sessions, the
 * ended ones (summed up by the parent) and the living ones, which are summed
 * here in one pass for all bridges, each out of the region of its engine.  A
 * session that ends during the pass may be missing from the sum for that
 * moment; none is counted twice.
 */

#include <string.h>

#include "../../common/limits.h"
#include "sums.h"

struct sum {
	uint32_t id; /* of the bridge, 0: no bridge in this slot */
	uint64_t count[COUNTS];
};

static struct {
	const struct registry *registry;
	const struct counters *counters;
	uint32_t engines;
	uint64_t made_ms; /* 0: the sums are of no use */
	struct sum table[LIMIT_BRIDGES_MAX + 1];
} sums;

void
sums_setup(const struct registry *registry, const struct counters *counters,
    uint32_t engines)
{
	uint32_t i;

	sums.registry = registry;
	sums.counters = counters;
	sums.engines = engines;
	for (i = 0; i <= registry->bridges; i++)
		*(volatile uint32_t *)&sums.table[i].id = 0;
}

size_t
sums_bytes(void)
{
	return sizeof sums.table;
}

uint32_t
sums_bridge_slot(uint32_t id)
{
	uint32_t slot = id % (sums.registry->nslots + 1);

	return slot <= sums.registry->bridges ? slot : 0;
}

/* Datagrams are the first engine's. */
int
sums_read(uint32_t slot, const struct registry_entry *e, uint64_t count[COUNTS],
    uint64_t *active_ms)
{
	uint32_t engine = e->kind == SLOT_SESSION ? e->engine : 0;

	if (engine < sums.engines)
		return counters_read(&sums.counters[engine], slot, e->id, count,
		    active_ms);
	memset(count, 0, COUNTS * sizeof *count);
	*active_ms = 0;
	return -1;
}

static void
add_counts(uint64_t to[COUNTS], const uint64_t from[COUNTS])
{
	int i;

	for (i = 0; i < COUNTS; i++)
		to[i] += from[i];
}

static int
sum_bridge(uint32_t slot)
{
	struct registry_entry e;
	struct sum *s = &sums.table[slot];
	uint64_t count[COUNTS], active_ms;

	s->id = 0;
	memset(s->count, 0, sizeof s->count);
	if (registry_read(sums.registry, slot, &e) == -1)
		return -1;
	if (e.kind != SLOT_BRIDGE)
		return 0;
	s->id = e.id;
	add_counts(s->count, e.ended);
	if (sums_read(slot, &e, count, &active_ms) == 0)
		add_counts(s->count, count);
	return 0;
}

static int
sum_session(uint32_t slot)
{
	struct registry_entry e;
	struct sum *s;
	uint64_t count[COUNTS], active_ms;

	/* Most slots were never written, which one load tells. */
	if (atomic_load_explicit(&sums.registry->slots[slot].guard,
		memory_order_relaxed) == 0)
		return 0;
	if (registry_read(sums.registry, slot, &e) == -1)
		return -1;
	if (e.kind != SLOT_SESSION)
		return 0;
	s = &sums.table[sums_bridge_slot(e.bridge)];
	if (s->id == 0 || s->id != e.bridge)
		return 0;
	if (sums_read(slot, &e, count, &active_ms) == 0)
		add_counts(s->count, count);
	return 0;
}

int
sums_make(uint64_t now_ms, uint64_t old_ms)
{
	uint32_t slot;

	if (now_ms - sums.made_ms < old_ms)
		return 0;
	sums.made_ms = 0;
	for (slot = 1; slot <= sums.registry->bridges; slot++)
		if (sum_bridge(slot) == -1)
			return -1;
	for (; slot <= sums.registry->nslots; slot++)
		if (sum_session(slot) == -1)
			return -1;
	sums.made_ms = now_ms;
	return 0;
}

const uint64_t *
sums_of(uint32_t slot, uint32_t id)
{
	return sums.table[slot].id == id ? sums.table[slot].count : NULL;
}

void
sums_all(uint64_t count[COUNTS])
{
	uint32_t slot;

	for (slot = 1; slot <= sums.registry->bridges; slot++)
		if (sums.table[slot].id != 0)
			add_counts(count, sums.table[slot].count);
}
