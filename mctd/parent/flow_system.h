/* What flows need of sockets that each system has in its own way. */

#ifndef PARENT_FLOW_SYSTEM_H
#define PARENT_FLOW_SYSTEM_H

#include <sys/types.h>

/* Other sockets of this user may be bound to the same address.  0 or -1. */
int flow_system_share(int fd);

/*
 * Of those that share an address and are not connected, this one alone hears:
 * the first that was bound there.  0 or -1.
 */
int flow_system_first(int fd);

/* Nothing is delivered to the socket from the first to the second.  0 or -1. */
int flow_system_deafen(int fd);
int flow_system_hear(int fd);

/* It may be bound to an address that is another machine's.  0 or -1. */
int flow_system_foreign(int fd, int family);

/* The socket tells of each datagram to which address it was sent. */
void flow_system_tell_local(int fd, int family);

#endif
