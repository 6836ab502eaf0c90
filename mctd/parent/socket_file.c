/*
 * The sockets of the daemon's own that others come in by.
 *
 * Calls: bind, close, connect, listen, newfstatat, socket, umask; at the
 * start: unlink
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <bsd/string.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "socket_file.h"

/* Whether somebody still listens there. */
static int
is_alive(int type, const struct sockaddr_un *un, socklen_t len)
{
	int alive, fd;

	fd = socket(AF_LOCAL, type | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return 1;
	alive = connect(fd, (const struct sockaddr *)un, len) == 0 ||
	    errno != ECONNREFUSED;
	close(fd);
	return alive;
}

/*
 * Binds where a socket of an mctd lies that was killed, and nothing else.
 * 0, or an errno value.
 */
static int
replace(int fd, int type, const struct sockaddr_un *un, socklen_t len)
{
	struct stat st;

	if (lstat(un->sun_path, &st) == -1)
		return errno;
	if (!S_ISSOCK(st.st_mode))
		return ENOTSOCK;
	if (is_alive(type, un, len))
		return EADDRINUSE;
	if (unlink(un->sun_path) == -1 ||
	    bind(fd, (const struct sockaddr *)un, len) == -1)
		return errno;
	return 0;
}

int
socket_file_open(const char *path, int type, mode_t mode)
{
	struct sockaddr_un un;
	socklen_t len;
	mode_t old;
	int fd, error;

	memset(&un, 0, sizeof un);
	un.sun_family = AF_LOCAL;
	if (strlen(path) >= sizeof un.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (path[0] == '/')
		(void)strlcpy(un.sun_path, path, sizeof un.sun_path);
	else /* abstract, as mct_init(3) takes it */
		memcpy(un.sun_path + 1, path, strlen(path));
	len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
	    strlen(path) + 1);
	fd = socket(AF_LOCAL, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -1;
	old = umask(0777 & ~mode);
	error = bind(fd, (struct sockaddr *)&un, len) == -1 ? errno : 0;
	if (error == EADDRINUSE && path[0] == '/')
		error = replace(fd, type, &un, len);
	(void)umask(old);
	if (error == 0 && listen(fd, SOCKET_FILE_BACKLOG) == -1)
		error = errno;
	if (error != 0) {
		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}
