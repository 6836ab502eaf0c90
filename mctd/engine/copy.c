/*
 * Bytes by copy: peeked at in the buffer that all sessions share, sent, and
 * as many as were taken discarded.
 *
 * Calls: recvfrom, recvmsg, sendto
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <string.h>

#include "kind.h"
#include "look.h"
#include "mark.h"
#include "pass.h"
#include "tcp.h"

/* What is read to be thrown away goes here again and again. */
#define SCRATCH_BYTES 8192

/* Reads up to n bytes over and over to one place that stays in the cache. */
static ssize_t
read_away(int fd, uint8_t *buf, size_t n)
{
	struct iovec iov[PEEK_BYTES / SCRATCH_BYTES];
	struct msghdr msg;

	memset(&msg, 0, sizeof msg);
	msg.msg_iov = iov;
	while (n > 0) {
		iov[msg.msg_iovlen].iov_base = buf;
		iov[msg.msg_iovlen].iov_len =
		    n < SCRATCH_BYTES ? n : SCRATCH_BYTES;
		n -= iov[msg.msg_iovlen++].iov_len;
	}
	return recvmsg(fd, &msg, MSG_DONTWAIT);
}

/* TCP can drop them where they are; others copy them. */
int
copy_discard(const struct stream_side *s, uint8_t *buf, size_t n)
{
	ssize_t got;

	while (n > 0) {
		if (s->traits & KIND_DISCARDS)
			got = tcp_discard(s->fd, n);
		else
			got = read_away(s->fd, buf, n);
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

enum pass
copy_look(struct stream *st, int i)
{
	uint8_t byte;
	ssize_t got;

	got = recv(st->side[i].fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	if (got == -1)
		return stream_peek_failed(st, i);
	return got == 0 ? stream_ended(st, i) : PASS_MORE;
}

enum pass
copy_pass(struct stream *st, int i, struct stream_work *work)
{
	return copy_some(st, i, work, PEEK_BYTES);
}

enum pass
copy_some(struct stream *st, int i, struct stream_work *work, size_t most)
{
	struct stream_side *s = &st->side[i], *t = &st->side[!i];
	size_t ask = stream_allowed(st, i);
	ssize_t got, sent;

	if (ask > most)
		ask = most;
	if (s->shifted && look_set_place(s->fd, 0) == -1)
		return stream_over(st, i, errno);
	s->shifted = 0;
	got = recv(s->fd, work->buf, ask, MSG_PEEK | MSG_DONTWAIT);
	if (got == -1)
		return stream_peek_failed(st, i);
	if (got == 0)
		return stream_ended(st, i);
	s->shifted = s->shifts;
	mark_set(st->count, i, MARK_SEND, (uint32_t)got);
	sent = send(t->fd, work->buf, (size_t)got, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent == -1)
		return stream_send_failed(st, i);
	if (copy_discard(s, work->buf, (size_t)sent) == -1)
		return stream_over(st, i, errno);
	stream_moved(st, i, (size_t)sent, work);
	if (sent < got) {
		s->hint = stream_next_hint((size_t)sent);
		t->writable = 0;
		t->starved |= !(t->traits & KIND_EDGES);
		return PASS_STOP;
	}
	s->shifted = 0; /* the discarding moved it back */
	if ((size_t)got >= SPLICE_FROM_BYTES &&
	    (s->traits & t->traits & KIND_BULK))
		s->bulk = SPLICES_SHORT;
	if ((size_t)got == ask) {
		if (ask >= s->hint)
			s->hint = stream_next_hint((size_t)sent);
		return PASS_MORE;
	}
	if (s->closed || !(s->traits & KIND_SHORT))
		return PASS_MORE;
	s->readable = 0;
	s->unsure = 1;
	s->probe = 0; /* the next peek will tell */
	return PASS_STOP;
}
