/*
 * Records: peeked at whole, sent whole, discarded whole.  What rides on a
 * local one (descriptors, credentials) has no room in our control buffer
 * beside the time stamp that proves the record, so the kernel drops it.
 *
 * When its queue is full SCTP hands out a record in pieces, and the next one
 * comes only when those before are taken.  They are put together in a place
 * of the engine's, and sent when the record is whole.
 *
 * Calls: recvfrom, recvmsg, sendto
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <string.h>
#include <time.h>

#include "kind.h"
#include "mark.h"
#include "pass.h"
#include "recover.h"

struct record {
	size_t len;
	int is_whole;
	int is_piece; /* more of it follows */
	int is_end;   /* no record: end of file */
	int had_rights;
	int flags; /* to send it with */
};

/* 0, or -1 with errno.  What does not fit is not whole. */
static int
record_peek(const struct stream_side *s, struct stream_work *work,
    struct record *r)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(struct timespec))];
	} control;
	struct iovec iov;
	struct msghdr msg;
	ssize_t got;

	memset(&msg, 0, sizeof msg);
	iov.iov_base = work->buf;
	iov.iov_len = PEEK_BYTES;
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	if (s->traits & KIND_MARKED) {
		msg.msg_control = control.room;
		msg.msg_controllen = sizeof control.room;
	}
	got = recvmsg(s->fd, &msg, MSG_PEEK | MSG_DONTWAIT);
	if (got == -1)
		return -1;
	r->len = (size_t)got;
	r->is_end = got == 0 && msg.msg_controllen == 0;
	r->is_whole = !(msg.msg_flags & MSG_TRUNC);
	r->is_piece = (s->traits & KIND_HALFBUF) && !r->is_end &&
	    !(msg.msg_flags & MSG_EOR);
	r->had_rights = (msg.msg_flags & MSG_CTRUNC) != 0;
	r->flags = MSG_DONTWAIT | MSG_NOSIGNAL | (msg.msg_flags & MSG_EOR);
	return 0;
}

/*
 * A local socket looks for a record first, and for its end then: one that
 * came in between is there when it is asked again.
 */
static int
record_look(const struct stream_side *s, struct stream_work *work,
    struct record *r)
{
	if (record_peek(s, work, r) == -1)
		return -1;
	return r->is_end ? record_peek(s, work, r) : 0;
}

static int
record_discard(const struct stream_side *s, struct stream_work *work,
    size_t len)
{
	ssize_t got;

	/* the rest of a local record goes with its first byte */
	if (s->traits & KIND_MARKED)
		len = 1;
	do
		got = recv(s->fd, work->buf, len, MSG_DONTWAIT);
	while (got == -1 && errno == EINTR);
	return got == -1 ? -1 : 0;
}

/* It cannot be carried, now or later: the session ends, and says so. */
static enum pass
record_refused(struct stream *st, int err)
{
	return stream_stop(st, END_RECORD, err);
}

/* It takes pieces until it is whole, or there is none now. */
static enum pass
gather_more(struct stream *st, int i, struct stream_work *work)
{
	struct stream_side *s = &st->side[i];
	struct gathers *g = &work->gathers;
	struct iovec iov;
	struct msghdr msg;
	ssize_t got;

	iov.iov_base = g->at[s->gather] + g->used[s->gather];
	iov.iov_len = PEEK_BYTES - g->used[s->gather];
	if (iov.iov_len == 0)
		return record_refused(st, EMSGSIZE);
	memset(&msg, 0, sizeof msg);
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	got = recvmsg(s->fd, &msg, MSG_DONTWAIT);
	if (got == -1)
		return stream_peek_failed(st, i);
	if (got == 0) /* it ended in the middle of a record */
		return stream_over(st, i, ECONNRESET);
	g->used[s->gather] += (uint32_t)got;
	if (msg.msg_flags & MSG_EOR) {
		g->whole[s->gather] = 1;
		s->held = g->used[s->gather];
	}
	return PASS_MORE;
}

static enum pass
gather_pass(struct stream *st, int i, struct stream_work *work)
{
	struct stream_side *s = &st->side[i], *t = &st->side[!i];
	struct gathers *g = &work->gathers;
	size_t len = g->used[s->gather];

	if (!g->whole[s->gather])
		return gather_more(st, i, work);
	if (len > t->most)
		return record_refused(st, EMSGSIZE);
	mark_set(st->count, i, MARK_SEND, 0);
	if (send(t->fd, g->at[s->gather], len,
		MSG_DONTWAIT | MSG_NOSIGNAL | MSG_EOR) == -1)
		return errno == EMSGSIZE ? record_refused(st, errno) :
					   stream_send_failed(st, i);
	stream_moved(st, i, len, work);
	gather_return(g, s->gather);
	s->gather = -1;
	s->held = 0;
	recover_keep(st);
	return PASS_MORE;
}

/* The first piece lies there. */
static enum pass
gather_begin(struct stream *st, int i, struct stream_work *work)
{
	struct stream_side *s = &st->side[i];

	s->gather = (int8_t)gather_borrow(&work->gathers);
	s->gather_ms = work->now_ms;
	if (s->gather != -1) {
		recover_keep(st);
		return PASS_MORE;
	}
	s->readable = 0; /* all are taken: a look later */
	s->unsure = 1;
	return PASS_STOP;
}

enum pass
record_pass(struct stream *st, int i, struct stream_work *work)
{
	struct stream_side *s = &st->side[i], *t = &st->side[!i];
	struct record r;
	int err = 0;

	if (s->gather != -1)
		return gather_pass(st, i, work);
	if (record_look(s, work, &r) == -1) {
		/* a local socket tells so before it gives its last records */
		if (errno == ECONNRESET && (s->traits & KIND_MARKED))
			return stream_reset(st, i, errno);
		return stream_peek_failed(st, i);
	}
	if (r.is_end)
		return stream_ended(st, i);
	if (r.is_piece)
		return gather_begin(st, i, work);
	if (!r.is_whole)
		return record_refused(st, EMSGSIZE);
	if (r.len == 0 && !(t->traits & KIND_MARKED))
		return record_refused(st, EINVAL);
	if (r.len > t->most)
		return record_refused(st, EMSGSIZE);
	mark_set(st->count, i, MARK_SEND, (uint32_t)r.len);
	if (send(t->fd, work->buf, r.len, r.flags) == -1) {
		if (errno == EMSGSIZE)
			return record_refused(st, errno);
		return stream_send_failed(st, i);
	}
	/* a reset that came meanwhile is told first, and once */
	if (record_discard(s, work, r.len) == -1 &&
	    ((err = errno) != ECONNRESET ||
		record_discard(s, work, r.len) == -1))
		return stream_over(st, i, err);
	if (r.had_rights)
		counters_add(st->count, COUNT_DROP_RIGHTS, 1);
	stream_moved(st, i, r.len, work);
	return err == 0 ? PASS_MORE : stream_reset(st, i, err);
}
