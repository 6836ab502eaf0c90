/*
 * The network, on Linux: a netlink socket, opened at the start, since the
 * parent may make none later.  Of what the kernel tells by itself only that
 * it came counts.  The one thing asked is by which interface a group is
 * reached; the answer is there when the question is sent.
 *
 * Calls: recvmsg, sendto; at the start: bind, close, getsockname, socket
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "network_system.h"

/* Messages read before others have a turn; what remains is told again. */
#define READS         64

/* A route with all its attributes. */
#define MESSAGE_BYTES 4096

#define NEWS                                                     \
	(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | \
	    RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE)

union message {
	struct nlmsghdr head;
	uint8_t bytes[MESSAGE_BYTES];
};

struct question {
	struct nlmsghdr head;
	struct rtmsg route;
	struct rtattr attr; /* RTA_DST */
	uint8_t group[16];
};

static struct {
	uint32_t port; /* of our socket */
	uint32_t asked;
} netlink;

int
network_system_open(void)
{
	struct sockaddr_nl nl;
	socklen_t len = sizeof nl;
	int fd, saved;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    NETLINK_ROUTE);
	if (fd == -1)
		return -1;
	memset(&nl, 0, sizeof nl);
	nl.nl_family = AF_NETLINK;
	nl.nl_groups = NEWS;
	if (bind(fd, (struct sockaddr *)&nl, sizeof nl) == -1 ||
	    getsockname(fd, (struct sockaddr *)&nl, &len) == -1) {
		saved = errno;
		close(fd);
		errno = saved;
		return -1;
	}
	netlink.port = nl.nl_pid;
	return fd;
}

/* One from the kernel: its bytes, 0: another, or cut; -1 with errno. */
static ssize_t
take(int fd, union message *m)
{
	struct sockaddr_nl from;
	struct iovec iov = { .iov_base = m, .iov_len = sizeof *m };
	struct msghdr msg;
	ssize_t n;

	memset(&msg, 0, sizeof msg);
	memset(&from, 0, sizeof from);
	msg.msg_name = &from;
	msg.msg_namelen = sizeof from;
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	n = recvmsg(fd, &msg, MSG_DONTWAIT);
	if (n == -1)
		return -1;
	return msg.msg_namelen != sizeof from || from.nl_pid != 0 ||
		(msg.msg_flags & MSG_TRUNC) ?
	    0 :
	    n;
}

/* ENOBUFS: more was told than there is room for. */
int
network_system_drain(int fd)
{
	union message m;
	int i;

	for (i = 0; i < READS; i++)
		if (take(fd, &m) == -1 && errno != ENOBUFS)
			break;
	return i > 0;
}

static int
ask(int fd, const struct addr *group)
{
	struct question q;
	size_t bytes = addr_family(group) == AF_INET6 ? 16 : 4;

	memset(&q, 0, sizeof q);
	q.head.nlmsg_len =
	    (uint32_t)(NLMSG_LENGTH(sizeof q.route) + RTA_LENGTH(bytes));
	q.head.nlmsg_type = RTM_GETROUTE;
	q.head.nlmsg_flags = NLM_F_REQUEST;
	q.head.nlmsg_seq = ++netlink.asked;
	q.route.rtm_family = (uint8_t)addr_family(group);
	q.route.rtm_dst_len = (uint8_t)(8 * bytes);
	q.attr.rta_type = RTA_DST;
	q.attr.rta_len = (uint16_t)RTA_LENGTH(bytes);
	if (bytes == 16)
		memcpy(q.group, &group->u.in6.sin6_addr, bytes);
	else
		memcpy(q.group, &group->u.in.sin_addr, bytes);
	return send(fd, &q, q.head.nlmsg_len, MSG_DONTWAIT | MSG_NOSIGNAL) ==
		(ssize_t)q.head.nlmsg_len ?
	    0 :
	    -1;
}

/* The interface that a route leads to; 0: none. */
static uint32_t
interface_of(const uint8_t *at, size_t left)
{
	struct rtattr attr;
	uint32_t index = 0;

	while (left >= sizeof attr) {
		memcpy(&attr, at, sizeof attr);
		if (attr.rta_len < sizeof attr || attr.rta_len > left)
			break;
		if (attr.rta_type == RTA_OIF &&
		    attr.rta_len == RTA_LENGTH(sizeof index))
			memcpy(&index, at + RTA_LENGTH(0), sizeof index);
		if (RTA_ALIGN(attr.rta_len) >= left)
			break;
		at += RTA_ALIGN(attr.rta_len);
		left -= RTA_ALIGN(attr.rta_len);
	}
	return index;
}

/* Whether this is the answer; if so what it says. */
static int
is_answer(const union message *m, size_t bytes, uint32_t *index)
{
	const size_t body = NLMSG_LENGTH(sizeof(struct rtmsg));

	if (bytes < NLMSG_HDRLEN || m->head.nlmsg_len > bytes ||
	    m->head.nlmsg_seq != netlink.asked ||
	    m->head.nlmsg_pid != netlink.port)
		return 0;
	*index = 0;
	if (m->head.nlmsg_type == RTM_NEWROUTE && m->head.nlmsg_len >= body)
		*index =
		    interface_of(m->bytes + body, m->head.nlmsg_len - body);
	return m->head.nlmsg_type == RTM_NEWROUTE ||
	    m->head.nlmsg_type == NLMSG_ERROR;
}

int
network_system_way(int fd, const struct addr *group, uint32_t *index, int *came)
{
	union message m;
	ssize_t n;
	int i;

	*came |= network_system_drain(fd); /* room for the answer */
	if (ask(fd, group) == -1)
		return -1;
	for (i = 0; i < READS; i++) {
		n = take(fd, &m);
		if (n == -1 && errno != ENOBUFS)
			return -1;
		if (n > 0 && is_answer(&m, (size_t)n, index))
			return *index != 0;
		*came = 1;
	}
	return -1;
}
