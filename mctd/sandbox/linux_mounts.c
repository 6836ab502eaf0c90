/*
 * A mount namespace with nothing in it: a file system of its own, without
 * room for a file, takes the place of the root, and everything else goes.
 *
 * Calls: at the start: chdir, mount, pivot_root, umount2
 */

#include <sys/mount.h>
#include <sys/syscall.h>

#include <errno.h>
#include <unistd.h>

#include "linux.h"

/* Where it is put at first: a directory that is always there. */
#define PLACE   "/dev"
#define FLAGS   (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)
#define NO_ROOM "size=4k,nr_inodes=1,mode=555"

/* As it was before. */
static int
back(void)
{
	int saved = errno;

	(void)umount2(PLACE, MNT_DETACH);
	errno = saved;
	return chdir("/") == -1 ? -1 : 0;
}

int
mounts_empty(void)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
	    mount("mctd", PLACE, "tmpfs", FLAGS, NO_ROOM) == -1)
		return 0;
	if (chdir(PLACE) == -1 || syscall(SYS_pivot_root, ".", ".") == -1)
		return back();
	/* now the old root lies over the new one: pivot_root(2) */
	if (umount2(".", MNT_DETACH) == -1 || chdir("/") == -1)
		return -1;
	return 1;
}
