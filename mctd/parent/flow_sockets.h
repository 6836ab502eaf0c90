/*
 * The sockets of flows.  A flow has two, both connected: one at src's own
 * address to the asker, one to dst.  Functions return a descriptor or 0, or
 * -1 with errno; *why has a sentence, or is NULL.
 */

#ifndef PARENT_FLOW_SOCKETS_H
#define PARENT_FLOW_SOCKETS_H

#include "../../common/bridge.h"

/* Makes a src, bound, one beside which flows can be. */
int flow_sockets_src(int fd, const struct addr *src, const char *device);

/*
 * Whose datagram is at the head of a src.  Nothing of the datagram is read,
 * and it stays where it is.
 */
int flow_sockets_asker(int fd, const struct addr *src, struct addr *asker);

/* local: which address of a src at all of them was asked; ADDR_NONE: any. */
int flow_sockets_to_asker(const struct bridge_spec *, const struct addr *asker,
    const struct addr *local, const char **why);
int flow_sockets_to_dst(const struct bridge_spec *, const struct addr *asker,
    const char **why);

/* The bridge has other options; fd: to the asker, to dst. */
void flow_sockets_change(const int fd[2], const struct bridge_spec *,
    const struct bridge_options *was);

/* Whether what flows need is permitted, asked when a bridge is made. */
int flow_sockets_try(const struct addr *dst, const struct bridge_options *,
    const char **why);

#endif
