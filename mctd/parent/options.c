/*
 * The options of a bridge, on its sockets.
 *
 * Measured on Linux: a socket accepted from a TCP or Multipath TCP listener
 * has every option of that, one of another family none or some; so these
 * get theirs a second time.
 *
 * Calls: bind, close, setsockopt, socket
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "../../common/limits.h"
#include "options.h"
#include "system.h"

static int
set_int(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof value);
}

/* A result of -1 counts when somebody wanted it. */
static int
wanted(uint32_t option, int result, const char *sentence, const char **why)
{
	if (result == 0 || option == 0)
		return 0;
	*why = sentence;
	return -1;
}

static int
is_sctp(const struct addr *a)
{
	return a->kind == ADDR_SCTP || a->kind == ADDR_SEQSCTP;
}

/* As much as the machine allows: a record must fit. */
static void
large_buffers(int fd, int to_read)
{
	(void)set_int(fd, SOL_SOCKET, SO_SNDBUF, 2 * PEEK_BYTES);
	if (to_read)
		(void)set_int(fd, SOL_SOCKET, SO_RCVBUF, 2 * PEEK_BYTES);
}

/* What the engine relies on. */
static int
engine_options(int fd, const struct addr *a)
{
	switch (a->kind) {
	case ADDR_UNIX:
		large_buffers(fd, 0);
		return set_int(fd, SOL_SOCKET, SO_OOBINLINE, 1);
	case ADDR_TCP:
		return set_int(fd, SOL_SOCKET, SO_OOBINLINE, 1);
	case ADDR_UNIXSEQ:
		large_buffers(fd, 0);
		/* an empty one is told from the end by what comes with it */
		return system_stamp_records(fd);
	case ADDR_SCTP:
	case ADDR_SEQSCTP:
		/* a small queue to read from hands records out in pieces */
		large_buffers(fd, 1);
		return 0;
	default:
		return 0;
	}
}

static int
set_nodelay(int fd, const struct addr *a, const struct bridge_options *o,
    const char **why)
{
	int on = o->nodelay != FLAG_NO;
	int result = 0;

	if (addr_is_tcp(a))
		result = set_int(fd, IPPROTO_TCP, TCP_NODELAY, on);
	else if (is_sctp(a))
		result = system_sctp_nodelay(fd, on);
	return wanted(1, result, "nodelay cannot be set on this socket", why);
}

static int
set_keepalive(int fd, const struct addr *a, const struct bridge_options *o,
    const char **why)
{
	struct system_keepalive k;

	if (!addr_is_tcp(a))
		return 0;
	k.idle_s = o->keepalive_s;
	k.interval_s = o->keepalive_interval_s;
	k.count = o->keepalive_count;
	if (wanted(o->keepalive_s, system_keepalive(fd, &k),
		"keepalive cannot be set on this socket", why) == -1)
		return -1;
	return wanted(o->user_timeout_s,
	    system_user_timeout(fd, o->user_timeout_s),
	    a->kind == ADDR_MPTCP ?
		"the kernel has no user-timeout for Multipath TCP" :
		"user-timeout cannot be set on this socket",
	    why);
}

static int
set_dscp(int fd, const struct addr *a, const struct bridge_options *o,
    const char **why)
{
	int tos = (int)o->dscp << 2;
	int result = 0;

	if (!addr_is_ip(a))
		return 0;
	if (addr_family(a) == AF_INET6)
		result = set_int(fd, IPPROTO_IPV6, IPV6_TCLASS, tos);
	/* one that takes IPv4 as well has both */
	if (result == 0 &&
	    (addr_family(a) == AF_INET || (a->flags & ADDR_DUAL)))
		result = set_int(fd, IPPROTO_IP, IP_TOS, tos);
	return wanted(o->dscp, result,
	    a->kind == ADDR_MPTCP ?
		"the kernel has no dscp for Multipath TCP over IPv6" :
		"dscp cannot be set on this socket",
	    why);
}

