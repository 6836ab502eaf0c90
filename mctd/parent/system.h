/* What the parent needs of sockets that each system has in its own way. */

#ifndef PARENT_SYSTEM_H
#define PARENT_SYSTEM_H

#include <sys/types.h>
#include <sys/socket.h>

#include <stddef.h>
#include <stdint.h>

/* Nothing will ever be readable on the socket, and that stays so. */
int system_one_way(int fd);

/* A datagram src: batches where the kernel makes such, losses reported. */
void system_datagram_src(int fd, int is_udp);

/*
 * Options of sockets; 0, or -1 with errno.  In keepalive and user timeout 0
 * is off, or the system's; those of a new socket can be asked for.
 */
struct system_keepalive {
	uint32_t idle_s;
	uint32_t interval_s;
	uint32_t count;
};
int system_keepalive(int fd, const struct system_keepalive *);
int system_get_keepalive(int fd, struct system_keepalive *);
int system_user_timeout(int fd, uint32_t seconds);
int system_sctp_nodelay(int fd, int on);
int system_mark(int fd, uint32_t mark);
int system_device(int fd, const char *name);

/* Every record of a local socket comes with its time beside it. */
int system_stamp_records(int fd);

/* A bind to an address alone takes no port before the connect. */
void system_late_port(int fd);

/* vsock: its own limit of a connect, which is short; a port to bind to. */
void system_vsock_limit(int fd, uint32_t seconds);
void system_vsock_any_port(struct sockaddr *);

/*
 * Connects to the socket that file, opened without following links, is:
 * procfd from system_open_way.  May change the working directory.
 */
int system_open_way(void);
int system_connect_file(int fd, int way, int file);
/* Flags to open such a file with. */
int system_file_flags(void);

/*
 * A pipe, not blocking: ends[0] to read from.  Returns how much it holds, at
 * most as asked, or -1 with errno.  The limit by which it holds less.
 */
long system_pipe(int ends[2], long bytes);
const char *system_pipe_limit(long bytes);

/*
 * Has the kernel take so many bytes sent on a local stream at once, or none
 * of them.  0, or -1 when it may take a part.
 */
int system_send_whole(int fd, size_t bytes);

/* Whether it is an errno value: one that strerror has a text for. */
int system_is_errno(uint32_t);

/* Who is on the other side of a local socket. */
#define SYSTEM_GROUPS 256
struct system_peer {
	pid_t pid;
	uid_t uid;
	gid_t gid;
	gid_t groups[SYSTEM_GROUPS];
	size_t ngroups;
};
int system_peer(int fd, struct system_peer *);

#endif
