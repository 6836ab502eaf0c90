/*
 * The engine's event loop, on libevent.
 *
 * Descriptors are registered for all that can happen, edge-triggered, so
 * that traffic costs no epoll_ctl.  The struct event of each lies in a table
 * made at start.
 */

#include <sys/time.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "../share/arena.h"
#include "table.h"
#include "watch.h"

struct watch {
	struct event ev;
	const struct watch_user *user;
};

static struct event_base *base;
static struct watch *watches;
static struct watch timers[WATCH_TIMERS];
static int seen; /* in this turn */

size_t
watch_bytes(uint32_t numbers)
{
	return numbers * sizeof(struct watch);
}

int
watch_setup(uint32_t numbers, uint32_t fds)
{
	if (arena_setup(fds) == -1)
		return -1;
	base = arena_base();
	if (base == NULL)
		return -1;
	watches = table_new(watch_bytes(numbers));
	return watches == NULL ? -1 : 0;
}

static void
happened(evutil_socket_t fd, short events, void *arg)
{
	struct watch *w = arg;
	unsigned int what = 0;

	(void)fd;
	seen |= WATCH_SAW_EVENT;
	if (events & EV_READ)
		what |= WATCH_READ;
	if (events & EV_WRITE)
		what |= WATCH_WRITE;
	if (events & EV_CLOSED)
		what |= WATCH_CLOSED;
	w->user->fn(w->user->arg, (uint32_t)(w - watches), what);
}

/* What is asked for beside what can be read. */
#define WATCHED (EV_ET | EV_PERSIST | EV_WRITE | EV_CLOSED)

int
watch_add(uint32_t number, int fd, const struct watch_user *user)
{
	struct watch *w = &watches[number];

	w->user = user;
	if (event_assign(&w->ev, base, fd, WATCHED | EV_READ, happened, w) ==
	    -1)
		return -1;
	return event_add(&w->ev, NULL);
}

void
watch_del(uint32_t number)
{
	(void)event_del(&watches[number].ev);
}

int
watch_hear(uint32_t number, int reads)
{
	struct watch *w = &watches[number];
	evutil_socket_t fd = event_get_fd(&w->ev);

	(void)event_del(&w->ev);
	(void)event_assign(&w->ev, base, fd, WATCHED | (reads ? EV_READ : 0),
	    happened, w);
	return event_add(&w->ev, NULL);
}

static void
timed_out(evutil_socket_t fd, short events, void *arg)
{
	struct watch *w = arg;

	(void)fd;
	(void)events;
	seen |= WATCH_SAW_TIMER;
	w->user->fn(w->user->arg, 0, 0);
}

void
watch_set_timer(enum watch_timer timer, const struct watch_user *user)
{
	struct watch *w = &timers[timer];

	w->user = user;
	(void)event_assign(&w->ev, base, -1, 0, timed_out, w);
}

void
watch_arm(enum watch_timer timer, unsigned int ms)
{
	struct event *ev = &timers[timer].ev;
	struct timeval tv;

	if (event_pending(ev, EV_TIMEOUT, NULL))
		return;
	tv.tv_sec = ms / 1000;
	tv.tv_usec = ms % 1000 * 1000;
	(void)event_add(ev, &tv);
}

int
watch_turn(int wait)
{
	int flags = EVLOOP_ONCE;

	if (!wait)
		flags |= EVLOOP_NONBLOCK;
	seen = 0;
	return event_base_loop(base, flags) == -1 ? -1 : seen;
}
