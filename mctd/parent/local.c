/*
 * Local paths as ends of bridges.
 *
 * To bind, the parent changes into the directory and back; to connect, it
 * opens the name without following links, looks at what it is, and connects
 * to that very file.
 *
 * Calls: bind, chdir, close, fchdir, fstat, newfstatat, umask, unlinkat; at
 * the start: openat
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <bsd/string.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "../../common/limits.h"
#include "../conf/conf.h"
#include "../sandbox/sandbox.h"
#include "local.h"
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
	char upgrade[CONF_PATH_BYTES + 16];
	int way; /* system_open_way */
} local = { .way = -1 };

int
local_add_directory(const char *path)
{
	struct directory *d;

	if (local.ndirectories == LIMIT_DIRECTORIES) {
		errno = ENOSPC;
		return -1;
	}
	d = &local.directory[local.ndirectories];
	d->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->fd == -1)
		return -1;
	sandbox_grant_fd(SANDBOX_SOCKETS, d->fd);
	(void)strlcpy(d->path, path, sizeof d->path);
	local.ndirectories++;
	return 0;
}

void
local_set_control(const char *path, const char *upgrade)
{
	(void)strlcpy(local.control, path, sizeof local.control);
	(void)strlcpy(local.upgrade, upgrade, sizeof local.upgrade);
}

int
local_init(void)
{
	if (local.ndirectories == 0)
		return 0;
	local.way = system_open_way();
	sandbox_grant_fd(SANDBOX_GO, local.way);
	return local.way == -1 ? -1 : 0;
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
	for (i = 0; i < local.ndirectories; i++) {
		d = &local.directory[i];
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

/* Whether it is a socket of that name: a path, or else an abstract one. */
static int
is_socket(const struct addr *a, const char *name)
{
	const char *path = a->u.un.sun_path;
	size_t len = strlen(name);

	if (a->u.sa.sa_family != AF_LOCAL || len == 0)
		return 0;
	if (name[0] == '/')
		return strcmp(path, name) == 0;
	return path[0] == '\0' &&
	    a->len == offsetof(struct sockaddr_un, sun_path) + 1 + len &&
	    memcmp(path + 1, name, len) == 0;
}

int
local_check(const struct addr *a, const char **why)
{
	const char *name;

	if (is_socket(a, local.control) || is_socket(a, local.upgrade)) {
		*why = "this is mctd's control socket";
		errno = EACCES;
		return -1;
	}
	if (!addr_is_path(a))
		return 0;
	return allowed_directory(a, &name, why) == NULL ? -1 : 0;
}

/* To where it always is; who cannot come back does not go. */
static int
come_back(void)
{
	return chdir("/");
}

/* Opens what lies at the path, without following a link: a socket. */
static int
open_socket(const struct addr *a, const char **why)
{
	const struct directory *d;
	const char *name;
	struct stat st;
	int file, error;

	if ((d = allowed_directory(a, &name, why)) == NULL)
		return -1;
	file = sandbox_open_beneath(d->fd, name, system_file_flags());
	if (file == -1)
		return -1;
	error = fstat(file, &st) == -1 ? errno : 0;
	if (error == 0 && !S_ISSOCK(st.st_mode)) {
		*why = S_ISLNK(st.st_mode) ? "the path is a symbolic link" :
					     "the path is not a socket";
		error = EACCES;
	}
	if (error == 0)
		return file;
	close(file);
	errno = error;
	return -1;
}

int
local_connect(int fd, const struct addr *a, const char **why)
{
	int file, error;

	if ((file = open_socket(a, why)) == -1)
		return -1;
	error = 0;
	if (come_back() == -1 || system_connect_file(fd, local.way, file) == -1)
		error = errno;
	if (come_back() == -1 && error == 0)
		error = errno;
	close(file);
	errno = error;
	return error == 0 ? 0 : -1;
}

int
local_bind(int fd, const struct addr *a, const char **why)
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
	if (come_back() == -1 || fchdir(d->fd) == -1)
		return -1;
	old = umask(LOCAL_UMASK);
	error = bind(fd, &below.u.sa, below.len) == -1 ? errno : 0;
	(void)umask(old);
	if (come_back() == -1 && error == 0) {
		error = errno;
		(void)unlinkat(d->fd, name, 0);
	}
	errno = error;
	return error == 0 ? 0 : -1;
}

void
local_look(int directory, const char *name, struct local_file *file)
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
local_remove(int directory, const char *name, const struct local_file *file)
{
	struct local_file now;

	local_look(directory, name, &now);
	if (now.number != 0 && now.number == file->number &&
	    now.device == file->device)
		(void)unlinkat(directory, name, 0);
}

void
local_file(const struct addr *a, struct local_file *file)
{
	const struct directory *d;
	const char *name, *why;

	memset(file, 0, sizeof *file);
	if (addr_is_path(a) && (d = allowed_directory(a, &name, &why)) != NULL)
		local_look(d->fd, name, file);
}

void
local_unlink(const struct addr *a, const struct local_file *file)
{
	const struct directory *d;
	const char *name, *why;

	if (addr_is_path(a) && (d = allowed_directory(a, &name, &why)) != NULL)
		local_remove(d->fd, name, file);
}

int
local_is_missing(int directory, const char *name)
{
	struct stat st;

	return fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) == -1 &&
	    errno == ENOENT;
}

int
local_is_gone(const struct addr *a)
{
	const struct directory *d;
	const char *name, *why;

	return addr_is_path(a) &&
	    (d = allowed_directory(a, &name, &why)) != NULL &&
	    local_is_missing(d->fd, name);
}

int
local_can_be(const struct addr *a)
{
	const struct directory *d;
	const char *name, *why;
	struct stat st;

	return addr_is_path(a) &&
	    (d = allowed_directory(a, &name, &why)) != NULL &&
	    fstat(d->fd, &st) == 0 && st.st_nlink > 0;
}
