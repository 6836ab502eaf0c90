/* What a client may change of a running bridge: groups, TTL, affinity. */

#ifndef PARENT_CHANGE_H
#define PARENT_CHANGE_H

#include "bridges.h"

/*
 * Returns 0, or -1 with errno and *why: EINVAL for a bridge that cannot have
 * such, EEXIST for a group it is joined to, ENOENT for one it is not, ENOSPC
 * where there are as many as there may be, or what the kernel says.
 */
int change_bridge(struct bridge *, const struct proto_change *,
    const char **why);

#endif
