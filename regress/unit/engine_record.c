/* See engine_record.h. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>

#include <errno.h>
#include <poll.h>

#include "engine_record.h"
#include "engine_rig.h"

uint8_t erecord_buf[PEEK_BYTES + 4096];

const size_t erecord_sizes[ERECORD_SIZES] = { 1, 100, 100, 0, 65536, 2, 0, 0,
	4096, 4095, 4097, 70000, 1, 200000, 3, 0, 16384 };

void
erecord_fill(size_t len, unsigned int n)
{
	size_t i;

	assert_in_range(len, 0, sizeof erecord_buf);
	for (i = 0; i < len; i++)
		erecord_buf[i] = (uint8_t)(n * 31 + i + (i >> 8) * 7);
}

int
erecord_give_now(int fd, size_t len, unsigned int n)
{
	ssize_t sent;

	erecord_fill(len, n);
	sent =
	    send(fd, erecord_buf, len, MSG_DONTWAIT | MSG_NOSIGNAL | MSG_EOR);
	if (sent == -1 && errno == EAGAIN)
		return 0;
	assert_return_code(sent, errno);
	assert_int_equal(sent, len);
	return 1;
}

void
erecord_give(int fd, size_t len, unsigned int n)
{
	while (!erecord_give_now(fd, len, n))
		erig_poll(fd, POLLOUT);
}

void
erecord_expect(int fd, size_t len, unsigned int n)
{
	static uint8_t got[sizeof erecord_buf];
	char room[256];
	struct iovec iov = { .iov_base = got, .iov_len = sizeof got };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = room,
		.msg_controllen = sizeof room };

	erig_poll(fd, POLLIN);
	assert_int_equal(recvmsg(fd, &msg, MSG_DONTWAIT), len);
	assert_false(msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC));
	assert_int_equal(msg.msg_controllen, 0);
	erecord_fill(len, n);
	assert_memory_equal(got, erecord_buf, len);
}

void
erecord_expect_nothing(int fd)
{
	assert_int_equal(recv(fd, erecord_buf, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
}
