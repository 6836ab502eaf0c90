/*
 * Sockets of bridges: making them, and ending them.  Every descriptor given
 * is non-blocking and close-on-exec.  Functions return a descriptor or 0,
 * or -1 with errno; where a sentence helps, *why has one (else it is NULL).
 */

#ifndef PARENT_SOCKETS_H
#define PARENT_SOCKETS_H

#include <sys/types.h>

#include "../../common/addr.h"

/*
 * The directories that local paths may lie in (directory fds are opened
 * here, so before the chroot).
 */
int sockets_add_directory(const char *path);
/* The control socket, which is no end of a bridge. */
void sockets_set_control(const char *path);
/* The way to connect to a path that was opened first. */
int sockets_init(void);
/* Whether an address may be an end of a bridge: 0, or -1 with EACCES. */
int sockets_check(const struct addr *, const char **why);

/* The file that a bind to a local path made; 0, 0: none. */
struct sockets_file {
	dev_t device;
	ino_t number;
};

/* The socket that lies in a directory now, and its removal if it still
 * does. */
void sockets_look(int directory, const char *name, struct sockets_file *);
void sockets_remove(int directory, const char *name,
    const struct sockets_file *);

/* Connection-oriented types. */
int sockets_listen(const struct addr *src, struct sockets_file *,
    const char **why);
int sockets_accept(int fd, struct addr *peer, enum addr_kind);
/* *standing: 1 connected, 0 on its way.  EAGAIN: the dst's queue is full
 * now (local sockets), ask again. */
int sockets_dial(const struct addr *dst, int *standing);
/* How the connect ended: 0, or an errno value. */
int sockets_dialled(int fd);

/* Connectionless ones: src bound, only to be read; dst connected, never
 * readable. */
int sockets_src(const struct addr *src, struct sockets_file *,
    const char **why);
int sockets_dst(const struct addr *dst, const char **why);
/* Connects a dst socket again: its receiver may be a new one. */
int sockets_reconnect(int fd, const struct addr *dst);

/* Closes so that the other side sees a reset, where there is such. */
void sockets_reset(int fd);
/* Ends the connection at once, in every process that has the socket; the
 * other side sees a reset.  The descriptor stays open. */
void sockets_revoke(int fd, const struct addr *);

/* Whether an IP address is one of this machine's. */
int sockets_is_local(const struct addr *);

/* Removes the path a src was bound to, if it still is that file. */
void sockets_unlink(const struct addr *src, const struct sockets_file *);

#endif
