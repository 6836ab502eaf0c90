/*
 * The engine's event loop: what happens on descriptors, edge-triggered, and
 * some timers.  A descriptor is registered once, under a number of the
 * caller's choice, and deregistered before it is closed.  Nothing here
 * allocates after watch_setup.
 */

#ifndef ENGINE_WATCH_H
#define ENGINE_WATCH_H

#include <stddef.h>
#include <stdint.h>

/* What happened.  After an error on the socket it is READ and WRITE. */
#define WATCH_READ   0x01
#define WATCH_WRITE  0x02
#define WATCH_CLOSED 0x04 /* the other side sends no more */

enum watch_timer {
	WATCH_LOOK,
	WATCH_SWEEP,
	WATCH_FLOWS,
	WATCH_TIMERS
};

/* Calls fn with arg; for a descriptor with its number and what happened. */
struct watch_user {
	void (*fn)(void *arg, uint32_t number, unsigned int what);
	void *arg;
};

size_t watch_bytes(uint32_t numbers); /* libevent's arena not counted */

/*
 * For numbers 0..numbers-1 and descriptors up to fds.  Once; returns 0, or
 * -1 with errno.
 */
int watch_setup(uint32_t numbers, uint32_t fds);

/* The user must stay where it is.  0, or -1 when there is no room. */
int watch_add(uint32_t number, int fd, const struct watch_user *);
void watch_del(uint32_t number);

/*
 * Whether it is to tell of what can be read; at first it does.  After each
 * change it tells of all that is so.  0, or -1 when the kernel has no memory.
 */
int watch_hear(uint32_t number, int reads);

/* Calls the user once, ms from now; when already under way, no change. */
void watch_set_timer(enum watch_timer, const struct watch_user *);
void watch_arm(enum watch_timer, unsigned int ms);

/*
 * One turn: waits until something happened, or not at all.  Returns -1, or a
 * set of these.
 */
#define WATCH_SAW_EVENT 0x01
#define WATCH_SAW_TIMER 0x02
int watch_turn(int wait);

#endif
