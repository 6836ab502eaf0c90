/* The life of a bridge: open, begin, close. */

#ifndef PARENT_LIFE_H
#define PARENT_LIFE_H

#include "bridges.h"

/* Who asks, and how the bridge is to be. */
struct bridge_request {
	const struct bridge_spec *spec;
	struct bridge_options options; /* with defaults put in */
	uint32_t owner;
	int from_conf;
	const struct bridge *previous; /* whose listener it takes, or NULL */
	const struct inner_client *waiter;
};

/*
 * Opens the sockets; the bridge is HELD.  Returns it, or NULL with errno and
 * *why (never NULL): the errors of mct_bridge(3).
 */
struct bridge *life_open(const struct bridge_request *, const char **why);

/* Whether it could be given other options: 0, or -1 with errno and *why. */
int life_try_change(const struct bridge *, const struct bridge_options *,
    const char **why);

/* Gives it another name and other options while it runs. */
void life_change(struct bridge *, const struct bridge_spec *,
    const struct bridge_options *);

/*
 * From HELD on its way: a connection-oriented one is OPEN when this returns,
 * for the other the waiter is answered later.  0, or -1 with errno.
 */
int life_begin(struct bridge *);

/*
 * Closes it and its sessions.  Returns 0, or -1 when it is being closed.
 * With keep_listener its listening socket stays open, for another.
 */
int life_close(struct bridge *, const struct inner_client *waiter,
    int keep_listener);

/* Stops taking anything in; sessions go on. */
void life_drain(void);

/* Once a turn: ends what is over, resumes what was paused. */
void life_turn(void);

/*
 * In the next parent: a bridge of its predecessor's, whose entry and spec
 * stand; how it was is in the bridge given.  0 or -1.
 */
int life_adopt(const struct bridge *);

#endif
