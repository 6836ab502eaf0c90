/*
 * Slots and ids, and the writing of the registry.
 */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "../../common/clock.h"
#include "slots.h"

/* Free slots of one kind, first in, first out. */
struct pool {
	uint32_t *ring;
	uint32_t size;
	uint32_t first;
	uint32_t count;
};

static struct {
	struct registry registry;
	struct counters counters[LIMIT_ENGINES_MAX];
	struct pool pool[2];  /* bridges, sessions */
	uint32_t *generation; /* by slot */
	uint32_t bridges;
	uint64_t serial;
} slots;

static struct pool *
pool_of(enum slot_kind kind)
{
	return &slots.pool[kind == SLOT_BRIDGE ? 0 : 1];
}

static void
pool_put(struct pool *p, uint32_t slot)
{
	assert(p->count < p->size);
	p->ring[(p->first + p->count) % p->size] = slot;
	p->count++;
}

size_t
slots_bytes(uint32_t bridges, uint32_t sessions)
{
	return ((size_t)bridges + sessions + 1) * 2 * sizeof(uint32_t);
}

int
slots_init(const struct slots_setup *s)
{
	uint32_t bridges = s->bridges, sessions = s->sessions;
	uint32_t n = bridges + sessions;
	uint32_t slot, i;

	registry_map(&slots.registry, s->registry, bridges, sessions);
	for (i = 0; i < s->engines; i++)
		counters_map(&slots.counters[i], s->counters[i], n, s->pipes);
	slots.registry.head->engines = s->engines;
	slots.bridges = bridges;
	slots.pool[0].ring = calloc(bridges, sizeof(uint32_t));
	slots.pool[1].ring = calloc(sessions, sizeof(uint32_t));
	slots.generation = calloc((size_t)n + 1, sizeof(uint32_t));
	if (slots.pool[0].ring == NULL || slots.pool[1].ring == NULL ||
	    slots.generation == NULL)
		return -1;
	slots.pool[0].first = slots.pool[0].count = 0;
	slots.pool[1].first = slots.pool[1].count = 0;
	slots.pool[0].size = bridges;
	slots.pool[1].size = sessions;
	for (slot = 1; slot <= n; slot++) {
		slots.generation[slot] = 0;
		pool_put(&slots.pool[slot <= bridges ? 0 : 1], slot);
	}
	slots.registry.head->bridges_limit = bridges;
	slots.registry.head->sessions_limit = sessions;
	slots.registry.head->born_ms = clock_ms();
	return 0;
}

/* The id that a slot has in its present generation. */
static uint32_t
make_id(uint32_t slot)
{
	return slots.generation[slot] * (slots.registry.nslots + 1) + slot;
}

/* The generation after which ids would not fit 31 bits. */
static uint32_t
generations(void)
{
	return (uint32_t)INT32_MAX / (slots.registry.nslots + 1);
}

static _Atomic uint32_t *
number_now(enum slot_kind kind)
{
	struct registry_head *h = slots.registry.head;

	return kind == SLOT_BRIDGE ? &h->bridges : &h->sessions;
}

uint32_t
slots_take(enum slot_kind kind)
{
	struct pool *p = pool_of(kind);
	struct registry_entry *e;
	uint32_t slot;

	if (p->count == 0)
		return 0;
	slot = p->ring[p->first];
	p->first = (p->first + 1) % p->size;
	p->count--;
	e = slots_begin(slot);
	memset(e, 0, sizeof *e);
	e->id = make_id(slot);
	e->kind = (uint8_t)kind;
	e->born_ns = clock_wall_ns();
	e->born_ms = clock_ms();
	if (kind == SLOT_BRIDGE) /* not its predecessor's */
		memset(slots_spec(slot), 0, sizeof(struct bridge_spec));
	slots_end(slot);
	atomic_store_explicit(number_now(kind), p->size - p->count,
	    memory_order_relaxed);
	return slot;
}

static void
give(uint32_t slot, int ended)
{
	struct registry_entry *e = slots_begin(slot);
	enum slot_kind kind = (enum slot_kind)e->kind;
	struct pool *p = pool_of(kind);

	assert(kind == SLOT_BRIDGE || kind == SLOT_SESSION);
	assert(!ended || e->ended_ns != 0);
	e->kind = ended ? SLOT_ENDED : SLOT_FREE;
	e->state = STATE_NONE;
	if (!ended)
		e->id = 0;
	slots_end(slot);
	slots.generation[slot]++;
	if (slots.generation[slot] >= generations())
		slots.generation[slot] = 0;
	pool_put(p, slot);
	atomic_store_explicit(number_now(kind), p->size - p->count,
	    memory_order_relaxed);
}

void
slots_give(uint32_t slot)
{
	give(slot, 0);
}

void
slots_give_ended(uint32_t slot)
{
	give(slot, 1);
}

int
slots_full(enum slot_kind kind)
{
	return pool_of(kind)->count == 0;
}

uint32_t
slots_id(uint32_t slot)
{
	return slots_entry(slot)->id;
}

uint32_t
slots_find(uint32_t id, enum slot_kind kind)
{
	uint32_t slot = id % (slots.registry.nslots + 1);
	const struct registry_entry *e;

	if (id == 0 || slot == 0)
		return 0;
	e = slots_entry(slot);
	if (e->id != id || e->kind == SLOT_FREE || e->kind == SLOT_ENDED ||
	    (kind != SLOT_FREE && e->kind != kind))
		return 0;
	return slot;
}

