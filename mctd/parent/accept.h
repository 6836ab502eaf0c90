/* Accepting peers of a bridge, and the limits on it. */

#ifndef PARENT_ACCEPT_H
#define PARENT_ACCEPT_H

#include "bridges.h"

/* Listens on b->fd; 0 or -1. */
int accept_start(struct bridge *);
void accept_stop(struct bridge *);

/* How many bridges are paused. */
uint32_t accept_paused(void);

/* Sessions were freed: goes on where it paused, if it may now. */
void accept_resume(struct bridge *);

#endif
