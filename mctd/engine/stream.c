/*
 * One stream session's bytes.
 *
 * A pass on the way from side s to side t peeks at what s has sent, sends
 * that to t, and discards from s exactly what t took.  What t did not take
 * stays in the kernel, and s is held up by the kernel alone.
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
 *	a read from s failed                        reset by s;
 *	the way to t broke, and t's own way is no   reset by t: what t had
 *	longer flowing, or gives end of file        sent before came through.
 * In the last case end of file proves nothing, as the error was consumed.
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
 */

#include <sys/types.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <assert.h>
#include <errno.h>

#include "../../common/addr.h"
#include "../../common/limits.h"
#include "stream.h"
#include "tcp.h"
#include "watch.h"

#define SEND_FLAGS (MSG_DONTWAIT | MSG_NOSIGNAL)

enum pass {
	PASS_MORE, /* another pass may do something */
	PASS_STOP, /* not before something happens */
	PASS_OVER
};

void
stream_start(struct stream *st, const int fd[2], const uint8_t kind[2],
    struct counters_slot *count, uint64_t now_ms)
{
	static const struct stream_side fresh = { .hint = PEEK_BYTES,
		.way = WAY_FLOWS,
		.writable = 1 };
	int i;

	for (i = STREAM_PEER; i <= STREAM_DST; i++) {
		st->side[i] = fresh;
		st->side[i].fd = fd[i];
		st->side[i].kind = kind[i];
	}
	/*
	 * Registering tells of what is there already.  A peer has most often
	 * spoken by now, so it is tried at once; dst has to be asked first.
	 */
	st->side[STREAM_PEER].readable = 1;
	st->count = count;
	st->moved_ms = now_ms;
	st->end = END_NONE;
	st->err = 0;
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
		if (st->side[i].way == WAY_FLOWS &&
		    ioctl(st->side[i].fd, FIONREAD, &waiting) == 0 &&
		    waiting > 0)
			err = ETIMEDOUT;
	}
	return err;
}

/* Whether a pass from side i could do something now. */
static int
can_pass(const struct stream *st, int i)
{
	return st->side[i].way == WAY_FLOWS && st->side[i].readable &&
	    st->side[!i].writable;
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
		else if (s[i].probe)
			w |= STREAM_LOOK;
		if (s[i].unsure || s[i].starved)
			w |= STREAM_LOOK;
	}
	return w;
}

/* Side i came to its end with err. */
static enum pass
over(struct stream *st, int i, int err)
{
	assert(st->end == END_NONE);
	st->err = err;
	if (err == ECONNRESET || err == EPIPE)
		st->end = i == STREAM_PEER ? END_PEER_RESET : END_DST_RESET;
	else
		st->end = END_ERROR;
	return PASS_OVER;
}

/* The way out of side i breaks: the other side takes no more. */
static enum pass
broken(struct stream *st, int i, int err)
{
	struct stream_side *t = &st->side[!i];

	assert(st->side[i].way == WAY_FLOWS && t->err == 0);
	st->side[i].way = WAY_BROKEN;
	st->side[i].unsure = 0;
	t->err = err;
	if (t->way != WAY_FLOWS)
		return over(st, !i, err);
	t->readable = 1; /* its last bytes, then end of file */
	return PASS_STOP;
}

/* Side i gave end of file. */
static enum pass
ended(struct stream *st, int i)
{
	struct stream_side *s = &st->side[i], *t = &st->side[!i];

	if (s->err != 0)
		return over(st, i, s->err);
	/* a FIN leaves half a connection, the parent's revoke leaves none */
	if (s->kind == ADDR_TCP && t->way == WAY_FLOWS && tcp_is_gone(s->fd))
		return over(st, i, ECONNRESET);
	/* TCP: the connection of t is gone, though nothing has told of it */
	if (shutdown(t->fd, SHUT_WR) == -1 && errno == ENOTCONN)
		return broken(st, i, ECONNRESET);
	assert(s->way == WAY_FLOWS);
	s->way = WAY_ENDED;
	s->unsure = 0;
	if (t->way != WAY_ENDED)
		return PASS_STOP;
	st->end = END_CLEAN;
	return PASS_OVER;
}

