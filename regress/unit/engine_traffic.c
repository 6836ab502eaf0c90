/* Sessions and their traffic; see engine_rig.h. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "engine_rig.h"

#define CHUNK 65536
#define FLOWS 64 /* at once */

static void
set_int(int fd, int option, int value)
{
	assert_return_code(setsockopt(fd, SOL_SOCKET, option, &value,
			       sizeof value),
	    errno);
}

static void
tcp_pair(int fd[2], int buffer_bytes)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t len = sizeof in;
	int listener;

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_return_code(listener, errno);
	if (buffer_bytes > 0) {
		set_int(listener, SO_SNDBUF, buffer_bytes);
		set_int(listener, SO_RCVBUF, buffer_bytes);
	}
	assert_return_code(bind(listener, (struct sockaddr *)&in, sizeof in),
	    errno);
	assert_return_code(listen(listener, 1), errno);
	assert_return_code(getsockname(listener, (struct sockaddr *)&in, &len),
	    errno);
	fd[1] = socket(AF_INET, SOCK_STREAM, 0);
	assert_return_code(fd[1], errno);
	if (buffer_bytes > 0)
		set_int(fd[1], SO_RCVBUF, buffer_bytes);
	assert_return_code(connect(fd[1], (struct sockaddr *)&in, sizeof in),
	    errno);
	fd[0] = accept(listener, NULL, NULL);
	assert_return_code(fd[0], errno);
	close(listener);
}

void
erig_pair(struct erig_side *side, enum addr_kind kind, int buffer_bytes)
{
	int fd[2], i;

	if (kind == ADDR_TCP)
		tcp_pair(fd, buffer_bytes);
	else
		assert_return_code(socketpair(AF_UNIX,
				       kind == ADDR_UNIXSEQ ? SOCK_SEQPACKET :
							      SOCK_STREAM,
				       0, fd),
		    errno);
	for (i = 0; i < 2; i++)
		assert_return_code(fcntl(fd[i], F_SETFL, O_NONBLOCK), errno);
	set_int(fd[0], SO_OOBINLINE, 1);
	if (kind == ADDR_UNIXSEQ)
		set_int(fd[0], SO_TIMESTAMPNS, 1);
	if (buffer_bytes > 0)
		set_int(fd[0], SO_SNDBUF, buffer_bytes);
	side->inside = fd[0];
	side->outside = fd[1];
	side->kind = (uint8_t)kind;
}

void
erig_dst_pair(struct erig_side *side, enum addr_kind kind, int buffer_bytes)
{
	int inside;

	erig_pair(side, kind, buffer_bytes);
	if (kind != ADDR_TCP)
		return;
	inside = side->outside;
	side->outside = side->inside;
	side->inside = inside;
	set_int(inside, SO_OOBINLINE, 1);
	if (buffer_bytes > 0)
		set_int(inside, SO_SNDBUF, buffer_bytes);
}

void
erig_close_pair(struct erig_side *side)
{
	close(side->inside);
	if (side->outside != -1)
		close(side->outside);
}

void
erig_sessions(struct erig *rig, uint32_t slot, const struct erig_side *peer,
    const struct erig_side *dst, uint16_t n)
{
	int fds[2 * HAND_OVER_PAIRS];
	uint8_t buf[FRAME_MAX];
	struct frame_out out;
	struct inner_session m;
	uint16_t i;

	memset(&m, 0, sizeof m);
	frame_begin(&out, buf, sizeof buf, MSG_P2E_SESSIONS, 0, 0);
	frame_put_u16(&out, n);
	for (i = 0; i < n; i++) {
		m.slot = slot + i;
		m.id = 1000 + slot + i;
		m.serial = ++rig->serial;
		m.peer_kind = peer[i].kind;
		m.dst_kind = dst[i].kind;
		inner_put_session(&out, &m);
		fds[2 * i] = peer[i].inside;
		fds[2 * i + 1] = dst[i].inside;
	}
	erig_send(rig, &out, fds, 2 * (size_t)n);
}

void
erig_session_as(struct erig *rig, struct inner_session *m,
    const struct erig_side *peer, const struct erig_side *dst)
{
	int fds[2] = { peer->inside, dst->inside };
	uint8_t buf[256];
	struct frame_out out;

	if (m->id == 0)
		m->id = 1000 + m->slot;
	m->serial = ++rig->serial;
	m->peer_kind = peer->kind;
	m->dst_kind = dst->kind;
	frame_begin(&out, buf, sizeof buf, MSG_P2E_SESSIONS, 0, 0);
	frame_put_u16(&out, 1);
	inner_put_session(&out, m);
	erig_send(rig, &out, fds, 2);
}

void
erig_session(struct erig *rig, uint32_t slot, const struct erig_side *peer,
    const struct erig_side *dst, uint32_t idle_ms, uint32_t half_closed_ms)
{
	struct inner_session m = { .slot = slot,
		.idle_ms = idle_ms,
		.half_closed_ms = half_closed_ms };

	erig_session_as(rig, &m, peer, dst);
}

void
erig_close(struct erig *rig, uint32_t slot, uint64_t serial)
{
	struct inner_which m = { .slot = slot, .serial = serial };
	uint8_t buf[64];
	struct frame_out out;

	frame_begin(&out, buf, sizeof buf, MSG_P2E_CLOSE, 0, 0);
	inner_put_which(&out, &m);
	erig_send(rig, &out, NULL, 0);
}

void
erig_reset(int fd)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	assert_return_code(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger,
			       sizeof linger),
	    errno);
	close(fd);
}

