/*
 * The parent's sockets: what Linux has in its own way.
 */

#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/udp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "system.h"

#ifndef SOL_UDP
#define SOL_UDP IPPROTO_UDP
#endif

int
system_one_way(int fd)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog filter = { .len = 1, .filter = &nothing };
	int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter,
		sizeof filter) == -1)
		return -1;
	return setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof on);
}

void
system_datagram_src(int fd, int is_udp)
{
	int on = 1;

	/* without either, traffic flows all the same */
	(void)setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
	if (is_udp)
		(void)setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof on);
}

int
system_open_way(void)
{
	return open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int
system_file_flags(void)
{
	return O_PATH | O_NOFOLLOW | O_CLOEXEC;
}

int
system_connect_file(int fd, int way, int file)
{
	struct sockaddr_un un;

	if (fchdir(way) == -1)
		return -1;
	memset(&un, 0, sizeof un);
	un.sun_family = AF_LOCAL;
	(void)snprintf(un.sun_path, sizeof un.sun_path, "%d", file);
	return connect(fd, (struct sockaddr *)&un, sizeof un);
}

int
system_peer(int fd, struct system_peer *peer)
{
	struct ucred cred;
	socklen_t len = sizeof cred;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == -1)
		return -1;
	peer->pid = cred.pid;
	peer->uid = cred.uid;
	peer->gid = cred.gid;
	len = sizeof peer->groups;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, peer->groups, &len) == -1)
		len = 0; /* too many, or too old a kernel: its own alone */
	peer->ngroups = len / sizeof peer->groups[0];
	return 0;
}
