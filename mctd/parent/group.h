/*
 * One group: of a bridge that joined it, or a source whose own address it is.
 *
 *	FREE -> WANTED    an end is to be joined to it
 *	WANTED -> GOING   no more, but the engine still has its socket
 *	GOING -> FREE     the engine gave that up
 *	WANTED -> FREE    the engine had none
 *
 * A src group has a socket from the first time that its interface is there;
 * it stays when the interface goes, and is joined anew when that comes.  A
 * dst group has one while its interface is there.  A source's own has none:
 * the source joins.
 */

#ifndef PARENT_GROUP_H
#define PARENT_GROUP_H

#include "bridges.h"

enum group_place {
	PLACE_FREE,
	PLACE_WANTED,
	PLACE_GOING
};

struct bridge_group {
	enum group_place place;
	int own;                 /* src's own address */
	uint32_t slot;           /* of the bridge; of an own one: 0 */
	uint32_t source;         /* of an own one: sources.h */
	struct bridge_join join; /* of an own one: as if it were joined */
	int fd;                  /* -1: none */
	enum group_state state;
	uint32_t index; /* joined there; 0: as the system routes */
	int err;        /* of one that waits: 0: no such interface */
	uint64_t since_ns;
	uint16_t out; /* of a dst: its number, from 1 on */
	int seen;     /* while it is compared with what is wanted */

	/* The engine has it; has one that is to be given up; was asked to. */
	int told;
	int attached; /* of a src: and the bridge reads it */
	int old;
	int waits;
	int mute; /* of a dst: as it was told */
	uint64_t serial;
	uint64_t deadline_ms;
};

int group_is_dst(const struct bridge_group *);

/*
 * The interface that it is to be joined on now: 1 and the index (0: as the
 * system routes), 0: it is not there, -1: that cannot be told now.
 */
int group_find(const struct bridge_group *, uint32_t *index);

/* Joins there, and nowhere else.  0, or -1 with errno and perhaps *why. */
int group_join(struct bridge_group *, uint32_t index, const char **why);
/* A src at that port and all addresses may be bound beside it, or no more. */
void group_share(const struct bridge_group *, const struct addr *, int on);
/* It is sent from an address that this machine has no more. */
int group_is_stale(const struct bridge_group *);
/* It is joined nowhere: a membership is left, a dst socket is closed. */
void group_part(struct bridge_group *);
/* The bridge has other options: 0, or -1 when it is to be joined anew. */
int group_change(struct bridge_group *, const struct bridge_options *was);
/* Nobody wants it any more. */
void group_close(struct bridge_group *);

#endif
