/*
 * Events for clients that ask for them, out of the ring.  Each client has a
 * struct attach: whether it waits, and for what.
 */

#ifndef CONTROL_ATTACH_H
#define CONTROL_ATTACH_H

#include <stddef.h>
#include <stdint.h>

#include "../../common/proto.h"
#include "../share/ring.h"

struct attach {
	int waiting;      /* an EVENTS_WAIT is not answered yet */
	uint32_t request; /* its request id */
	uint32_t from;    /* the number it waits for */
};

void attach_setup(const struct ring *);

/*
 * Answers EVENTS into buf.  Returns the length of the answer, or 0 when
 * there is no event and the client wants to wait; it then must not be
 * waiting already.
 */
size_t attach_ask(struct attach *, const struct proto_events *,
    uint32_t request, void *buf, size_t size);

/* The answer of a client that waits, if there is one by now; else 0. */
size_t attach_news(struct attach *, void *buf, size_t size);

#endif
