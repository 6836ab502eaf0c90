/*
 * Messages of an upgrade in place, between the running parent (O, old) and
 * the one that takes its place (N, new).  Each is one packet (frame.h); what
 * carries descriptors says so, and only the old one sends such.
 *
 *	N -> O   HELLO
 *	O -> N   HELLO, or ERROR and it is over
 *	N -> O   GO: the old one stands still from here
 *	O -> N   DAEMON, NUMBERS, SOURCE, BRIDGE, GROUP, SESSIONS, PIPES, FLOW,
 *	         CLIENT, END
 *	N -> O   COMMIT: all of that is understood
 *	O -> N   DONE: the old one is gone, the new one begins
 *
 * The tables themselves (registry, events, counters) are not sent: HELLO
 * comes with descriptors of them, to be read only, once both are known to
 * have the same tables.  What is meant by a message or a table, or how it is
 * laid out, must not change without UPGRADE_FORMAT.
 */

#ifndef PARENT_UPGRADE_WIRE_H
#define PARENT_UPGRADE_WIRE_H

#include "bridges.h"
#include "clients.h"
#include "dial.h"
#include "flows.h"
#include "group.h"
#include "sessions.h"
#include "slots.h"

#define UPGRADE_MAGIC  0x6d637455U
#define UPGRADE_FORMAT 2

enum upgrade_type {
	MSG_N2O_HELLO = 200,
	MSG_O2N_HELLO, /* with the tables' descriptors: enum start_fd */
	MSG_O2N_ERROR,
	MSG_N2O_GO,
	MSG_O2N_DAEMON, /* with what upgrade_daemon says */
	MSG_O2N_NUMBERS,
	MSG_O2N_SOURCE,   /* with one descriptor */
	MSG_O2N_BRIDGE,   /* with one descriptor, if it has one */
	MSG_O2N_GROUP,    /* with one descriptor, if it has one */
	MSG_O2N_SESSIONS, /* with those they have */
	MSG_O2N_PIPES,    /* with two descriptors each: out, in */
	MSG_O2N_FLOW,     /* with two: to the asker, to dst */
	MSG_O2N_CLIENT,   /* with one descriptor, if it is connected */
	MSG_O2N_END,
	MSG_N2O_COMMIT,
	MSG_O2N_DONE,
	MSG_O2N_STOP
};

/* What must be the same in both, by name: upgrade_wire_differs. */
enum upgrade_same {
	SAME_PRIVILEGED, /* started by root */
	SAME_UID,        /* it runs as */
	SAME_BRIDGES,
	SAME_SESSIONS,
	SAME_CLIENTS,
	SAME_EVENTS,
	SAME_ENGINES,
	SAME_PIPES,
	SAME_GROUPS,
	SAME_ENTRY, /* bytes of the tables' parts */
	SAME_SPEC,
	SAME_EVENT,
	SAME_COUNTERS,
	SAME_FLOWS, /* limits { flows } */
	SAMES
};

/* Magic and format stay where they are in all formats. */
struct upgrade_hello {
	uint32_t magic;
	uint16_t format;
	uint32_t pid;
	uint32_t same[SAMES];
	char version[32];
};

/*
 * Descriptors: the service manager's socket, if it has one, which so gets the
 * lowest number that is free; the control socket; that of upgrades.
 */
struct upgrade_daemon {
	uint64_t serial;    /* the last that was given */
	uint64_t frozen_us; /* since when nothing is moved; clock_us */
	uint8_t has_service;
};

/* Of one of the lists of slots.h, from place `first` on. */
#define UPGRADE_NUMBERS 4000
struct upgrade_numbers {
	uint8_t list;
	uint32_t first;
	uint16_t count;
	uint32_t number[UPGRADE_NUMBERS];
};

struct upgrade_source {
	uint32_t number;
	struct local_file file;
};

/* SESSIONS: count, then as many of these. */
struct upgrade_session {
	struct session session; /* what is not of lists; fd: whether there */
	struct dial_kept dial;  /* of a CONNECTING one */
};

struct upgrade_pipes {
	uint32_t each; /* pipes of an engine */
	uint32_t bytes;
	uint32_t first; /* of those sent here, engine by engine */
	uint16_t count;
};

/* How many there were of each, so that nothing is missing. */
struct upgrade_end {
	uint32_t bridges;
	uint32_t groups;
	uint32_t sessions;
	uint32_t clients;
	uint32_t flows;
};

void upgrade_wire_put_hello(struct frame_out *, const struct upgrade_hello *);
/* Only magic and format when these are not ours; then the rest is left. */
void upgrade_wire_get_hello(struct frame_in *, struct upgrade_hello *);
/*
 * Why the new one cannot take the old one's place, as a sentence in buf, or
 * NULL: it can.
 */
const char *upgrade_wire_differs(const struct upgrade_hello *old,
    const struct upgrade_hello *new, char *buf, size_t size);

void upgrade_wire_put_daemon(struct frame_out *, const struct upgrade_daemon *);
void upgrade_wire_get_daemon(struct frame_in *, struct upgrade_daemon *);
void upgrade_wire_put_numbers(struct frame_out *,
    const struct upgrade_numbers *);
void upgrade_wire_get_numbers(struct frame_in *, struct upgrade_numbers *);
void upgrade_wire_put_source(struct frame_out *, const struct upgrade_source *);
void upgrade_wire_get_source(struct frame_in *, struct upgrade_source *);
/*
 * A bridge, with fd 0 where one comes along and -1 where not; what other
 * modules keep in it for themselves (events, lines, chains) is 0.
 */
void upgrade_wire_put_bridge(struct frame_out *, const struct bridge *);
void upgrade_wire_get_bridge(struct frame_in *, struct bridge *);
/* That of a number; fd as of a bridge. */
void upgrade_wire_put_group(struct frame_out *, uint32_t number,
    const struct bridge_group *);
uint32_t upgrade_wire_get_group(struct frame_in *, struct bridge_group *);
void upgrade_wire_put_session(struct frame_out *,
    const struct upgrade_session *);
void upgrade_wire_get_session(struct frame_in *, struct upgrade_session *);
void upgrade_wire_put_pipes(struct frame_out *, const struct upgrade_pipes *);
void upgrade_wire_get_pipes(struct frame_in *, struct upgrade_pipes *);
void upgrade_wire_put_flow(struct frame_out *, const struct flows_kept *);
void upgrade_wire_get_flow(struct frame_in *, struct flows_kept *);
/* A place of the table of clients; fd as of a bridge. */
void upgrade_wire_put_client(struct frame_out *, uint32_t slot,
    const struct client *);
uint32_t upgrade_wire_get_client(struct frame_in *, struct client *);
void upgrade_wire_put_end(struct frame_out *, const struct upgrade_end *);
void upgrade_wire_get_end(struct frame_in *, struct upgrade_end *);

#endif
