/*
 * What the kernel does with a frame on a local stream: it takes it at once or
 * not at all, from who has seen to it.  The take-over of clients rests on it.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../../common/limits.h"
#include "../../mctd/parent/system.h"

static uint8_t bytes[FRAME_MAX];

/* Sends until there is no room; each time whole, or nothing. */
static unsigned int
fill(int fd, size_t len)
{
	unsigned int n = 0;
	ssize_t sent;

	while (
	    (sent = send(fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL)) != -1) {
		assert_int_equal(sent, len);
		n++;
	}
	assert_int_equal(errno, EAGAIN);
	return n;
}

static void
frame_is_sent_whole_or_not_at_all(void **state)
{
	static const size_t sizes[] = { 1, 12, 4096, 4097, 10000, FRAME_MAX - 1,
		FRAME_MAX };
	unsigned int k;
	size_t i, left;
	ssize_t n;
	int pair[2];

	(void)state;
	for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		assert_return_code(socketpair(AF_LOCAL, SOCK_STREAM, 0, pair),
		    errno);
		assert_int_equal(system_send_whole(pair[0], FRAME_MAX), 0);
		assert_true(fill(pair[0], sizes[i]) > 1);
		for (k = 1; k < 200;
		     k++) { /* with more or less room each time */
			left = k * 97 % 5000;
			while (left > 0) {
				n = recv(pair[1], bytes, left, MSG_DONTWAIT);
				if (n <= 0)
					break;
				left -= (size_t)n;
			}
			(void)fill(pair[0], sizes[i]);
		}
		close(pair[0]);
		close(pair[1]);
	}
}

/* The check of it tells: a small buffer would not do. */
static void
too_much_for_the_buffer_is_told(void **state)
{
	int pair[2];

	(void)state;
	assert_return_code(socketpair(AF_LOCAL, SOCK_STREAM, 0, pair), errno);
	assert_int_equal(system_send_whole(pair[0], 256 * 1024 * 1024), -1);
	close(pair[0]);
	close(pair[1]);
	assert_int_equal(system_send_whole(-1, FRAME_MAX), -1);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(frame_is_sent_whole_or_not_at_all),
		cmocka_unit_test(too_much_for_the_buffer_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
