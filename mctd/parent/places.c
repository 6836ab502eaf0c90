/*
 * Places: the chroot, the directory of the control socket.
 *
 * Who may write a directory can put another thing in the place of what it
 * holds.  So every directory on the way to the chroot is root's, and writable
 * by nobody else; one that is sticky, as /tmp, may be written by all, since
 * what root has in it stays where it is.  Links are followed once, here, and
 * what is used from then on is the path without them.
 *
 * Calls: newfstatat; at the start: chown, geteuid, mkdir, openat
 */

#include <sys/stat.h>

#include <bsd/string.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../common/limits.h"
#include "../../common/log.h"
#include "../conf/conf.h"
#include "places.h"

/* What is wrong with a directory on the way to the chroot; NULL: nothing. */
static const char *
why_unsafe(const char *path, int is_last)
{
	struct stat st;

	if (lstat(path, &st) == -1)
		return strerror(errno);
	if (!S_ISDIR(st.st_mode))
		return "is not a directory";
	if (st.st_uid != 0)
		return "is not root's";
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0 &&
	    (is_last || (st.st_mode & S_ISVTX) == 0))
		return "may be written by others than root";
	return NULL;
}

/* Every directory from the root to the last: 0, or -1 with a line. */
static int
check_way(const char *path, const char *real)
{
	char part[PATH_MAX] = "/";
	const char *end = real, *why;
	int is_last = real[1] == '\0';

	for (;;) {
		if ((why = why_unsafe(part, is_last)) != NULL) {
			log_fatal("chroot %s: %s %s", path, part, why);
			return -1;
		}
		if (is_last)
			return 0;
		end += strcspn(end + 1, "/") + 1;
		(void)strlcpy(part, real, (size_t)(end - real) + 1);
		is_last = *end == '\0';
	}
}

/* Nothing of the daemon's is looked for in it, so what is there is a slip. */
static int
check_empty(const char *path, const char *real)
{
	const struct dirent *entry;
	DIR *dir = opendir(real);
	int found = 0;

	if (dir == NULL) {
		log_fatal("chroot %s: %s", path, strerror(errno));
		return -1;
	}
	while (!found && (entry = readdir(dir)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0) {
			log_fatal("chroot %s: it must be empty, and has \"%s\"",
			    path, entry->d_name);
			found = 1;
		}
	(void)closedir(dir);
	return found ? -1 : 0;
}

int
places_chroot(const char *path, char *real, size_t size)
{
	char buf[PATH_MAX];

	if (strcmp(path, MCTD_CHROOT_PATH) == 0) {
		(void)mkdir("/var/empty", 0755);
		(void)mkdir(MCTD_CHROOT_PATH, 0755);
	}
	if (realpath(path, buf) == NULL) {
		log_fatal("chroot %s: %s", path, strerror(errno));
		return -1;
	}
	if (strlcpy(real, buf, size) >= size) {
		log_fatal("chroot %s: %s", path, strerror(ENAMETOOLONG));
		return -1;
	}
	if (check_way(path, real) == -1)
		return -1;
	return check_empty(path, real);
}

int
places_directory(const char *path, uid_t uid, gid_t gid)
{
	char directory[CONF_PATH_BYTES];
	char *slash;

	(void)strlcpy(directory, path, sizeof directory);
	slash = strrchr(directory, '/');
	if (slash == directory)
		slash++;
	*slash = '\0';
	if (mkdir(directory, 0755) == 0 && geteuid() == 0 &&
	    chown(directory, uid, gid) == -1)
		return -1;
	return open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int
places_as_user(uid_t uid, gid_t gid)
{
	if (setegid(gid) == -1)
		return -1;
	return seteuid(uid);
}

int
places_as_root(void)
{
	if (seteuid(0) == -1)
		return -1;
	return setegid(0);
}
