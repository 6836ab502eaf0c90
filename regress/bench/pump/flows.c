/*
 * Bulk over many connections at once, or in both directions of each: a loop
 * over sockets that do not block.  One connection in one direction is the
 * affair of bulk.c, as most programs that send much do just that.
 *
 * A flow sends until the time is over or its bytes are sent, and then ends
 * its direction; it receives to the end of the other's.  There are relays
 * that end both directions when one has ended: if both send, that too is an
 * end, but not while there is much time left.
 */

#include <sys/epoll.h>
#include <sys/socket.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pump.h"

#define EVENTS   64
#define TURN     4 /* pieces at most before the next flow has its turn */
#define BROKEN   (EPOLLERR | EPOLLHUP)
#define READABLE ((uint32_t)(EPOLLIN | BROKEN))
#define WRITABLE ((uint32_t)(EPOLLOUT | BROKEN))
#define QUIET_MS 20000 /* nothing at all for so long: something hangs */

struct flow {
	int fd;
	int sending;
	int receiving;
	uint64_t sent;
	uint64_t got;
};

struct flows {
	struct flow *flow;
	unsigned int n;
	unsigned int open;
	int epoll;
	int check;
	uint64_t most;  /* bytes of each to send; 0: no limit */
	uint64_t end;   /* of sending, ns */
	uint64_t late;  /* from here on the other may cut it off */
	uint64_t first; /* when the first byte was received, ns */
	uint64_t sent;
	uint64_t got;
};

static void
flows_start(struct flows *fs, const struct options *o)
{
	memset(fs, 0, sizeof(*fs));
	fs->n = o->flight;
	fs->check = o->check;
	fs->most = o->count;
	fs->flow = calloc(fs->n, sizeof(*fs->flow));
	if (fs->flow == NULL ||
	    (fs->epoll = epoll_create1(EPOLL_CLOEXEC)) == -1)
		err(1, "start");
}

static void
flows_add(struct flows *fs, int fd, int sending)
{
	struct flow *f = &fs->flow[fs->open++];
	int flags;

	if ((flags = fcntl(fd, F_GETFL)) == -1 ||
	    fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1)
		err(1, "O_NONBLOCK");
	f->fd = fd;
	f->sending = sending;
	f->receiving = 1;
	watch(fs->epoll, fd, sending ? EPOLLIN | EPOLLOUT : EPOLLIN, f);
}

/* After a direction of it has ended: waits for the other, or closes. */
static void
flows_rest(struct flows *fs, struct flow *f)
{
	struct epoll_event ev;

	if (f->sending || f->receiving) {
		ev.events = f->sending ? EPOLLOUT : EPOLLIN;
		ev.data.ptr = f;
		if (epoll_ctl(fs->epoll, EPOLL_CTL_MOD, f->fd, &ev) == -1)
			err(1, "epoll_ctl");
		return;
	}
	close(f->fd);
	fs->open--;
}

/* A call failed: is that the end, as one that the other made? */
static void
flow_broken(struct flows *fs, struct flow *f, const char *what)
{
	if (now_ns() < fs->late)
		err(1, "%s after %llu bytes", what,
		    (unsigned long long)(f->got + f->sent));
	f->sending = 0;
	f->receiving = 0;
	flows_rest(fs, f);
}

static void
flow_receive(struct flows *fs, struct flow *f)
{
	static unsigned char buf[PATTERN_RUN];
	ssize_t n;
	int i;

	for (i = 0; i < TURN; i++) {
		n = recv(f->fd, buf, sizeof(buf), 0);
		if (n == -1 && errno == EAGAIN)
			return;
		if (n == -1) {
			flow_broken(fs, f, "recv");
			return;
		}
		if (n == 0) {
			f->receiving = 0;
			flows_rest(fs, f);
			return;
		}
		if (fs->first == 0)
			fs->first = now_ns();
		if (fs->check &&
		    memcmp(buf, pattern_at(f->got), (size_t)n) != 0)
			errx(1, "wrong byte after %llu",
			    (unsigned long long)f->got);
		f->got += (uint64_t)n;
		fs->got += (uint64_t)n;
	}
}

static void
flow_send(struct flows *fs, struct flow *f)
{
	size_t want;
	ssize_t n;
	int i;

	for (i = 0; i < TURN; i++) {
		want = PATTERN_RUN;
		if (fs->most != 0 && fs->most - f->sent < want)
			want = (size_t)(fs->most - f->sent);
		if (want == 0 || now_ns() >= fs->end) {
			if (shutdown(f->fd, SHUT_WR) == -1) {
				flow_broken(fs, f, "shutdown");
				return;
			}
			f->sending = 0;
			flows_rest(fs, f);
			return;
		}
		n = send(f->fd, pattern_at(f->sent), want, MSG_NOSIGNAL);
		if (n == -1 && errno == EAGAIN)
			return;
		if (n == -1) {
			flow_broken(fs, f, "send");
			return;
		}
		f->sent += (uint64_t)n;
		fs->sent += (uint64_t)n;
	}
}

/* Until all have ended in both directions. */
static void
flows_run(struct flows *fs, const struct options *o)
{
	struct epoll_event events[EVENTS];
	struct flow *f;
	int i, n;

	fs->end = deadline_ns(o->seconds);
	fs->late = o->both ? deadline_ns(o->seconds / 2) : UINT64_MAX;
	while (fs->open > 0) {
		n = epoll_wait(fs->epoll, events, EVENTS, QUIET_MS);
		if (n == -1)
			err(1, "epoll_wait");
		if (n == 0)
			errx(1, "%u connections hang", fs->open);
		for (i = 0; i < n; i++) {
			f = events[i].data.ptr;
			if (f->receiving && (events[i].events & READABLE) != 0)
				flow_receive(fs, f);
			if (f->sending && (events[i].events & WRITABLE) != 0)
				flow_send(fs, f);
		}
	}
	close(fs->epoll);
	free(fs->flow);
}

/* The time runs from the first byte that came, or from the start. */
static void
flows_print(const struct flows *fs, uint64_t began, int sink)
{
	uint64_t from = sink && fs->first != 0 ? fs->first : began;

	printf("{\"bytes\":%llu,\"%s\":%llu,\"seconds\":%.6f}\n",
	    (unsigned long long)(sink ? fs->got : fs->sent),
	    sink ? "sent" : "received",
	    (unsigned long long)(sink ? fs->sent : fs->got),
	    (double)(now_ns() - from) / 1e9);
}

int
flows_sink(const struct options *o)
{
	struct flows fs;
	uint64_t began;
	unsigned int i;
	int listener;

	(void)pattern_at(0);
	listener = net_listen(o->addr);
	ready();
	flows_start(&fs, o);
	for (i = 0; i < o->flight; i++)
		flows_add(&fs, net_accept(listener), o->both);
	began = now_ns();
	flows_run(&fs, o);
	flows_print(&fs, began, 1);
	return 0;
}

int
flows_source(const struct options *o)
{
	struct flows fs;
	uint64_t began;
	unsigned int i;

	(void)pattern_at(0);
	flows_start(&fs, o);
	for (i = 0; i < o->flight; i++)
		flows_add(&fs, net_connect(o->addr), 1);
	began = now_ns();
	flows_run(&fs, o);
	if (fs.got != 0 && !o->both)
		errx(1, "the sink answered");
	flows_print(&fs, began, 0);
	return 0;
}
