/*
 * Which dsts of a bridge failed, and are left out for a while.  A bridge of
 * one dst has none of this.
 */

#ifndef PARENT_HOLD_H
#define PARENT_HOLD_H

#include "bridges.h"

/* Whether the dst of that number is left out now. */
int hold_is(const struct bridge *, unsigned int number);

/* A connect to it failed: an event and a log line if it was up before. */
void hold_down(struct bridge *, unsigned int number, int err);

/* A connect to it stands: the same if it was down. */
void hold_up(struct bridge *, unsigned int number);

/* The bridge ends. */
void hold_stop(struct bridge *);

/* In the next parent: its times go on. */
void hold_adopt(struct bridge *);

#endif
