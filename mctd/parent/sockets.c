/*
 * Sockets of bridges: making them, and ending them.  All families go through
 * the same calls; what one of them needs beyond these is in a table here, or
 * an option (options.c), or a matter of paths (local.c).
 *
 * Calls: accept4, bind, close, connect, getsockopt, listen, poll, setsockopt,
 * shutdown, socket
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "../../common/limits.h"
#include "options.h"
#include "sockets.h"
#include "system.h"

/* How a connection is revoked while another process has it too. */
enum revoke {
	REVOKE_NOT,       /* the last close does it */
	REVOKE_UNCONNECT, /* connect to nobody: a reset */
	REVOKE_SHUTDOWN   /* both ways */
};

struct family {
	enum revoke revoke;
	int reuse; /* the port of a listener may have old connections */
};

static const struct family families[ADDR_KINDS] = {
	[ADDR_TCP] = { REVOKE_UNCONNECT, 1 },
	[ADDR_MPTCP] = { REVOKE_UNCONNECT, 1 },
	[ADDR_UNIX] = { REVOKE_SHUTDOWN, 0 },
	[ADDR_UNIXSEQ] = { REVOKE_SHUTDOWN, 0 },
	[ADDR_VSOCK] = { REVOKE_SHUTDOWN, 0 },
	[ADDR_SCTP] = { REVOKE_NOT, 1 },
	[ADDR_SEQSCTP] = { REVOKE_NOT, 1 },
	[ADDR_SEQTIPC] = { REVOKE_NOT, 0 },
};

int
sockets_new(const struct addr *a, const char **why)
{
	int fd;

	*why = NULL;
	fd = socket(addr_family(a),
	    addr_kernel_type(a) | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    addr_protocol(a));
	if (fd == -1 &&
	    (errno == EAFNOSUPPORT || errno == EPROTONOSUPPORT ||
		errno == ESOCKTNOSUPPORT || errno == ENOPROTOOPT))
		*why = "this machine's kernel has no such sockets";
	return fd;
}

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

int
sockets_is_local(const struct addr *a)
{
	struct addr any_port = *a;
	const char *why;
	int fd, local;

	if (addr_family(a) == AF_INET)
		any_port.u.in.sin_port = 0;
	else if (addr_family(a) == AF_INET6)
		any_port.u.in6.sin6_port = 0;
	else if (a->kind == ADDR_VSOCK)
		system_vsock_any_port(&any_port.u.sa);
	else
		return 0;
	if ((fd = sockets_new(a, &why)) == -1)
		return 0;
	local = bind(fd, &any_port.u.sa, a->len) == 0;
	close(fd);
	return local;
}

int
sockets_connect(int fd, const struct addr *a, const char **why)
{
	if (addr_is_path(a))
		return local_connect(fd, a, why);
	return connect(fd, &a->u.sa, a->len);
}

/* Whether nobody answers at a path any more, so that it may be replaced. */
static int
is_stale(const struct addr *a)
{
	const char *why;
	int fd, stale;

	if ((fd = sockets_new(a, &why)) == -1)
		return 0;
	stale = sockets_connect(fd, a, &why) == -1 && errno == ECONNREFUSED;
	close(fd);
	return stale;
}

static int
bind_path(int fd, const struct addr *a, const char **why)
{
	struct local_file stale;

	if (local_bind(fd, a, why) == 0)
		return 0;
	if (errno != EADDRINUSE)
		return -1;
	local_file(a, &stale);
	if (!is_stale(a)) {
		errno = EADDRINUSE;
		return -1;
	}
	local_unlink(a, &stale);
	return local_bind(fd, a, why);
}

int
sockets_bind(int fd, const struct addr *a, const char **why)
{
	if (addr_is_path(a))
		return bind_path(fd, a, why);
	if (addr_family(a) == AF_INET6 &&
	    set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, !(a->flags & ADDR_DUAL)) ==
		-1)
		return -1;
	if (bind(fd, &a->u.sa, a->len) == 0)
		return 0;
	if (errno == EACCES && addr_port(a) < 1024)
		*why = "ports under 1024 need CAP_NET_BIND_SERVICE, "
		       "which is kept only when mctd.conf has a bridge "
		       "on such a port";
	return -1;
}

/* As many as asked for may wait. */
static int
set_backlog(int fd, const struct bridge_options *o)
{
	return listen(fd, o->backlog != 0 ? (int)o->backlog : BACKLOG_DEFAULT);
}

int
sockets_listen(const struct addr *src, const struct bridge_options *o,
    struct local_file *file, const char **why)
{
	int fd;

