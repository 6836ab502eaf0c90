/*
 * What a process gives up, and what only one operating system has: one
 * interface, one set of files per system (the Makefile chooses: linux*.c,
 * openbsd.c, freebsd.c, or, when asked for by name, none.c).
 *
 * A process enters the sandbox when it has opened what it needs, and locks
 * it when it is ready.  From then on only the system calls of its role are
 * left: linux_calls.c has them.  Another one ends the process, and the log
 * says which it was.
 */

#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

#include <sys/types.h>
#include <stddef.h>

#include "../share/inner.h"

/* Powers that a configuration may need; the parent keeps just these. */
#define POWER_LOW_PORTS 0x01 /* bind ports under 1024 */
#define POWER_NET_ADMIN 0x02 /* mark packets */

/* The exit status of a process that made a call it must not make. */
#define SANDBOX_EXIT    86

struct sandbox {
	enum process_kind kind;
	int privileged; /* started by root; else only powers matters */
	uid_t uid;
	gid_t gid;
	const char *chroot;
	unsigned int powers;
};

/*
 * Chroot, user, capabilities, limits, no new privileges; for children empty
 * namespaces, and an empty root in place of the chroot where that is allowed.
 * Returns 0, or -1 with errno and *step, what was tried.
 */
int sandbox_enter(const struct sandbox *, const char **step);

/*
 * What a role is left with that is known only at run time; granted before
 * sandbox_lock.  Of directories by descriptor: whether files below it may be
 * read, local sockets be made in it and found and removed, such only be
 * removed, or the process may go into it.
 */
#define SANDBOX_READ    0x01
#define SANDBOX_SOCKETS 0x02
#define SANDBOX_REMOVE  0x04
#define SANDBOX_GO      0x08
#define SANDBOX_CHILD   0x10
#define SANDBOX_UNMAP   0x20
void sandbox_grant_fd(unsigned int use, int fd);
void sandbox_grant_child(pid_t); /* it may be killed */
void sandbox_grant_unmap(const void *, size_t bytes);

/* For ever; returns as sandbox_enter. */
int sandbox_lock(enum process_kind, const char **step);

/* Which sandbox this was built with, in a few words. */
const char *sandbox_text(void);

/* What is wrong with it, for the log of whoever starts it; NULL: nothing. */
const char *sandbox_warning(void);

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