/*
 * How much to peek next, when a send took so much: a little more than dst
 * seems to take, so that little is copied twice.
 */
static uint32_t
next_hint(size_t sent)
{
	if (sent >= PEEK_BYTES / 2)
		return PEEK_BYTES;
	return (uint32_t)(sent < PEEK_LEAST / 2 ? PEEK_LEAST : 2 * sent);
}

static enum pass
peek_failed(struct stream *st, int i)
{
	switch (errno) {
	case EINTR:
		return PASS_MORE;
	case EAGAIN:
		st->side[i].readable = 0;
		st->side[i].probe = 0;
		return PASS_STOP;
	default:
		return over(st, i, errno);
	}
}

static enum pass
send_failed(struct stream *st, int i)
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
		t->writable = 0;
		st->side[i].hint = next_hint(st->side[i].hint / 8);
		return PASS_STOP;
	default:
		return broken(st, i, errno);
	}
}

/*
 * Takes n bytes, which were peeked, from the kernel's queue.  TCP can drop
 * them where they are; others copy them.
 */
static int
discard(const struct stream_side *s, uint8_t *buf, size_t n)
{
	ssize_t got;

	while (n > 0) {
		if (s->kind == ADDR_TCP)
			got = tcp_discard(s->fd, n);
		else
			got = recv(s->fd, buf, n, MSG_DONTWAIT);
		if (got == -1 && errno == EINTR)
			continue;
		if (got == 0)
			errno = ECONNRESET; /* disconnected under us */
		if (got <= 0)
			return -1;
		n -= (size_t)got;
	}
	return 0;
}

/* One pass from side i to the other. */
static enum pass
pass(struct stream *st, int i, struct stream_work *work)
{
	struct stream_side *s = &st->side[i], *t = &st->side[!i];
	ssize_t got, sent;

	got = recv(s->fd, work->buf, s->hint, MSG_PEEK | MSG_DONTWAIT);
	if (got == -1)
		return peek_failed(st, i);
	if (got == 0)
		return ended(st, i);
	sent = send(t->fd, work->buf, (size_t)got, SEND_FLAGS);
	if (sent == -1)
		return send_failed(st, i);
	if (discard(s, work->buf, (size_t)sent) == -1)
		return over(st, i, errno);
	counters_add(st->count,
	    i == STREAM_PEER ? COUNT_BYTES_TO_DST : COUNT_BYTES_TO_SRC,
	    (uint64_t)sent);
	counters_touch(st->count, work->now_ms);
	st->moved_ms = work->now_ms;
	work->moved += (uint64_t)sent;
	if (sent < got) {
		s->hint = next_hint((size_t)sent);
		t->writable = 0;
		return PASS_STOP;
	}
	if ((size_t)got == s->hint) {
		s->hint = next_hint((size_t)sent);
		return PASS_MORE;
	}
	if (s->closed)
		return PASS_MORE;
	s->readable = 0;
	s->unsure = 1;
	s->probe = 0; /* the next peek will tell */
	return PASS_STOP;
}

unsigned int
stream_run(struct stream *st, struct stream_work *work)
{
	uint64_t until;
	int i;

	for (i = STREAM_PEER; i <= STREAM_DST; i++) {
		until = work->moved + TURN_BYTES;
		while (can_pass(st, i) && work->moved < until)
			if (pass(st, i, work) == PASS_OVER)
				return STREAM_OVER;
	}
	return wants(st);
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
	if ((what & WATCH_READ) && s->kind == ADDR_TCP)
		s->probe = 1;
	return wants(st);
}

/* Whether a reset lies unseen on side i, as far as a send can tell. */
static enum pass
probe(struct stream *st, int i)
{
	if (st->side[!i].way != WAY_FLOWS ||
	    send(st->side[i].fd, "", 0, SEND_FLAGS) != -1 || errno == EAGAIN ||
	    errno == EINTR)
		return PASS_STOP;
	return broken(st, !i, errno);
}

unsigned int
stream_look(struct stream *st)
{
	struct stream_side *s;
	int i;

	for (i = STREAM_PEER; i <= STREAM_DST; i++) {
		s = &st->side[i];
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
	return wants(st);
}
