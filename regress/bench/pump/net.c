/*
 * Sockets for pump, from addresses as text.
 */

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "../../../common/addr.h"
#include "pump.h"

#define RECV_BUFFER (4 * 1024 * 1024)

static void
address(const char *text, struct addr *a)
{
	const char *why;

	if (addr_parse(a, text, NULL, &why) == -1)
		errx(2, "%s: %s", text, why);
}

static int
open_socket(const struct addr *a, int flags)
{
	int fd, on = 1;

	fd = socket(addr_family(a), addr_socktype(a) | SOCK_CLOEXEC | flags,
	    addr_protocol(a));
	if (fd == -1)
		err(1, "socket");
	if (a->kind == ADDR_TCP &&
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == -1)
		err(1, "TCP_NODELAY");
	return fd;
}

int
net_listen(const char *text)
{
	struct addr a;
	int fd, on = 1;

	address(text, &a);
	fd = open_socket(&a, SOCK_NONBLOCK);
	if (a.kind == ADDR_TCP &&
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1)
		err(1, "SO_REUSEADDR");
	if (addr_is_path(&a) && unlink(a.u.un.sun_path) == -1 &&
	    errno != ENOENT)
		err(1, "unlink %s", text);
	if (bind(fd, &a.u.sa, a.len) == -1 || listen(fd, 4096) == -1)
		err(1, "%s", text);
	if (addr_is_path(&a) && chmod(a.u.un.sun_path, 0666) == -1)
		err(1, "chmod %s", text);
	return fd;
}

int
net_accept(int listener)
{
	struct pollfd p;
	int fd;

	p.fd = listener;
	p.events = POLLIN;
	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) == -1) {
		if (errno != EAGAIN)
			err(1, "accept");
		if (poll(&p, 1, -1) == -1)
			err(1, "poll");
	}
	return fd;
}

int
net_connect(const char *text)
{
	struct addr a;
	int fd;

	address(text, &a);
	fd = open_socket(&a, 0);
	if (connect(fd, &a.u.sa, a.len) == -1)
		err(1, "%s", text);
	return fd;
}

int
net_connect_start(const char *text)
{
	struct addr a;
	int fd;

	address(text, &a);
	fd = open_socket(&a, SOCK_NONBLOCK);
	if (connect(fd, &a.u.sa, a.len) == -1 && errno != EINPROGRESS)
		err(1, "%s", text);
	return fd;
}

int
net_bind(const char *text)
{
	struct addr a;
	int fd, bytes = RECV_BUFFER;

	address(text, &a);
	fd = open_socket(&a, SOCK_NONBLOCK);
	/* Root may have more than the usual most; if not, the most. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) ==
	    -1)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes,
		    sizeof(bytes));
	if (bind(fd, &a.u.sa, a.len) == -1)
		err(1, "%s", text);
	return fd;
}

void
net_wait(int fd)
{
	struct pollfd p;

	p.fd = fd;
	p.events = POLLIN;
	if (poll(&p, 1, -1) == -1)
		err(1, "poll");
}

void
net_segment(int fd, size_t bytes)
{
	int value = (int)bytes;

	if (setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &value, sizeof(value)) ==
	    -1)
		err(1, "UDP_SEGMENT");
}

void
net_gro(int fd)
{
	int on = 1;

	if (setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof(on)) == -1)
		err(1, "UDP_GRO");
}

void
watch(int epoll, int fd, uint32_t events, void *arg)
{
	struct epoll_event ev;

	ev.events = events;
	ev.data.ptr = arg;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev) == -1)
		err(1, "epoll_ctl");
}

void
net_send_all(int fd, const void *buf, size_t len)
{
	const char *p = buf;
	ssize_t n;

	while (len > 0) {
		n = send(fd, p, len, MSG_NOSIGNAL);
		if (n == -1)
			err(1, "send");
		p += n;
		len -= (size_t)n;
	}
}

size_t
net_recv_all(int fd, void *buf, size_t len)
{
	char *p = buf;
	size_t have = 0;
	ssize_t n;

	while (have < len) {
		n = recv(fd, p + have, len - have, 0);
		if (n == -1)
			err(1, "recv");
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return have;
}
