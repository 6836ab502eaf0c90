/*
 * One session's bytes or records: the state of it.
 *
 * A pass on the way from side s to side t moves what s has sent to t, as far
 * as t takes it: copy.c bytes, record.c records, splice_linux.c bytes in bulk.
 * What t did not take stays in the kernel, and s is held up by it alone.
 *
 * The ways, one out of each side:
 *
 *	FLOWS   -> ENDED   s gave end of file: every byte before it has been
 *	                   sent, for only an empty queue gives it.  t is shut
 *	                   for writing, once.
 *	FLOWS   -> BROKEN  a send to t failed for good.  s is read no more.
 *	                   The kernel hands an error out once, so t keeps it.
 *
 * The stream is over when
 *	both ways ended                             clean;
 *	a read from s failed                        reset by s, or s lost;
 *	a record cannot be carried                  record;
 *	s, of a kind that only ends as a whole,     clean.
 *	gave end of file, or t is such and has
 *	nothing more when s did
 *	the way to t broke, and t's own way is no   reset by t: what t had
 *	longer flowing, or gives end of file        sent before came through.
 * In the case of a reset by t end of file proves nothing, as the error was
 * consumed.
 * Nor does it where the parent took the connection away (to close the
 * session at once): that is no FIN, and no FIN may follow from it.
 *
 * Edges.  Descriptors are watched edge-triggered: an event comes when
 * something changes, not while it is so.  readable and writable say "may
 * be"; they start as true where an edge could be missed, an event sets
 * them, and only the kernel's own word clears them:
 *	- writable: a send that took less than asked, or EAGAIN.  The kernel
 *	  then owes an edge, whether room comes before or after the next wait.
 *	- readable: a peek that gave EAGAIN: what comes later makes an edge.
 *	- readable: a peek that gave less than asked, when all of it was sent.
 *	  This saves a system call a message.  Bytes that came after the peek
 *	  made an edge; bytes and a FIN that came before it are in the peek and
 *	  in the event (closed: then the peeking goes on to end of file).
 *	  But a peek is short, too, at an urgent byte and at an AF_LOCAL
 *	  message with descriptors; and a reset that lies behind the bytes looks
 *	  in the event like bytes alone.  These are rare, and their edge is
 *	  spent.  So a side in this state is unsure, and is peeked at once more
 *	  LOOK_MS later, unless an event comes before.
 * An event on a side that is not read to its end, because t takes nothing or
 * the side's way is over, may have been a reset as well: LOOK_MS later a send
 * of no bytes asks (TCP only: it gives an error where there is one and else
 * does nothing).
 *
 * Calls: ioctl, sendto, shutdown
 */

#include <sys/types.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <assert.h>
#include <errno.h>

#include "../../common/limits.h"
#include "kind.h"
#include "look.h"
#include "mark.h"
#include "pass.h"
#include "recover.h"
#include "room.h"
#include "tcp.h"
#include "watch.h"

int
stream_kinds_match(const uint8_t kind[2])
{
	unsigned int a = kind_traits(kind[0]), b = kind_traits(kind[1]);

	return (a & KIND_MOVES) && (b & KIND_MOVES) &&
	    (a & KIND_RECORDS) == (b & KIND_RECORDS);
}

/* How much a send to a side may ask for; see kind.c. */
static uint32_t
most(const struct stream_side *s)
{
	size_t half;

	if (!(s->traits & KIND_HALFBUF))
		return PEEK_BYTES;
	half = room_buffer(s->fd) / 2;
	return half < PEEK_BYTES ? (uint32_t)half : PEEK_BYTES;
}

void
stream_start(struct stream *st, const struct stream_start *start,
    struct counters_slot *count, const struct stream_work *work)
{
	static const struct stream_side fresh = { .hint = PEEK_BYTES,
		.way = WAY_FLOWS,
		.pipe = -1,
		.gather = -1,
		.writable = 1 };
	int i;

	for (i = STREAM_PEER; i <= STREAM_DST; i++) {
		st->side[i] = fresh;
		st->side[i].fd = start->fd[i];
		st->side[i].traits = (uint16_t)kind_traits(start->kind[i]);
		st->side[i].most = most(&st->side[i]);
		st->side[i].credit = start->rate;
		st->side[i].paid_ms = work->now_ms;
	}
	for (i = STREAM_PEER; i <= STREAM_DST; i++)
		st->side[i].piped = (st->side[!i].traits & KIND_PIPED) &&
		    (st->side[i].traits & KIND_SPLICES);
	for (i = STREAM_PEER; i <= STREAM_DST; i++) {
		st->side[i].shifts = (st->side[i].traits & KIND_PIPED) &&
		    (st->side[!i].traits & KIND_STATE);
		st->side[i].shifted = st->side[i].shifts;
	}
	/*
	 * Registering tells of what is there already.  A peer has most often
	 * spoken by now, so it is tried at once; dst has to be asked first.
	 */
	st->side[STREAM_PEER].readable = 1;
	st->count = count;
	st->id = start->id;
	st->rate = start->rate;
	st->now_ms = st->moved_ms = work->now_ms;
	st->end = END_NONE;
	st->err = 0;
}

