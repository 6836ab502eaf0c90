/*
 * Whether a connection to one of the daemon's own sockets was made by itself:
 * for a bridge that leads there, which would lend its maker the daemon's power.
 */

#ifndef PARENT_SELF_H
#define PARENT_SELF_H

#include <sys/types.h>

int self_is(pid_t);

/* One that this daemon took over from counts as itself for a minute. */
void self_follows(pid_t);

#endif
