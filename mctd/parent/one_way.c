/*
 * One way, enforced and tried.
 *
 * A dst socket gets a filter that takes nothing, and is locked, before it is
 * bound or connected.  Then, for IP, it is connected for a moment to a socket
 * of the parent's own on the loopback address, the "prober", which sends it
 * one datagram, of no bytes: the parent can send no other.  The kernel counts
 * on the socket that it had one to deliver and did not, and nothing is
 * readable.  This comes before any other option, for a socket that is bound
 * to an interface hears nothing of loopback.
 *
 * A local socket is shut for reading as well, so that a sender from behind
 * gets EPIPE and not silence.  It has no name, so nobody can send to it at
 * all; to try, it would have to be given one, which it could not lose again
 * and by which it could be reached.  So the kernel is asked whether the socket
 * is shut and has no name: more than a try would show.
 *
 * TIPC does not know filters.
 *
 * Calls: bind, close, connect, getsockname, poll, sendto, shutdown
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "dgram_system.h"
#include "one_way.h"
#include "sockets.h"
#include "system.h"

/*
 * Loopback delivers while the sender still is in its call, or soon after: the
 * parent looks at once, and then a few times more, a millisecond each.  Where
 * that was in vain several times, as with a packet filter on loopback, it is
 * not done again for each of many bridges.
 */
#define LOOKS   10
#define IN_VAIN 3

static unsigned int in_vain[2]; /* one after the other; of IPv4, of IPv6 */

/* A socket of the kind of dst, on the loopback address; or -1. */
static int
open_prober(const struct addr *dst)
{
	struct addr a = *dst;
	const char *why;
	int fd;

	if (addr_family(dst) == AF_INET) {
		memset(&a.u.in, 0, sizeof a.u.in);
		a.u.in.sin_family = AF_INET;
		a.u.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	} else {
		memset(&a.u.in6, 0, sizeof a.u.in6);
		a.u.in6.sin6_family = AF_INET6;
		a.u.in6.sin6_addr = in6addr_loopback;
	}
	if ((fd = sockets_new(&a, &why)) == -1)
		return -1;
	if (bind(fd, &a.u.sa, a.len) == 0)
		return fd;
	close(fd);
	return -1;
}

static int
connect_to_socket(int fd, int other)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof ss;

	if (getsockname(other, (struct sockaddr *)&ss, &len) == -1)
		return -1;
	return connect(fd, (struct sockaddr *)&ss, len);
}

/* What came of a datagram from prober to fd. */
static enum one_way
deliver(int fd, int prober, unsigned int *vain, int *arrived)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int i, looks = *vain < IN_VAIN ? LOOKS : 1;
	uint32_t before, after;

	if (connect_to_socket(fd, prober) == -1 ||
	    connect_to_socket(prober, fd) == -1 ||
	    dgram_system_drops(fd, &before) == -1 ||
	    send(prober, NULL, 0, MSG_DONTWAIT | MSG_NOSIGNAL) == -1)
		return ONE_WAY_UNPROVEN;
	for (i = 0; i < looks; i++) {
		after = before;
		(void)dgram_system_drops(fd, &after);
		/* after a drop nothing more will come */
		if (poll(&p, 1, i > 0 && after == before) == 1) {
			*arrived = (p.revents & POLLIN) != 0;
			break;
		}
		if (after != before) {
			*vain = 0;
			return ONE_WAY_PROVEN;
		}
	}
	++*vain;
	return ONE_WAY_UNPROVEN;
}

static int
prove_ip(int fd, const struct addr *dst, enum one_way *way, const char **why)
{
	struct sockaddr nobody = { .sa_family = AF_UNSPEC };
	int prober = open_prober(dst);
	int arrived = 0;

	if (prober == -1) {
		*way = ONE_WAY_UNPROVEN;
		return 0;
	}
	*way = deliver(fd, prober, &in_vain[addr_family(dst) == AF_INET6],
	    &arrived);
	close(prober);
	if (arrived) {
		*why = "one way cannot be had: the kernel delivers to a dst "
		       "socket in spite of its filter";
		errno = EPROTO;
		return -1;
	}
	return connect(fd, &nobody, sizeof nobody);
}

static int
prove_local(int fd, enum one_way *way)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof ss;

	if (shutdown(fd, SHUT_RD) == -1 ||
	    getsockname(fd, (struct sockaddr *)&ss, &len) == -1)
		return -1;
	*way = dgram_system_is_shut(fd) && len == sizeof ss.ss_family ?
	    ONE_WAY_PROVEN :
	    ONE_WAY_UNPROVEN;
	return 0;
}

int
one_way_make(int fd, const struct addr *dst, enum one_way *way,
    const char **why)
{
	if (system_one_way(fd) == -1)
		return -1;
	if (addr_is_ip(dst))
		return prove_ip(fd, dst, way, why);
	if (addr_family(dst) == AF_LOCAL)
		return prove_local(fd, way);
	*way = ONE_WAY_NOT;
	return 0;
}

enum one_way
one_way_weaker(enum one_way a, enum one_way b)
{
	return a > b ? a : b;
}
