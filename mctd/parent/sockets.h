/*
 * Sockets of bridges: making them, and ending them.  Every descriptor given
 * is non-blocking and close-on-exec.  Functions return a descriptor or 0,
 * or -1 with errno; where a sentence helps, *why has one (else it is NULL).
 */

#ifndef PARENT_SOCKETS_H
#define PARENT_SOCKETS_H

#include "../../common/addr.h"
#include "../../common/bridge.h"
#include "local.h"

/* The steps of it, of every kind. */
int sockets_new(const struct addr *, const char **why);
int sockets_bind(int fd, const struct addr *src, const char **why);
int sockets_connect(int fd, const struct addr *dst, const char **why);

/* Connection-oriented types. */
int sockets_listen(const struct addr *src, const struct bridge_options *,
    struct local_file *, const char **why);
/* Gives one that listens other options. */
int sockets_listen_again(int fd, const struct addr *src,
    const struct bridge_options *, const char **why);
/* ECONNABORTED: this peer is gone; with *why, its options could not be set. */
int sockets_accept(int fd, const struct addr *src,
    const struct bridge_options *, struct addr *peer, const char **why);

/* How sockets_dial went. */
struct sockets_dial {
	int standing; /* 1 connected, 0 on its way */
	int ours;     /* failed here, whatever the dst is like */
	const char *why;
};
/* EAGAIN: the dst's queue is full now (local sockets), ask again. */
int sockets_dial(const struct addr *dst, const struct bridge_options *,
    struct sockets_dial *);
/* How the connect ended: 0, or an errno value. */
int sockets_dialled(int fd, const struct addr *dst);
/* Whether the other side reset the connection; takes nothing from it. */
int sockets_is_reset(int fd);

/*
 * Whether sockets with these ends and options can be had at all, now or
 * later: the kernel has them, and this process may.
 */
int sockets_try(const struct bridge_spec *, const struct bridge_options *,
    const char **why);

/* Closes so that the other side sees a reset, where there is such. */
void sockets_reset(int fd);
/*
 * Ends the connection at once, in every process that has the socket; the
 * other side sees a reset, where there is such.  The descriptor stays open.
 * SCTP and TIPC know such only as the last close, and stay as they are.
 */
void sockets_revoke(int fd, const struct addr *);
/* Whether that looks like an end of file to who reads the socket. */
int sockets_ends_softly(const struct addr *);

/* Whether an address is one of this machine's. */
int sockets_is_local(const struct addr *);

#endif
