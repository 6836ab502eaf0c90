/*
 * The engine: moves bytes between sockets it was handed, and can do nothing
 * else.
 */

#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include <stddef.h>
#include <stdint.h>

/*
 * The process.  channel leads to the parent, whose first message there is
 * START.  Returns the exit status when the start fails; later it ends by
 * _exit, with 0 when the parent has gone.
 */
int engine_main(int channel);

struct inner_start;

/*
 * Calls add for each table that an engine makes at its start, of which it is
 * told bridges, sessions, groups, flows and fds.
 */
void engine_budget(const struct inner_start *,
    void (*add)(void *arg, const char *what, size_t bytes), void *arg);

#endif
