/*
 * Sockets that datagrams leave by.
 *
 * Calls: close, connect, setsockopt
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "../../common/join.h"
#include "../../common/limits.h"
#include "dgram_dst.h"
#include "dgram_system.h"
#include "one_way.h"
#include "options.h"
#include "sockets.h"

static int
is_group(const struct addr *dst)
{
	return join_is_group(dst);
}

/* Closes without changing errno; always -1. */
static int
give_up(int fd)
{
	int saved = errno;

	close(fd);
	errno = saved;
	return -1;
}

static int
refused(const char *sentence, const char **why)
{
	*why = sentence;
	return -1;
}

static int
set_broadcast(int fd, const struct bridge_options *o)
{
	int on = o->broadcast == FLAG_YES;

	return setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof on);
}

static int
set_group(int fd, const struct addr *dst, const struct bridge_options *o,
    const char **why)
{
	if (dgram_system_affinity(fd, dst, o->affinity) == -1)
		return refused(errno == ENODEV ?
			"affinity: there is no such interface" :
			"affinity cannot be set on this socket",
		    why);
	if (dgram_system_loopback(fd, dst, o->loopback == FLAG_YES) == -1)
		return refused("loopback cannot be set on this socket", why);
	if (o->hops != FLAG_YES &&
	    dgram_system_group_ttl(fd, dst, o->ttl) == -1)
		return refused("ttl cannot be set on this socket", why);
	return 0;
}

/* What can be set again at any time.  With hops the TTL is the engine's. */
static int
set_options(int fd, const struct addr *dst, const struct bridge_options *o,
    struct dgram_dst *d, const char **why)
{
	d->send_buffer =
	    dgram_system_send_buffer(fd, o->send_buffer, DGRAM_DST_BUFFER);
	if (!addr_is_ip(dst))
		return 0;
	if (addr_family(dst) == AF_INET && set_broadcast(fd, o) == -1)
		return refused("broadcast cannot be set on this socket", why);
	if (is_group(dst))
		return set_group(fd, dst, o, why);
	if (o->hops != FLAG_YES && dgram_system_ttl(fd, dst, o->ttl) == -1)
		return refused("ttl cannot be set on this socket", why);
	return 0;
}

int
dgram_dst_options(int fd, const struct addr *dst,
    const struct bridge_options *o, const char **why)
{
	struct dgram_dst d;

	if (set_options(fd, dst, o, &d, why) == -1)
		return -1;
	return options_dst(fd, dst, o, why);
}

int
dgram_dst_try(const struct addr *dst, const struct bridge_options *o,
    const char **why)
{
	struct dgram_dst d;
	int fd;

	if ((fd = sockets_new(dst, why)) == -1)
		return -1;
	if (set_options(fd, dst, o, &d, why) == -1 ||
	    options_dst(fd, dst, o, why) == -1)
		return give_up(fd);
	close(fd);
	return 0;
}

static int
connect_dst(int fd, const struct addr *dst, const char **why)
{
	if (sockets_connect(fd, dst, why) == 0)
		return 0;
	if (errno == EACCES && dgram_dst_is_broadcast(dst))
		*why = "dst is a broadcast address, which takes the option "
		       "broadcast";
	return -1;
}

int
dgram_dst_open(const struct addr *dst, const struct bridge_options *o,
    struct dgram_dst *d, const char **why)
{
	int fd;

	if ((fd = sockets_new(dst, why)) == -1)
		return -1;
	/* first of all: nothing can arrive before that */
	if (one_way_make(fd, dst, &d->one_way, why) == -1 ||
	    set_options(fd, dst, o, d, why) == -1 ||
	    options_dst(fd, dst, o, why) == -1 ||
	    options_source(fd, dst, o, why) == -1 ||
	    connect_dst(fd, dst, why) == -1)
		return give_up(fd);
	return fd;
}

static int
connect_to_nobody(int fd)
{
	struct sockaddr nobody = { .sa_family = AF_UNSPEC };

	return connect(fd, &nobody, sizeof nobody);
}

/*
 * With its connection a socket loses its interface, which comes first; that of
 * affinity may have another number than it had.
 */
static int
connect_anew(int fd, const struct addr *dst, const struct bridge_options *o,
    const char **why)
{
	if (connect_to_nobody(fd) == -1 || options_device(fd, o, why) == -1 ||
	    (is_group(dst) &&
		dgram_system_affinity(fd, dst, o->affinity) == -1))
		return -1;
	return sockets_connect(fd, dst, why);
}

int
dgram_dst_retune(int fd, const struct addr *dst,
    const struct bridge_options *was, const struct bridge_options *o,
    struct dgram_dst *d, const char **why)
{
	*why = NULL;
	return set_options(fd, dst, o, d, why) == -1 ?
	    -1 :
	    options_dst_again(fd, dst, was, o, why);
}

int
dgram_dst_change(int fd, const struct addr *dst,
    const struct bridge_options *was, const struct bridge_options *o,
    struct dgram_dst *d, const char **why)
{
	if (dgram_dst_retune(fd, dst, was, o, d, why) == -1)
		return -1;
	/* the way, and the address it comes from, were chosen by these */
	if (o->mark == was->mark &&
	    (!is_group(dst) || strcmp(o->affinity, was->affinity) == 0))
		return 0;
	return connect_anew(fd, dst, o, why);
}

int
dgram_dst_is_other(const struct bridge_options *a,
    const struct bridge_options *b)
{
	return strcmp(a->device, b->device) != 0 ||
	    memcmp(&a->source, &b->source, sizeof a->source) != 0;
}

int
dgram_dst_again(int fd, const struct addr *dst, const struct bridge_options *o)
{
	const char *why;

	/* an interface that was made anew has another number */
	if (o->device[0] == '\0' && sockets_connect(fd, dst, &why) == 0)
		return 0;
	/*
	 * Maybe the address it was sent from, which the system chose, is gone;
	 * one that is not connected gets as little through as before.
	 */
	return addr_is_ip(dst) ? connect_anew(fd, dst, o, &why) :
				 sockets_connect(fd, dst, &why);
}

int
dgram_dst_is_mute(const struct addr *dst, const struct bridge_options *o)
{
	return is_group(dst) && o->ttl == 0;
}

/*
 * To connect to one takes an option; nothing is sent.  That of every wire may
 * have no route.
 */
int
dgram_dst_is_broadcast(const struct addr *a)
{
	const char *why;
	int fd, is;

	if (addr_family(a) != AF_INET)
		return 0;
	if (a->u.in.sin_addr.s_addr == htonl(INADDR_BROADCAST))
		return 1;
	if ((fd = sockets_new(a, &why)) == -1)
		return 0;
	is = connect(fd, &a->u.sa, a->len) == -1 && errno == EACCES;
	close(fd);
	return is;
}