void
stream_release(struct stream *st, struct stream_work *work)
{
	int i;

	for (i = STREAM_PEER; i <= STREAM_DST; i++) {
		if (st->side[i].pipe != -1)
			pipes_return(&work->pipes, st->side[i].pipe, work->buf,
			    PEEK_BYTES);
		if (st->side[i].gather != -1)
			gather_return(&work->gathers, st->side[i].gather);
	}
}

int
stream_held_up(const struct stream *st, int i)
{
	const struct stream_side *s = &st->side[i];

	return s->way == WAY_FLOWS && !st->side[!i].writable &&
	    (s->bulk > 0 || s->held > 0);
}

uint64_t
stream_gathers(const struct stream *st)
{
	const struct stream_side *s;
	uint64_t since_ms = 0;
	int i;

	for (i = STREAM_PEER; i <= STREAM_DST; i++) {
		s = &st->side[i];
		if (s->gather != -1 &&
		    (since_ms == 0 || s->gather_ms < since_ms))
			since_ms = s->gather_ms;
	}
	return since_ms;
}

int
stream_half_closed(const struct stream *st)
{
	return st->side[0].way != WAY_FLOWS || st->side[1].way != WAY_FLOWS;
}

int
stream_given_up(const struct stream *st, enum end_reason *end)
{
	int err = 0, i, waiting;

	for (i = STREAM_PEER; i <= STREAM_DST; i++) {
		if (st->side[i].err != 0) {
			*end =
			    i == STREAM_PEER ? END_PEER_RESET : END_DST_RESET;
			return st->side[i].err;
		}
		waiting = (int)st->side[i].held;
		if (waiting > 0 || st->side[i].gather != -1 ||
		    (st->side[i].way == WAY_FLOWS &&
			ioctl(st->side[i].fd, FIONREAD, &waiting) == 0 &&
			waiting > 0))
			err = ETIMEDOUT;
	}
	return err;
}

/* Whether a rate forbids side i to send now. */
static int
is_throttled(const struct stream *st, int i)
{
	return st->rate != 0 && st->side[i].credit <= 0;
}

/* Whether a pass from side i could do something now. */
static int
can_pass(const struct stream *st, int i)
{
	const struct stream_side *s = &st->side[i];

	return st->side[!i].writable && s->way == WAY_FLOWS &&
	    (s->held > 0 || (s->readable && !is_throttled(st, i)));
}

static unsigned int
wants(const struct stream *st)
{
	const struct stream_side *s = st->side;
	unsigned int w = 0;
	int i;

	for (i = STREAM_PEER; i <= STREAM_DST; i++) {
		if (can_pass(st, i))
			w |= STREAM_AGAIN;
		else if (s[i].probe || (s[i].readable && is_throttled(st, i)))
			w |= STREAM_LOOK;
		if (s[i].unsure || s[i].starved)
			w |= STREAM_LOOK;
	}
	return w;
}

/* The kernel has some errors of its own that are no errno values (524). */
static int
known(int err)
{
	return look_is_errno(err) ? err : EIO;
}

enum pass
stream_stop(struct stream *st, enum end_reason end, int err)
{
	assert(st->end == END_NONE);
	st->end = end;
	st->err = known(err);
	return PASS_OVER;
}

enum pass
stream_over(struct stream *st, int i, int err)
{
	static const enum end_reason reset[2] = { END_PEER_RESET,
		END_DST_RESET };
	static const enum end_reason lost[2] = { END_PEER_LOST, END_DST_LOST };

	switch (err) {
	case ENOTCONN: /* Multipath TCP says so after a reset */
		err = ECONNRESET;
		/* FALLTHROUGH */
	case ECONNRESET:
	case EPIPE:
	case ECONNABORTED:
		return stream_stop(st, reset[i], err);
	case ETIMEDOUT:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EHOSTDOWN:
	case ENETDOWN:
		return stream_stop(st, lost[i], err);
	default:
		return stream_stop(st, END_ERROR, err);
	}
}

/* The way out of side i breaks: the other side takes no more. */
static enum pass
broken(struct stream *st, int i, int err)
{
	struct stream_side *t = &st->side[!i];

	assert(st->side[i].way == WAY_FLOWS && t->err == 0);
	st->side[i].way = WAY_BROKEN;
	st->side[i].unsure = 0;
	t->err = known(err);
	recover_keep(st);
	if (t->way != WAY_FLOWS)
		return stream_over(st, !i, err);
	t->readable = 1; /* its last bytes, then end of file */
	return PASS_STOP;
}

