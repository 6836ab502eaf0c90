/*
 * Bridges: the table.
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

#include <sys/queue.h>

#include "../../common/bridge.h"
#include "../share/inner.h"
#include "../share/registry.h"
#include "loop.h"
#include "sockets.h"

enum bridge_state {
	BRIDGE_FREE,
	BRIDGE_HELD,
	BRIDGE_INSTALLING,
	BRIDGE_OPEN,
	BRIDGE_CLOSING
};

/* Dials that wait until a dst has room: dial.c. */
TAILQ_HEAD(dial_line, dial);

struct bridge {
	enum bridge_state state;
	uint32_t slot;
	int from_conf; /* made by mctd.conf, subject to reload */
	int gone;      /* reload: not in the file any more */
	int begun;     /* its creation was an event */
	int loop;      /* it may lead to a src here: admit.c */
	int borrowed;  /* HELD: fd is still another's */
	int fd;        /* listener, or connected dst; -1 */
	int has_waiter;
	struct inner_client waiter; /* answered when open, or when gone */
	uint32_t src_key;           /* for who leads to it: admit.c */
	struct bridge *chain;

	/* connection-oriented: accept.c */
	struct local_file file; /* of a local src */
	struct loop_event accept;
	int paused;
	uint64_t limit_note_ms; /* last "limit reached" event */
	uint64_t rate_ms;       /* when credit was counted last */
	uint64_t credit;        /* thousandths of a peer to accept */

	/* its dsts, bit n for number n: hold.c */
	uint8_t down;
	uint8_t held;
	uint64_t held_until_ms[DSTS_MAX];
	struct loop_event hold;
	uint8_t noted; /* those that an event said are down */
	uint64_t noted_ms[DSTS_MAX];

	/* by number of the dst: dial.c */
	struct dial_line line[DSTS_MAX];
	uint32_t in_line;
	uint32_t retry_ms;
	struct loop_event retry;

	/* connectionless: datagrams.c */
	uint64_t serial;
	uint32_t source; /* of datagrams.c */
	int told;        /* the engine has the dst */
	int close_told;
	int retune;               /* the engine is to be told its options */
	uint64_t deadline_ms;     /* of the engine's answer */
	int lost;                 /* dst is to be connected again */
	uint32_t lacks;           /* groups without a place: groups.c */
	uint64_t dropped[COUNTS]; /* as of the last event */
};

int bridges_init(uint32_t bridges);
size_t bridges_bytes(uint32_t bridges);
uint32_t bridges_limit(void);
struct bridge *bridges_at(uint32_t slot);

/* Ended with its last socket: called by datagrams.c. */
void bridges_finished(struct bridge *);

/* Name and options, which a bridge may change while it runs. */
void bridges_change(struct bridge *, const struct bridge_spec *,
    const struct bridge_options *);

/*
 * The first bridge, from slot `from` on, that is not free; NULL at the end.
 */
struct bridge *bridges_next(uint32_t from);

/* The living bridge, not gone, of that name, or with those src and dsts. */
struct bridge *bridges_named(const char *name);
struct bridge *bridges_same(const struct bridge_spec *);

/* What it was asked to be, with defaults put in. */
const struct bridge_spec *bridges_spec(const struct bridge *);

/* Those that a new bridge could be in the way of. */
int bridges_is_living(const struct bridge *);
int bridges_is_stream(const struct bridge *);

/* Its state in the registry; an event and a log line about it. */
void bridges_show(const struct bridge *, enum slot_state);
void bridges_note(const struct bridge *, enum event_type, const char *what);

/* Some bridge may be over, or may go on: to be looked at this turn. */
void bridges_look(void);
int bridges_take_look(void);

#endif
