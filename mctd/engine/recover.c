/*
 * Taking over streams, exactly.
 *
 * An engine dies between two system calls.  Then, on the way from s to t,
 *
 *	went = what was ever written to t: TCP counts it.  For other kinds it
 *	       is the published count, which is right unless the death came
 *	       between a send and the count (MARK_SEND), and for pipes in any
 *	       case (MARK_EMPTY says what the count is with the pipe empty).
 *	sent = went less the published count: by the last send, not counted.
 *	held = what lies in the pipe that the counters name as lent to the way.
 *	left = what was sent and is still in the queue of s, to be discarded.
 *
 * left is 0 but in the hand, for a turn ends with nothing undiscarded:
 *	s is TCP	what was read from it is counted as well, so left is
 *			went + held less that.
 *	s is local	a peek of n moved the place of the next peek by n, and
 *			discarding moves it back (MARK_SEND tells n).
 *	other kinds	nothing tells: if something was sent, it is in doubt.
 * A record in the hand is in doubt for all kinds, and so is one of which
 * pieces lay in the engine's memory.  What is in doubt ends: nothing is
 * guessed.
 *
 * End of file.  An error is handed out once, and a TCP socket that was reset
 * gives end of file after that.  While the way to s flows, a s that is gone
 * was reset, for a FIN alone does not close it (stream_ended).  Otherwise, if
 * no error waits, the dead engine may have taken it in its last call: the FIN
 * that the kernel counts with the bytes tells.  s->err then stands for the
 * error.  A local socket is believed: all that was sent into it has come out
 * before its end.  Where nothing tells (others), the end is in doubt.
 *
 * Stores and calls are in an order that lets the next engine do the same
 * again: discard, count, mark.
 *
 * Calls: shutdown
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>

#include "../../common/limits.h"
#include "kind.h"
#include "look.h"
#include "mark.h"
#include "pass.h"
#include "recover.h"

/* Of each side 32 bits: the way out of it, and its error. */
#define WAYS_GATHERS 0x100
#define WAYS_ERR     16 /* bits up */

static int
both_flow(uint64_t ways)
{
	return (ways & (UINT64_C(0xff) << 32 | 0xff)) == 0; /* WAY_FLOWS */
}

void
recover_keep(const struct stream *st)
{
	uint64_t before =
	    atomic_load_explicit(&st->count->ways, memory_order_relaxed);
	const struct stream_side *s;
	uint64_t ways = 0;
	int i;

	for (i = STREAM_DST; i >= STREAM_PEER; i--) {
		s = &st->side[i];
		ways = ways << 32 | (uint32_t)s->err << WAYS_ERR |
		    (s->gather != -1 ? WAYS_GATHERS : 0) | s->way;
	}
	/* silence is counted from there, so the time is to be known first */
	if (both_flow(before) && !both_flow(ways))
		counters_touch(st->count, st->now_ms);
	atomic_store_explicit(&st->count->ways, ways, memory_order_release);
}

/* What no engine keeps: that one was another's when it died. */
static int
is_nonsense(const struct stream *st, int i)
{
	const struct stream_side *s = &st->side[i], *t = &st->side[!i];

	return s->way > WAY_BROKEN || !look_is_errno(s->err) ||
	    (s->err != 0 && t->way == WAY_FLOWS) ||
	    (s->err == 0 && t->way == WAY_BROKEN);
}

/* What was kept; -1: a record was being put together, or it is nonsense. */
static int
take_ways(struct stream *st)
{
	uint64_t ways =
	    atomic_load_explicit(&st->count->ways, memory_order_relaxed);
	int i, gathers = 0;

	for (i = STREAM_PEER; i <= STREAM_DST; i++, ways >>= 32) {
		st->side[i].err = (int)(ways >> WAYS_ERR & 0xffff);
		st->side[i].way = (uint8_t)(ways & 0xff);
		gathers |= (ways & WAYS_GATHERS) != 0;
	}
	return gathers || is_nonsense(st, STREAM_PEER) ||
		is_nonsense(st, STREAM_DST) ?
	    -1 :
	    0;
}

