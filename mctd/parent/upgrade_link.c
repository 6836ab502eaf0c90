/*
 * The socket of an upgrade.
 *
 * Calls: clock_nanosleep, close, poll
 */

#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "../../common/clock.h"
#include "channel.h"
#include "upgrade_link.h"
#include "upgrade_wire.h"

/* 0, or -1 with ETIMEDOUT. */
static int
wait_for(int fd, short what, uint64_t deadline_ms)
{
	struct pollfd p = { .fd = fd, .events = what };
	uint64_t now_ms = clock_ms();
	int n;

	n = now_ms >= deadline_ms ? 0 :
				    poll(&p, 1, (int)(deadline_ms - now_ms));
	if (n > 0 || (n == -1 && errno == EINTR))
		return 0;
	errno = ETIMEDOUT;
	return -1;
}

int
upgrade_link_is_open(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) <= 0;
}

int
upgrade_link_send(int fd, struct frame_out *out, const int *fds, size_t nfds)
{
	static const struct timespec pause = { .tv_nsec = 1000000 };
	uint64_t deadline_ms = clock_ms() + UPGRADE_S * 1000;
	size_t len = frame_end(out);

	while (channel_send(fd, out->data, len, fds, nfds) == -1) {
		if (errno == EAGAIN || errno == EWOULDBLOCK) {
			if (wait_for(fd, POLLOUT, deadline_ms) == -1)
				return -1;
		} else if (errno == ENOBUFS || errno == ENOMEM ||
		    errno == ETOOMANYREFS) {
			/* the other one makes room by reading */
			if (clock_ms() >= deadline_ms)
				return -1;
			(void)nanosleep(&pause, NULL);
		} else
			return -1;
	}
	return 0;
}

int
upgrade_link_send_short(int fd, uint16_t type)
{
	struct frame_out out;
	uint8_t buf[UPGRADE_SHORT];

	frame_begin(&out, buf, sizeof buf, type, 0, 0);
	return upgrade_link_send(fd, &out, NULL, 0);
}

int
upgrade_link_send_error(int fd, const char *text)
{
	struct frame_out out;
	uint8_t buf[FRAME_HEADER + 2 + TEXT_BYTES];

	frame_begin(&out, buf, sizeof buf, MSG_O2N_ERROR, 0, 0);
	frame_put_text(&out, text);
	return upgrade_link_send(fd, &out, NULL, 0);
}

int
upgrade_link_recv(int fd, void *buf, struct frame_in *in, int *fds,
    size_t *nfds)
{
	uint64_t deadline_ms = clock_ms() + UPGRADE_S * 1000;
	size_t max = fds != NULL ? UPGRADE_FDS : 0;
	long n;

	do {
		if (wait_for(fd, POLLIN, deadline_ms) == -1)
			return -1;
		n = frame_packet_recv(fd, buf, FRAME_MAX, fds, max, nfds);
	} while (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK));
	if (n == 0) {
		errno = EPIPE;
		return -1;
	}
	if (n == -1)
		return -1;
	if (frame_open(in, buf, (size_t)n) == 0)
		return 0;
	while (*nfds > 0)
		close(fds[--*nfds]);
	errno = EBADMSG;
	return -1;
}
