/*
 * Groups of datagrams: what came one after the other and has one size goes
 * out in one call.  All of a group's datagrams have the size seg, but the
 * last one may be shorter (not empty).
 */

#ifndef ENGINE_GROUP_H
#define ENGINE_GROUP_H

#include <stddef.h>
#include <stdint.h>

/* Datagrams that lie one behind the other. */
struct run {
	const uint8_t *data;
	uint32_t len;
	uint32_t seg; /* size of each; of a single one, len */
	uint32_t count;
	int hops; /* that each had left when it came; -1: not known */
};

struct group {
	struct run run;
	uint8_t *room; /* GROUP_ROOM_BYTES, where runs are put together */
	int closed;    /* the last datagram is a short one, or too large */
};

#define GROUP_ROOM_BYTES DGRAM_BYTES

/* One datagram of len bytes, or more of seg bytes in it (0: one). */
void group_run(struct run *, const uint8_t *data, uint32_t len, uint32_t seg);

/* Only the first so many of it, not 0; only the last one. */
void group_first(struct run *, uint32_t count);
void group_last(struct run *);

/*
 * Cuts off the longest part that one call can send, into head.  Returns 0
 * when nothing is left in the run.
 */
int group_cut(struct run *, struct run *head);

/* Begins a group with a run that one call can send. */
void group_begin(struct group *, const struct run *);

/* Adds a run; returns 0 when it does not belong to this group. */
int group_add(struct group *, const struct run *);

#endif
