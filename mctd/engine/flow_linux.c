/*
 * Flows: what Linux has in its own way.
 *
 * Calls: getsockopt, recvmsg
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <linux/sock_diag.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "flow_table.h"

#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif

/* The address of src that the datagram was sent to, as it is in a word. */
static void
take_local(const struct cmsghdr *c, const struct sockaddr *from,
    struct sockaddr_storage *local)
{
	struct sockaddr_in *in = (struct sockaddr_in *)(void *)local;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)local;
	struct in_pktinfo four;
	struct in6_pktinfo six;

	if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO &&
	    from->sa_family == AF_INET) {
		memcpy(&four, CMSG_DATA(c), sizeof four);
		in->sin_family = AF_INET;
		in->sin_addr = four.ipi_addr;
	} else if (c->cmsg_level == IPPROTO_IPV6 &&
	    c->cmsg_type == IPV6_PKTINFO) {
		memcpy(&six, CMSG_DATA(c), sizeof six);
		in6->sin6_family = AF_INET6;
		in6->sin6_addr = six.ipi6_addr;
		if (IN6_IS_ADDR_LINKLOCAL(&six.ipi6_addr))
			in6->sin6_scope_id = (uint32_t)six.ipi6_ifindex;
	}
}

int
flow_peek(const struct dgram_src *s, struct addr *asker, struct addr *local)
{
	struct sockaddr_storage from = { .ss_family = AF_UNSPEC };
	struct sockaddr_storage at = { .ss_family = AF_UNSPEC };
	_Alignas(struct cmsghdr) char room[256];
	struct msghdr h = { .msg_name = &from, .msg_namelen = sizeof from };
	struct cmsghdr *c;
	ssize_t n;

	h.msg_control = s->told ? room : NULL;
	h.msg_controllen = s->told ? sizeof room : 0;
	do
		n = recvmsg(s->fd, &h, MSG_PEEK | MSG_DONTWAIT);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		return -1;
	for (c = CMSG_FIRSTHDR(&h); c != NULL; c = CMSG_NXTHDR(&h, c))
		take_local(c, (struct sockaddr *)&from, &at);
	addr_from_kernel(asker, (enum addr_kind)s->kind,
	    (struct sockaddr *)&from, h.msg_namelen);
	memset(local, 0, sizeof *local);
	if (at.ss_family != AF_UNSPEC)
		addr_from_kernel(local, (enum addr_kind)s->kind,
		    (struct sockaddr *)&at,
		    at.ss_family == AF_INET ? sizeof(struct sockaddr_in) :
					      sizeof(struct sockaddr_in6));
	return 0;
}

uint32_t
flow_drops(int fd)
{
	uint32_t info[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof info;

	(void)getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len);
	return info[SK_MEMINFO_DROPS];
}