/* What is not given is the system's: that of a new socket. */
static void
fill_in(const struct addr *a, struct bridge_options *o)
{
	struct system_keepalive k;
	int fd;

	if (!addr_is_tcp(a) || o->keepalive_s == 0)
		return;
	fd = socket(addr_family(a), addr_kernel_type(a) | SOCK_CLOEXEC,
	    addr_protocol(a));
	if (fd == -1)
		return;
	if (system_get_keepalive(fd, &k) == 0) {
		if (o->keepalive_interval_s == 0)
			o->keepalive_interval_s = k.interval_s;
		if (o->keepalive_count == 0)
			o->keepalive_count = k.count;
	}
	close(fd);
}

int
options_listener(int fd, const struct addr *src,
    const struct bridge_options *given, int again, const char **why)
{
	struct bridge_options o = *given;

	if (again)
		fill_in(src, &o);
	if (engine_options(fd, src) == -1 ||
	    set_nodelay(fd, src, &o, why) == -1 ||
	    set_keepalive(fd, src, &o, why) == -1 ||
	    set_dscp(fd, src, &o, why) == -1)
		return -1;
	return 0;
}

int
options_accepted(int fd, const struct addr *src, const struct bridge_options *o,
    const char **why)
{
	if (addr_is_tcp(src))
		return 0;
	if (engine_options(fd, src) == -1 || set_nodelay(fd, src, o, why) == -1)
		return -1;
	return o->dscp == 0 ? 0 : set_dscp(fd, src, o, why);
}

static int
set_mark(int fd, const struct bridge_options *o, const char **why)
{
	if (system_mark(fd, o->mark) == 0)
		return 0;
	*why = errno == EPERM ?
	    "mark needs CAP_NET_ADMIN, which is kept only when mctd.conf has "
	    "a bridge with a mark" :
	    "mark cannot be set on this socket";
	return -1;
}

int
options_flow(int fd, const struct addr *src, const struct bridge_options *o,
    const char **why)
{
	return set_dscp(fd, src, o, why);
}

int
options_device(int fd, const struct bridge_options *o, const char **why)
{
	if (o->device[0] == '\0' || system_device(fd, o->device) == 0)
		return 0;
	*why = errno == ENODEV ? "bind-device: there is no such interface" :
				 "bind-device cannot be set on this socket";
	return -1;
}

/* The way out: for IP alone. */
static int
set_route(int fd, const struct bridge_options *o, const char **why)
{
	if (o->mark != 0 && set_mark(fd, o, why) == -1)
		return -1;
	return options_device(fd, o, why);
}

int
options_dst(int fd, const struct addr *dst, const struct bridge_options *o,
    const char **why)
{
	if (engine_options(fd, dst) == -1)
		return -1;
	if (addr_is_ip(dst) && set_route(fd, o, why) == -1)
		return -1;
	if (dst->kind == ADDR_VSOCK)
		system_vsock_limit(fd, o->connect_s);
	/* a new socket has none of these */
	if ((o->nodelay != FLAG_NO && set_nodelay(fd, dst, o, why) == -1) ||
	    (o->keepalive_s + o->user_timeout_s != 0 &&
		set_keepalive(fd, dst, o, why) == -1))
		return -1;
	return o->dscp == 0 ? 0 : set_dscp(fd, dst, o, why);
}

int
options_dst_again(int fd, const struct addr *dst,
    const struct bridge_options *was, const struct bridge_options *o,
    const char **why)
{
	if (addr_is_ip(dst) && o->mark != was->mark &&
	    set_mark(fd, o, why) == -1)
		return -1;
	return o->dscp == was->dscp ? 0 : set_dscp(fd, dst, o, why);
}

int
options_source(int fd, const struct addr *dst, const struct bridge_options *o,
    const char **why)
{
	const struct addr *source = &o->source;

	if (source->kind == ADDR_NONE || !addr_is_ip(dst) ||
	    addr_family(source) != addr_family(dst))
		return 0;
	if (addr_is_tcp(dst))
		system_late_port(fd);
	if (bind(fd, &source->u.sa, source->len) == 0)
		return 0;
	*why = errno == EADDRNOTAVAIL ? "source is no address of this machine" :
					"source cannot be bound";
	return -1;
}
