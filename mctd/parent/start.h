/* The parent's start: from the configuration to "ready". */

#ifndef PARENT_START_H
#define PARENT_START_H

#include "../conf/budget.h"
#include "../conf/conf.h"
#include "local.h"
#include "parent.h"

/* What every table of the daemon costs. */
void start_budget(const struct parent_options *, const struct conf *,
    struct budget *);

/*
 * Raises RLIMIT_NOFILE as far as it goes.  0, or -1 when that is not
 * enough, with a line in the log.
 */
int start_check_descriptors(const struct budget *);

/*
 * Everything that needs the powers of the start: children, sockets,
 * directories; then chroot and user.  Returns 0, or -1 with a line in the
 * log.
 */
int start_privileged(const struct parent_options *, struct conf *,
    const struct budget *);

#endif
