/*
 * Dialling for an accepted peer: the dsts of the bridge, in order, until a
 * connect stands.
 */

#ifndef PARENT_DIAL_H
#define PARENT_DIAL_H

#include "sessions.h"

int dial_init(uint32_t sessions);
size_t dial_bytes(uint32_t sessions);

/*
 * The session is CONNECTING.  When this returns that may be over:
 * sessions_ready or sessions_failed was called, or will be.
 */
void dial_start(struct session *);

/* Gives it up, where there is one: the session is no more. */
void dial_stop(struct session *);

/* How far a dial is, for the next parent. */
struct dial_kept {
	uint64_t deadline_ms; /* of the dst in hand */
	unsigned int number;  /* of it */
	unsigned int tried;   /* bit n: dst n was */
	int err;              /* of the last one */
	int ours;
	int waits; /* in line at the dst; else fd[1] is on its way */
};
void dial_keep(const struct session *, struct dial_kept *);
/* There, it goes on as it was: 0, or -1 when there is no memory for it. */
int dial_adopt(struct session *, const struct dial_kept *);

#endif
