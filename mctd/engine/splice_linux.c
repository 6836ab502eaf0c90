/*
 * Bytes by splice: from one socket's queue into a pipe and out of it into
 * the other's, without a copy.  A pipe is borrowed for one pass; it stays
 * with the direction only when the other side did not take all of it.
 *
 * 0 or EAGAIN from splice is never an end: urgent data, a full pipe and an
 * empty socket all look so.  Then copy.c has a go, whose recv can tell.
 * Nothing peeked is ever undiscarded between passes, and a direction goes
 * back to copying with its pipe empty: so bytes keep their order.
 *
 * Calls: splice
 */

#include <sys/types.h>

#include <errno.h>
#include <fcntl.h>

#include "mark.h"
#include "pass.h"
#include "room.h"

#define SPLICE_FLAGS (SPLICE_F_MOVE | SPLICE_F_NONBLOCK)

/* A pipe has a place for each of so many bytes, and one byte may take it. */
#define SPLICE_PAGE  4096

/*
 * How much to take now: what the pipe holds and, where half of the pipes lie
 * with bytes in them, no more than dst has room for: then this one will not.
 */
static size_t
quantum(const struct stream *st, int i, const struct stream_work *work)
{
	size_t room, n = work->pipes.bytes;

	if (n > SPLICE_BYTES)
		n = SPLICE_BYTES;
	if (pipes_scarce(&work->pipes)) {
		room = room_now(st->side[!i].fd);
		if (n > room)
			n = room;
	}
	if (st->rate != 0 && (uint64_t)n > (uint64_t)st->side[i].credit)
		n = (size_t)st->side[i].credit;
	return n;
}

/* What will have been counted when the pipe is empty, modulo 2^32. */
static uint32_t
total(const struct stream *st, int i)
{
	enum count c =
	    i == STREAM_PEER ? COUNT_BYTES_TO_DST : COUNT_BYTES_TO_SRC;

	return (uint32_t)atomic_load_explicit(&st->count->count[c],
		   memory_order_relaxed) +
	    st->side[i].held;
}

/*
 * Splice gave nothing.  Where the kernel keeps no count of what t took, a
 * copy of what came meanwhile could be in doubt, so splice has one more go
 * before that: what it still does not give is urgent.
 */
static enum pass
why_not(struct stream *st, int i, struct stream_work *work)
{
	struct stream_side *s = &st->side[i];
	enum pass pass;

	if (!s->piped || s->refused) {
		s->refused = 0;
		return copy_some(st, i, work, SPLICE_PROBE_BYTES);
	}
	pass = copy_look(st, i);
	s->refused = pass == PASS_MORE;
	return pass;
}

/* Out of the pipe, as much as the other side takes. */
static enum pass
empty(struct stream *st, int i, struct stream_work *work)
{
	struct stream_side *s = &st->side[i], *t = &st->side[!i];
	ssize_t n;

	mark_set(st->count, i, MARK_EMPTY, total(st, i));
	n = splice(work->pipes.at[s->pipe].out, NULL, t->fd, NULL, s->held,
	    SPLICE_FLAGS);
	if (n == 0) {
		errno = EPIPE;
		n = -1;
	}
	if (n == -1) {
		s->sticky = 1;
		return stream_send_failed(st, i);
	}
	s->held -= (uint32_t)n;
	stream_moved(st, i, (size_t)n, work);
	s->sticky = s->held > 0;
	if (s->held > 0) /* it may have stopped at a page: ask again */
		return PASS_MORE;
	pipes_return(&work->pipes, s->pipe, work->buf, PEEK_BYTES);
	s->pipe = -1;
	return s->readable ? PASS_MORE : PASS_STOP;
}

enum pass
splice_pass(struct stream *st, int i, struct stream_work *work)
{
	struct stream_side *s = &st->side[i];
	size_t ask;
	ssize_t n;
	int err;

	if (s->held > 0)
		return empty(st, i, work);
	ask = quantum(st, i, work);
	/* more than fits, so that the kernel owes an edge when there is room */
	if (ask < SPLICE_LEAST_BYTES &&
	    (!s->piped || pipes_scarce(&work->pipes)))
		return copy_some(st, i, work, 2 * SPLICE_LEAST_BYTES);
	s->pipe = (int16_t)pipes_borrow(&work->pipes, counters_owner(st->id, i),
	    s->sticky);
	if (s->pipe == -1)
		return copy_pass(st, i, work);
	n = splice(s->fd, NULL, work->pipes.at[s->pipe].in, NULL, ask,
	    SPLICE_FLAGS);
	if (n <= 0) {
		err = n == -1 ? errno : EAGAIN;
		pipes_return(&work->pipes, s->pipe, work->buf, PEEK_BYTES);
		s->pipe = -1;
		if (err == EAGAIN)
			return why_not(st, i, work);
		/* an error is handed out once: nobody else will see it */
		errno = err;
		return stream_peek_failed(st, i);
	}
	s->held = (uint32_t)n;
	s->refused = 0;
	if ((size_t)n >= SPLICE_LEAST_BYTES)
		s->bulk = SPLICES_SHORT;
	else if (s->bulk > 0)
		s->bulk--;
	/* few bytes filled no pipe: there were no more */
	if ((size_t)n < work->pipes.bytes / SPLICE_PAGE && !s->closed) {
		s->readable = 0;
		s->unsure = 1;
		s->probe = 0;
	}
	return empty(st, i, work);
}
