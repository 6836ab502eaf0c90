/*
 * Memberships, on Linux.
 *
 * Measured on Linux 6.18: a socket of IPv4 hears a group only on the
 * interfaces on which it joined it itself, one of IPv6 on all on which
 * anybody of this machine did, so that one is bound to its interface as well.
 *
 * Calls: connect, setsockopt
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <string.h>

#include "membership.h"
#include "system.h"

static void
put_addr(struct sockaddr_storage *ss, const struct addr *a)
{
	memset(ss, 0, sizeof *ss);
	memcpy(ss, &a->u, a->len);
}

static int
set(int fd, const struct bridge_join *j, uint32_t index, int any, int one)
{
	struct group_source_req one_source;
	struct group_req any_source;
	int level = j->family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
	struct addr a;

	join_group(j, ADDR_UDP, 0, &a);
	if (!j->has_source) {
		memset(&any_source, 0, sizeof any_source);
		any_source.gr_interface = index;
		put_addr(&any_source.gr_group, &a);
		return setsockopt(fd, level, any, &any_source,
		    sizeof any_source);
	}
	memset(&one_source, 0, sizeof one_source);
	one_source.gsr_interface = index;
	put_addr(&one_source.gsr_group, &a);
	join_source(j, ADDR_UDP, &a);
	put_addr(&one_source.gsr_source, &a);
	return setsockopt(fd, level, one, &one_source, sizeof one_source);
}

int
membership_join(int fd, const struct bridge_join *j, uint32_t index)
{
	return set(fd, j, index, MCAST_JOIN_GROUP, MCAST_JOIN_SOURCE_GROUP);
}

int
membership_leave(int fd, const struct bridge_join *j, uint32_t index)
{
	return set(fd, j, index, MCAST_LEAVE_GROUP, MCAST_LEAVE_SOURCE_GROUP);
}

/*
 * To bind one anew that was bound to another takes a capability.  A socket
 * that is told to be connected to nobody is bound to no interface any more;
 * its address and port stay.
 */
int
membership_bind(int fd, const char *device)
{
	struct sockaddr nobody;

	memset(&nobody, 0, sizeof nobody);
	nobody.sa_family = AF_UNSPEC;
	if (connect(fd, &nobody, sizeof nobody) == -1)
		return -1;
	return device[0] != '\0' ? system_device(fd, device) : 0;
}

int
membership_share(int fd, int on)
{
	return setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
}
