/*
 * A pipe of the size that is asked for, where the system gives it.
 */

#include <fcntl.h>
#include <unistd.h>

#include "system.h"

long
system_pipe(int ends[2], long bytes)
{
	long size;

	if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) == -1)
		return -1;
	/* more than the system allows: what it gave at first */
	(void)fcntl(ends[1], F_SETPIPE_SZ, (int)bytes);
	size = fcntl(ends[1], F_GETPIPE_SZ);
	return size < bytes ? size : bytes;
}
