/* What the parent needs of sockets that each system has in its own way. */

#ifndef PARENT_SYSTEM_H
#define PARENT_SYSTEM_H

#include <sys/types.h>

#include <stddef.h>

/* Nothing will ever be readable on the socket, and that stays so. */
int system_one_way(int fd);

/* A datagram src: batches where the kernel makes such, losses reported. */
void system_datagram_src(int fd, int is_udp);

/*
 * Connects to the socket that file, opened without following links, is:
 * procfd from system_open_way.  May change the working directory.
 */
int system_open_way(void);
int system_connect_file(int fd, int way, int file);
/* Flags to open such a file with. */
int system_file_flags(void);

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
