/*
 * Bridges: the table, opening and closing.
 *
 *	FREE -> HELD         its sockets stand, nothing comes in yet
 *	HELD -> OPEN         it listens
 *	HELD -> INSTALLING   a connectionless one: the engine is told
 *	INSTALLING -> OPEN   the engine has it; who asked is answered
 *	any -> CLOSING       nothing new comes in; sessions, or the engine's
 *	                     part, are being ended
 *	CLOSING -> FREE      nothing is left of it
 */

#ifndef PARENT_BRIDGES_H
#define PARENT_BRIDGES_H

#include "../../common/bridge.h"
#include "../share/inner.h"
#include "loop.h"

enum bridge_state {
	BRIDGE_FREE,
	BRIDGE_HELD,
	BRIDGE_INSTALLING,
	BRIDGE_OPEN,
	BRIDGE_CLOSING
};

struct bridge {
	enum bridge_state state;
	uint32_t slot;
	int from_conf;           /* made by mctd.conf, subject to reload */
	int gone;                /* reload: not in the file any more */
	int begun;               /* its creation was an event */
	int borrowed;            /* HELD: fd is still another's */
	struct bridge_options options; /* with defaults put in */
	int fd;                  /* listener, or connected dst; -1 */
	int has_waiter;
	struct inner_client waiter; /* answered when open, or when gone */

	/* connection-oriented: accept.c */
	struct loop_event accept;
	int paused;
	uint64_t limit_note_ms;  /* last "limit reached" event */

	/* connectionless: datagrams.c */
	uint64_t serial;
	uint32_t source;         /* of datagrams.c */
	int told;                /* the engine has the dst */
	int close_told;
	int lost;                /* dst is to be connected again */
	uint64_t dropped[COUNTS]; /* as of the last event */
};

/* Who asks, and how the bridge is to be. */
struct bridge_request {
	const struct bridge_spec *spec;
	struct bridge_options options; /* with defaults put in */
	uint32_t owner;
	int from_conf;
	int listener;            /* a socket to take over, or -1 */
	const struct inner_client *waiter;
};

int bridges_init(uint32_t bridges);
size_t bridges_bytes(uint32_t bridges);
uint32_t bridges_limit(void);
struct bridge *bridges_at(uint32_t slot);

/*
 * Opens the sockets; the bridge is HELD.  Returns it, or NULL with errno and
 * *why (never NULL): the errors of mct_bridge(3).
 */
struct bridge *bridges_open(const struct bridge_request *, const char **why);

/*
 * From HELD on its way: a connection-oriented one is OPEN when this returns,
 * for the other the waiter is answered later.  0, or -1 with errno.
 */
int bridges_begin(struct bridge *);

/*
 * Closes it and its sessions.  Returns 0, or -1 when it is being closed.
 * With keep_listener its listening socket stays open, for another.
 */
int bridges_close(struct bridge *, const struct inner_client *waiter,
    int keep_listener);

/* Ended with its last socket: called by datagrams.c. */
void bridges_finished(struct bridge *);

/* Changes what a bridge may change while it runs. */
void bridges_change(struct bridge *, const struct bridge_spec *,
    const struct bridge_options *);

/*
 * The first bridge, from slot `from` on, that is not free; NULL at the end.
 */
struct bridge *bridges_next(uint32_t from);

/* The living bridge, not gone, of that name, or with that src and dst. */
struct bridge *bridges_named(const char *name);
struct bridge *bridges_same(const struct bridge_spec *);

/* Stops taking anything in; sessions go on. */
void bridges_drain(void);

/* Once a turn: ends what is over, resumes what was paused. */
void bridges_turn(void);

#endif
