/*
 * Groups: which there are, on which interfaces they are joined, and what the
 * engine is told of them.  A src socket of a group is read by one bridge
 * alone, so that bridges sharing a src do not share groups; a source whose
 * own address is a group joins it for all its bridges.
 */

#ifndef PARENT_GROUPS_H
#define PARENT_GROUPS_H

#include "group.h"

int groups_init(uint32_t groups);
size_t groups_bytes(uint32_t groups);

/* How many are wanted, of bridges that have begun; how many there can be. */
uint32_t groups_wanted(void);
uint32_t groups_limit(void);

/* Those at the port of that src let it be bound beside them, or no more. */
void groups_share(const struct addr *src, int on);

/* A bridge begins (was NULL), or has other options than it had. */
void groups_changed(struct bridge *, const struct bridge_options *was);
/* It ends: no group of its any more. */
void groups_close(struct bridge *);

/* That group of a bridge; NULL: it is not joined to such. */
const struct bridge_group *groups_of(const struct bridge *,
    const struct bridge_join *);

/* Interfaces, addresses or routes may be others. */
void groups_look(void);
/* Once a second: what waits is tried again now and then. */
void groups_tick(void);

/* Tells the engine what it is to be told; 0, or -1: it takes no more now. */
int groups_flush(void);
/* Its answer: -1 when it owes none. */
int groups_source_closed(const struct inner_src *);
void groups_engine_died(void);
/* Whether it owes an answer for longer than it may. */
int groups_overdue(uint64_t now_ms);

/*
 * For the next parent: the group of a number, from `from` on; NULL behind the
 * last.  There, after sources and bridges: 0 or -1.
 */
const struct bridge_group *groups_keep(uint32_t *from);
int groups_adopt(uint32_t number, const struct bridge_group *);

#endif
