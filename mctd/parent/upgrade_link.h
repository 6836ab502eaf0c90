/*
 * The socket of an upgrade, while one waits for the other.  Each wait has an
 * end: UPGRADE_S.
 */

#ifndef PARENT_UPGRADE_LINK_H
#define PARENT_UPGRADE_LINK_H

#include "../../common/frame.h"

/* What a message carries at most. */
#define UPGRADE_FDS   (2 * HAND_OVER_PAIRS)

/* A message without a body. */
#define UPGRADE_SHORT FRAME_HEADER

/* The other one is there, and has said nothing that was not heard. */
int upgrade_link_is_open(int fd);

/* 0, or -1 with errno: ETIMEDOUT, EPIPE. */
int upgrade_link_send(int fd, struct frame_out *, const int *fds, size_t nfds);
int upgrade_link_send_short(int fd, uint16_t type);
int upgrade_link_send_error(int fd, const char *text);

/*
 * A packet into buf, of FRAME_MAX bytes, opened as in, with up to UPGRADE_FDS
 * descriptors.  0, or -1 with errno: ETIMEDOUT, EPIPE (it was closed),
 * EBADMSG.
 */
int upgrade_link_recv(int fd, void *buf, struct frame_in *in, int *fds,
    size_t *nfds);

#endif
