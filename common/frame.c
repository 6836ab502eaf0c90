/*
 * Frames: encoding, decoding, and their way over sockets.
 *
 * Calls: close, recvfrom, recvmsg, sendto
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "frame.h"

/* Descriptors that one packet may bring, beyond which the rest is closed. */
#define PACKET_FDS (2 * HAND_OVER_PAIRS)

static void
put_number(struct frame_out *out, uint64_t value, size_t bytes)
{
	size_t i;

	if (out->bad || out->size - out->at < bytes) {
		out->bad = 1;
		return;
	}
	for (i = bytes; i > 0; i--) {
		out->data[out->at + i - 1] = (uint8_t)(value & 0xff);
		value >>= 8;
	}
	out->at += bytes;
}

static uint64_t
get_number(struct frame_in *in, size_t bytes)
{
	uint64_t value = 0;
	size_t i;

	if (in->bad || in->size - in->at < bytes) {
		in->bad = 1;
		return 0;
	}
	for (i = 0; i < bytes; i++)
		value = value << 8 | in->data[in->at + i];
	in->at += bytes;
	return value;
}

void
frame_begin(struct frame_out *out, void *buf, size_t size, uint16_t type,
    uint16_t flags, uint32_t request)
{
	out->data = buf;
	out->size = size < FRAME_MAX ? size : FRAME_MAX;
	out->at = 0;
	out->bad = 0;
	put_number(out, 0, 4); /* the length, when it is known */
	put_number(out, type, 2);
	put_number(out, flags, 2);
	put_number(out, request, 4);
}

void
frame_put_u8(struct frame_out *out, uint8_t value)
{
	put_number(out, value, 1);
}

void
frame_put_u16(struct frame_out *out, uint16_t value)
{
	put_number(out, value, 2);
}

void
frame_put_u32(struct frame_out *out, uint32_t value)
{
	put_number(out, value, 4);
}

void
frame_put_u64(struct frame_out *out, uint64_t value)
{
	put_number(out, value, 8);
}

void
frame_put_bytes(struct frame_out *out, const void *bytes, size_t len)
{
	if (out->bad || out->size - out->at < len) {
		out->bad = 1;
		return;
	}
	if (len > 0)
		memcpy(out->data + out->at, bytes, len);
	out->at += len;
}

void
frame_put_text(struct frame_out *out, const char *text)
{
	size_t len = strlen(text);

	if (len > UINT16_MAX) {
		out->bad = 1;
		return;
	}
	put_number(out, len, 2);
	frame_put_bytes(out, text, len);
}

size_t
frame_end(struct frame_out *out)
{
	size_t len = out->at;

	if (out->bad)
		return 0;
	out->at = 0;
	put_number(out, len, 4);
	out->at = len;
	return len;
}

int
frame_open(struct frame_in *in, const void *buf, size_t len)
{
	uint64_t length;

	in->data = buf;
	in->size = len;
	in->at = 0;
	in->bad = 0;
	length = get_number(in, 4);
	in->type = (uint16_t)get_number(in, 2);
	in->flags = (uint16_t)get_number(in, 2);
	in->request = (uint32_t)get_number(in, 4);
	if (in->bad || length != len || len > FRAME_MAX) {
		in->bad = 1;
		errno = EBADMSG;
		return -1;
	}
	return 0;
}

uint8_t
frame_get_u8(struct frame_in *in)
{
	return (uint8_t)get_number(in, 1);
}

uint16_t
frame_get_u16(struct frame_in *in)
{
	return (uint16_t)get_number(in, 2);
}

uint32_t
frame_get_u32(struct frame_in *in)
{
	return (uint32_t)get_number(in, 4);
}

uint64_t
frame_get_u64(struct frame_in *in)
{
	return get_number(in, 8);
}

void
frame_get_bytes(struct frame_in *in, void *bytes, size_t len)
{
	if (in->bad || in->size - in->at < len) {
		in->bad = 1;
		memset(bytes, 0, len);
		return;
	}
	if (len > 0)
		memcpy(bytes, in->data + in->at, len);
	in->at += len;
}

void
frame_get_text(struct frame_in *in, char *text, size_t size)
{
	size_t len = (size_t)get_number(in, 2);

	if (in->bad || len >= size || in->size - in->at < len ||
	    memchr(in->data + in->at, '\0', len) != NULL) {
		in->bad = 1;
		text[0] = '\0';
		return;
	}
	frame_get_bytes(in, text, len);
	text[len] = '\0';
}

int
frame_done(const struct frame_in *in)
{
	if (in->bad || in->at != in->size) {
		errno = EBADMSG;
		return -1;
	}
	return 0;
}