uint64_t
slots_serial(void)
{
	return ++slots.serial;
}

struct registry_entry *
slots_begin(uint32_t slot)
{
	return registry_begin(&slots.registry, slot);
}

void
slots_end(uint32_t slot)
{
	registry_end(&slots.registry, slot);
}

const struct registry_entry *
slots_entry(uint32_t slot)
{
	return registry_peek(&slots.registry, slot);
}

struct bridge_spec *
slots_spec(uint32_t slot)
{
	return registry_spec(&slots.registry, slot);
}

struct registry_group *
slots_group(uint32_t slot, unsigned int place)
{
	return registry_group(&slots.registry, slot, place);
}

struct registry_head *
slots_head(void)
{
	return slots.registry.head;
}

void
slots_count(uint32_t bridge, enum parent_count what)
{
	struct registry_head *h = slots.registry.head;
	struct registry_entry *e = slots_begin(bridge);

	e->parent_count[what]++;
	slots_end(bridge);
	atomic_store_explicit(&h->parent_count[what],
	    atomic_load_explicit(&h->parent_count[what], memory_order_relaxed) +
		1,
	    memory_order_relaxed);
}

void
slots_counters(uint32_t slot, uint64_t count[COUNTS])
{
	const struct counters *c = &slots.counters[slots_entry(slot)->engine];
	uint64_t active_ms;

	(void)counters_read(c, slot, slots_id(slot), count, &active_ms);
}

uint32_t
slots_ended(uint32_t slot)
{
	const struct registry_entry *e = slots_entry(slot);
	const struct counters_slot *s = &slots.counters[e->engine].slots[slot];

	if (atomic_load_explicit(&s->id, memory_order_acquire) != e->id)
		return 0;
	return atomic_load_explicit(&s->ended, memory_order_relaxed);
}

uint32_t
slots_list_size(enum slots_list list)
{
	if (list == SLOTS_GENERATIONS)
		return slots.registry.nslots;
	return slots.pool[list == SLOTS_FREE_SESSIONS].count;
}

uint32_t
slots_list_get(enum slots_list list, uint32_t place)
{
	const struct pool *p = &slots.pool[list == SLOTS_FREE_SESSIONS];

	if (list == SLOTS_GENERATIONS)
		return slots.generation[place + 1];
	return p->ring[(p->first + place) % p->size];
}

uint64_t
slots_last_serial(void)
{
	return slots.serial;
}

static void
adopt_head(const struct registry_head *from)
{
	struct registry_head *h = slots.registry.head;
	int i;

	h->born_ms = from->born_ms;
	atomic_store(&h->bridges, atomic_load(&from->bridges));
	atomic_store(&h->sessions, atomic_load(&from->sessions));
	for (i = 0; i < PARENT_COUNTS; i++)
		atomic_store(&h->parent_count[i],
		    atomic_load(&from->parent_count[i]));
}

void
slots_adopt(const void *registry, const void *const *counters, uint64_t serial)
{
	struct registry *to = &slots.registry;
	uint32_t i, engines = to->head->engines;
	struct registry from;

	registry_map(&from, (void *)(uintptr_t)registry, to->bridges,
	    to->nslots - to->bridges);
	adopt_head(from.head);
	for (i = 1; i <= to->nslots; i++) {
		*slots_begin(i) = *registry_peek(&from, i);
		if (i <= to->bridges)
			*slots_spec(i) = *registry_spec(&from, i);
		slots_end(i);
	}
	for (i = 0; i < engines; i++)
		memcpy(slots.counters[i].slots, counters[i],
		    counters_bytes(to->nslots, slots.counters[i].npipes));
	slots.serial = serial;
	for (i = 0; i < 2; i++)
		slots.pool[i].first = slots.pool[i].count = 0;
}

int
slots_list_adopt(enum slots_list list, uint32_t place, uint32_t number)
{
	struct pool *p = &slots.pool[list == SLOTS_FREE_SESSIONS];
	int is_bridge = number <= slots.bridges;
	uint8_t kind;

	if (list == SLOTS_GENERATIONS) {
		if (place >= slots.registry.nslots || number >= generations())
			return -1;
		slots.generation[place + 1] = number;
		return 0;
	}
	if (place != p->count || place >= p->size || number == 0 ||
	    number > slots.registry.nslots ||
	    is_bridge != (list == SLOTS_FREE_BRIDGES))
		return -1;
	kind = slots_entry(number)->kind;
	if (kind != SLOT_FREE && kind != SLOT_ENDED)
		return -1;
	pool_put(p, number);
	return 0;
}

/* Who is alive has the id of its generation, and is not free as well. */
int
slots_adopted(void)
{
	uint32_t living[2] = { 0, 0 };
	const struct registry_entry *e;
	uint32_t slot;

	for (slot = 1; slot <= slots.registry.nslots; slot++) {
		e = slots_entry(slot);
		if (e->kind != SLOT_BRIDGE && e->kind != SLOT_SESSION)
			continue;
		if (e->id != make_id(slot) ||
		    (e->kind == SLOT_BRIDGE) != (slot <= slots.bridges) ||
		    e->engine >= slots.registry.head->engines)
			return -1;
		living[e->kind == SLOT_SESSION]++;
	}
	return living[0] + slots.pool[0].count == slots.pool[0].size &&
		living[1] + slots.pool[1].count == slots.pool[1].size ?
	    0 :
	    -1;
}
