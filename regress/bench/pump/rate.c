/*
 * New connections a second: so many under way at once, each connects,
 * sends one byte, gets it back and closes, and then the next begins.
 */

#include <sys/epoll.h>
#include <sys/socket.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pump.h"

struct flight {
	int fd;
	int asked;
	uint64_t begun;
};

static void
start(int epoll, struct flight *f, const char *addr)
{
	struct epoll_event ev;

	f->begun = now_ns();
	f->asked = 0;
	f->fd = net_connect_start(addr);
	ev.events = EPOLLOUT;
	ev.data.ptr = f;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, f->fd, &ev) == -1)
		err(1, "epoll_ctl");
}

/* Returns 1 when this connection is done, -1 when it failed, 0 till then. */
static int
step(int epoll, struct flight *f)
{
	struct epoll_event ev;
	char c = 'm';

	if (f->asked)
		return recv(f->fd, &c, 1, 0) == 1 ? 1 : -1;
	if (send(f->fd, &c, 1, MSG_NOSIGNAL) != 1)
		return -1;
	f->asked = 1;
	ev.events = EPOLLIN;
	ev.data.ptr = f;
	if (epoll_ctl(epoll, EPOLL_CTL_MOD, f->fd, &ev) == -1)
		err(1, "epoll_ctl");
	return 0;
}

/* Until the time is over, then until what is under way has come back. */
static uint64_t
run(const struct options *o, int epoll, struct samples *times)
{
	struct epoll_event events[64];
	struct flight *f;
	uint64_t end, failed, now;
	unsigned int under_way;
	int i, n, result;

	end = deadline_ns(o->seconds);
	failed = 0;
	under_way = o->flight;
	while (under_way > 0) {
		if ((n = epoll_wait(epoll, events, 64, 5000)) == -1)
			err(1, "epoll_wait");
		if (n == 0)
			errx(1, "%u connections hang", under_way);
		now = now_ns();
		for (i = 0; i < n; i++) {
			f = events[i].data.ptr;
			if ((result = step(epoll, f)) == 0)
				continue;
			if (result == 1)
				samples_add(times, now_ns() - f->begun);
			else
				failed++;
			close(f->fd);
			if (now < end)
				start(epoll, f, o->addr);
			else
				under_way--;
		}
	}
	return failed;
}

int
rate_connect(const struct options *o)
{
	struct flight *flights;
	struct samples times;
	uint64_t began, failed;
	double seconds;
	unsigned int i;
	int epoll;

	memset(&times, 0, sizeof(times));
	flights = calloc(o->flight, sizeof(*flights));
	if (flights == NULL || (epoll = epoll_create1(EPOLL_CLOEXEC)) == -1)
		err(1, "start");
	began = now_ns();
	for (i = 0; i < o->flight; i++)
		start(epoll, &flights[i], o->addr);
	failed = run(o, epoll, &times);
	seconds = (double)(now_ns() - began) / 1e9;
	printf("{\"count\":%zu,\"failed\":%llu,\"rate\":%.0f,"
	       "\"p50_us\":%.2f,\"p99_us\":%.2f}\n",
	    times.n, (unsigned long long)failed, (double)times.n / seconds,
	    samples_us(&times, 0.5), samples_us(&times, 0.99));
	free(times.ns);
	free(flights);
	return 0;
}