	if ((fd = sockets_new(src, why)) == -1)
		return -1;
	if (families[src->kind].reuse &&
	    set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1) == -1)
		return give_up(fd);
	if (options_listener(fd, src, o, 0, why) == -1 ||
	    sockets_bind(fd, src, why) == -1 || set_backlog(fd, o) == -1)
		return give_up(fd);
	local_file(src, file);
	return fd;
}

int
sockets_listen_again(int fd, const struct addr *src,
    const struct bridge_options *o, const char **why)
{
	*why = NULL;
	if (options_listener(fd, src, o, 1, why) == -1)
		return -1;
	return set_backlog(fd, o);
}

int
sockets_accept(int fd, const struct addr *src, const struct bridge_options *o,
    struct addr *peer, const char **why)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof ss;
	int accepted;

	*why = NULL;
	accepted = accept4(fd, (struct sockaddr *)&ss, &len,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (accepted == -1)
		return -1;
	addr_from_kernel(peer, (enum addr_kind)src->kind,
	    (struct sockaddr *)&ss, len);
	if (options_accepted(accepted, src, o, why) == 0)
		return accepted;
	/* the listener took them: it may be that the peer is gone */
	if (*why == NULL)
		*why = strerror(errno);
	errno = ECONNABORTED;
	return give_up(accepted);
}

/* A socket that is ready to be connected to dst. */
static int
new_dst(const struct addr *dst, const struct bridge_options *o,
    const char **why)
{
	int fd;

	if ((fd = sockets_new(dst, why)) == -1)
		return -1;
	if (options_dst(fd, dst, o, why) == -1)
		return give_up(fd);
	return fd;
}

/* What says more of this machine than of the dst. */
static int
is_ours(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS ||
	    error == ENOMEM || error == EADDRNOTAVAIL || error == EADDRINUSE ||
	    error == EPERM;
}

int
sockets_dial(const struct addr *dst, const struct bridge_options *o,
    struct sockets_dial *how)
{
	struct pollfd p;
	int fd;

	how->standing = 0;
	how->ours = 1;
	if ((fd = new_dst(dst, o, &how->why)) == -1)
		return -1;
	if (options_source(fd, dst, o, &how->why) == -1)
		return give_up(fd);
	if (sockets_connect(fd, dst, &how->why) == 0) {
		how->standing = 1;
		return fd;
	}
	how->ours = is_ours(errno);
	if (errno != EINPROGRESS)
		return give_up(fd);
	/* nearby ones stand already: no wait in the event loop for them */
	p.fd = fd;
	p.events = POLLOUT;
	if (poll(&p, 1, 0) == 1) {
		errno = sockets_dialled(fd, dst);
		if (errno != 0)
			return give_up(fd);
		how->standing = 1;
	}
	return fd;
}

int
sockets_dialled(int fd, const struct addr *dst)
{
	int error = 0;
	socklen_t len = sizeof error;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		return errno;
	/*
	 * A connect that is answered with a reset is refused.  Here it stood,
	 * and the dst has spoken, maybe, before it reset: that is for the
	 * engine, which knows a reset by the state of the connection as well.
	 */
	if (addr_is_tcp(dst) && (error == ECONNRESET || error == EPIPE))
		return 0;
	return error;
}

int
sockets_is_reset(int fd)
{
	struct pollfd p = { .fd = fd };

	return poll(&p, 1, 0) == 1 && (p.revents & POLLERR);
}

/* A device or an address may come later; neither is looked at. */
int
sockets_try(const struct bridge_spec *spec, const struct bridge_options *given,
    const char **why)
{
	struct bridge_options o = *given;
	const struct addr *dst;
	unsigned int i;
	int fd;

	o.device[0] = '\0';
	if ((fd = sockets_new(&spec->src, why)) == -1)
		return -1;
	if (options_listener(fd, &spec->src, &o, 0, why) == -1)
		return give_up(fd);
	close(fd);
	for (i = 0; (dst = bridge_dst(spec, i)) != NULL; i++) {
		if ((fd = new_dst(dst, &o, why)) == -1)
			return -1;
		close(fd);
	}
	return 0;
}

static void
linger_not(int fd)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

void
sockets_reset(int fd)
{
	linger_not(fd);
	close(fd);
}

void
sockets_revoke(int fd, const struct addr *a)
{
	struct sockaddr nobody;

	linger_not(fd);
	switch (families[a->kind].revoke) {
	case REVOKE_NOT:
		break;
	case REVOKE_UNCONNECT:
		memset(&nobody, 0, sizeof nobody);
		nobody.sa_family = AF_UNSPEC;
		(void)connect(fd, &nobody, sizeof nobody);
		break;
	case REVOKE_SHUTDOWN:
		(void)shutdown(fd, SHUT_RDWR);
		break;
	}
}

int
sockets_ends_softly(const struct addr *a)
{
	return families[a->kind].revoke == REVOKE_SHUTDOWN;
}
