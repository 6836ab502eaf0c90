/*
 * Slots and ids of bridges and sessions, and the writing of the registry.
 *
 * One number space: slots 1..bridges are bridges, those after them sessions.
 * Free slots are given out first in, first out; each time its generation is
 * one higher, and id = generation * (slots + 1) + slot, in 31 bits, so an
 * old id does not name the new owner.
 */

#ifndef PARENT_SLOTS_H
#define PARENT_SLOTS_H

#include "../share/counters.h"
#include "../share/registry.h"

/* The mappings, made; returns 0, or -1 with errno. */
struct slots_setup {
	void *registry;
	void *counters[LIMIT_ENGINES_MAX];
	uint32_t engines;
	uint32_t bridges;
	uint32_t sessions;
	uint32_t pipes;
};
int slots_init(const struct slots_setup *);
size_t slots_bytes(uint32_t bridges, uint32_t sessions);

/* A free slot of the kind with a new id, or 0 when the table is full. */
uint32_t slots_take(enum slot_kind);
void slots_give(uint32_t slot);
/* The same of a session whose figures and end are to be shown for a while. */
void slots_give_ended(uint32_t slot);
int slots_full(enum slot_kind);

uint32_t slots_id(uint32_t slot);
/* The slot of a living id of that kind (SLOT_FREE: either), or 0. */
uint32_t slots_find(uint32_t id, enum slot_kind);

/* A new number for each thing the engine is told of. */
uint64_t slots_serial(void);

/* The entry, for change between begin and end, and for reading. */
struct registry_entry *slots_begin(uint32_t slot);
void slots_end(uint32_t slot);
const struct registry_entry *slots_entry(uint32_t slot);
/* Of a bridge's slot; to be changed between begin and end. */
struct bridge_spec *slots_spec(uint32_t slot);
struct registry_group *slots_group(uint32_t slot, unsigned int place);

struct registry_head *slots_head(void);
/* One more of what the parent counts, for the bridge and in all. */
void slots_count(uint32_t bridge, enum parent_count);
/* What its engine counted for the slot; 0 where it did not. */
void slots_counters(uint32_t slot, uint64_t count[COUNTS]);
/* How its engine ended it, as counters_end; 0: it did not, or not yet. */
uint32_t slots_ended(uint32_t slot);

/*
 * For the next parent (upgrade_wire.h).  The lists that no mapping has: by
 * slot its generation, and the free slots of a kind in their order.
 */
enum slots_list {
	SLOTS_GENERATIONS,
	SLOTS_FREE_BRIDGES,
	SLOTS_FREE_SESSIONS,
	SLOTS_LISTS
};
uint32_t slots_list_size(enum slots_list);
uint32_t slots_list_get(enum slots_list, uint32_t place);
uint64_t slots_last_serial(void);

/*
 * In the next parent, in this order: the mappings as the last one left them
 * (registry, then that of each engine); the lists from place 0 on; whether
 * all is there and fits together.  0 or -1.
 */
void slots_adopt(const void *registry, const void *const *counters,
    uint64_t serial);
int slots_list_adopt(enum slots_list, uint32_t place, uint32_t number);
int slots_adopted(void);

#endif
