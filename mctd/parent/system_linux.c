/*
 * The parent's sockets: what Linux has in its own way.
 *
 * Calls: connect, fchdir, getsockopt, setsockopt; at the start: openat
 */

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <linux/filter.h>
#include <linux/sctp.h>
#include <linux/udp.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
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

static int
set_number(int fd, int level, int name, uint32_t value)
{
	return setsockopt(fd, level, name, &value, sizeof value);
}

int
system_keepalive(int fd, const struct system_keepalive *k)
{
	if (set_number(fd, SOL_SOCKET, SO_KEEPALIVE, k->idle_s != 0) == -1)
		return -1;
	if (k->idle_s == 0)
		return 0;
	if (set_number(fd, IPPROTO_TCP, TCP_KEEPIDLE, k->idle_s) == -1)
		return -1;
	if (k->interval_s != 0 &&
	    set_number(fd, IPPROTO_TCP, TCP_KEEPINTVL, k->interval_s) == -1)
		return -1;
	if (k->count == 0)
		return 0;
	return set_number(fd, IPPROTO_TCP, TCP_KEEPCNT, k->count);
}

static int
get_number(int fd, int level, int name, uint32_t *value)
{
	socklen_t len = sizeof *value;

	return getsockopt(fd, level, name, value, &len);
}

int
system_get_keepalive(int fd, struct system_keepalive *k)
{
	if (get_number(fd, IPPROTO_TCP, TCP_KEEPIDLE, &k->idle_s) == -1 ||
	    get_number(fd, IPPROTO_TCP, TCP_KEEPINTVL, &k->interval_s) == -1)
		return -1;
	return get_number(fd, IPPROTO_TCP, TCP_KEEPCNT, &k->count);
}

int
system_user_timeout(int fd, uint32_t seconds)
{
	return set_number(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, seconds * 1000);
}

int
system_sctp_nodelay(int fd, int on)
{
	return setsockopt(fd, IPPROTO_SCTP, SCTP_NODELAY, &on, sizeof on);
}

int
system_mark(int fd, uint32_t mark)
{
	return set_number(fd, SOL_SOCKET, SO_MARK, mark);
}

int
system_device(int fd, const char *name)
{
	return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name,
	    (socklen_t)strlen(name));
}

int
system_stamp_records(int fd)
{
	int on = 1;

	return setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
}

void
system_late_port(int fd)
{
	(void)set_number(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
}

void
system_vsock_limit(int fd, uint32_t seconds)
{
	struct timeval limit = { .tv_sec = seconds };

	if (seconds != 0)
		(void)setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT,
		    &limit, sizeof limit);
}

void
system_vsock_any_port(struct sockaddr *sa)
{
	struct sockaddr_vm vm;

	memcpy(&vm, sa, sizeof vm);
	vm.svm_port = VMADDR_PORT_ANY;
	memcpy(sa, &vm, sizeof vm);
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

/*
 * The kernel cuts what is sent on a local stream into pieces of at most half
 * the send buffer less 64 bytes (and of some 48 KiB), and queues each whole or
 * says that there is no room.  SO_SNDBUF takes half of what it then gives, up
 * to net.core.wmem_max; the buffer is to hold some pieces.
 */
int
system_send_whole(int fd, size_t bytes)
{
	int has = 0, want = (int)(4 * bytes);
	socklen_t len = sizeof has;

	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &want, sizeof want);
	if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &has, &len) == -1)
		return -1;
	return (size_t)has / 2 >= bytes + 64 ? 0 : -1;
}

int
system_is_errno(uint32_t err)
{
	return err <= INT_MAX && strerrordesc_np((int)err) != NULL;
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
