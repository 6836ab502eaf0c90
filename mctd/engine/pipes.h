/*
 * The engine's pipes: made by the parent, lent to a direction of a session
 * only while bytes lie in them.  Who has one is written in the counters
 * before the first byte goes in, and taken back when the last is out.
 */

#ifndef ENGINE_PIPES_H
#define ENGINE_PIPES_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "../../common/limits.h"

struct pipes {
	struct pipe_ends {
		int out; /* read from it */
		int in;
	} at[LIMIT_PIPES_MAX];
	int16_t free[LIMIT_PIPES_MAX];
	uint32_t nfree;
	uint32_t count;
	uint32_t nleft;                /* see pipes_adopt */
	uint8_t left[LIMIT_PIPES_MAX]; /* by number */
	uint32_t bytes;                /* that one may hold */
	_Atomic uint64_t *owner;       /* by number, in the counters */
};

/*
 * A further pipe; 0, or -1: no room.  If the counters name nobody that an
 * engine before had lent it to, whatever lies in it is drained.
 */
int pipes_add(struct pipes *, int out, int in, uint8_t *scratch, size_t size);

/*
 * Of those that another engine had lent: the owner's, or -1, it has none.  It
 * is as if borrowed then.  Those that nobody asked for are drained when no
 * more owners are to be expected.
 */
int pipes_adopt(struct pipes *, uint64_t owner);
void pipes_drain_left(struct pipes *, uint8_t *scratch, size_t size);

/*
 * One for that owner, or -1 when none is free.  Those that are sticky, whose
 * bytes stayed in one last time, get at most half of all.
 */
int pipes_borrow(struct pipes *, uint64_t owner, int sticky);
/* Whether half of them are lent. */
int pipes_scarce(const struct pipes *);
/*
 * It is not needed any more.  What lies in it is thrown away, always, so that
 * nothing of one session can reach another.
 */
void pipes_return(struct pipes *, int pipe, uint8_t *scratch, size_t size);

#endif
