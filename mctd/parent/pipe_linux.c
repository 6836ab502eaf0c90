/*
 * A pipe of the size that is asked for, where the system gives it.
 *
 * Calls: close, fcntl, read; at the start: openat, pipe2
 */

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "system.h"

long
system_pipe(int ends[2], long bytes)
{
	long ask, size;

	if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) == -1)
		return -1;
	size = fcntl(ends[1], F_GETPIPE_SZ);
	/* the most the system allows, by halves: what it gave at the least */
	for (ask = bytes; ask > size; ask /= 2)
		if (fcntl(ends[1], F_SETPIPE_SZ, (int)ask) != -1)
			size = fcntl(ends[1], F_GETPIPE_SZ);
	return size < bytes ? size : bytes;
}

const char *
system_pipe_limit(long bytes)
{
	char text[32] = "";
	int fd;

	fd = open("/proc/sys/fs/pipe-max-size", O_RDONLY | O_CLOEXEC);
	if (fd == -1) /* as with a unit's ProcSubset=pid */
		return "fs.pipe-max-size and fs.pipe-user-pages-soft";
	(void)!read(fd, text, sizeof text - 1);
	close(fd);
	return atol(text) < bytes ? "fs.pipe-max-size" :
				    "fs.pipe-user-pages-soft";
}
