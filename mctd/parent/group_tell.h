/* What the engine is told of groups. */

#ifndef PARENT_GROUP_TELL_H
#define PARENT_GROUP_TELL_H

#include "group.h"

/*
 * To the engine, that a socket it has is to be given up: 0, or -1: it takes no
 * more now.
 */
int group_tell_end(struct bridge_group *, uint32_t number);

/*
 * To the engine, of the group of that number, what it does not know: 1 when
 * it knows all, 0 when the rest has to wait, -1: it takes no more now.
 */
int group_tell(struct bridge_group *, uint32_t number);

/* The engine gave its socket up; -1: it was not asked to. */
int group_tell_closed(struct bridge_group *);

/* There is another engine, which knows nothing. */
void group_tell_anew(struct bridge_group *);

/* Whether the engine owes an answer for longer than it may. */
int group_tell_overdue(const struct bridge_group *, uint64_t now_ms);

#endif
