/*
 * What a process gives up, and what only one operating system has: one
 * interface, one file per system.
 */

#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

#include <sys/types.h>
#include <stddef.h>

#include "../share/inner.h"

/* Powers that a configuration may need; the parent keeps just these. */
#define POWER_LOW_PORTS 0x01 /* bind ports under 1024 */
#define POWER_NET_ADMIN 0x02 /* mark packets */

struct sandbox {
	enum process_kind kind;
	int privileged; /* started by root */
	uid_t uid;
	gid_t gid;
	const char *chroot;
	unsigned int powers;
};

/*
 * Chroot, user, capabilities, empty namespaces (not the parent's), no new
 * privileges.  Returns 0, or -1 with errno and *step, what was tried.
 */
int sandbox_enter(const struct sandbox *, const char **step);

/* "CAP_NET_BIND_SERVICE", ... for a set of powers; "none". */
const char *sandbox_powers_text(unsigned int powers);

/* Whether this process has a power now. */
int sandbox_has(unsigned int power);

/* What execv takes to start this program again. */
const char *sandbox_self(void);

/*
 * Shared memory that can neither shrink nor grow, touched, mapped here for
 * writing.  *fd_read is a descriptor that others can map for reading alone;
 * *fd_write one for the one other writer, or, when fd_write is NULL, nobody
 * but this mapping will ever write.  Returns the mapping, or NULL with errno.
 */
void *sandbox_memory(const char *name, size_t bytes, int *fd_read,
    int *fd_write);

/* Opens a path strictly below dirfd, no links on the way; -1 with errno. */
int sandbox_open_beneath(int dirfd, const char *path, int flags);

#endif
