/*
 * One session's bytes or records: from each of its two sides to the other,
 * with nothing stored here.  Knows no slots, events or messages; it says what
 * it wants, and session.c does it.
 */

#ifndef ENGINE_STREAM_H
#define ENGINE_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "../../common/names.h"
#include "../share/counters.h"
#include "gather.h"
#include "pipes.h"

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
	int err;            /* what a send to it gave for good; 0: none */
	uint32_t hint;      /* how much to move at a time */
	uint32_t most;      /* that may go to it at a time */
	uint32_t held;      /* bytes of it in the pipe */
	int64_t credit;     /* bytes it may send now, when there is a rate */
	uint64_t paid_ms;   /* credit was given up to then */
	uint16_t rest;      /* of a byte not credited yet: thousandths */
	uint16_t traits;    /* of its kind */
	int16_t pipe;       /* what its bytes lie in; -1: none */
	int8_t gather;      /* where its record is put together; -1: nowhere */
	uint64_t gather_ms; /* since when */
	uint8_t way;        /* enum stream_way, of what it sends */
	uint8_t readable;   /* there may be something to read */
	uint8_t writable;   /* it may take something */
	uint8_t closed;     /* it sends no more: go on until end of file */
	uint8_t unsure;     /* taken for drained after a short peek */
	uint8_t starved;    /* no edge may tell when a send is possible again */
	uint8_t probe;      /* an event may hide a reset */
	uint8_t last;       /* the other ended: over when it is drained */
	uint8_t piped;      /* all of its bytes go by splice */
	uint8_t shifts;     /* local: a peek moves the place of the next one */
	uint8_t shifted;    /* and has: it is to be set back */
	uint8_t refused;    /* splice gave nothing, though something is there */
	uint8_t bulk;   /* its bytes go by splice: so many short ones more */
	uint8_t deaf;   /* not told of what can be read */
	uint8_t sticky; /* the other side left some in the pipe last */
};

struct stream {
	struct stream_side side[2];
	struct counters_slot *count;
	uint32_t id;
	uint32_t rate;       /* bytes a second each way; 0: no limit */
	uint64_t now_ms;     /* of this turn */
	uint64_t moved_ms;   /* when bytes moved last */
	enum end_reason end; /* with STREAM_OVER */
	int err;
};

/* What all streams of an engine share. */
struct stream_work {
	uint8_t *buf; /* PEEK_BYTES */
	struct gathers gathers;
	uint64_t now_ms;
	uint64_t moved; /* bytes: sum over the streams */
	struct pipes pipes;
};

/* What a stream wants, a set of these; OVER stands alone. */
#define STREAM_AGAIN 0x01 /* stream_run */
#define STREAM_LOOK  0x02 /* stream_look, LOOK_MS later */
#define STREAM_OVER  0x04 /* end and err say why */

/* How a stream begins: connected, non-blocking, kinds that match. */
struct stream_start {
	int fd[2];
	uint8_t kind[2]; /* enum addr_kind */
	uint32_t id;
	uint32_t rate;
};

/* Whether a session can be of these two kinds. */
int stream_kinds_match(const uint8_t kind[2]);

void stream_start(struct stream *, const struct stream_start *,
    struct counters_slot *, const struct stream_work *);

/* Each returns what the stream wants. */
unsigned int stream_event(struct stream *, enum stream_end,
    unsigned int watch_what);
unsigned int stream_run(struct stream *, struct stream_work *);
unsigned int stream_look(struct stream *, struct stream_work *);

/* It is over: pipes are emptied and given back. */
void stream_release(struct stream *, struct stream_work *);

/*
 * How it ends that a stream is given up because nothing moved: 0 when
 * nothing is left undelivered, else an errno value, and *end is changed
 * where a side was reset before.
 */
int stream_given_up(const struct stream *, enum end_reason *end);

/*
 * Whether side i is in bulk and held up by the other: to be told of more that
 * it sends is then of no use.
 */
int stream_held_up(const struct stream *, int i);

/* Since when a record is being put together; 0: none is. */
uint64_t stream_gathers(const struct stream *);

/* Whether one of the ways is ended or broken. */
int stream_half_closed(const struct stream *);

#endif
