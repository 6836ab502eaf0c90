/*
 * Sockets that datagrams leave by: connected, and nothing is ever readable on
 * them.  Functions return a descriptor or 0, or -1 with errno; where a
 * sentence helps, *why has one (else it is NULL).
 */

#ifndef PARENT_DGRAM_DST_H
#define PARENT_DGRAM_DST_H

#include "../../common/bridge.h"
#include "../../common/names.h"

/* What is known of one when it is made. */
struct dgram_dst {
	enum one_way one_way;
	uint32_t send_buffer; /* that the kernel granted */
};

/* Of the options, those of a dst; a group is sent to by way of affinity. */
int dgram_dst_open(const struct addr *dst, const struct bridge_options *,
    struct dgram_dst *, const char **why);

/* The same of a new socket of another's. */
int dgram_dst_options(int fd, const struct addr *dst,
    const struct bridge_options *, const char **why);

/* Whether one with these options could be had, its way apart. */
int dgram_dst_try(const struct addr *dst, const struct bridge_options *,
    const char **why);

/*
 * Gives it other options while it is in use.  Not those that it takes a new
 * socket for: dgram_dst_is_other says whether there are such.
 */
int dgram_dst_change(int fd, const struct addr *dst,
    const struct bridge_options *was, const struct bridge_options *,
    struct dgram_dst *, const char **why);
/* The same, but that it stays connected as it is. */
int dgram_dst_retune(int fd, const struct addr *dst,
    const struct bridge_options *was, const struct bridge_options *,
    struct dgram_dst *, const char **why);
int dgram_dst_is_other(const struct bridge_options *,
    const struct bridge_options *);

/* Connects it again: its receiver may be a new one, or its way. */
int dgram_dst_again(int fd, const struct addr *dst,
    const struct bridge_options *);

/* Nothing is to leave by it: it is for a group, and no TTL is set. */
int dgram_dst_is_mute(const struct addr *dst, const struct bridge_options *);

/* Whether such a dst, of IPv4, is all hosts of a network. */
int dgram_dst_is_broadcast(const struct addr *);

#endif
