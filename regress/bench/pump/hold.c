/*
 * Connections whose reader has stopped: a server that never reads, and a
 * client that sends until nothing more is taken, and then waits for room.
 */

#include <sys/epoll.h>
#include <sys/socket.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "pump.h"

#define EVENTS  64
#define PIECE   65536
#define FULL_MS 300 /* no room for so long: all buffers are full */
#define FILL_S  20  /* to fill them, at most */

int
hold_serve(const struct options *o)
{
	struct epoll_event ev;
	uint64_t connections;
	int epoll, listener;

	listener = net_listen(o->addr);
	if ((epoll = epoll_create1(EPOLL_CLOEXEC)) == -1)
		err(1, "epoll_create1");
	watch(epoll, listener, EPOLLIN, &listener);
	watch(epoll, STDIN_FILENO, EPOLLIN, NULL);
	ready();
	for (connections = 0;;) {
		if (epoll_wait(epoll, &ev, 1, -1) == -1) {
			if (errno == EINTR)
				continue;
			err(1, "epoll_wait");
		}
		if (ev.data.ptr == NULL)
			break;
		(void)net_accept(listener);
		connections++;
	}
	printf("{\"connections\":%llu}\n", (unsigned long long)connections);
	return 0;
}

/* Sends what one connection takes now; returns how many bytes. */
static uint64_t
fill(int fd)
{
	static char piece[PIECE];
	ssize_t n;

	n = send(fd, piece, sizeof(piece), MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n == -1 && errno != EAGAIN)
		err(1, "send");
	return n == -1 ? 0 : (uint64_t)n;
}

int
hold_stall(const struct options *o)
{
	struct epoll_event events[EVENTS];
	uint64_t bytes, end, i;
	int *fd, epoll, full, n;

	fd = calloc(o->count + 1, sizeof(*fd));
	if (fd == NULL || (epoll = epoll_create1(EPOLL_CLOEXEC)) == -1)
		err(1, "start");
	for (i = 0; i < o->count; i++) {
		fd[i] = net_connect(o->addr);
		watch(epoll, fd[i], EPOLLOUT, &fd[i]);
	}
	watch(epoll, STDIN_FILENO, EPOLLIN, NULL);
	bytes = 0;
	full = 0;
	end = deadline_ns(FILL_S);
	for (;;) {
		n = epoll_wait(epoll, events, EVENTS, full ? -1 : FULL_MS);
		if (n == -1)
			err(1, "epoll_wait");
		if (n == 0) {
			full = 1;
			ready();
		}
		for (; n > 0; n--) {
			if (events[n - 1].data.ptr == NULL) {
				printf("{\"bytes\":%llu}\n",
				    (unsigned long long)bytes);
				free(fd);
				return 0;
			}
			bytes += fill(*(int *)events[n - 1].data.ptr);
		}
		if (!full && now_ns() > end)
			errx(1, "somebody reads");
	}
}
