/*
 * What sockets tell, as Linux has it.
 *
 * Calls: getsockopt, ioctl, poll, setsockopt
 */

#include <sys/types.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>

#include "look.h"

/* The states of struct tcp_info, which only <netinet/tcp.h> names. */
enum state {
	ESTABLISHED = 1,
	CLOSED = 7,
	CLOSE_WAIT = 8,
	LAST_ACK = 9,
	CLOSING = 11
};

static int
info_of(int fd, struct tcp_info *info)
{
	socklen_t len = sizeof *info;

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &len);
}

/*
 * The kernel gives its figures one at a time while bytes come and go.  They
 * are of one moment when what was received and acknowledged stood still; it
 * does so soon, for nobody reads here or sends.  tcpi_bytes_sent is of no
 * use: it counts what was dropped on its way out, and not sent, as sent.
 */
int
look_tcp(int fd, struct look_tcp *look)
{
	struct tcp_info info, again;
	int in, out;

	if (info_of(fd, &again) == -1)
		return -1;
	do {
		info = again;
		if (ioctl(fd, SIOCINQ, &in) == -1 ||
		    ioctl(fd, SIOCOUTQ, &out) == -1 ||
		    info_of(fd, &again) == -1)
			return -1;
	} while (again.tcpi_bytes_received != info.tcpi_bytes_received ||
	    again.tcpi_bytes_acked != info.tcpi_bytes_acked ||
	    again.tcpi_state != info.tcpi_state);
	look->written = info.tcpi_bytes_acked + (uint32_t)out;
	look->taken = info.tcpi_bytes_received - (uint32_t)in;
	look->takes =
	    info.tcpi_state == ESTABLISHED || info.tcpi_state == CLOSE_WAIT;
	look->ended = info.tcpi_state == CLOSE_WAIT ||
	    info.tcpi_state == LAST_ACK || info.tcpi_state == CLOSING;
	look->gone = info.tcpi_state == CLOSED;
	return 0;
}

/* What poll says at once. */
static int
events(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLRDHUP };

	while (poll(&p, 1, 0) == -1)
		if (errno != EINTR)
			return POLLERR;
	return p.revents;
}

int
look_error(int fd)
{
	return (events(fd) & POLLERR) != 0;
}

int
look_ended(int fd)
{
	int said = events(fd);

	return (said & (POLLHUP | POLLRDHUP)) != 0 && !(said & POLLERR);
}

int
look_is_errno(int err)
{
	return strerrordesc_np(err) != NULL;
}

uint32_t
look_pipe(int fd)
{
	int bytes = 0;

	return ioctl(fd, FIONREAD, &bytes) == -1 ? 0 : (uint32_t)bytes;
}

int
look_place(int fd)
{
	int place = -1;
	socklen_t len = sizeof place;

	if (getsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &place, &len) == -1)
		return -1;
	return place;
}

int
look_set_place(int fd, int place)
{
	int set;

	do
		set = setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &place,
		    sizeof place);
	while (set == -1 && errno == EINTR);
	return set;
}