/* Its pipe, if one is lent to it; what nobody wants any more is emptied. */
static void
take_pipe(struct stream *st, int i, struct stream_work *work)
{
	struct stream_side *s = &st->side[i];

	s->pipe = (int16_t)pipes_adopt(&work->pipes, counters_owner(st->id, i));
	if (s->pipe == -1)
		return;
	s->held = look_pipe(work->pipes.at[s->pipe].out);
	if (s->held > 0 && s->way == WAY_FLOWS && !(s->traits & KIND_RECORDS))
		return;
	pipes_return(&work->pipes, s->pipe, work->buf, PEEK_BYTES);
	s->pipe = -1;
	s->held = 0;
}

/* The way out of side i, as far as it is known. */
struct way {
	enum mark mark; /* in the hand of the dead */
	uint32_t figure;
	uint64_t went;
	uint64_t sent;
	int64_t left; /* -1: in doubt */
};

static _Atomic uint64_t *
count_of(const struct stream *st, int i)
{
	return &st->count->count[i == STREAM_PEER ? COUNT_BYTES_TO_DST :
						    COUNT_BYTES_TO_SRC];
}

/*
 * s is gone: whether its FIN is among the bytes taken is to be found out with
 * what is left.  Only what was being sent can be; an error of s was not taken
 * then, for a peek that gave bytes gives no error.
 */
static int
gone_ended(const struct stream *st, int i, struct way *w, int64_t over)
{
	const struct stream_side *s = &st->side[i];
	int64_t sent = w->mark == MARK_SEND ? (int64_t)w->sent : 0;
	int all_left = over + sent == 0 || over + sent == 1;
	int none_left = over == 0 || over == 1;

	w->left = none_left ? 0 : -1;
	if (sent == 0 || !all_left)
		return over == 1;
	if (!none_left) {
		w->left = sent;
		return over + sent == 1;
	}
	/* one byte and its end: or no byte and no end, but then an error */
	w->left = s->err != 0 || look_error(s->fd) ? -1 : sent;
	return 1;
}

static void
from_tcp(struct stream *st, int i, struct way *w)
{
	struct stream_side *s = &st->side[i];
	struct look_tcp from;
	int64_t over;

	if (look_tcp(s->fd, &from) == -1) {
		w->left = -1;
		return;
	}
	over = (int64_t)(from.taken - w->went - s->held);
	if (!from.gone) {
		w->left = (int64_t)(from.ended - (uint64_t)over);
		return;
	}
	if (!gone_ended(st, i, w, over) && st->side[!i].way != WAY_FLOWS &&
	    s->err == 0 && !look_error(s->fd))
		s->err = ECONNRESET;
}

static void
from_local(const struct stream *st, int i, struct way *w)
{
	int place;

	if (w->sent == 0)
		return;
	place = w->mark == MARK_SEND ? look_place(st->side[i].fd) : -1;
	if (place == -1 || (uint32_t)place > w->figure)
		w->left = -1;
	else
		w->left = (int64_t)w->sent + place - w->figure;
}

static void
from_other(const struct stream *st, int i, struct way *w)
{
	const struct stream_side *s = &st->side[i];

	if (w->sent > 0 ||
	    (w->mark == MARK_READ && !(s->traits & KIND_MARKED) &&
		look_ended(s->fd)))
		w->left = -1;
}

/* How much went to the other side; 0, or -1: it takes no more, and says so. */
static int
find_went(const struct stream *st, int i, struct way *w)
{
	const struct stream_side *s = &st->side[i], *t = &st->side[!i];
	uint64_t count =
	    atomic_load_explicit(count_of(st, i), memory_order_relaxed);
	struct look_tcp to;

	w->sent = 0;
	w->left = 0;
	w->went = count;
	if (w->mark == MARK_EMPTY)
		w->went += w->figure - s->held - (uint32_t)count;
	if (!(t->traits & KIND_STATE)) {
		w->left = w->mark == MARK_SEND ? -1 : 0;
		return 0;
	}
	if (look_tcp(t->fd, &to) == -1 || !to.takes)
		return -1;
	w->went = to.written - (i == STREAM_PEER); /* the SYN */
	w->sent = w->went - count;
	if (w->mark == MARK_SEND && w->sent > w->figure)
		w->left = -1; /* more than was peeked at */
	return 0;
}

