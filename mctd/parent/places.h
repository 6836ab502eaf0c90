/*
 * Places of the file system that the daemon needs and that must not be
 * others': the chroot, the directory of the control socket.
 */

#ifndef PARENT_PLACES_H
#define PARENT_PLACES_H

#include <sys/types.h>
#include <stddef.h>

/*
 * The chroot, made if it is the default one.  It and all directories that
 * lead to it must be root's, and nobody else may write there; it must be
 * empty.  Returns 0 and its path without links, or -1 with a line in the log.
 */
int places_chroot(const char *path, char *real, size_t size);

/*
 * The directory of a path, made if it is missing, the user's then.  Returns
 * a descriptor, or -1 with errno.
 */
int places_directory(const char *path, uid_t, gid_t);

/*
 * Root without the right to write everywhere makes the socket as the user,
 * whose directory it is.  Each returns 0, or -1 with errno.
 */
int places_as_user(uid_t, gid_t);
int places_as_root(void);

#endif
