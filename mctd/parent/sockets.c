/*
 * Sockets of bridges: making them, and ending them.
 *
 * A local path is never followed from the root: it is one component below a
 * directory that was opened at start.  To bind, the parent changes into that
 * directory and back; to connect, it opens the name without following links,
 * looks at what it is, and connects to that very file.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <bsd/string.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "../../common/limits.h"
#include "../conf/conf.h"
#include "sockets.h"
#include "system.h"

/* Who may connect to a local src is up to its directory's permissions. */
#define LOCAL_UMASK 0111

struct directory {
	char path[CONF_PATH_BYTES];
	int fd;
};

static struct {
	struct directory directory[LIMIT_DIRECTORIES];
	unsigned int ndirectories;
	char control[CONF_PATH_BYTES];
	int way; /* system_open_way */
} sockets = { .way = -1 };

int
sockets_add_directory(const char *path)
{
	struct directory *d;

	if (sockets.ndirectories == LIMIT_DIRECTORIES) {
		errno = ENOSPC;
		return -1;
	}
	d = &sockets.directory[sockets.ndirectories];
	d->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->fd == -1)
		return -1;
	(void)strlcpy(d->path, path, sizeof d->path);
	sockets.ndirectories++;
	return 0;
}

void
sockets_set_control(const char *path)
{
	(void)strlcpy(sockets.control, path, sizeof sockets.control);
}

int
sockets_init(void)
{
	if (sockets.ndirectories == 0)
		return 0;
	sockets.way = system_open_way();
	return sockets.way == -1 ? -1 : 0;
}

/* The directory of a path, and *name, its last component. */
static const struct directory *
find_directory(const char *path, const char **name)
{
	const struct directory *d;
	size_t len;
	unsigned int i;

	*name = strrchr(path, '/');
	if (*name == NULL)
		return NULL;
	len = (size_t)(*name - path);
	(*name)++;
	for (i = 0; i < sockets.ndirectories; i++) {
		d = &sockets.directory[i];
		if (strlen(d->path) == len && strncmp(d->path, path, len) == 0)
			return d;
	}
	return NULL;
}

/* A directory of the configuration, or EACCES. */
static const struct directory *
allowed_directory(const struct addr *a, const char **name, const char **why)
{
	const struct directory *d = find_directory(a->u.un.sun_path, name);

	if (d == NULL || **name == '\0' || strcmp(*name, ".") == 0 ||
	    strcmp(*name, "..") == 0) {
		*why = "the path is not directly below a configured "
		       "directory";
		errno = EACCES;
		return NULL;
	}
	return d;
}

int
sockets_check(const struct addr *a, const char **why)
{
	const char *name;

	if (!addr_is_path(a))
		return 0;
	if (strcmp(a->u.un.sun_path, sockets.control) == 0) {
		*why = "this is mctd's control socket";
		errno = EACCES;
		return -1;
	}
	return allowed_directory(a, &name, why) == NULL ? -1 : 0;
}

