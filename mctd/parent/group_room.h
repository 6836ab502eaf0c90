/* Whether there is room for groups. */

#ifndef PARENT_GROUP_ROOM_H
#define PARENT_GROUP_ROOM_H

#include "bridges.h"

/*
 * For the groups of such a bridge, or of this one with other options: 0, or
 * -1 with ENOSPC, *why and an event.
 */
int group_room(const struct bridge *, const struct bridge_spec *,
    const struct bridge_options *, const char **why);

#endif
