/*
 * The counters: for the registry's slots, what an engine counts, and to whom
 * its pipes are lent.  One region an engine, which alone writes it; each
 * figure is one store of 64 bits, so a reader sees whole figures, and the id
 * beside them says whose they are.
 */

#ifndef SHARE_COUNTERS_H
#define SHARE_COUNTERS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "../../common/limits.h"
#include "../../common/names.h"

struct counters_slot {
	_Atomic uint32_t id;        /* 0 while the slot changes hands */
	_Atomic uint32_t ended;     /* counters_end; 0: it has not */
	_Atomic uint64_t active_ms; /* clock_ms() of the last movement */
	/*
	 * The engine's own, for the one that takes over: in what state the
	 * session is, and what of it the engine has in hand.
	 */
	_Atomic uint64_t ways;
	_Atomic uint64_t step;
	_Atomic uint64_t count[COUNTS];
};

/*
 * The engine's own as well: datagrams that it has in hand, and how far it has
 * come with counting them.  What its last call gave lies in calls, as the
 * kernel left it, with addresses of the engine's memory.
 */
#define COUNTERS_HAND_FIGURES 9
#define COUNTERS_HAND_BYTES   16384
#define COUNTERS_HAND_SRCS    (LIMIT_BRIDGES_MAX + LIMIT_GROUPS_MAX)

struct counters_hand {
	_Atomic uint64_t turn; /* the number of the call */
	_Atomic uint32_t src;  /* that it reads, + 1; 0: all is counted */
	_Atomic uint32_t slot; /* whose figures these become; 0: nobody's */
	_Atomic uint64_t figure[COUNTERS_HAND_FIGURES];
	/* of srcs that a bridge has besides its first: see hand.c */
	_Atomic uint64_t place[COUNTERS_HAND_SRCS];
	_Alignas(64) uint8_t calls[COUNTERS_HAND_BYTES];
};

struct counters {
	struct counters_slot *slots; /* by the registry's slot numbers */
	uint32_t nslots;
	/* Who has bytes in a pipe: counters_owner; 0: nobody. */
	_Atomic uint64_t *pipes;
	uint32_t npipes;
	struct counters_hand *hand; /* in pages of its own, the last ones */
};

size_t counters_bytes(uint32_t nslots, uint32_t npipes);
/* Without the hand: who only reads maps no more than that. */
size_t counters_shown_bytes(uint32_t nslots, uint32_t npipes);
void counters_map(struct counters *, void *, uint32_t nslots, uint32_t npipes);

/* The session of that id, in the direction out of its side 0 or 1. */
static inline uint64_t
counters_owner(uint32_t id, int side)
{
	return (uint64_t)id << 1 | (unsigned int)side;
}

/*
 * How a session ended, stored before its END is sent and before anything of
 * it is thrown away: of a dead engine's session it says what the END would
 * have said.
 */
static inline uint32_t
counters_end(unsigned int reason, int err)
{
	return (uint32_t)err << 8 | (reason + 1);
}

static inline unsigned int
counters_end_reason(uint32_t ended)
{
	return (ended & 0xff) - 1;
}

static inline int
counters_end_err(uint32_t ended)
{
	return (int)(ended >> 8);
}

/* The engine's side. */
void counters_reset(struct counters *, uint32_t slot, uint32_t id,
    uint64_t now_ms);

static inline void
counters_add(struct counters_slot *s, enum count c, uint64_t n)
{
	atomic_store_explicit(&s->count[c],
	    atomic_load_explicit(&s->count[c], memory_order_relaxed) + n,
	    memory_order_relaxed);
}

static inline void
counters_touch(struct counters_slot *s, uint64_t now_ms)
{
	atomic_store_explicit(&s->active_ms, now_ms, memory_order_relaxed);
}

/*
 * A reader's: copies the figures of id; returns 0, or -1 with ENOENT when
 * the slot holds another's (count and *active_ms are then 0).
 */
int counters_read(const struct counters *, uint32_t slot, uint32_t id,
    uint64_t count[COUNTS], uint64_t *active_ms);

#endif
