/*
 * Datagrams on their way: from a src to the bridges that read it, and from a
 * bridge to its outs.
 */

#ifndef ENGINE_CARRY_H
#define ENGINE_CARRY_H

#include "../../common/limits.h"
#include "bridge.h"
#include "dgram.h"
#include "hand.h"

/* A go: reads and sends what is there, as much as one go may send. */
void carry_run(struct dgram_table *, struct dgram_src *);

/* The rest of a batch is sent before srcs, bridges or outs change. */
void carry_settle(struct dgram_table *);

/* Sends, and counts what that costs; and whether a go may send more. */
void carry_send(struct dgram_table *, struct dst *, const struct run *);
static inline uint64_t
carry_until(const struct dgram_table *t)
{
	return t->sends + DGRAM_SENDS_A_GO;
}

/* What came from a src, at each bridge that reads it. */
void carry_publish(struct dgram_table *, struct dgram_src *,
    const struct arrived *);

/* A part that one call can send to all outs of the bridge, as its limits say.
 */
void carry_to_bridge(struct dgram_table *, struct dgram_bridge *,
    const struct run *);

#endif
