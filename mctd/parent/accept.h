/* Accepting peers of a bridge, and the limits on it. */

#ifndef PARENT_ACCEPT_H
#define PARENT_ACCEPT_H

#include "bridges.h"

/* Listens on b->fd; 0 or -1. */
int accept_start(struct bridge *);
void accept_stop(struct bridge *);
/* The same in the next parent, paused if it was. */
int accept_adopt(struct bridge *);

/* Descriptors ran out over a peer of the bridge: it waits a moment. */
void accept_short(struct bridge *);

/* How many bridges are paused. */
uint32_t accept_paused(void);

/* Sessions were freed, or options changed: goes on if it may now. */
void accept_resume(struct bridge *);

#endif