/* Side i's bytes; 0, or -1: they are in doubt. */
static int
find_way(struct stream *st, int i, const struct mark_left *hand,
    struct stream_work *work)
{
	struct stream_side *s = &st->side[i];
	struct way w = { .mark = MARK_NONE, .figure = hand->figure };

	if (s->way != WAY_FLOWS)
		return 0;
	if (hand->side == i)
		w.mark = hand->mark;
	if (find_went(st, i, &w) == -1)
		return 0;
	if (w.left == 0) {
		if (s->traits & KIND_STATE)
			from_tcp(st, i, &w);
		else if (s->traits & KIND_PIPED)
			from_local(st, i, &w);
		else
			from_other(st, i, &w);
	}
	if (w.left < 0 || w.left > PEEK_BYTES ||
	    (w.left > 0 &&
		(s->held > 0 || !(st->side[!i].traits & KIND_STATE))) ||
	    copy_discard(s, work->buf, (size_t)w.left) == -1)
		return -1;
	atomic_store_explicit(count_of(st, i), w.went, memory_order_relaxed);
	return 0;
}

/* What the end of a way leads to is done once more, it may not have been. */
static enum pass
carry_ends(struct stream *st)
{
	struct stream_side *s, *t;
	int i, ended = 0;

	for (i = STREAM_PEER; i <= STREAM_DST; i++) {
		s = &st->side[i];
		t = &st->side[!i];
		if (s->way == WAY_BROKEN && t->way != WAY_FLOWS)
			return stream_over(st, !i, t->err);
		if (s->way != WAY_ENDED)
			continue;
		ended++;
		if (t->traits & KIND_HALF)
			(void)shutdown(t->fd, SHUT_WR);
		else
			t->last = 1;
	}
	return ended == 2 ? stream_stop(st, END_CLEAN, 0) : PASS_MORE;
}

/* The dead engine had ended it, and may not have said so. */
static int
has_ended(struct stream *st)
{
	uint32_t end =
	    atomic_load_explicit(&st->count->ended, memory_order_relaxed);
	unsigned int reason = counters_end_reason(end);

	if (end == 0)
		return 0;
	if (reason == END_NONE || reason >= END_REASONS ||
	    !look_is_errno(counters_end_err(end)))
		(void)stream_stop(st, END_ENGINE_DIED, 0);
	else
		(void)stream_stop(st, (enum end_reason)reason,
		    counters_end_err(end));
	return 1;
}

unsigned int
recover_stream(struct stream *st, struct stream_work *work)
{
	uint64_t moved_ms =
	    atomic_load_explicit(&st->count->active_ms, memory_order_relaxed);
	struct mark_left hand;
	int i, doubt;

	if (moved_ms < work->now_ms)
		st->moved_ms = moved_ms;
	mark_get(st->count, &hand);
	doubt = take_ways(st);
	for (i = STREAM_PEER; i <= STREAM_DST; i++) {
		take_pipe(st, i, work);
		st->side[i].readable = 1;
	}
	if (has_ended(st))
		return STREAM_OVER;
	for (i = STREAM_PEER; i <= STREAM_DST && doubt == 0; i++)
		doubt = find_way(st, i, &hand, work);
	if (doubt != 0) {
		(void)stream_stop(st, END_ENGINE_DIED, 0);
		return STREAM_OVER;
	}
	recover_keep(st);
	mark_set(st->count, 0, MARK_NONE, 0);
	return carry_ends(st) == PASS_OVER ? STREAM_OVER : STREAM_AGAIN;
}
