/*
 * The way to the parent: packets out and in, log lines among them.
 *
 * Calls: poll; at the start: fcntl
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <bsd/string.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "../share/inner.h"
#include "loop.h"
#include "uplink.h"

static struct {
	int fd;
	uint8_t packet[FRAME_MAX]; /* the one received last */
} uplink = { .fd = -1 };

/* Best effort: a log line must never make this process wait. */
static void
uplink_log(void *arg, enum log_level level, const char *line)
{
	uint8_t buf[FRAME_HEADER + sizeof(struct inner_log) + 8];
	struct inner_log m;
	struct frame_out out;
	size_t len;

	(void)arg;
	m.level = (uint8_t)level;
	strlcpy(m.text, line, sizeof m.text);
	frame_begin(&out, buf, sizeof buf, MSG_X2P_LOG, 0, 0);
	inner_put_log(&out, &m);
	len = frame_end(&out);
	if (len > 0)
		(void)frame_packet_send(uplink.fd, buf, len);
}

void
uplink_setup(int fd)
{
	int flags;

	uplink.fd = fd;
	flags = fcntl(fd, F_GETFL);
	if (flags != -1)
		fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	uplink_log_level(log_get_level());
}

void
uplink_log_level(enum log_level level)
{
	static const struct log_sink sink = { .write = uplink_log };

	log_set(&sink, level);
}

void
uplink_fatal(const char *what)
{
	log_fatal("control: %s", what);
	_exit(1);
}

int
uplink_send(struct frame_out *out)
{
	size_t len = frame_end(out);

	if (len == 0)
		uplink_fatal("a message to the parent does not fit");
	if (frame_packet_send(uplink.fd, out->data, len) == 0)
		return 0;
	if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS ||
	    errno == ENOMEM) {
		loop_channel_full();
		errno = EAGAIN;
		return -1;
	}
	/* What it sent before it went is still to be read; then we end. */
	if (errno == EPIPE || errno == ECONNRESET)
		return 0;
	uplink_fatal("cannot send to the parent");
}

int
uplink_recv(struct frame_in *in, int *fds, size_t max, size_t *nfds)
{
	long n;

	do /* a reset is told once, before the packets that came earlier */
		n = frame_packet_recv(uplink.fd, uplink.packet,
		    sizeof uplink.packet, fds, max, nfds);
	while (n == -1 && errno == ECONNRESET);
	if (n == -1) {
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return 0;
		uplink_fatal("the parent's message cannot be received");
	}
	if (n == 0)
		_exit(0);
	if (frame_open(in, uplink.packet, (size_t)n) == -1)
		uplink_fatal("the parent's message is no frame");
	return 1;
}

static void
uplink_poll(short events)
{
	struct pollfd p = { .fd = uplink.fd, .events = events };

	while (poll(&p, 1, -1) == -1 && errno == EINTR)
		;
}

void
uplink_wait_readable(void)
{
	uplink_poll(POLLIN);
}

void
uplink_send_waiting(struct frame_out *out)
{
	size_t len = frame_end(out);

	while (frame_packet_send(uplink.fd, out->data, len) == -1) {
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			_exit(0);
		uplink_poll(POLLOUT);
	}
}
