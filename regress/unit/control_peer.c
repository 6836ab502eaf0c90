/* A client of the control process; see control_rig.h. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "control_rig.h"

#define WAIT_MS 20000

static uint8_t frame[FRAME_MAX];

void
peer_send(int fd, struct frame_out *out)
{
	size_t len = frame_end(out);

	assert_int_equal(send(fd, out->data, len, MSG_NOSIGNAL), len);
}

void
peer_hello(int fd, uint16_t version)
{
	struct proto_hello m = { PROTO_MAGIC, version, 0, FRAME_MAX };
	uint8_t buf[64];
	struct frame_out out;

	frame_begin(&out, buf, sizeof buf, MSG_L2C_HELLO, 0, 1);
	proto_put_hello(&out, &m);
	peer_send(fd, &out);
}

void
peer_plain(int fd, uint16_t type, uint32_t request)
{
	uint8_t buf[FRAME_HEADER];
	struct frame_out out;

	frame_begin(&out, buf, sizeof buf, type, 0, request);
	peer_send(fd, &out);
}

void
peer_list(int fd, uint32_t request, uint8_t what, uint32_t cursor)
{
	struct proto_list m = { what, cursor };
	uint8_t buf[64];
	struct frame_out out;

	frame_begin(&out, buf, sizeof buf, MSG_L2C_LIST, 0, request);
	proto_put_list(&out, &m);
	peer_send(fd, &out);
}

void
peer_events(int fd, uint32_t request, uint8_t flags, uint32_t from)
{
	struct proto_events m = { flags, from };
	uint8_t buf[64];
	struct frame_out out;

	frame_begin(&out, buf, sizeof buf, MSG_L2C_EVENTS, 0, request);
	proto_put_events(&out, &m);
	peer_send(fd, &out);
}

static void
recv_all(int fd, uint8_t *to, size_t len)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;

	while (len > 0) {
		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
		n = recv(fd, to, len, MSG_DONTWAIT);
		assert_true(n > 0);
		to += n;
		len -= (size_t)n;
	}
}

void
peer_recv(int fd, struct frame_in *in)
{
	size_t len;

	recv_all(fd, frame, 4);
	len = (size_t)frame[2] << 8 | frame[3];
	assert_true(len >= FRAME_HEADER && len <= FRAME_MAX);
	recv_all(fd, frame + 4, len - 4);
	assert_int_equal(frame_open(in, frame, len), 0);
}

void
peer_error(int fd, uint32_t request, uint32_t err, const char *words)
{
	struct proto_error m;
	struct frame_in in;

	peer_recv(fd, &in);
	assert_int_equal(in.type, MSG_C2L_ERROR);
	assert_int_equal(in.request, request);
	proto_get_error(&in, &m);
	assert_int_equal(frame_done(&in), 0);
	assert_int_equal(m.err, err);
	if (strstr(m.text, words) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", words, m.text);
}

void
peer_end(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint8_t byte;
	ssize_t n;

	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	n = recv(fd, &byte, 1, MSG_DONTWAIT);
	/* Unread bytes at the other side make it a reset. */
	assert_true(n == 0 || (n == -1 && errno == ECONNRESET));
	close(fd);
}

void
peer_alive(int fd, uint32_t request)
{
	struct frame_in in;

	peer_list(fd, request, LIST_SUMMARY, 0);
	peer_recv(fd, &in);
	assert_int_equal(in.type, MSG_C2L_RECORDS);
	assert_int_equal(in.request, request);
}
