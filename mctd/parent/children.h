/*
 * The children: started at boot, those at work and those asleep; their
 * channels, their death, and the take-over by a standby.
 *
 * A child is STARTING until it says READY, then ASLEEP or ACTIVE; it is
 * DYING from the moment its channel broke, it sent what is not defined or it
 * was found to hang, until the kernel reports its end.  Then what it said last
 * is read from its channel, died is called, and a standby is made ACTIVE.
 */

#ifndef PARENT_CHILDREN_H
#define PARENT_CHILDREN_H

#include <stddef.h>

#include "../share/inner.h"

/* What the rest of the parent does about a kind of child. */
struct children_user {
	/* Each is told which of its kind it is about: of engines a number. */
	/* A message: 0, or -1 when it is not one this child may send. */
	int (*message)(uint32_t which, struct frame_in *);
	/* The active child's channel takes messages again. */
	void (*writable)(uint32_t which);
	/* The active child is gone; nothing was told to the next one yet. */
	void (*died)(uint32_t which);
};

struct children_setup {
	struct inner_start start; /* kind, active, engine are filled in here */
	/* the mappings' descriptors for a kind of child */
	int fds[PROCESS_KINDS][START_FDS_MAX];
	size_t nfds[PROCESS_KINDS];
	uint32_t nofile[PROCESS_KINDS];
	uint32_t standby;
	int foreground;
};

/* Forks all, waits until each is ready.  0, or -1 when one is not. */
int children_start(const struct children_setup *);

/* From here on messages, deaths and take-overs happen in the loop. */
int children_watch(const struct children_user *control,
    const struct children_user *engine);

/*
 * To the active child of a kind, engine number `which`.  0, or -1 with EAGAIN
 * (its channel is full) or ENOBUFS (the kernel is short of memory for it):
 * writable will be called; or EPIPE (none is there now, died was or will be
 * called, then writable).
 */
int children_send(enum process_kind, uint32_t which, const void *, size_t,
    const int *fds, size_t nfds);

/*
 * Once a second: asks those at work whether they live, and kills who does not
 * answer.  late: this comes later than it should, so the parent slept, and
 * perhaps the whole machine: nobody is judged by that time.
 */
void children_beat(uint64_t now_ms, int late);

/*
 * Used by freeze.c, of numbers under LIMIT_CHILDREN: the process at work, or
 * that was and is not reported yet (0: neither); a message without a body, if
 * its channel takes it; all it has said is read (-1: it is not at work any
 * more); what wait says of its end.
 */
pid_t children_pid(unsigned int number, int *at_work);
void children_tell(unsigned int number, enum inner_type);
int children_hear(unsigned int number);
void children_ended(unsigned int number, int status);

/* A child is not to be trusted any more. */
void children_kill(enum process_kind, uint32_t which, const char *why);

/* No child left to take over: the daemon must end. */
int children_failed(void);

/* SIGCHLD: looks who ended. */
void children_reap(void);

/* Has all of them end. */
void children_stop(void);

/* Fills the numbers under LOW_FDS, so that no traffic gets one. */
int children_fill_low_fds(void);

#endif
