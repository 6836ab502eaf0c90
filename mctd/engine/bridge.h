/*
 * What datagrams go through in the engine: srcs, bridges, and the outs of
 * these.  A bridge has a first src, which it may share with other bridges,
 * srcs of its own besides, and one or more outs.  For the files that carry
 * datagrams, alone.
 */

#ifndef ENGINE_BRIDGE_H
#define ENGINE_BRIDGE_H

#include <stdint.h>

#include "../share/counters.h"
#include "batch.h"
#include "dst.h"
#include "limit.h"

struct dgram_bridge;

struct dgram_src {
	int fd;
	uint32_t number;
	uint8_t kind; /* enum addr_kind; ADDR_NONE: no src here */
	uint8_t told; /* see KIND_TOLD */
	uint8_t flows;
	uint8_t readable;
	uint8_t attached;  /* a bridge's own, and not its first one */
	uint8_t succeeded; /* took over: dropped is what one before counted */
	uint32_t dropped;  /* as the kernel told it last */
	struct dgram_bridge *first; /* of those that read it; attached: one */
	struct dgram_src *next;     /* of the same bridge, when attached */
};

struct dgram_out {
	struct dst dst;
	uint16_t number;
	uint8_t mute;
	struct dgram_out *next; /* of the same bridge, or free */
};

struct dgram_bridge {
	struct dgram_src *src;      /* its first; NULL: no bridge here */
	struct dgram_src *attached; /* the first of the others */
	struct dgram_bridge *next;  /* of the same first src */
	struct dgram_out *outs;
	uint32_t nouts;
	uint32_t slot;
	uint64_t serial;
	uint8_t plain; /* one out, which is not mute, and no limit */
	struct counters_slot *count;
	struct limit limit;
};

/*
 * One for the whole engine.  A batch may take several goes to send: what is
 * left of it stays here, and nothing else is read before it is sent.
 */
struct dgram_batch {
	struct batch *batch;
	struct group group;
	struct dgram_src *src;   /* whose batch it is; NULL: all is sent */
	struct dgram_bridge *to; /* gets the group next; NULL: all have it */
	int n;                   /* messages */
	int next;                /* the first that is not taken yet */
	int cut;  /* rest, of the one before that, is not empty */
	int held; /* part begins the next group */
	struct run rest;
	struct run part;
};

/* Those that read a src, one after the other. */
static inline struct dgram_bridge *
bridge_next(const struct dgram_src *s, const struct dgram_bridge *b)
{
	return s->attached ? NULL : b->next;
}

#endif
