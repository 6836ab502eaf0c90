/*
 * What the sockets of connectionless bridges need that each system has in
 * its own way.  An address given says of what family the socket is.
 */

#ifndef PARENT_DGRAM_SYSTEM_H
#define PARENT_DGRAM_SYSTEM_H

#include <stdint.h>

#include "../../common/addr.h"

/* All of these return 0, or -1 with errno. */

/* The TTL, or hop limit, of what leaves for hosts; 0: the system's. */
int dgram_system_ttl(int fd, const struct addr *, uint32_t ttl);
/* The same for groups. */
int dgram_system_group_ttl(int fd, const struct addr *, uint32_t ttl);
/* Whether what leaves for groups is heard on this machine as well. */
int dgram_system_loopback(int fd, const struct addr *, int on);
/* Groups are sent to there; empty: as the system routes. */
int dgram_system_affinity(int fd, const struct addr *, const char *device);

/* Nothing comes in from groups but those that this very socket joined. */
int dgram_system_own_groups(int fd, const struct addr *);
/* The TTL of arrival is told beside each datagram. */
int dgram_system_arrival(int fd, const struct addr *, int on);
/* Packets that this machine sent and hears itself are dropped, or not. */
int dgram_system_drop_own(int fd, int on);

/*
 * A buffer of the bytes that were asked for, more than the machine's limit
 * where this process may; or, where that is 0, of the usual size within the
 * limit.  Gives what the kernel granted.
 */
uint32_t dgram_system_receive_buffer(int fd, uint32_t asked, uint32_t usual);
uint32_t dgram_system_send_buffer(int fd, uint32_t asked, uint32_t usual);

/* How many datagrams the socket did not take. */
int dgram_system_drops(int fd, uint32_t *count);
/* Whether the socket is shut for reading: then nothing is delivered. */
int dgram_system_is_shut(int fd);

#endif
