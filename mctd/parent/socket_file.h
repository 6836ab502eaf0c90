/* The sockets of the daemon's own that others come in by. */

#ifndef PARENT_SOCKET_FILE_H
#define PARENT_SOCKET_FILE_H

#include <sys/types.h>

/* As many wait there. */
#define SOCKET_FILE_BACKLOG 64

/*
 * A local socket of that type, bound to a path or, where it begins with no
 * slash, an abstract name, that listens.  One that was left behind by an mctd
 * that was killed is replaced.  -1 with errno.
 */
int socket_file_open(const char *path, int type, mode_t mode);

#endif
