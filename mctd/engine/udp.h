/* What the engine needs of UDP that each system has in its own way. */

#ifndef ENGINE_UDP_H
#define ENGINE_UDP_H

#include <stdint.h>

/*
 * From now on a send is cut into datagrams of so many bytes; 0: it is one.
 * Returns 0, or -1 with errno where there is no such thing.
 */
int udp_set_segment(int fd, uint32_t bytes);

/*
 * What is sent may make so many hops, to one and to a group; -1: as many as
 * is usual.  0, or -1 with errno.
 */
int udp_set_hops(int fd, int hops);

#endif
