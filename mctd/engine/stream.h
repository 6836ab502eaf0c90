/*
 * One stream session's bytes: from each of its two sides to the other, with
 * nothing stored here.  Knows no slots, events or messages; it says what it
 * wants, and session.c does it.
 */

#ifndef ENGINE_STREAM_H
#define ENGINE_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "../../common/names.h"
#include "../share/counters.h"

enum stream_end {
	STREAM_PEER,
	STREAM_DST
};

/* The way of bytes out of a side, to the other one. */
enum stream_way {
	WAY_FLOWS,
	WAY_ENDED, /* end of file was read, and carried over */
	WAY_BROKEN /* the other side takes no more; its error is kept */
};

struct stream_side {
	int fd;
	int err;          /* what a send to it gave for good; 0: none */
	uint32_t hint;    /* how much to peek */
	uint8_t kind;     /* enum addr_kind */
	uint8_t way;      /* enum stream_way, of what it sends */
	uint8_t readable; /* there may be something to read */
	uint8_t writable; /* it may take something */
	uint8_t closed;   /* it sends no more: go on until end of file */
	uint8_t unsure;   /* taken for drained after a short peek */
	uint8_t starved;  /* the kernel had no memory for a send */
	uint8_t probe;    /* an event may hide a reset */
};

struct stream {
	struct stream_side side[2];
	struct counters_slot *count;
	uint64_t moved_ms;   /* when bytes moved last */
	enum end_reason end; /* with STREAM_OVER */
	int err;
};

/* What all streams of an engine share. */
struct stream_work {
	uint8_t *buf; /* PEEK_BYTES */
	uint64_t now_ms;
	uint64_t moved; /* bytes: sum over the streams */
};

/* What a stream wants, a set of these; OVER stands alone. */
#define STREAM_AGAIN 0x01 /* stream_run */
#define STREAM_LOOK  0x02 /* stream_look, LOOK_MS later */
#define STREAM_OVER  0x04 /* end and err say why */

/* Both connected, non-blocking; kinds are stream kinds. */
void stream_start(struct stream *, const int fd[2], const uint8_t kind[2],
    struct counters_slot *, uint64_t now_ms);

/* Each returns what the stream wants. */
unsigned int stream_event(struct stream *, enum stream_end,
    unsigned int watch_what);
unsigned int stream_run(struct stream *, struct stream_work *);
unsigned int stream_look(struct stream *);

/* Whether one of the ways is ended or broken. */
/*
 * How it ends that a stream is given up because nothing moved: 0 when
 * nothing is left undelivered, else an errno value, and *end is changed
 * where a side was reset before.
 */
int stream_given_up(const struct stream *, enum end_reason *end);

int stream_half_closed(const struct stream *);

#endif
