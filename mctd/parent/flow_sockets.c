/*
 * The sockets of flows.
 *
 * Between the bind of a flow's socket to src's address and its connect to the
 * asker, it is one more socket that anybody's datagrams to src could be
 * delivered to.  None must be:
 *
 * Beside an IPv4 src it is an IPv6 socket at the mapped address.  The kernel
 * prefers src to it, until it is connected.
 *
 * Beside an IPv6 src, and one of both families, the kernel asks a program
 * which of those that share the address is to have the datagram; the program
 * says the first, which src is.
 *
 * Beside a src at all addresses it is bound to all of them, too, and takes
 * the address that the kernel goes out from when it is connected.  Only where
 * that is not the one that was asked it is bound to that alone, and is
 * preferred to src for a moment: the engine looks at the sender of whatever
 * it reads there.
 *
 * The socket to dst is deaf until it is connected.
 *
 * A local socket cannot share a name, so answers to a local asker come from a
 * socket without a name, and all that it asks is read from src.
 *
 * Calls: bind, close, connect, getsockname, recvfrom, setsockopt, shutdown,
 * socket
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "../../common/limits.h"
#include "dgram_dst.h"
#include "dgram_system.h"
#include "flow_sockets.h"
#include "flow_system.h"
#include "options.h"
#include "sockets.h"
#include "system.h"

/* Closes without changing errno; always -1. */
static int
give_up(int fd)
{
	int saved = errno;

	if (fd != -1)
		close(fd);
	errno = saved;
	return -1;
}

static int
set_int(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof value);
}

static int
is_any(const struct addr *a)
{
	if (addr_family(a) == AF_INET)
		return a->u.in.sin_addr.s_addr == htonl(INADDR_ANY);
	return IN6_IS_ADDR_UNSPECIFIED(&a->u.in6.sin6_addr);
}

/* As an IPv6 socket has it. */
static void
to_in6(struct sockaddr_in6 *in6, const struct addr *a)
{
	if (addr_family(a) == AF_INET6) {
		*in6 = a->u.in6;
		return;
	}
	memset(in6, 0, sizeof *in6);
	in6->sin6_family = AF_INET6;
	in6->sin6_port = a->u.in.sin_port;
	if (is_any(a))
		return;
	memset(&in6->sin6_addr.s6_addr[10], 0xff, 2);
	memcpy(&in6->sin6_addr.s6_addr[12], &a->u.in.sin_addr,
	    sizeof a->u.in.sin_addr);
}

/* An IPv6 socket that shares src's address, not bound yet. */
static int
new_beside(const struct addr *src, const char *device, const char **why)
{
	int only_six =
	    addr_family(src) == AF_INET6 && !(src->flags & ADDR_DUAL);
	int fd;

	fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    addr_protocol(src));
	if (fd == -1)
		return -1;
	if (set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, only_six) == -1 ||
	    flow_system_share(fd) == -1)
		return give_up(fd);
	if (device[0] != '\0' && system_device(fd, device) == -1) {
		*why = "in-interface cannot be set on this socket";
		return give_up(fd);
	}
	return fd;
}

int
flow_sockets_src(int fd, const struct addr *src, const char *device)
{
	const char *why;
	int beside;

	if (!addr_is_ip(src))
		return 0;
	if (flow_system_share(fd) == -1)
		return -1;
	if (is_any(src))
		flow_system_tell_local(fd, addr_family(src));
	if (addr_family(src) == AF_INET)
		return 0;
	/* sharing begins with the second one; src is the first */
	if ((beside = new_beside(src, device, &why)) == -1)
		return -1;
	if (bind(beside, &src->u.sa, src->len) == -1 ||
	    flow_system_first(fd) == -1)
		return give_up(beside);
	close(beside);
	return 0;
}

int
flow_sockets_asker(int fd, const struct addr *src, struct addr *asker)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof ss;
	ssize_t n;

	memset(&ss, 0, sizeof ss);
	do
		n = recvfrom(fd, NULL, 0, MSG_PEEK | MSG_DONTWAIT,
		    (struct sockaddr *)&ss, &len);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		return -1;
	addr_from_kernel(asker, (enum addr_kind)src->kind,
	    (struct sockaddr *)&ss, len);
	if (addr_check(asker, ADDR_DST, NULL) == 0)
		return 0;
	errno = EDESTADDRREQ; /* nobody that could be answered */
	return -1;
}

/* As src has them.  0 or -1. */
static int
set_options(int fd, const struct bridge_spec *spec, const char **why)
{
	const struct bridge_options *o = &spec->options;

	system_datagram_src(fd, spec->src.kind == ADDR_UDP);
	if (o->receive_buffer != 0)
		(void)dgram_system_receive_buffer(fd, o->receive_buffer, 0);
	if (o->hops == FLAG_YES)
		(void)dgram_system_arrival(fd, &spec->src, 1);
	return o->dscp == 0 ? 0 : options_flow(fd, &spec->src, o, why);
}

/* Bound to local and connected to the asker.  A descriptor, or -1. */
static int
connect_beside(const struct bridge_spec *spec, const struct addr *local,
    const struct sockaddr_in6 *asker, const char **why)
{
	struct sockaddr_in6 in6;
	int fd;

	fd = new_beside(&spec->src, spec->options.in_device, why);
	if (fd == -1)
		return -1;
	to_in6(&in6, local);
	if (set_options(fd, spec, why) == -1 ||
	    bind(fd, (struct sockaddr *)&in6, sizeof in6) == -1 ||
	    connect(fd, (const struct sockaddr *)asker, sizeof *asker) == -1)
		return give_up(fd);
	return fd;
}

