/*
 * Requests of clients that have said HELLO: who may ask what, and who
 * answers it.
 */

#ifndef CONTROL_DISPATCH_H
#define CONTROL_DISPATCH_H

#include <stddef.h>
#include <stdint.h>

#include "../share/inner.h"
#include "attach.h"

/*
 * Room in a client's queue that no answer of this process takes, so that the
 * parent's answer (done, or an error) always finds some beside a page of
 * events that is not sent yet, and a last error beside both.
 */
#define DISPATCH_SMALL (FRAME_HEADER + 4 + 2 + TEXT_BYTES)
#define DISPATCH_PAGE  (FRAME_MAX - 2 * DISPATCH_SMALL)

struct request {
	struct inner_client who; /* with this request's id */
	uint8_t role;
	struct attach *attach;
	struct frame_in in; /* the whole message, nothing taken yet */
	uint8_t *page;      /* for the answer: DISPATCH_PAGE bytes */
	size_t len;         /* of the answer */
	const char *why;    /* SERVED_BAD: a few words */
};

enum served {
	SERVED_HERE,  /* the answer is in page */
	SERVED_LATER, /* it is with the parent now */
	SERVED_FULL,  /* it is not: ask again when the channel has room */
	SERVED_WAITS, /* for events */
	SERVED_BAD    /* the client broke the rules */
};

enum served dispatch(struct request *);

/* An ERROR frame of at most DISPATCH_SMALL bytes; returns its length. */
size_t dispatch_error(void *buf, uint32_t request, uint32_t err,
    const char *text);

#endif
