/* What is shown of groups: in the registry, by events, in the log. */

#ifndef PARENT_GROUP_SHOW_H
#define PARENT_GROUP_SHOW_H

#include "group.h"

/* Whether it is one of the bridge's, or of its source. */
int group_is_of(const struct bridge_group *, const struct bridge *);
/* The place in the registry of what is joined; 0: src's own address. */
unsigned int group_place_of(const struct bridge *, const struct bridge_group *);

/* How it is with it, in the registry. */
void group_show(const struct bridge *, const struct bridge_group *);
/* An event, and a line in the log. */
void group_show_event(const struct bridge *, const struct bridge_group *,
    enum event_type);
/* Both, of the state it is in: of a bridge, of all that it is of. */
void group_show_state(const struct bridge *, const struct bridge_group *);
void group_show_states(const struct bridge_group *);

#endif
