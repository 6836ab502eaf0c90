/*
 * Reading datagrams: what lies in a src's queue, many in one call.
 */

#ifndef ENGINE_BATCH_H
#define ENGINE_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include "../share/counters.h"
#include "group.h"

struct batch; /* buffers for DGRAM_BATCH of the largest messages */

size_t batch_bytes(void);
struct batch *batch_new(void); /* NULL with errno */

/*
 * What batch_message found: how many datagrams, whether they are whole, and
 * how many the kernel says it has ever dropped at this socket.
 */
enum batch_fate {
	BATCH_GOOD,
	BATCH_TOO_LONG, /* cut off */
	BATCH_UNCLEAR   /* where one ends and the next begins is not known */
};
struct batch_message {
	struct run run;
	uint32_t len; /* before it was cut off */
	enum batch_fate fate;
	int hops; /* -1: not known */
	int has_dropped;
	uint32_t dropped;
};

/*
 * A read: of the src of that number, as it is in the hand.  Returns the number
 * of messages, which are in hand then, 0 when there is none, -1 with errno.
 * Less than most: the queue is empty.
 */
struct batch_read {
	uint32_t src;
	int fd;
	int told;  /* as in KIND_TOLD */
	int named; /* batch_name is wanted */
	int most;  /* of messages, up to DGRAM_BATCH */
};
int batch_read(struct batch *, struct counters_hand *,
    const struct batch_read *);

/* Who sent the i-th message, as the kernel says it; *len 0: it does not. */
const void *batch_name(const struct batch *, const struct counters_hand *,
    int i, size_t *len);

/* The i-th message; valid until the next batch_read. */
void batch_message(const struct batch *, const struct counters_hand *, int i,
    struct batch_message *);

/*
 * The i-th of the last call of an engine that died, without its data; 0, or -1
 * when the call gave no such message.
 */
int batch_left(const struct counters_hand *, int i, int told,
    struct batch_message *);

#endif
