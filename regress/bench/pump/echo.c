/*
 * The echo server: any number of connections, each gets back what it sent.
 */

#include <sys/epoll.h>
#include <sys/socket.h>
#include <err.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "pump.h"

#define EVENTS 256

static void
watch_fd(int epoll, int fd)
{
	struct epoll_event ev;

	ev.events = EPOLLIN;
	ev.data.u64 = 0;
	ev.data.fd = fd;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev) == -1)
		err(1, "epoll_ctl");
}

static uint64_t
take_all(int epoll, int listener)
{
	uint64_t taken;
	int fd;

	for (taken = 0;; taken++) {
		fd =
		    accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd == -1 && errno == ECONNABORTED)
			continue;
		if (fd == -1) {
			if (errno != EAGAIN)
				err(1, "accept");
			return taken;
		}
		watch_fd(epoll, fd);
	}
}

/* What comes back must fit the other's buffers: messages are small. */
static void
answer(int fd)
{
	static char buf[65536];
	ssize_t n;

	n = recv(fd, buf, sizeof(buf), 0);
	if (n > 0 && send(fd, buf, (size_t)n, MSG_NOSIGNAL) == n)
		return;
	if (n == -1 && errno == EAGAIN)
		return;
	close(fd);
}

int
echo_serve(const struct options *o)
{
	struct epoll_event events[EVENTS];
	uint64_t connections;
	int epoll, i, listener, n;

	listener = net_listen(o->addr);
	if ((epoll = epoll_create1(EPOLL_CLOEXEC)) == -1)
		err(1, "epoll_create1");
	watch_fd(epoll, listener);
	watch_fd(epoll, STDIN_FILENO);
	ready();
	connections = 0;
	for (;;) {
		n = epoll_wait(epoll, events, EVENTS, -1);
		if (n == -1 && errno != EINTR)
			err(1, "epoll_wait");
		for (i = 0; i < n; i++) {
			if (events[i].data.fd == STDIN_FILENO) {
				printf("{\"connections\":%llu}\n",
				    (unsigned long long)connections);
				return 0;
			}
			if (events[i].data.fd == listener)
				connections += take_all(epoll, listener);
			else
				answer(events[i].data.fd);
		}
	}
}