void
frame_reader_reset(struct frame_reader *r)
{
	r->have = 0;
	r->used = 0;
}

/* Forgets the frame handed out last, so that its room can be read into. */
static void
reader_compact(struct frame_reader *r)
{
	if (r->used == 0)
		return;
	r->have -= r->used;
	memmove(r->buf, r->buf + r->used, r->have);
	r->used = 0;
}

int
frame_fill(struct frame_reader *r, int fd)
{
	ssize_t n;

	reader_compact(r);
	if (r->have == sizeof r->buf)
		return 1; /* a whole frame is there, or its length is bad */
	n = recv(fd, r->buf + r->have, sizeof r->buf - r->have, MSG_DONTWAIT);
	if (n == 0) {
		errno = EPIPE;
		return -1;
	}
	if (n == -1) {
		if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
			return 0;
		return -1;
	}
	r->have += (size_t)n;
	return 1;
}

int
frame_next(struct frame_reader *r, struct frame_in *in)
{
	struct frame_in head;
	size_t length;

	reader_compact(r);
	if (r->have < 4)
		return 0;
	head.data = r->buf;
	head.size = r->have;
	head.at = 0;
	head.bad = 0;
	length = (size_t)get_number(&head, 4);
	if (length < FRAME_HEADER || length > FRAME_MAX) {
		errno = EBADMSG;
		return -1;
	}
	if (r->have < length)
		return 0;
	if (frame_open(in, r->buf, length) == -1)
		return -1;
	r->used = length;
	return 1;
}

int
frame_take(struct frame_reader *r, int fd, struct frame_in *in)
{
	ssize_t n;
	int got;

	frame_reader_reset(r);
	n = recv(fd, r->buf, sizeof r->buf, MSG_PEEK | MSG_DONTWAIT);
	if (n == 0) {
		errno = EPIPE;
		return -1;
	}
	if (n == -1) {
		if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
			return 0;
		return -1;
	}
	r->have = (size_t)n;
	got = frame_next(r, in);
	if (got != 1)
		return got;
	r->have = r->used;
	n = recv(fd, r->buf, r->used, MSG_DONTWAIT);
	if (n != (ssize_t)r->used) { /* urgent bytes among them, or the like */
		errno = EBADMSG;
		return -1;
	}
	return 1;
}

size_t
frame_partial(const struct frame_reader *r)
{
	return r->have - r->used;
}

void
frame_queue_reset(struct frame_queue *q)
{
	q->have = 0;
	q->sent = 0;
}

int
frame_queue_add(struct frame_queue *q, const void *frame, size_t len)
{
	if (q->sent > 0) {
		q->have -= q->sent;
		memmove(q->buf, q->buf + q->sent, q->have);
		q->sent = 0;
	}
	if (sizeof q->buf - q->have < len) {
		errno = ENOBUFS;
		return -1;
	}
	memcpy(q->buf + q->have, frame, len);
	q->have += len;
	return 0;
}

int
frame_flush(struct frame_queue *q, int fd)
{
	ssize_t n;

	while (q->sent < q->have) {
		n = send(fd, q->buf + q->sent, q->have - q->sent,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n == -1) {
			if (errno == EINTR)
				continue;
			if (errno == EAGAIN || errno == EWOULDBLOCK)
				return 0;
			return -1;
		}
		q->sent += (size_t)n;
	}
	frame_queue_reset(q);
	return 1;
}

int
frame_packet_send(int fd, const void *frame, size_t len)
{
	ssize_t n;

	do
		n = send(fd, frame, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n == -1 && errno == EINTR);
	return n == -1 ? -1 : 0;
}

/* Takes the descriptors of a control message; the ones too many are closed. */
static void
packet_fds(struct msghdr *msg, int *fds, size_t max, size_t *nfds)
{
	struct cmsghdr *c;
	size_t i, n;
	int fd;

	for (c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof fd;
		for (i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
			if (*nfds < max)
				fds[(*nfds)++] = fd;
			else {
				close(fd);
				msg->msg_flags |= MSG_CTRUNC;
			}
		}
	}
}

long
frame_packet_recv(int fd, void *buf, size_t size, int *fds, size_t max,
    size_t *nfds)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(PACKET_FDS * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = buf, .iov_len = size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	*nfds = 0;
	if (max > 0) {
		msg.msg_control = control.room;
		msg.msg_controllen = sizeof control.room;
	}
	do
		n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		return -1;
	packet_fds(&msg, fds, max, nfds);
	if (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		while (*nfds > 0)
			close(fds[--*nfds]);
		errno = EBADMSG;
		return -1;
	}
	return (long)n;
}
