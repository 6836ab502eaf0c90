/*
 * Log lines to the machine's log daemon.  Nothing here waits or allocates.
 *
 * System calls once the daemon is ready: sendto (no address), getpid; where
 * the log daemon went away, at most once a second, for one or two
 * directories: fchdir, connect, chdir.
 */

#ifndef PARENT_LOGGER_H
#define PARENT_LOGGER_H

#include "../../common/log.h"

/*
 * Before the root is changed, in directory "/", as ever after.  Where there
 * is no log daemon, one is waited for.
 */
void logger_open(void);

/* Whether lines can be sent now. */
int logger_is_connected(void);

/* For log_set. */
void logger_write(void *arg, enum log_level, const char *line);

/* Once a second: when lines were lost, and it is back, says how many. */
void logger_tick(void);

#endif