/* The pattern: no period that a buffer's size could hide. */
static uint8_t
pattern(size_t at)
{
	return (uint8_t)((at * 2654435761u) >> 13 ^ at >> 7);
}

size_t
erig_write_some(int fd, size_t from, size_t n, int flags)
{
	uint8_t buf[CHUNK];
	ssize_t sent;
	size_t i;

	if (n > sizeof buf)
		n = sizeof buf;
	for (i = 0; i < n; i++)
		buf[i] = pattern(from + i);
	sent = send(fd, buf, n, flags | MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent == -1 && errno == EAGAIN)
		return 0;
	assert_return_code(sent, errno);
	return (size_t)sent;
}

size_t
erig_read_some(int fd, size_t from, size_t n)
{
	uint8_t buf[CHUNK];
	ssize_t got;
	size_t i;

	got = recv(fd, buf, n < sizeof buf ? n : sizeof buf, MSG_DONTWAIT);
	if (got == -1 && errno == EAGAIN)
		return 0;
	assert_return_code(got, errno);
	assert_int_not_equal(got, 0);
	for (i = 0; i < (size_t)got; i++)
		if (buf[i] != pattern(from + i))
			fail_msg("byte %zu is wrong", from + i);
	return (size_t)got;
}

/* Where in the pattern the bytes begin that go out of side i. */
static size_t
begin_of(size_t flow, int i)
{
	return (2 * flow + (size_t)i) * 77777777;
}

/* What poll said of side i. */
static void
flow_step(struct erig_flow *f, size_t flow, int i, const struct pollfd *p,
    size_t chunk)
{
	int o = !i;

	if (p->revents & POLLOUT)
		f->written[i] +=
		    erig_write_some(f->fd[i], begin_of(flow, i) + f->written[i],
			f->want[i] - f->written[i], 0);
	if (p->events & POLLIN && p->revents & ~POLLOUT)
		f->done[o] += erig_read_some(f->fd[i],
		    begin_of(flow, o) + f->done[o], chunk);
}

enum erig_took
erig_take(int fd, size_t from, size_t n, size_t *took)
{
	uint8_t buf[CHUNK];
	ssize_t got;
	size_t i;

	*took = 0;
	got = recv(fd, buf, n < sizeof buf ? n : sizeof buf, MSG_DONTWAIT);
	if (got == -1 && errno == EAGAIN)
		return ERIG_NOTHING;
	if (got == -1) {
		assert_int_equal(errno, ECONNRESET);
		return ERIG_RESET;
	}
	for (i = 0; i < (size_t)got; i++)
		if (buf[i] != pattern(from + i))
			fail_msg("byte %zu is wrong", from + i);
	*took = (size_t)got;
	return got == 0 ? ERIG_END : ERIG_BYTES;
}

void
erig_exchange_all(struct erig_flow *flows, size_t n, size_t chunk)
{
	struct pollfd p[2 * FLOWS];
	struct erig_flow *f;
	size_t k, left;
	int i;

	assert_in_range(n, 1, FLOWS);
	for (;;) {
		left = 0;
		for (k = 0; k < 2 * n; k++) {
			f = &flows[k / 2];
			i = k & 1;
			p[k].events = 0;
			if (f->done[!i] < f->want[!i])
				p[k].events |= POLLIN;
			if (f->written[i] < f->want[i])
				p[k].events |= POLLOUT;
			p[k].fd = p[k].events == 0 ? -1 : f->fd[i];
			left += f->want[i] - f->done[i];
		}
		if (left == 0)
			return;
		assert_true(poll(p, 2 * n, 20000) > 0);
		for (k = 0; k < 2 * n; k++)
			if (p[k].fd != -1)
				flow_step(&flows[k / 2], k / 2, k & 1, &p[k],
				    chunk);
	}
}

void
erig_exchange(int a, int b, size_t a_to_b, size_t b_to_a, size_t chunk)
{
	struct erig_flow flow = { .fd = { a, b }, .want = { a_to_b, b_to_a } };

	erig_exchange_all(&flow, 1, chunk);
}

void
erig_write(int fd, size_t from, size_t n)
{
	size_t sent;

	while (n > 0) {
		erig_poll(fd, POLLOUT);
		sent = erig_write_some(fd, from, n, 0);
		from += sent;
		n -= sent;
	}
}

void
erig_read(int fd, size_t from, size_t n)
{
	size_t got;

	while (n > 0) {
		erig_poll(fd, POLLIN);
		got = erig_read_some(fd, from, n);
		from += got;
		n -= got;
	}
}

void
erig_read_end(int fd, int err)
{
	char c;
	ssize_t n;

	erig_poll(fd, POLLIN);
	n = recv(fd, &c, 1, MSG_DONTWAIT);
	assert_int_equal(n, err == 0 ? 0 : -1);
	if (err != 0)
		assert_int_equal(errno, err);
}

void
erig_read_pipe_end(int fd)
{
	char c;

	erig_poll(fd, POLLHUP);
	assert_int_equal(read(fd, &c, 1), 0);
}

void
erig_write_descriptor(int fd, size_t from, size_t n, int descriptor)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	uint8_t bytes[1024];
	struct iovec iov = { .iov_base = bytes, .iov_len = n };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof control.room };
	struct cmsghdr *c;
	size_t i;

	assert_in_range(n, 1, sizeof bytes);
	for (i = 0; i < n; i++)
		bytes[i] = pattern(from + i);
	memset(&control, 0, sizeof control);
	c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof descriptor);
	memcpy(CMSG_DATA(c), &descriptor, sizeof descriptor);
	assert_int_equal(sendmsg(fd, &msg, MSG_NOSIGNAL), n);
}
