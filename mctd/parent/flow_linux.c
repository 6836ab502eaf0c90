/*
 * Sockets of flows: what Linux has in its own way.
 *
 * Calls: setsockopt
 */

#include <sys/socket.h>

#include <linux/filter.h>
#include <netinet/in.h>

#include "flow_system.h"

static const int on = 1;

int
flow_system_share(int fd)
{
	return setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
}

int
flow_system_first(int fd)
{
	struct sock_filter first = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog program = { .len = 1, .filter = &first };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program,
	    sizeof program);
}

int
flow_system_deafen(int fd)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog filter = { .len = 1, .filter = &nothing };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter,
	    sizeof filter);
}

int
flow_system_hear(int fd)
{
	return setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &on, sizeof on);
}

int
flow_system_foreign(int fd, int family)
{
	return family == AF_INET6 ?
	    setsockopt(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, &on, sizeof on) :
	    setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &on, sizeof on);
}

void
flow_system_tell_local(int fd, int family)
{
	if (family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on,
		    sizeof on);
	else
		(void)setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
}
