/*
 * The ring of events: one writer, any number of readers that may be slow.
 */

#include <errno.h>
#include <string.h>

#include "ring.h"

#define READ_TRIES 1000

uint32_t
ring_size(uint32_t events)
{
	uint32_t size = 1;

	while (size < events)
		size <<= 1;
	return size;
}

static size_t
head_bytes(void)
{
	return (sizeof(struct ring_head) + 63) & ~(size_t)63;
}

size_t
ring_bytes(uint32_t events)
{
	return head_bytes() +
	    (size_t)ring_size(events) * sizeof(struct ring_place);
}

void
ring_map(struct ring *r, void *mem, uint32_t events)
{
	r->head = mem;
	r->places = (struct ring_place *)(void *)((char *)mem + head_bytes());
	r->size = ring_size(events);
}

void
ring_add(struct ring *r, const struct ring_event *event)
{
	uint32_t seq, held, guard;
	struct ring_place *p;

	seq = atomic_load_explicit(&r->head->next, memory_order_relaxed);
	held = atomic_load_explicit(&r->head->held, memory_order_relaxed);
	p = &r->places[seq & (r->size - 1)];
	guard = atomic_load_explicit(&p->guard, memory_order_relaxed);
	atomic_store_explicit(&p->guard, guard | 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	p->event = *event;
	p->event.seq = seq;
	atomic_store_explicit(&p->guard, (guard | 1) + 1, memory_order_release);
	if (held < r->size)
		atomic_store_explicit(&r->head->held, held + 1,
		    memory_order_relaxed);
	atomic_store_explicit(&r->head->next, seq + 1, memory_order_release);
}

uint32_t
ring_next(const struct ring *r)
{
	return atomic_load_explicit(&r->head->next, memory_order_acquire);
}

uint32_t
ring_oldest(const struct ring *r)
{
	uint32_t next = ring_next(r);
	uint32_t held;

	held = atomic_load_explicit(&r->head->held, memory_order_relaxed);
	return next - (held < r->size ? held : r->size);
}

int
ring_read(const struct ring *r, uint32_t seq, struct ring_event *copy)
{
	const struct ring_place *p = &r->places[seq & (r->size - 1)];
	uint32_t before, after;
	int tries;

	for (tries = 0; tries < READ_TRIES; tries++) {
		before = atomic_load_explicit(&p->guard, memory_order_acquire);
		if (before & 1)
			continue;
		memcpy(copy, &p->event, sizeof *copy);
		atomic_thread_fence(memory_order_acquire);
		after = atomic_load_explicit(&p->guard, memory_order_relaxed);
		if (before != after)
			continue;
		/* a place never written has guard 0 */
		if (before != 0 && copy->seq == seq)
			return 0;
		break;
	}
	errno = ENOENT;
	return -1;
}
