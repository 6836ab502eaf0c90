/*
 * Records: peeked at whole, sent whole, discarded whole.  What rides on a
 * local one (descriptors, credentials) has no room in our control buffer
 * beside the time stamp that proves the record, so the kernel drops it.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <string.h>
#include <time.h>

#include "kind.h"
#include "pass.h"

struct record {
	size_t len;
	int is_whole;
	int is_end; /* no record: end of file */
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
	/* SCTP shows the beginning of what its queue cannot hold whole */
	if (s->traits & KIND_HALFBUF && !(msg.msg_flags & MSG_EOR))
		r->is_whole = 0;
	r->had_rights = (msg.msg_flags & MSG_CTRUNC) != 0;
	r->flags = MSG_DONTWAIT | MSG_NOSIGNAL | (msg.msg_flags & MSG_EOR);
	return 0;
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

enum pass
record_pass(struct stream *st, int i, struct stream_work *work)
{
	struct stream_side *s = &st->side[i], *t = &st->side[!i];
	struct record r;

	if (record_peek(s, work, &r) == -1) {
		/* a local socket tells so before it gives its last records */
		if (errno == ECONNRESET && (s->traits & KIND_MARKED))
			return stream_reset(st, i, errno);
		return stream_peek_failed(st, i);
	}
	if (r.is_end)
		return stream_ended(st, i);
	if (!r.is_whole)
		return record_refused(st, EMSGSIZE);
	if (r.len == 0 && !(t->traits & KIND_MARKED))
		return record_refused(st, EINVAL);
	if (r.len > t->most)
		return record_refused(st, EMSGSIZE);
	if (send(t->fd, work->buf, r.len, r.flags) == -1) {
		if (errno == EMSGSIZE)
			return record_refused(st, errno);
		t->starved |= errno == EAGAIN && !(t->traits & KIND_EDGES);
		return stream_send_failed(st, i);
	}
	if (record_discard(s, work, r.len) == -1)
		return stream_over(st, i, errno);
	if (r.had_rights)
		counters_add(st->count, COUNT_DROP_RIGHTS, 1);
	stream_moved(st, i, r.len, work);
	return PASS_MORE;
}
