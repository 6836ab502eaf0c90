/*
 * What an engine leaves in the counters for the one that takes over when it
 * dies: plain stores around the calls on a session, each of which is done or
 * not done when the next engine looks.
 */

#ifndef ENGINE_MARK_H
#define ENGINE_MARK_H

#include <stdint.h>

#include "../share/counters.h"

/* What is in hand on the way out of a side. */
enum mark {
	MARK_NONE,
	MARK_READ, /* nothing; but an error of the side may have been taken */
	MARK_SEND, /* so many bytes were peeked at, and maybe sent */
	MARK_EMPTY /* a pipe; the count when all of it is out, 32 bits of it */
};

struct mark_left {
	enum mark mark;
	int side;
	uint32_t figure;
};

static inline void
mark_set(struct counters_slot *c, int side, enum mark mark, uint32_t figure)
{
	atomic_store_explicit(&c->step,
	    (uint64_t)mark << 33 | (uint64_t)(side & 1) << 32 | figure,
	    memory_order_relaxed);
}

static inline void
mark_get(const struct counters_slot *c, struct mark_left *left)
{
	uint64_t step = atomic_load_explicit(&c->step, memory_order_relaxed);

	left->mark = (enum mark)(step >> 33 & 3);
	left->side = (int)(step >> 32 & 1);
	left->figure = (uint32_t)step;
}

#endif
