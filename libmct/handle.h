/*
 * What a handle is, and how the other files of the library ask the daemon.
 *
 * Requests and answers are paired by request id.  At most one request is
 * waited for at a time; the request for events that the daemon answers when
 * there are some stays out beside it (event.c).  An answer to neither is a
 * late one, whose caller has got ETIMEDOUT, and is dropped.
 *
 * A take-over in the daemon is told by RESUMED.  What has no answer then is
 * sent again, with the request ids it has: the request that a caller waits
 * for, and those for events.  Should one get two answers, the second is a
 * late one.
 *
 * A handle is dead when its connection cannot go on: closed by the daemon,
 * or out of step.  Every call on it then fails with the same errno.
 */

#ifndef LIBMCT_HANDLE_H
#define LIBMCT_HANDLE_H

#include <stdint.h>

#include "../common/frame.h"
#include "../common/limits.h"
#include "fields.h"

/* For any request: the longest is a bridge with all groups and dsts. */
#define HANDLE_REQUEST_BYTES 6144

/* See event.c for how these change. */
struct handle_events {
	int attached;
	int blocking;
	uint32_t next;        /* number to ask from */
	uint32_t asked;       /* request that is out; 0: none */
	int asked_waits;      /* it is answered when there are events */
	uint32_t stale;       /* waiting request of an earlier attachment */
	uint32_t stale_from;  /* the number it asks from */
	int caught_up;        /* nothing there beyond next, as last heard */
	int err;              /* the daemon refused the request; 0: no */
	char why[TEXT_BYTES]; /* and its words */
	uint32_t left;        /* records not yet taken from batch */
	struct frame_in batch;
	uint8_t data[FRAME_MAX]; /* batch lies here */
	struct mct_record record;
};

struct mct {
	int fd;
	int timeout_ms;   /* -1: for ever */
	int dead;         /* errno of every call from now on; 0: alive */
	int deaf;         /* the daemon reads no more */
	int resumed;      /* a take-over: requests are to be sent again */
	uint32_t request; /* id given out last */
	const struct frame_out *call; /* whose answer a caller waits for */
	unsigned int role;
	unsigned int lists; /* open ones */
	struct frame_reader in;
	struct frame_queue out;
	char error[TEXT_BYTES];
	struct handle_events events;
};

/* Where a handle waits no longer; -1 never, else as clock_ms. */
int64_t handle_deadline(const struct mct *);

/* Keeps the sentence, sets errno, returns -1. */
int handle_fail(struct mct *, int err, const char *sentence);
int handle_bad_answer(struct mct *); /* EBADMSG, and the handle is dead */

/*
 * Starts a request in buf, of HANDLE_REQUEST_BYTES.  Returns 0, or -1 with
 * errno when there is no handle or it is dead.
 */
int handle_begin(struct mct *, struct frame_out *, uint8_t *buf, uint16_t type);

/*
 * Sends what was begun, without waiting: what the socket does not take now
 * goes out while answers are waited for.  Returns the request id, or 0 with
 * errno.
 */
uint32_t handle_send(struct mct *, struct frame_out *);

/*
 * Takes in frames until the answer to request `want` (1 and *answer, valid
 * until the next call here), or with want 0 until there are events (1).
 * 0 when the deadline has passed (0: take only what is there), -1 with
 * errno.
 */
int handle_receive(struct mct *, uint32_t want, int64_t deadline,
    struct frame_in *answer);

/*
 * A whole request: sends, waits for the answer, turns ERROR into errno and
 * its sentence.  Returns 0 and the answer, of the type given, or -1.
 */
int handle_call(struct mct *, struct frame_out *, uint16_t answer_type,
    struct frame_in *answer);

/* The same for those answered by DONE, whose id goes to *id. */
int handle_order(struct mct *, struct frame_out *, uint32_t *id);

/* Turns an ERROR frame into errno and its sentence; returns -1. */
int handle_refused(struct mct *, struct frame_in *);

/*
 * event.c: an answer that is not the one waited for.  1: there are events
 * to read now, 0: none of them concerned, -1 with errno.
 */
int event_answer(struct mct *, struct frame_in *);

/* event.c: sends the requests that are out once more; 0 or -1 with errno. */
int event_again(struct mct *);

#endif
