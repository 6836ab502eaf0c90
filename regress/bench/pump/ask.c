/*
 * Clients of the echo server that wait for each answer: ping-pong on one
 * connection or on several at once, and many connections that then do
 * nothing.
 */

#include <sys/epoll.h>
#include <sys/socket.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pump.h"

#define EVENTS   64
#define QUIET_MS 5000 /* no answer for so long: it hangs */

struct asker {
	int fd;
	size_t have; /* of the answer */
	uint64_t asked_ns;
};

/* On one connection, by calls that block. */
static void
ask_one(const struct options *o, const char *asked, char *got,
    struct samples *times)
{
	uint64_t before, end;
	int fd;

	fd = net_connect(o->addr);
	end = deadline_ns(o->seconds);
	while ((before = now_ns()) < end) {
		net_send_all(fd, asked, o->size);
		if (net_recv_all(fd, got, o->size) != o->size)
			errx(1, "connection closed");
		samples_add(times, now_ns() - before);
		if (o->count != 0 && times->n == o->count)
			break;
	}
	close(fd);
}

/* Takes what has come; returns whether the answer is whole. */
static int
ask_take(struct asker *a, char *got, size_t size)
{
	ssize_t n;

	n = recv(a->fd, got + a->have, size - a->have, MSG_DONTWAIT);
	if (n == -1 && errno == EAGAIN)
		return 0;
	if (n <= 0)
		errx(1, "connection closed");
	a->have += (size_t)n;
	return a->have == size;
}

/* On many: each asks again as soon as it has its answer. */
static void
ask_many(const struct options *o, const char *asked, char *got,
    struct samples *times)
{
	struct epoll_event events[EVENTS];
	struct asker *a, *askers;
	uint64_t end;
	unsigned int i, open;
	int epoll, n;

	askers = calloc(o->flight, sizeof(*askers));
	if (askers == NULL || (epoll = epoll_create1(EPOLL_CLOEXEC)) == -1)
		err(1, "start");
	for (i = 0; i < o->flight; i++) {
		askers[i].fd = net_connect(o->addr);
		watch(epoll, askers[i].fd, EPOLLIN, &askers[i]);
	}
	end = deadline_ns(o->seconds);
	for (i = 0; i < o->flight; i++) {
		askers[i].asked_ns = now_ns();
		net_send_all(askers[i].fd, asked, o->size);
	}
	for (open = o->flight; open > 0;) {
		n = epoll_wait(epoll, events, EVENTS, QUIET_MS);
		if (n == -1)
			err(1, "epoll_wait");
		if (n == 0)
			errx(1, "%u connections hang", open);
		for (; n > 0; n--) {
			a = events[n - 1].data.ptr;
			if (!ask_take(a, got, o->size))
				continue;
			samples_add(times, now_ns() - a->asked_ns);
			a->have = 0;
			a->asked_ns = now_ns();
			if (a->asked_ns < end) {
				net_send_all(a->fd, asked, o->size);
			} else {
				close(a->fd);
				open--;
			}
		}
	}
	close(epoll);
	free(askers);
}

int
ask_pingpong(const struct options *o)
{
	struct samples times;
	uint64_t start;
	double seconds;
	char *asked, *got;

	memset(&times, 0, sizeof(times));
	asked = calloc(1, o->size);
	got = calloc(1, o->size);
	if (asked == NULL || got == NULL)
		err(1, "message");
	memset(asked, 'm', o->size);
	start = now_ns();
	if (o->flight > 1)
		ask_many(o, asked, got, &times);
	else
		ask_one(o, asked, got, &times);
	seconds = (double)(now_ns() - start) / 1e9;
	if (memcmp(asked, got, o->size) != 0)
		errx(1, "another answer than what was sent");
	printf("{\"count\":%zu,\"rate\":%.0f,\"p50_us\":%.2f,"
	       "\"p99_us\":%.2f}\n",
	    times.n, (double)times.n / seconds, samples_us(&times, 0.5),
	    samples_us(&times, 0.99));
	return 0;
}

/* A byte goes to and fro first, so that each is established to the end. */
int
ask_idle(const struct options *o)
{
	uint64_t i;
	int *fd;
	char c = 'm';

	fd = calloc(o->count + 1, sizeof(*fd));
	if (fd == NULL)
		err(1, "table");
	for (i = 0; i < o->count; i++) {
		fd[i] = net_connect(o->addr);
		net_send_all(fd[i], &c, 1);
		if (net_recv_all(fd[i], &c, 1) != 1)
			errx(1, "connection %llu closed",
			    (unsigned long long)i);
	}
	ready();
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	printf("{\"count\":%llu}\n", (unsigned long long)o->count);
	free(fd);
	return 0;
}
