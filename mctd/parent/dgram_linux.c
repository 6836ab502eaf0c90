/*
 * Sockets of connectionless bridges: what Linux has in its own way.
 *
 * Calls: getsockopt, ioctl, poll, setsockopt, socket
 */

#include <sys/socket.h>

#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>

#include "dgram_system.h"

#ifndef IPV6_MULTICAST_ALL
#define IPV6_MULTICAST_ALL 29
#endif

static int
set_int(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof value);
}

int
dgram_system_ttl(int fd, const struct addr *a, uint32_t ttl)
{
	int value = ttl != 0 ? (int)ttl : -1;

	if (addr_family(a) == AF_INET6)
		return set_int(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, value);
	return set_int(fd, IPPROTO_IP, IP_TTL, value);
}

int
dgram_system_group_ttl(int fd, const struct addr *a, uint32_t ttl)
{
	int value = ttl != 0 ? (int)ttl : 1;

	if (addr_family(a) == AF_INET6)
		return set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, value);
	return set_int(fd, IPPROTO_IP, IP_MULTICAST_TTL, value);
}

int
dgram_system_loopback(int fd, const struct addr *a, int on)
{
	if (addr_family(a) == AF_INET6)
		return set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, on);
	return set_int(fd, IPPROTO_IP, IP_MULTICAST_LOOP, on);
}

int
dgram_system_affinity(int fd, const struct addr *a, const char *device)
{
	struct ip_mreqn m = { .imr_ifindex = 0 };
	unsigned int index = 0;

	/* the interface that is part of an address is not to be chosen */
	if (addr_family(a) == AF_INET6)
		index = a->u.in6.sin6_scope_id;
	if (index == 0 && device[0] != '\0' &&
	    (index = if_nametoindex(device)) == 0)
		return -1;
	if (addr_family(a) == AF_INET6)
		return set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, (int)index);
	m.imr_ifindex = (int)index;
	return setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &m, sizeof m);
}

int
dgram_system_own_groups(int fd, const struct addr *a)
{
	/* a socket of both has each */
	if (addr_family(a) == AF_INET6 &&
	    set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0) == -1)
		return -1;
	return set_int(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);
}

int
dgram_system_arrival(int fd, const struct addr *a, int on)
{
	if (addr_family(a) == AF_INET6 &&
	    set_int(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, on) == -1)
		return -1;
	if (addr_family(a) == AF_INET6 && !(a->flags & ADDR_DUAL))
		return 0;
	return set_int(fd, IPPROTO_IP, IP_RECVTTL, on);
}

/*
 * The kernel gives a machine its own broadcasts in a copy of this type.  A
 * filter that lets everything pass takes the place of the other.
 *
 * What a filter drops is counted with what found no room, and would be
 * reported as lost: such a socket reports nothing any more.
 */
int
dgram_system_drop_own(int fd, int on)
{
	struct sock_filter drop[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_LOOPBACK, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	struct sock_fprog filter = { .len = 4, .filter = drop };

	if (on && set_int(fd, SOL_SOCKET, SO_RXQ_OVFL, 0) == -1)
		return -1;
	if (!on) {
		filter.len = 1;
		filter.filter = &drop[3];
	}
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter,
	    sizeof filter);
}

/* The kernel takes twice what is asked for, and tells it so. */
static uint32_t
get_buffer(int fd, int name)
{
	int value = 0;
	socklen_t len = sizeof value;

	if (getsockopt(fd, SOL_SOCKET, name, &value, &len) == -1 || value < 0)
		return 0;
	return (uint32_t)value / 2;
}

uint32_t
dgram_system_receive_buffer(int fd, uint32_t asked, uint32_t usual)
{
	int bytes = (int)(asked != 0 ? asked : usual);

	if (asked == 0 || set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, bytes) == -1)
		(void)set_int(fd, SOL_SOCKET, SO_RCVBUF, bytes);
	return get_buffer(fd, SO_RCVBUF);
}

uint32_t
dgram_system_send_buffer(int fd, uint32_t asked, uint32_t usual)
{
	int bytes = (int)(asked != 0 ? asked : usual);

	if (asked == 0 || set_int(fd, SOL_SOCKET, SO_SNDBUFFORCE, bytes) == -1)
		(void)set_int(fd, SOL_SOCKET, SO_SNDBUF, bytes);
	return get_buffer(fd, SO_SNDBUF);
}

int
dgram_system_drops(int fd, uint32_t *count)
{
	uint32_t info[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof info;

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) == -1)
		return -1;
	*count = info[SK_MEMINFO_DROPS];
	return 0;
}

int
dgram_system_is_shut(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLRDHUP };

	return poll(&p, 1, 0) == 1 && (p.revents & POLLRDHUP);
}
