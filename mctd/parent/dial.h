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

#endif
