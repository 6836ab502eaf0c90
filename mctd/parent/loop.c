/*
 * The parent's event loop, on libevent.
 */

#include <sys/time.h>

#include "../share/arena.h"
#include "loop.h"

static struct event_base *base;

static void
ready(evutil_socket_t fd, short what, void *arg)
{
	struct loop_event *e = arg;
	unsigned int happened = 0;

	(void)fd;
	if (what & EV_READ)
		happened |= LOOP_READ;
	if (what & EV_WRITE)
		happened |= LOOP_WRITE;
	if (what & EV_TIMEOUT)
		happened |= LOOP_TIMEOUT;
	e->fn(e->arg, happened);
}

int
loop_init(size_t fds)
{
	if (arena_setup(fds) == -1)
		return -1;
	base = arena_base();
	return base == NULL ? -1 : 0;
}

void
loop_set(struct loop_event *e, int fd, unsigned int what,
    void (*fn)(void *, unsigned int), void *arg)
{
	short events = 0;

	if (what & LOOP_READ)
		events |= EV_READ | EV_PERSIST;
	if (what & LOOP_WRITE)
		events |= EV_WRITE | EV_PERSIST;
	if (what & LOOP_EDGE)
		events |= EV_ET;
	e->fn = fn;
	e->arg = arg;
	(void)event_assign(&e->ev, base, fd, events, ready, e);
}

void
loop_signal(struct loop_event *e, int signal, void (*fn)(void *, unsigned int),
    void *arg)
{
	e->fn = fn;
	e->arg = arg;
	(void)event_assign(&e->ev, base, signal, EV_SIGNAL | EV_PERSIST, ready,
	    e);
}

int
loop_add(struct loop_event *e, long timeout_ms)
{
	struct timeval tv;

	if (timeout_ms < 0)
		return event_add(&e->ev, NULL);
	tv.tv_sec = timeout_ms / 1000;
	tv.tv_usec = timeout_ms % 1000 * 1000;
	return event_add(&e->ev, &tv);
}

void
loop_del(struct loop_event *e)
{
	(void)event_del(&e->ev);
}

int
loop_is_set(const struct loop_event *e)
{
	return e->fn != NULL;
}

int
loop_turn(int busy)
{
	return event_base_loop(base,
	    EVLOOP_ONCE | (busy ? EVLOOP_NONBLOCK : 0));
}
