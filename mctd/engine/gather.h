/*
 * Places where records are put together that the kernel hands out in pieces:
 * SCTP does so when its queue is full.  They are few, of fixed size, and the
 * only payload that an engine ever keeps.
 */

#ifndef ENGINE_GATHER_H
#define ENGINE_GATHER_H

#include <stddef.h>
#include <stdint.h>

#include "../../common/limits.h"

struct gathers {
	uint8_t *at[GATHERS]; /* PEEK_BYTES each */
	uint32_t used[GATHERS];
	uint8_t taken[GATHERS];
	uint8_t whole[GATHERS];
};

size_t gather_bytes(void);
int gather_setup(struct gathers *); /* 0, or -1 with errno */

/* An empty one, or -1. */
int gather_borrow(struct gathers *);
void gather_return(struct gathers *, int gather);
/* Whether all are taken. */
int gather_scarce(const struct gathers *);

#endif
