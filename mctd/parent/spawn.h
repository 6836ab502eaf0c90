/* A new process of the daemon, while it starts. */

#ifndef PARENT_SPAWN_H
#define PARENT_SPAWN_H

#include <sys/types.h>

/*
 * Forks, and executes mctd as that kind of child ("engine", "control").
 * Returns its process id, and its channel; or -1 with errno.
 */
pid_t spawn(const char *kind, int foreground, int *channel);

#endif
