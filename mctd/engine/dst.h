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
	unsigned int traits; /* of its kind */
	uint8_t replies;     /* counts as such */
	uint8_t lost;        /* the parent has to connect it again */
	uint8_t earlier;     /* enum count, of one that was lost; 0: none */
	int hops; /* as set on the socket; -1: as usual; -2: not known */
	uint32_t segment;   /* UDP_SEGMENT as it is set on the socket */
	uint32_t group_max; /* sizes from this on are not grouped */
	uint64_t lost_ms;   /* when that was reported last */
	struct counters_slot *count;
};

/* The descriptor is a datagram socket, non-blocking. */
void dst_start(struct dst *, int fd, uint8_t kind, struct counters_slot *);

/*
 * What is sent from now on may make so many hops, if its kind knows of that;
 * -1: as many as is usual.  0, or -1 with errno.
 */
int dst_hops(struct dst *, int hops);

/* The parent may have set the TTL; where hops end, it is that (0: usual). */
void dst_tuned(struct dst *, int ends, uint8_t ttl);

/*
 * The kernel has told that error.  If it is of what was sent earlier, that is
 * counted as lost when the next one is sent.
 */
void dst_told(struct dst *, int err);

/*
 * Sends each datagram of the run, or counts why not; sets lost.  Returns how
 * many calls that took, those made again left out.
 */
uint32_t dst_send(struct dst *, const struct run *);

/* Whether it was lost and that is to be reported now; asked once. */
int dst_was_lost(struct dst *, uint64_t now_ms);

#endif
