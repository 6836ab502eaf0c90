/* What the engine needs of TCP that each system has in its own way. */

#ifndef ENGINE_TCP_H
#define ENGINE_TCP_H

#include <sys/types.h>

#include <stddef.h>

/* Drops up to n bytes from the receive queue where they are; as recv. */
ssize_t tcp_discard(int fd, size_t n);

/* Whether there is no connection any more: neither open nor half-closed. */
int tcp_is_gone(int fd);

#endif
