/*
 * The counters: layout, reset by the engine, reading by others.
 */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "counters.h"

size_t
counters_shown_bytes(uint32_t nslots, uint32_t npipes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t bytes = ((size_t)nslots + 1) * sizeof(struct counters_slot) +
	    npipes * sizeof(uint64_t);

	return (bytes + page - 1) / page * page;
}

size_t
counters_bytes(uint32_t nslots, uint32_t npipes)
{
	return counters_shown_bytes(nslots, npipes) +
	    sizeof(struct counters_hand);
}

void
counters_map(struct counters *c, void *mem, uint32_t nslots, uint32_t npipes)
{
	c->slots = mem;
	c->nslots = nslots;
	c->pipes = (_Atomic uint64_t *)(c->slots + nslots + 1);
	c->npipes = npipes;
	c->hand = (struct counters_hand *)(void *)((uint8_t *)mem +
	    counters_shown_bytes(nslots, npipes));
}

void
counters_reset(struct counters *c, uint32_t slot, uint32_t id, uint64_t now_ms)
{
	struct counters_slot *s = &c->slots[slot];
	int i;

	atomic_store_explicit(&s->id, 0, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	for (i = 0; i < COUNTS; i++)
		atomic_store_explicit(&s->count[i], 0, memory_order_relaxed);
	atomic_store_explicit(&s->ended, 0, memory_order_relaxed);
	atomic_store_explicit(&s->ways, 0, memory_order_relaxed);
	atomic_store_explicit(&s->step, 0, memory_order_relaxed);
	counters_touch(s, now_ms);
	atomic_store_explicit(&s->id, id, memory_order_release);
}

int
counters_read(const struct counters *c, uint32_t slot, uint32_t id,
    uint64_t count[COUNTS], uint64_t *active_ms)
{
	const struct counters_slot *s = &c->slots[slot];
	int i;

	if (atomic_load_explicit(&s->id, memory_order_acquire) == id) {
		for (i = 0; i < COUNTS; i++)
			count[i] = atomic_load_explicit(&s->count[i],
			    memory_order_relaxed);
		*active_ms =
		    atomic_load_explicit(&s->active_ms, memory_order_relaxed);
		atomic_thread_fence(memory_order_acquire);
		if (atomic_load_explicit(&s->id, memory_order_relaxed) == id)
			return 0;
	}
	memset(count, 0, COUNTS * sizeof count[0]);
	*active_ms = 0;
	errno = ENOENT;
	return -1;
}
