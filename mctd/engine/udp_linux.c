/*
 * UDP as Linux has it.
 *
 * Calls: setsockopt
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/udp.h>

#include "udp.h"

int
udp_set_segment(int fd, uint32_t bytes)
{
	int value = (int)bytes;

	return setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &value, sizeof value);
}

static int
set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof value);
}

/* A socket of IPv4 has no option of IPv6; the reverse is not so. */
int
udp_set_hops(int fd, int hops)
{
	if (set(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, hops) == 0)
		return set(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, hops);
	if (set(fd, IPPROTO_IP, IP_TTL, hops) == -1)
		return -1;
	return set(fd, IPPROTO_IP, IP_MULTICAST_TTL, hops);
}