/*
 * Both ways are done.  What ends as a whole is told so now: TIPC takes a
 * mere close for a reset.
 */
static enum pass
finished(struct stream *st)
{
	int i;

	for (i = STREAM_PEER; i <= STREAM_DST; i++)
		if (!(st->side[i].traits & KIND_HALF))
			(void)shutdown(st->side[i].fd, SHUT_RDWR);
	return stream_stop(st, END_CLEAN, 0);
}

enum pass
stream_reset(struct stream *st, int i, int err)
{
	struct stream_side *s = &st->side[i], *t = &st->side[!i];

	if (s->err != 0)
		return stream_over(st, i, s->err);
	if (t->way == WAY_FLOWS)
		return broken(st, !i, err);
	s->err = known(err);
	recover_keep(st);
	return PASS_MORE;
}

enum pass
stream_ended(struct stream *st, int i)
{
	struct stream_side *s = &st->side[i], *t = &st->side[!i];

	if (s->err != 0)
		return stream_over(st, i, s->err);
	/* a FIN leaves half a connection, the parent's revoke leaves none */
	if ((s->traits & KIND_STATE) && t->way == WAY_FLOWS &&
	    tcp_is_gone(s->fd))
		return stream_over(st, i, ECONNRESET);
	if (!(s->traits & KIND_HALF))
		return finished(st);
	assert(s->way == WAY_FLOWS);
	s->way = WAY_ENDED;
	s->unsure = 0;
	recover_keep(st);
	/* TCP: the connection of t is gone, though nothing has told of it */
	if ((t->traits & KIND_HALF) && shutdown(t->fd, SHUT_WR) == -1 &&
	    errno == ENOTCONN) {
		s->way = WAY_FLOWS;
		return broken(st, i, ECONNRESET);
	}
	if (t->way == WAY_ENDED)
		return finished(st);
	if (!(t->traits & KIND_HALF)) {
		t->last = 1;
		t->readable = 1;
	}
	return PASS_STOP;
}

uint32_t
stream_next_hint(size_t sent)
{
	if (sent >= PEEK_BYTES / 2)
		return PEEK_BYTES;
	return (uint32_t)(sent < PEEK_LEAST / 2 ? PEEK_LEAST : 2 * sent);
}

size_t
stream_allowed(const struct stream *st, int i)
{
	const struct stream_side *s = &st->side[i];
	size_t n = s->hint < st->side[!i].most ? s->hint : st->side[!i].most;

	if (st->rate != 0 && s->credit < (int64_t)n)
		return s->credit > 0 ? (size_t)s->credit : 1;
	return n;
}

enum pass
stream_peek_failed(struct stream *st, int i)
{
	struct stream_side *s = &st->side[i];

	switch (errno) {
	case EINTR:
		return PASS_MORE;
	case EAGAIN:
		if (s->err != 0 && (s->traits & KIND_MUTE))
			return stream_over(st, i, s->err);
		if (s->last)
			return finished(st);
		s->readable = 0;
		s->probe = 0;
		return PASS_STOP;
	case ENOBUFS:
	case ENOMEM:
		s->readable = 0;
		s->unsure = 1; /* no edge will tell when there is some */
		return PASS_STOP;
	case ENOTCONN:
		/* vsock, when both have ended and the other was first */
		if ((s->traits & KIND_SOFT) && st->side[!i].way == WAY_ENDED)
			return stream_ended(st, i);
		/* FALLTHROUGH */
	default:
		return stream_over(st, i, errno);
	}
}

enum pass
stream_send_failed(struct stream *st, int i)
{
	struct stream_side *t = &st->side[!i];

	switch (errno) {
	case EINTR:
		return PASS_MORE;
	case ENOBUFS:
	case ENOMEM:
		t->starved = 1; /* no edge will tell when there is some */
				/* FALLTHROUGH */
	case EAGAIN:
		mark_set(st->count, i, MARK_READ, 0);
		t->starved |= !(t->traits & KIND_EDGES);
		t->writable = 0;
		st->side[i].hint = stream_next_hint(st->side[i].hint / 8);
		return PASS_STOP;
	default:
		return broken(st, i, errno);
	}
}

void
stream_moved(struct stream *st, int i, size_t n, struct stream_work *work)
{
	counters_add(st->count,
	    i == STREAM_PEER ? COUNT_BYTES_TO_DST : COUNT_BYTES_TO_SRC, n);
	counters_touch(st->count, work->now_ms);
	st->moved_ms = work->now_ms;
	st->side[i].credit -= (int64_t)n;
	work->moved += n;
}

