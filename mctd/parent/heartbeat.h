/*
 * Whether a child at work still answers: it is asked again when it has
 * answered, and one that owes an answer for HEARTBEAT_S seconds hangs.  A
 * question that its full channel does not take counts as one not answered.
 *
 * The times are clock_ms().
 */

#ifndef PARENT_HEARTBEAT_H
#define PARENT_HEARTBEAT_H

#include <stdint.h>

struct heartbeat {
	uint64_t owed_ms; /* since when it owes an answer; 0: it does not */
	int asked;        /* the question went out */
	int forgiven;     /* so often, of what it owes now */
};

/* Whether it is to be asked now. */
int heartbeat_due(const struct heartbeat *);

/* It was: err is 0, or why that failed. */
void heartbeat_asked(struct heartbeat *, uint64_t now_ms, int err);

/* Its channel took something else: a full one is being emptied. */
void heartbeat_took(struct heartbeat *);

/* Its answer: 0, or -1 when there was no question. */
int heartbeat_answered(struct heartbeat *);

int heartbeat_overdue(const struct heartbeat *, uint64_t now_ms);

/*
 * Whoever counts the time was asleep: it counts from now, HEARTBEAT_FORGIVEN
 * times for one answer.
 */
void heartbeat_forgive(struct heartbeat *, uint64_t now_ms);

#endif
