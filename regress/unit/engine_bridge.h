/*
 * More of a bridge of datagrams than engine_dgram.h has: further srcs and
 * outs, and changes.
 */

#ifndef UNIT_ENGINE_BRIDGE_H
#define UNIT_ENGINE_BRIDGE_H

#include "engine_dgram.h"

/* A src besides SRC. */
struct ebridge_src {
	uint32_t number;
	uint8_t kind;
	int inside;
	int sender;
};

/* With what tells the hops that a datagram has left. */
void ebridge_tell_hops(int src);

void ebridge_make_src(struct ebridge_src *, uint32_t number, enum addr_kind,
    int family);
void ebridge_send_src(const struct ebridge_src *, uint16_t type);
void ebridge_wait_src_closed(uint32_t number);
void ebridge_close_src(struct ebridge_src *);

/* The bridge of that slot and serial. */
void ebridge_attach(uint32_t slot, uint64_t serial, uint32_t src);
void ebridge_tune(uint32_t slot, uint64_t serial, const struct inner_tune *);
/* OUT, with the dst's socket; OUT_CHANGE; OUT_CLOSE. */
void ebridge_out(uint16_t type, uint32_t slot, uint64_t serial, uint16_t out,
    const struct edgram_dst *);

#endif
