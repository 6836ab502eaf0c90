/*
 * One dst of datagrams: a connected socket that is only sent to.
 */

#ifndef ENGINE_DST_H
#define ENGINE_DST_H

#include <stdint.h>

#include "../share/counters.h"
#include "group.h"

struct dst {
	int fd;
	uint8_t kind;       /* enum addr_kind */
	uint8_t lost;       /* the parent has to connect it again */
	uint8_t refused;    /* an earlier one, as the kernel has just told */
	uint32_t segment;   /* UDP_SEGMENT as it is set on the socket */
	uint32_t group_max; /* sizes from this on are not grouped */
	uint32_t slot;
	uint64_t serial;
	uint64_t lost_ms; /* when that was reported last */
	struct dst *next; /* of the same src */
	struct counters_slot *count;
};

/* The descriptor is a datagram socket, non-blocking. */
void dst_start(struct dst *, int fd, uint8_t kind, struct counters_slot *);

/* Sends each datagram of the run, or counts why not; sets lost. */
void dst_send(struct dst *, const struct run *);

#endif
