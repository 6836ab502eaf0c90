/*
 * Room of a socket as Linux has it.
 *
 * Calls: getsockopt
 */

#include <sys/socket.h>

#include <linux/sock_diag.h>
#include <stdint.h>

#include "room.h"

#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif

/* 0, or -1: the system does not say. */
static int
meminfo(int fd, uint32_t info[SK_MEMINFO_VARS])
{
	socklen_t len = SK_MEMINFO_VARS * sizeof info[0];

	return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len);
}

size_t
room_now(int fd)
{
	uint32_t info[SK_MEMINFO_VARS] = { 0 };
	uint32_t used;

	if (meminfo(fd, info) == -1)
		return 0;
	used = info[SK_MEMINFO_WMEM_QUEUED];
	if (used < info[SK_MEMINFO_WMEM_ALLOC])
		used = info[SK_MEMINFO_WMEM_ALLOC];
	return used < info[SK_MEMINFO_SNDBUF] ? info[SK_MEMINFO_SNDBUF] - used :
						0;
}

size_t
room_buffer(int fd)
{
	uint32_t info[SK_MEMINFO_VARS] = { 0 };

	return meminfo(fd, info) == -1 ? SIZE_MAX : info[SK_MEMINFO_SNDBUF];
}
