/*
 * Sockets that datagrams come in by: bound, and only to be read.  Functions
 * return a descriptor or 0, or -1 with errno; where a sentence helps, *why
 * has one (else it is NULL).
 */

#ifndef PARENT_DGRAM_SRC_H
#define PARENT_DGRAM_SRC_H

#include "../../common/bridge.h"
#include "local.h"

/* What the bridges that read it want, all of them together. */
struct dgram_src_wants {
	uint32_t buffer; /* bytes; 0: as usual */
	int arrival;     /* the TTL that datagrams come with */
	int drop_own;    /* not to hear what this machine sent */
};

/* device: it hears nothing else; empty: any. */
int dgram_src_open(const struct addr *, const char *device, struct local_file *,
    const char **why);

void dgram_src_add(struct dgram_src_wants *, const struct bridge_options *);

/* Of a new one. */
#define DGRAM_SRC_NEW                \
	{                            \
		.buffer = UINT32_MAX \
	}

/*
 * Has it serve these wants; now are those it served before.  Gives the buffer
 * in bytes that the kernel granted; 0: it is what it was.
 */
uint32_t dgram_src_serve(int fd, const struct addr *,
    struct dgram_src_wants *now, const struct dgram_src_wants *);

/*
 * Has it hear the interface of that name alone, another than before.  What
 * comes meanwhile is dropped; on failure, all that comes.  0 or -1.
 */
int dgram_src_bind(int fd, const char *device, const struct dgram_src_wants *);

#endif
