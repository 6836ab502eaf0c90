/*
 * The event loop over libevent, the only file of this process that knows
 * it.  Its memory comes from a fixed arena, the events are in arrays made
 * at start.
 */

#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "../../common/log.h"
#include "../share/arena.h"
#include "loop.h"

struct watch {
	struct event event;
	unsigned int want;
};

static struct {
	struct loop_calls calls;
	struct event_base *base;
	struct event channel_in;
	struct event channel_out;
	struct event tick;
	struct event again;
	struct watch *watches; /* one a client slot */
} loop;

static void
on_channel_in(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	loop.calls.channel_readable();
}

static void
on_channel_out(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	loop.calls.channel_writable();
}

static void
on_client(int fd, short what, void *arg)
{
	const struct watch *w = arg;

	(void)fd;
	loop.calls.client((uint32_t)(w - loop.watches),
	    (what & EV_CLOSED) != 0);
}

static void
on_tick(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	loop.calls.tick();
}

static void
on_again(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	loop.calls.again();
}

/* libevent would write to stderr. */
static void
on_message(int severity, const char *line)
{
	if (severity >= EVENT_LOG_WARN)
		log_warn("libevent: %s", line);
}

int
loop_setup(const struct loop_calls *calls, uint32_t clients, uint32_t fds)
{
	loop.calls = *calls;
	event_set_log_callback(on_message);
	if (arena_setup(fds) == -1)
		return -1;
	loop.base = arena_base();
	if (loop.base == NULL)
		return -1;
	loop.watches = malloc(loop_bytes(clients));
	if (loop.watches == NULL)
		return -1;
	memset(loop.watches, 0, loop_bytes(clients));
	if (event_assign(&loop.tick, loop.base, -1, 0, on_tick, NULL) == -1 ||
	    event_assign(&loop.again, loop.base, -1, 0, on_again, NULL) == -1)
		return -1;
	return 0;
}

size_t
loop_bytes(uint32_t clients)
{
	return ((size_t)clients + 1) * sizeof(struct watch);
}

int
loop_channel(int fd)
{
	if (event_assign(&loop.channel_in, loop.base, fd, EV_READ | EV_PERSIST,
		on_channel_in, NULL) == -1 ||
	    event_assign(&loop.channel_out, loop.base, fd, EV_WRITE,
		on_channel_out, NULL) == -1)
		return -1;
	return event_add(&loop.channel_in, NULL);
}

void
loop_channel_full(void)
{
	event_add(&loop.channel_out, NULL);
}

int
loop_watch(uint32_t slot, int fd, unsigned int want)
{
	struct watch *w = &loop.watches[slot];
	short what = EV_PERSIST;

	if (w->want == want)
		return 0;
	if (w->want != 0)
		event_del(&w->event);
	w->want = 0;
	if (want == 0)
		return 0;
	if (want & LOOP_READ)
		what |= EV_READ | EV_CLOSED | EV_ET;
	if (want & LOOP_WRITE)
		what |= EV_WRITE;
	if (event_assign(&w->event, loop.base, fd, what, on_client, w) == -1 ||
	    event_add(&w->event, NULL) == -1)
		return -1;
	w->want = want;
	return 0;
}

void
loop_tick(void)
{
	static const struct timeval second = { .tv_sec = 1 };

	if (!event_pending(&loop.tick, EV_TIMEOUT, NULL))
		event_add(&loop.tick, &second);
}

void
loop_again(void)
{
	static const struct timeval now = { .tv_sec = 0 };

	if (!event_pending(&loop.again, EV_TIMEOUT, NULL))
		event_add(&loop.again, &now);
}

int
loop_run(void)
{
	event_base_loop(loop.base, EVLOOP_NO_EXIT_ON_EMPTY);
	return -1;
}
