/*
 * Datagrams on their way: from a src to the bridges that read it, and from a
 * bridge to its outs.
 */

#ifndef ENGINE_CARRY_H
#define ENGINE_CARRY_H

#include "bridge.h"
#include "dgram.h"
#include "hand.h"

/* Reads one batch and sends it; returns whether there may be more. */
int carry_batch(struct dgram_table *, struct dgram_src *);

/* What came from a src, at each bridge that reads it. */
void carry_publish(struct dgram_table *, struct dgram_src *,
    const struct arrived *);

/* A part that one call can send to all outs of the bridge, as its limits say.
 */
void carry_to_bridge(struct dgram_table *, struct dgram_bridge *,
    const struct run *);

#endif
