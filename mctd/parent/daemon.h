/* Becoming a daemon, and telling those who wait for it. */

#ifndef PARENT_DAEMON_H
#define PARENT_DAEMON_H

#include "../../common/log.h"

/*
 * Forks twice.  Returns 0 in the daemon; the process that was called stays
 * until daemon_ready, or the daemon's end, and exits with 0 or 1.  -1 with
 * errno when that failed.
 */
int daemon_begin(void);

/* Opens the ways to the log daemon and to the service manager. */
void daemon_open_ways(void);

/*
 * Ready: who waits is told; unless foreground, standard descriptors lead
 * nowhere and the log goes to the log daemon from now on.
 */
void daemon_ready(int foreground, enum log_level);

/*
 * The socket of the service manager, or -1; one that was handed over takes
 * the place of one's own: it is the manager that knows the daemon.
 */
int daemon_service(void);
void daemon_adopt_service(int fd);

/* Tells the service manager a state: "STOPPING=1". */
void daemon_notify(const char *state);

#endif
