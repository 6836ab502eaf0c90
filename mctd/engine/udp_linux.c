/*
 * UDP as Linux has it.
 *
 * Calls: setsockopt
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/udp.h>

#include "udp.h"

int
udp_set_segment(int fd, uint32_t bytes)
{
	int value = (int)bytes;

	return setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &value, sizeof value);
}
