/*
 * TCP as Linux has it.
 *
 * Calls: getsockopt, recvfrom
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "tcp.h"

ssize_t
tcp_discard(int fd, size_t n)
{
	return recv(fd, NULL, n, MSG_TRUNC | MSG_DONTWAIT);
}

int
tcp_is_gone(int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof info;

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
	    info.tcpi_state == TCP_CLOSE;
}
