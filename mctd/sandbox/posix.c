/*
 * What the systems other than Linux have in common: the part of the interface
 * that needs nothing beyond POSIX and chroot.  No power can be kept there
 * when root is given up: what takes one, the system refuses.
 */

#include <sys/types.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "posix.h"
#include "rlimits.h"

#define NAME_ROOM 64
#define PATH_ROOM 1024

static int
drop_user(const struct sandbox *s)
{
	if (setgroups(1, &s->gid) == -1 || setgid(s->gid) == -1 ||
	    setuid(s->uid) == -1)
		return -1;
	if (setuid(0) == -1)
		return 0;
	errno = EPERM; /* there is a way back */
	return -1;
}

int
posix_enter(const struct sandbox *s, const char **step)
{
	if (s->privileged) {
		*step = "chroot";
		if (chroot(s->chroot) == -1 || chdir("/") == -1)
			return -1;
		*step = "change of user";
		if (drop_user(s) == -1)
			return -1;
	}
	*step = "resource limits";
	return rlimits_enter(s->kind);
}

const char *
sandbox_powers_text(unsigned int powers)
{
	return powers == 0 ? "none" : "root's, which this system takes away";
}

int
sandbox_has(unsigned int power)
{
	return power == 0 || geteuid() == 0;
}

void *
sandbox_memory(const char *name, size_t bytes, int *fd_read, int *fd_write)
{
	char path[NAME_ROOM];
	void *mem = MAP_FAILED;
	int fd, saved;

	(void)snprintf(path, sizeof path, "/%s.%ld", name, (long)getpid());
	fd = shm_open(path, O_RDWR | O_CREAT | O_EXCL, S_IRUSR | S_IWUSR);
	if (fd == -1)
		return NULL;
	*fd_read = shm_open(path, O_RDONLY, 0);
	if (shm_unlink(path) == 0 && *fd_read != -1 &&
	    ftruncate(fd, (off_t)bytes) == 0)
		mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    0);
	saved = errno;
	if (mem == MAP_FAILED && *fd_read != -1)
		close(*fd_read);
	if (mem != MAP_FAILED && fd_write != NULL)
		*fd_write = fd;
	else
		close(fd);
	errno = saved;
	if (mem == MAP_FAILED)
		return NULL;
	memset(mem, 0, bytes);
	return mem;
}

/* The next component of a path, and what follows it: its length, or 0. */
static size_t
component(const char *path, const char **next)
{
	size_t len = strcspn(path, "/");

	*next = path + len + strspn(path + len, "/");
	if ((len == 1 && path[0] == '.') ||
	    (len == 2 && path[0] == '.' && path[1] == '.'))
		return 0;
	return len;
}

int
sandbox_open_beneath(int dirfd, const char *path, int flags)
{
	char name[PATH_ROOM];
	const char *next;
	int at = dirfd, fd, saved;
	size_t len;

	for (;;) {
		len = component(path, &next);
		if (len == 0 || len >= sizeof name) {
			errno = EACCES;
			fd = -1;
		} else {
			memcpy(name, path, len);
			name[len] = '\0';
			fd = openat(at, name,
			    *next == '\0' ? flags | O_NOFOLLOW | O_CLOEXEC :
					    O_RDONLY | O_DIRECTORY |
				    O_NOFOLLOW | O_CLOEXEC);
		}
		saved = errno;
		if (at != dirfd)
			close(at);
		errno = saved;
		if (fd == -1 || *next == '\0')
			return fd;
		at = fd;
		path = next;
	}
}