static enum pass
pass(struct stream *st, int i, struct stream_work *work)
{
	unsigned int both = st->side[i].traits | st->side[!i].traits;

	if (both & KIND_RECORDS)
		return record_pass(st, i, work);
	if (st->side[i].bulk || st->side[i].held > 0 || st->side[i].piped)
		return splice_pass(st, i, work);
	return copy_pass(st, i, work);
}

/* What the time since the last look has brought; no more than a second's. */
static void
pay(struct stream *st, int i, uint64_t now_ms)
{
	struct stream_side *s = &st->side[i];
	uint64_t ms = now_ms - s->paid_ms;
	uint64_t owed;

	if (st->rate == 0 || ms == 0)
		return;
	if (ms > 1000)
		ms = 1000;
	s->paid_ms = now_ms;
	owed = st->rate * ms + s->rest;
	s->rest = (uint16_t)(owed % 1000);
	s->credit += (int64_t)(owed / 1000);
	if (s->credit > (int64_t)st->rate)
		s->credit = (int64_t)st->rate;
}

/*
 * After what may have ended a way: silence is counted from there, and what
 * lies in the pipe of a broken one goes nowhere.
 */
static unsigned int
settle(struct stream *st, int was_half_closed, struct stream_work *work)
{
	struct stream_side *s;
	int i;

	if (!was_half_closed && stream_half_closed(st))
		st->moved_ms = work->now_ms;
	for (i = STREAM_PEER; i <= STREAM_DST; i++) {
		s = &st->side[i];
		if (s->way == WAY_FLOWS)
			continue;
		if (s->gather != -1)
			gather_return(&work->gathers, s->gather);
		s->gather = -1;
		s->held = 0;
		if (s->pipe == -1)
			continue;
		pipes_return(&work->pipes, s->pipe, work->buf, PEEK_BYTES);
		s->pipe = -1;
	}
	return wants(st);
}

unsigned int
stream_run(struct stream *st, struct stream_work *work)
{
	int i, n, was_half_closed = stream_half_closed(st);
	uint64_t until;

	st->now_ms = work->now_ms;
	for (i = STREAM_PEER; i <= STREAM_DST; i++) {
		pay(st, i, work->now_ms);
		until = work->moved + TURN_BYTES;
		for (n = 0; n < TURN_PASSES && work->moved < until; n++) {
			if (!can_pass(st, i))
				break;
			mark_set(st->count, i, MARK_READ, 0);
			if (pass(st, i, work) == PASS_OVER)
				return STREAM_OVER;
		}
		if (n > 0)
			mark_set(st->count, i, MARK_NONE, 0);
	}
	return settle(st, was_half_closed, work);
}

unsigned int
stream_event(struct stream *st, enum stream_end end, unsigned int what)
{
	int i = (int)end;
	struct stream_side *s = &st->side[i];

	if (what & WATCH_CLOSED)
		s->closed = 1;
	if (what & (WATCH_READ | WATCH_CLOSED)) {
		s->readable = 1;
		s->unsure = 0;
	}
	if (what & WATCH_WRITE)
		s->writable = 1;
	/* after an error a deaf side hears that it is writable, no more */
	if (((what & WATCH_READ) || s->deaf) && (s->traits & KIND_PROBE))
		s->probe = 1;
	return wants(st);
}

/* Whether a reset lies unseen on side i, as far as a send can tell. */
static enum pass
probe(struct stream *st, int i)
{
	int took = 0;

	if (st->side[!i].way != WAY_FLOWS)
		return PASS_STOP;
	mark_set(st->count, !i, MARK_SEND, 0);
	if (send(st->side[i].fd, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL) == -1 &&
	    errno != EAGAIN && errno != EINTR && errno != ENOBUFS &&
	    errno != ENOMEM)
		took = errno;
	if (took != 0 && broken(st, !i, took) == PASS_OVER)
		return PASS_OVER;
	mark_set(st->count, !i, MARK_NONE, 0);
	return PASS_STOP;
}

unsigned int
stream_look(struct stream *st, struct stream_work *work)
{
	int i, was_half_closed = stream_half_closed(st);
	struct stream_side *s;

	st->now_ms = work->now_ms;
	for (i = STREAM_PEER; i <= STREAM_DST; i++) {
		s = &st->side[i];
		pay(st, i, work->now_ms);
		if (s->unsure)
			s->readable = 1;
		if (s->starved)
			s->writable = 1;
		s->unsure = 0;
		s->starved = 0;
		if (!s->probe || can_pass(st, i))
			continue;
		s->probe = 0;
		if (probe(st, i) == PASS_OVER)
			return STREAM_OVER;
	}
	return settle(st, was_half_closed, work);
}