static int
new_socket(const struct addr *a)
{
	return socket(addr_family(a),
	    addr_socktype(a) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* Closes without changing errno; always -1. */
static int
give_up(int fd)
{
	int saved = errno;

	if (fd != -1)
		close(fd);
	errno = saved;
	return -1;
}

static int
set_int(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof value);
}

/* What both sockets of a stream session must have. */
static int
stream_options(int fd, const struct addr *a)
{
	if (set_int(fd, SOL_SOCKET, SO_OOBINLINE, 1) == -1 &&
	    a->kind == ADDR_TCP)
		return -1;
	if (a->kind == ADDR_TCP)
		return set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	return 0;
}

int
sockets_is_local(const struct addr *a)
{
	struct addr any_port = *a;
	int fd, local;

	if (addr_family(a) == AF_INET)
		any_port.u.in.sin_port = 0;
	else if (addr_family(a) == AF_INET6)
		any_port.u.in6.sin6_port = 0;
	else
		return 0;
	if ((fd = new_socket(a)) == -1)
		return 0;
	local = bind(fd, &any_port.u.sa, a->len) == 0;
	close(fd);
	return local;
}

/* Opens what lies at the path, without following a link: a socket. */
static int
open_local(const struct addr *a, const char **why)
{
	const struct directory *d;
	const char *name;
	struct stat st;
	int file;

	if ((d = allowed_directory(a, &name, why)) == NULL)
		return -1;
	file = openat(d->fd, name, system_file_flags());
	if (file == -1)
		return -1;
	if (fstat(file, &st) == -1)
		return give_up(file);
	if (!S_ISSOCK(st.st_mode)) {
		*why = S_ISLNK(st.st_mode) ? "the path is a symbolic link" :
					     "the path is not a socket";
		errno = EACCES;
		return give_up(file);
	}
	return file;
}

static int
connect_addr(int fd, const struct addr *a, const char **why)
{
	int file, error;

	if (!addr_is_path(a))
		return connect(fd, &a->u.sa, a->len);
	if ((file = open_local(a, why)) == -1)
		return -1;
	error = system_connect_file(fd, sockets.way, file) == -1 ? errno : 0;
	if (chdir("/") == -1 && error == 0)
		error = errno;
	close(file);
	errno = error;
	return error == 0 ? 0 : -1;
}

/* Whether nobody answers at a path any more, so that it may be replaced. */
static int
is_stale(const struct addr *a)
{
	const char *why;
	int fd, stale;

	if ((fd = new_socket(a)) == -1)
		return 0;
	stale = connect_addr(fd, a, &why) == -1 && errno == ECONNREFUSED;
	close(fd);
	return stale;
}

void
sockets_look(int directory, const char *name, struct sockets_file *file)
{
	struct stat st;

	memset(file, 0, sizeof *file);
	if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) == -1 ||
	    !S_ISSOCK(st.st_mode))
		return;
	file->device = st.st_dev;
	file->number = st.st_ino;
}

void
sockets_remove(int directory, const char *name, const struct sockets_file *file)
{
	struct sockets_file now;

	sockets_look(directory, name, &now);
	if (now.number != 0 && now.number == file->number &&
	    now.device == file->device)
		(void)unlinkat(directory, name, 0);
}

/* The file of a local path, as it is now. */
static void
look_at(const struct addr *a, struct sockets_file *file)
{
	const struct directory *d;
	const char *name, *why;

	memset(file, 0, sizeof *file);
	if (addr_is_path(a) && (d = allowed_directory(a, &name, &why)) != NULL)
		sockets_look(d->fd, name, file);
}

void
sockets_unlink(const struct addr *a, const struct sockets_file *file)
{
	const struct directory *d;
	const char *name, *why;

	if (addr_is_path(a) && (d = allowed_directory(a, &name, &why)) != NULL)
		sockets_remove(d->fd, name, file);
}

static int
bind_local(int fd, const struct addr *a, const char **why)
{
	const struct directory *d;
	struct addr below;
	const char *name;
	mode_t old;
	int error;

	if ((d = allowed_directory(a, &name, why)) == NULL)
		return -1;
	below = *a;
	(void)strlcpy(below.u.un.sun_path, name, sizeof below.u.un.sun_path);
	below.len = (uint16_t)(offsetof(struct sockaddr_un, sun_path) +
	    strlen(name) + 1);
	if (fchdir(d->fd) == -1)
		return -1;
	old = umask(LOCAL_UMASK);
	error = bind(fd, &below.u.sa, below.len) == -1 ? errno : 0;
	(void)umask(old);
	if (chdir("/") == -1 && error == 0)
		error = errno;
	errno = error;
	return error == 0 ? 0 : -1;
}

static int
bind_addr(int fd, const struct addr *a, const char **why)
{
	struct sockets_file stale;

	if (addr_family(a) == AF_INET6 &&
	    set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, !(a->flags & ADDR_DUAL)) ==
		-1)
		return -1;
	if (!addr_is_path(a)) {
		if (bind(fd, &a->u.sa, a->len) == 0)
			return 0;
		if (errno == EACCES && addr_port(a) < 1024)
			*why = "ports under 1024 need CAP_NET_BIND_SERVICE, "
			       "which is kept only when mctd.conf has a bridge "
			       "on such a port";
		return -1;
	}
	if (bind_local(fd, a, why) == 0)
		return 0;
	if (errno != EADDRINUSE)
		return -1;
	look_at(a, &stale);
	if (!is_stale(a)) {
		errno = EADDRINUSE;
		return -1;
	}
	sockets_unlink(a, &stale);
	return bind_local(fd, a, why);
}

