/*
 * Local paths as ends of bridges.  A path is never followed from the root:
 * it is one component below a directory that was opened at start, and no
 * link.  Functions return 0, or -1 with errno; where a sentence helps, *why
 * has one.
 */

#ifndef PARENT_LOCAL_H
#define PARENT_LOCAL_H

#include <sys/types.h>

#include "../../common/addr.h"

/* The directories that paths may lie in: before the chroot. */
int local_add_directory(const char *path);
/* The control socket and that of upgrades, which are no ends of a bridge. */
void local_set_control(const char *path, const char *upgrade);
/* The way to connect to a path that was opened first: before the chroot. */
int local_init(void);

/* Whether an address may be an end of a bridge: EACCES if not. */
int local_check(const struct addr *, const char **why);

/* For addresses that are paths. */
int local_bind(int fd, const struct addr *, const char **why);
int local_connect(int fd, const struct addr *, const char **why);

/* The file that a bind to a path made; 0, 0: none. */
struct local_file {
	dev_t device;
	ino_t number;
};

/* What socket lies there now, and its removal if it still does. */
void local_look(int directory, const char *name, struct local_file *);
void local_remove(int directory, const char *name, const struct local_file *);

/* The same by address; one that is no path has no file. */
void local_file(const struct addr *, struct local_file *);
void local_unlink(const struct addr *, const struct local_file *);

/* Whether nothing at all lies there. */
int local_is_missing(int directory, const char *name);
/* The same by address: 0 for one that is no path. */
int local_is_gone(const struct addr *);
/* Whether a path there could be made: its directory is not removed. */
int local_can_be(const struct addr *);

#endif
