/*
 * What the engine that has all datagrams is told of bridges.
 */

#ifndef PARENT_DGRAM_TELL_H
#define PARENT_DGRAM_TELL_H

#include <stddef.h>
#include <stdint.h>

#include "../../common/frame.h"
#include "bridges.h"

/* All connectionless bridges are with this engine. */
#define DATAGRAM_ENGINE 0

/* Sends it; 0, or -1: it takes no more now. */
int dgram_tell(struct frame_out *, const int *fds, size_t nfds);

/* It takes something again, or it is another one. */
void dgram_tell_takes(void);
/* Whether it takes nothing for longer than it may. */
int dgram_tell_overdue(uint64_t now_ms);

/* A bridge whose source it was told; what has changed of one; its end. */
int dgram_tell_dst(struct bridge *);
int dgram_tell_tune(struct bridge *);
int dgram_tell_close(struct bridge *);

#endif