/* Whether that is where the socket sends from. */
static int
is_from(int fd, const struct addr *local)
{
	struct sockaddr_in6 in6, has;
	socklen_t len = sizeof has;

	to_in6(&in6, local);
	return getsockname(fd, (struct sockaddr *)&has, &len) == 0 &&
	    IN6_ARE_ADDR_EQUAL(&has.sin6_addr, &in6.sin6_addr);
}

static int
ip_to_asker(const struct bridge_spec *spec, const struct addr *asker,
    const struct addr *local, const char **why)
{
	struct sockaddr_in6 to;
	int fd;

	to_in6(&to, asker);
	fd = connect_beside(spec, &spec->src, &to, why);
	if (fd == -1 || !is_any(&spec->src) || local->kind == ADDR_NONE ||
	    is_from(fd, local))
		return fd;
	close(fd);
	return connect_beside(spec, local, &to, why);
}

/* Nothing is read from there: whoever sends to it is told. */
static int
local_to_asker(const struct addr *asker, const char **why)
{
	int fd;

	if ((fd = sockets_new(asker, why)) == -1)
		return -1;
	if (sockets_connect(fd, asker, why) == -1 ||
	    shutdown(fd, SHUT_RD) == -1)
		return give_up(fd);
	return fd;
}

int
flow_sockets_to_asker(const struct bridge_spec *spec, const struct addr *asker,
    const struct addr *local, const char **why)
{
	*why = NULL;
	if (addr_is_ip(asker))
		return ip_to_asker(spec, asker, local, why);
	if (local_check(asker, why) == -1)
		return -1;
	return local_to_asker(asker, why);
}

/* It may have the address of who asks. */
static int
set_foreign(int fd, const struct addr *a, const char **why)
{
	if (flow_system_foreign(fd, addr_family(a)) == 0)
		return 0;
	*why = errno == EPERM ?
	    "source client needs CAP_NET_ADMIN, which is kept only "
	    "when mctd.conf has a bridge with it" :
	    "source client cannot be set on this socket";
	return -1;
}

int
flow_sockets_try(const struct addr *dst, const struct bridge_options *o,
    const char **why)
{
	int fd, result, saved;

	if (!o->source_client)
		return 0;
	if ((fd = sockets_new(dst, why)) == -1)
		return -1;
	result = set_foreign(fd, dst, why);
	saved = errno;
	close(fd);
	errno = saved;
	return result;
}

/* Its own address; with that of the asker, it and no other has both. */
static int
bind_dst(int fd, const struct bridge_spec *spec, const struct addr *asker,
    const char **why)
{
	const struct bridge_options *o = &spec->options;
	sa_family_t local = AF_LOCAL;

	if (addr_family(&spec->dst) == AF_LOCAL) /* any name, to answer to */
		return o->reply == FLAG_YES ?
		    bind(fd, (struct sockaddr *)&local, sizeof local) :
		    0;
	if (!o->source_client)
		return options_source(fd, &spec->dst, o, why);
	if (addr_family(asker) != addr_family(&spec->dst)) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	if (set_foreign(fd, asker, why) == -1 || flow_system_share(fd) == -1)
		return -1;
	return bind(fd, &asker->u.sa, asker->len);
}

/* What dst says is to be read. */
static int
connect_hearing(int fd, const struct bridge_spec *spec,
    const struct addr *asker, const char **why)
{
	const struct addr *dst = &spec->dst;

	if (flow_system_deafen(fd) == -1 ||
	    bind_dst(fd, spec, asker, why) == -1 ||
	    sockets_connect(fd, dst, why) == -1)
		return -1;
	return flow_system_hear(fd);
}

static int
connect_one_way(int fd, const struct bridge_spec *spec,
    const struct addr *asker, const char **why)
{
	const struct addr *dst = &spec->dst;

	if (system_one_way(fd) == -1 || bind_dst(fd, spec, asker, why) == -1 ||
	    sockets_connect(fd, dst, why) == -1)
		return -1;
	return addr_family(dst) == AF_LOCAL ? shutdown(fd, SHUT_RD) : 0;
}

int
flow_sockets_to_dst(const struct bridge_spec *spec, const struct addr *asker,
    const char **why)
{
	const struct bridge_options *o = &spec->options;
	const struct addr *dst = &spec->dst;
	int fd, done;

	if ((fd = sockets_new(dst, why)) == -1)
		return -1;
	*why = NULL;
	if (dgram_dst_options(fd, dst, o, why) == -1)
		return give_up(fd);
	if (o->reply == FLAG_YES) {
		system_datagram_src(fd, dst->kind == ADDR_UDP);
		done = connect_hearing(fd, spec, asker, why);
	} else
		done = connect_one_way(fd, spec, asker, why);
	return done == -1 ? give_up(fd) : fd;
}

void
flow_sockets_change(const int fd[2], const struct bridge_spec *spec,
    const struct bridge_options *was)
{
	const struct bridge_options *o = &spec->options;
	struct dgram_dst d;
	const char *why;

	if (addr_is_ip(&spec->src)) {
		if (o->hops != was->hops)
			(void)dgram_system_arrival(fd[0], &spec->src,
			    o->hops == FLAG_YES);
		if (o->dscp != was->dscp)
			(void)options_flow(fd[0], &spec->src, o, &why);
	}
	(void)dgram_dst_retune(fd[1], &spec->dst, was, o, &d, &why);
}
