/*
 * The options of a bridge, on its sockets.  Functions return 0, or -1 with
 * errno and *why when the kernel does not do what was asked for; what nobody
 * asked for may fail.
 */

#ifndef PARENT_OPTIONS_H
#define PARENT_OPTIONS_H

#include "../../common/bridge.h"

/*
 * A listener.  Of TCP an accepted socket has everything from there; again:
 * it listens already, with other options.
 */
int options_listener(int fd, const struct addr *src,
    const struct bridge_options *, int again, const char **why);

/* What an accepted socket does not have from its listener. */
int options_accepted(int fd, const struct addr *src,
    const struct bridge_options *, const char **why);

/* A flow's socket beside src. */
int options_flow(int fd, const struct addr *src, const struct bridge_options *,
    const char **why);

/* A socket that is to be connected to dst. */
int options_dst(int fd, const struct addr *dst, const struct bridge_options *,
    const char **why);

/* One that is connected: other options, of those that need no new socket. */
int options_dst_again(int fd, const struct addr *dst,
    const struct bridge_options *was, const struct bridge_options *,
    const char **why);

/* The interface that it leaves by, if the bridge has an option for it. */
int options_device(int fd, const struct bridge_options *, const char **why);

/* Where it comes from: bound, if the bridge has an option for it. */
int options_source(int fd, const struct addr *dst,
    const struct bridge_options *, const char **why);

#endif
