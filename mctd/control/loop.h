/*
 * The control process's event loop: what it waits for, and whom it tells.
 *
 * A client is read when there is news: part of a message lies in its socket
 * until the rest is there, and would be told without end.  All else is
 * level-triggered, so that what is not done now is told again.
 */

#ifndef CONTROL_LOOP_H
#define CONTROL_LOOP_H

#include <stddef.h>
#include <stdint.h>

#define LOOP_READ  0x01
#define LOOP_WRITE 0x02

struct loop_calls {
	void (*channel_readable)(void);
	void (*channel_writable)(void);
	/* What was watched for is there; ended: it will send no more. */
	void (*client)(uint32_t slot, int ended);
	void (*tick)(void);
	void (*again)(void);
};

/*
 * Room for clients 0..clients, the channel not watched yet.  Returns 0, or
 * -1 with errno.  After it nothing here allocates outside the fixed arena.
 */
int loop_setup(const struct loop_calls *, uint32_t clients, uint32_t fds);
size_t loop_bytes(uint32_t clients); /* without the arena */

/* The channel is read always, from now on. */
int loop_channel(int fd);
/* Says once when the channel takes something again. */
void loop_channel_full(void);

/* want: LOOP_READ, LOOP_WRITE, both or 0; 0 before fd is closed. */
int loop_watch(uint32_t slot, int fd, unsigned int want);

/* Calls tick once, about a second from now; more calls until then do no
 * more. */
void loop_tick(void);
/* Calls again once, after the sockets had their turn. */
void loop_again(void);

int loop_run(void); /* returns -1 when the loop is broken */

#endif
