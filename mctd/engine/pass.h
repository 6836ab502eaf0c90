/*
 * One pass on the way out of side i of a stream to the other side: by copy,
 * by record or by splice.  What happens on the way is told to stream.c by the
 * functions below, whose result the pass returns.
 */

#ifndef ENGINE_PASS_H
#define ENGINE_PASS_H

#include "stream.h"

enum pass {
	PASS_MORE, /* another pass may do something */
	PASS_STOP, /* not before something happens */
	PASS_OVER
};

enum pass copy_pass(struct stream *, int i, struct stream_work *);
/* The same of at most so many bytes. */
enum pass copy_some(struct stream *, int i, struct stream_work *, size_t most);
/* Only what can be told from a look; PASS_MORE: there are bytes. */
enum pass copy_look(struct stream *, int i);
/*
 * Takes n bytes, which were peeked at, from the kernel's queue; 0, or -1 with
 * errno.  What is in buf is lost.
 */
int copy_discard(const struct stream_side *, uint8_t *buf, size_t n);
enum pass record_pass(struct stream *, int i, struct stream_work *);
enum pass splice_pass(struct stream *, int i, struct stream_work *);

/* Side i came to its end with err. */
enum pass stream_over(struct stream *, int i, int err);
/* The session ends: reason and err. */
enum pass stream_stop(struct stream *, enum end_reason, int err);
/* A read told of a reset of side i, with what it sent before still there. */
enum pass stream_reset(struct stream *, int i, int err);
/* Side i gave end of file. */
enum pass stream_ended(struct stream *, int i);
/* A peek at side i, or a send of what came from it, gave errno. */
enum pass stream_peek_failed(struct stream *, int i);
enum pass stream_send_failed(struct stream *, int i);
/* So many bytes went from side i to the other. */
void stream_moved(struct stream *, int i, size_t n, struct stream_work *);

/* How much to move next, when a send took so much. */
uint32_t stream_next_hint(size_t sent);
/* The hint, or less where the rate says so; at least 1. */
size_t stream_allowed(const struct stream *, int i);

#endif
