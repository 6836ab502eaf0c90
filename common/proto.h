/*
 * Messages between libmct (L) and the control process (C), over a stream
 * of frames.  Encoder and decoder of each stand side by side in proto.c.
 *
 * The client speaks first: HELLO, and nothing else before its answer.  Then
 * each request has one answer with the same request id: ERROR, or what is
 * said below.  A client may have a request and a waiting EVENTS out at the
 * same time, not more.  This protocol is private; libmct is the interface.
 *
 * When the control process died, its successor says RESUMED, with request id
 * 0, before anything else.  Frames are sent and taken whole or not at all, so
 * both sides are in step; but a request that the dead process had taken may
 * be lost, and so may an answer.  The client asks again what it has no answer
 * to, with the same request id.  It may get two answers then, of which it
 * drops the later.  Repeated, HELLO, LIST and EVENTS do no harm; the others
 * are done once, since the daemon knows the last of a client by its request
 * id, and answers again what it answered.
 */

#ifndef COMMON_PROTO_H
#define COMMON_PROTO_H

#include <stdint.h>

#include "bridge.h"
#include "frame.h"
#include "names.h"

#define PROTO_MAGIC   0x6d637464U
#define PROTO_VERSION 4

enum proto_type {
	MSG_L2C_HELLO = 1,
	MSG_C2L_HELLO, /* answer to HELLO */
	MSG_C2L_ERROR,
	MSG_C2L_DONE, /* answer to BRIDGE_ADD, CLOSE, STOP, RELOAD, CHANGE */
	MSG_L2C_BRIDGE_ADD,
	MSG_L2C_CLOSE,
	MSG_L2C_LIST,
	MSG_C2L_RECORDS, /* answer to LIST and EVENTS */
	MSG_L2C_EVENTS,
	MSG_L2C_STOP,
	MSG_L2C_RELOAD,
	MSG_C2L_RESUMED, /* no body */
	MSG_L2C_CHANGE
};

/* HELLO, both ways: everything in it stays where it is in all versions. */
struct proto_hello {
	uint32_t magic;
	uint16_t version;
	uint16_t role; /* from the daemon: enum role of this client */
	uint32_t frame_max;
};

/* ERROR: an errno value and a sentence. */
struct proto_error {
	uint32_t err;
	char text[TEXT_BYTES];
};

/* CLOSE: by id, or by name when the name is not empty. */
enum close_what {
	CLOSE_BRIDGE = 1,
	CLOSE_SESSION,
	CLOSE_ANY /* mct_session_close: one number space */
};
struct proto_close {
	uint8_t what;
	uint32_t id;
	char name[NAME_BYTES];
};

/*
 * CHANGE: of a running connectionless bridge, by id, or by name when the name
 * is not empty.  What is not said is 0.  The answer has the bridge's id.
 */
enum change_what {
	CHANGE_JOIN = 1, /* join */
	CHANGE_LEAVE,    /* join */
	CHANGE_TTL,      /* ttl; 0: nothing leaves for a group any more */
	CHANGE_AFFINITY  /* join.device; empty: as the system routes */
};
struct proto_change {
	uint8_t what;
	uint32_t id;
	char name[NAME_BYTES];
	struct bridge_join join;
	uint32_t ttl;
};

/*
 * LIST: records from a cursor on (0 at first).  The answer has the next
 * cursor, 0 when there is no more.
 */
enum list_what {
	LIST_SUMMARY = 1,
	LIST_BRIDGES,
	LIST_SESSIONS,
	LIST_ENDED, /* sessions that were, as long as they are remembered */
	LIST_PROCESSES,
	LIST_GROUPS /* a group an end of a bridge is joined to, or is */
};
struct proto_list {
	uint8_t what;
	uint32_t cursor;
};

/*
 * EVENTS: those from number `from` on, or from the next one (EVENTS_NEXT).
 * With EVENTS_WAIT the answer comes when there is one, otherwise at once,
 * maybe without a record.  The answer's cursor is the number to ask from
 * next, and its lost how many had left the ring already.
 */
#define EVENTS_NEXT 0x01
#define EVENTS_WAIT 0x02
struct proto_events {
	uint8_t flags;
	uint32_t from;
};

/* RECORDS: followed by count records (record.h). */
struct proto_records {
	uint32_t cursor;
	uint32_t lost;
	uint16_t count;
};

/* Encoders write a body between frame_begin and frame_end. */
void proto_put_hello(struct frame_out *, const struct proto_hello *);
void proto_get_hello(struct frame_in *, struct proto_hello *);
void proto_put_error(struct frame_out *, const struct proto_error *);
void proto_get_error(struct frame_in *, struct proto_error *);
void proto_put_done(struct frame_out *, uint32_t id);
uint32_t proto_get_done(struct frame_in *);
void proto_put_spec(struct frame_out *, const struct bridge_spec *);
void proto_get_spec(struct frame_in *, struct bridge_spec *);
void proto_put_close(struct frame_out *, const struct proto_close *);
void proto_get_close(struct frame_in *, struct proto_close *);
void proto_put_join(struct frame_out *, const struct bridge_join *);
void proto_get_join(struct frame_in *, struct bridge_join *);
void proto_put_change(struct frame_out *, const struct proto_change *);
void proto_get_change(struct frame_in *, struct proto_change *);
void proto_put_list(struct frame_out *, const struct proto_list *);
void proto_get_list(struct frame_in *, struct proto_list *);
void proto_put_events(struct frame_out *, const struct proto_events *);
void proto_get_events(struct frame_in *, struct proto_events *);
/* The count is written by proto_set_records, when it is known. */
void proto_put_records(struct frame_out *, const struct proto_records *);
void proto_set_records(struct frame_out *, const struct proto_records *);
void proto_get_records(struct frame_in *, struct proto_records *);

#endif