int
sockets_listen(const struct addr *src, struct sockets_file *file,
    const char **why)
{
	int fd;

	*why = NULL;
	if ((fd = new_socket(src)) == -1)
		return -1;
	if (src->kind == ADDR_TCP &&
	    set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1) == -1)
		return give_up(fd);
	/* an accepted socket has these from its listener */
	if (stream_options(fd, src) == -1 || bind_addr(fd, src, why) == -1 ||
	    listen(fd, LISTEN_BACKLOG) == -1)
		return give_up(fd);
	look_at(src, file);
	return fd;
}

int
sockets_accept(int fd, struct addr *peer, enum addr_kind kind)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof ss;
	int accepted;

	accepted = accept4(fd, (struct sockaddr *)&ss, &len,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (accepted != -1)
		addr_from_kernel(peer, kind, (struct sockaddr *)&ss, len);
	return accepted;
}

int
sockets_dial(const struct addr *dst, int *standing)
{
	struct pollfd p;
	const char *why;
	int fd;

	*standing = 0;
	if ((fd = new_socket(dst)) == -1)
		return -1;
	if (stream_options(fd, dst) == -1)
		return give_up(fd);
	if (connect_addr(fd, dst, &why) == 0) {
		*standing = 1;
		return fd;
	}
	if (errno != EINPROGRESS)
		return give_up(fd);
	/* nearby ones stand already: no wait in the event loop for them */
	p.fd = fd;
	p.events = POLLOUT;
	if (poll(&p, 1, 0) == 1) {
		errno = sockets_dialled(fd);
		if (errno != 0)
			return give_up(fd);
		*standing = 1;
	}
	return fd;
}

int
sockets_dialled(int fd)
{
	int error = 0;
	socklen_t len = sizeof error;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		return errno;
	/*
	 * A connect that is answered with a reset is refused.  Here it stood,
	 * and the dst has spoken, maybe, before it reset: that is for the
	 * engine, which knows a reset by the state of the connection as well.
	 */
	if (error == ECONNRESET || error == EPIPE)
		return 0;
	return error;
}

int
sockets_src(const struct addr *src, struct sockets_file *file, const char **why)
{
	int fd;

	*why = NULL;
	if ((fd = new_socket(src)) == -1)
		return -1;
	system_datagram_src(fd, src->kind == ADDR_UDP);
	/* as much of it as the machine allows */
	(void)set_int(fd, SOL_SOCKET, SO_RCVBUF, DGRAM_SRC_BUFFER);
	if (bind_addr(fd, src, why) == -1)
		return give_up(fd);
	look_at(src, file);
	return fd;
}

int
sockets_dst(const struct addr *dst, const char **why)
{
	int fd;

	*why = NULL;
	if ((fd = new_socket(dst)) == -1)
		return -1;
	(void)set_int(fd, SOL_SOCKET, SO_SNDBUF, DGRAM_DST_BUFFER);
	/* in this order: nothing can arrive between the two */
	if (system_one_way(fd) == -1 || connect_addr(fd, dst, why) == -1)
		return give_up(fd);
	/* a local sender from behind gets EPIPE, not silence */
	if (addr_family(dst) == AF_LOCAL && shutdown(fd, SHUT_RD) == -1)
		return give_up(fd);
	return fd;
}

int
sockets_reconnect(int fd, const struct addr *dst)
{
	const char *why;

	return connect_addr(fd, dst, &why);
}

void
sockets_reset(int fd)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(fd);
}

void
sockets_revoke(int fd, const struct addr *a)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };
	struct sockaddr nobody;

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	if (addr_family(a) == AF_LOCAL) {
		(void)shutdown(fd, SHUT_RDWR);
		return;
	}
	memset(&nobody, 0, sizeof nobody);
	nobody.sa_family = AF_UNSPEC;
	(void)connect(fd, &nobody, sizeof nobody);
}
