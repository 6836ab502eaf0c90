/*
 * What a connectionless bridge lets through: sizes, rates, hops.
 */

#ifndef ENGINE_LIMIT_H
#define ENGINE_LIMIT_H

#include <stdint.h>

#include "../share/counters.h"
#include "../share/inner.h"
#include "group.h"

/* So many a second, and in one go no more than a second's. */
struct limit_rate {
	uint32_t rate; /* 0: no limit */
	uint16_t rest; /* of a thousandth */
	int64_t credit;
};

struct limit {
	uint8_t any;  /* 0: there is no limit */
	uint8_t hops; /* TTL is that of arrival, less one, */
	uint8_t ttl;  /* and no more than this; 0: as it comes */
	uint32_t min;
	uint32_t max; /* UINT32_MAX: any */
	struct limit_rate bytes;
	struct limit_rate datagrams;
	uint64_t paid_ms;
};

/* The first, and any other: what was used up stays used up. */
void limit_start(struct limit *, const struct inner_tune *, uint64_t now_ms);
void limit_change(struct limit *, const struct inner_tune *);

/*
 * Leaves of a run what may pass, one part of it, with the hops that it is to
 * leave with (-1: as usual); the rest is counted as dropped.  Returns 0 when
 * nothing is left.
 */
int limit_admit(struct limit *, struct counters_slot *, uint64_t now_ms,
    struct run *);

#endif
