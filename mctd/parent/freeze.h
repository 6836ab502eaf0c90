/*
 * Having the children at work stand still, so that nothing of the daemon
 * moves while another takes its place.
 *
 * They are told to halt, and do so when they have nothing in hand.  Who hangs
 * is stopped by a signal: then it is between two system calls, as after its
 * death, and who goes on in its place finds what a successor finds.  Either
 * way it can go on itself as if nothing had been, and no standby is used up.
 */

#ifndef PARENT_FREEZE_H
#define PARENT_FREEZE_H

#include <sys/types.h>

/*
 * Halts them and reads what they said until then.  0, or -1: not all stand;
 * either way freeze_undo or freeze_end follows.
 */
int freeze(void);

/* They go on as if nothing had been. */
void freeze_undo(void);

/* They never do: killed where they stand. */
void freeze_end(void);

/* A child's answer to HALT: 0, or -1 when it was not told to. */
int freeze_halted(pid_t);

#endif
