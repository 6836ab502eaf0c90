/*
 * The parent's event loop: descriptors, timers, signals.  Nothing here
 * allocates after loop_init; who waits embeds a struct loop_event.
 */

#ifndef PARENT_LOOP_H
#define PARENT_LOOP_H

#include <stddef.h>

#include <event2/event.h>
#include <event2/event_struct.h>

enum loop_what {
	LOOP_READ = 1,
	LOOP_WRITE = 2,
	LOOP_TIMEOUT = 4,
	LOOP_EDGE = 8 /* with the first two: when it becomes so */
};

struct loop_event {
	struct event ev;
	void (*fn)(void *arg, unsigned int what);
	void *arg;
};

/* Before anything else; fds: the highest number of descriptors. */
int loop_init(size_t fds);

/* Sets up; not waiting yet.  fd -1 is a timer.  what: LOOP_READ, _WRITE,
 * both; a descriptor goes on being watched until loop_del. */
void loop_set(struct loop_event *, int fd, unsigned int what,
    void (*fn)(void *, unsigned int), void *arg);
void loop_signal(struct loop_event *, int signal,
    void (*fn)(void *, unsigned int), void *arg);

/* timeout_ms -1: none.  0, or -1 when there is no memory for it. */
int loop_add(struct loop_event *, long timeout_ms);
void loop_del(struct loop_event *);
int loop_is_set(const struct loop_event *); /* loop_set was called */

/* Waits for something (not at all when busy) and runs what is ready. */
int loop_turn(int busy);

#endif
