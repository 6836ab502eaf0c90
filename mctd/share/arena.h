/*
 * What libevent allocates comes from here: a fixed piece of memory, made
 * and touched at start, so that a process grows no more from then on.
 */

#ifndef SHARE_ARENA_H
#define SHARE_ARENA_H

#include <stddef.h>

struct event_base;

/* Of the arena for so many descriptors. */
size_t arena_bytes(size_t fds);

/* Before any other call of libevent, once.  0, or -1 with errno. */
int arena_setup(size_t fds);

/* A base that fits the arena: edge-triggered, no locks, not by the
 * environment.  NULL when there is none. */
struct event_base *arena_base(void);

#endif
