/*
 * Sockets that datagrams come in by.
 *
 * Calls: close, setsockopt
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <unistd.h>

#include "../../common/join.h"
#include "../../common/limits.h"
#include "dgram_src.h"
#include "dgram_system.h"
#include "flow_system.h"
#include "membership.h"
#include "sockets.h"
#include "system.h"

static int
set_ip(int fd, const struct addr *src, const char *device, const char **why)
{
	int on = 1;

	/* a group is heard where it is joined, which may be later */
	if (device[0] != '\0' && !join_is_group(src) &&
	    system_device(fd, device) == -1) {
		*why = errno == ENODEV ?
		    "in-interface: there is no such interface" :
		    "in-interface cannot be set on this socket";
		return -1;
	}
	if (dgram_system_own_groups(fd, src) == -1)
		return -1;
	/* others of this machine may be in the same group */
	if (join_is_group(src))
		return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	return 0;
}

int
dgram_src_open(const struct addr *src, const char *device,
    struct local_file *file, const char **why)
{
	int fd, saved, is_ip = addr_is_ip(src);

	if ((fd = sockets_new(src, why)) == -1)
		return -1;
	system_datagram_src(fd, src->kind == ADDR_UDP);
	/*
	 * It may share with ours that are told so for as long as it takes to
	 * bind, and with nobody later: of those of one group that share, the
	 * kernel chooses who hears what is for one of them (Linux 6.18).
	 */
	if ((is_ip &&
		(set_ip(fd, src, device, why) == -1 ||
		    membership_share(fd, 1) == -1)) ||
	    sockets_bind(fd, src, why) == -1 ||
	    (is_ip && membership_share(fd, 0) == -1)) {
		saved = errno;
		close(fd);
		errno = saved;
		return -1;
	}
	local_file(src, file);
	return fd;
}

void
dgram_src_add(struct dgram_src_wants *w, const struct bridge_options *o)
{
	if (o->receive_buffer > w->buffer)
		w->buffer = o->receive_buffer;
	w->arrival |= o->hops == FLAG_YES;
	w->drop_own |= o->broadcast == FLAG_YES && o->loopback != FLAG_YES;
}

uint32_t
dgram_src_serve(int fd, const struct addr *src, struct dgram_src_wants *now,
    const struct dgram_src_wants *w)
{
	uint32_t granted = 0;

	if (w->buffer != now->buffer)
		granted = dgram_system_receive_buffer(fd, w->buffer,
		    DGRAM_SRC_BUFFER);
	if (addr_is_ip(src) && w->arrival != now->arrival)
		(void)dgram_system_arrival(fd, src, w->arrival);
	if (addr_is_ip(src) && w->drop_own != now->drop_own)
		(void)dgram_system_drop_own(fd, w->drop_own);
	*now = *w;
	return granted;
}

int
dgram_src_bind(int fd, const char *device, const struct dgram_src_wants *now)
{
	if (flow_system_deafen(fd) == -1 || membership_bind(fd, device) == -1)
		return -1;
	return now->drop_own ? dgram_system_drop_own(fd, 1) :
			       flow_system_hear(fd);
}
