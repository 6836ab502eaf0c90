/*
 * An engine that dies where the test says: at its nth stop, of which each
 * system call has two, one before anything is done and one when all is done
 * and the engine does not know yet.  Or at any instruction behind a call.
 */

#ifndef UNIT_ENGINE_TRACE_H
#define UNIT_ENGINE_TRACE_H

#include <sys/types.h>

struct etrace; /* shared with the process that watches it */

/* The engine stands still until etrace_go; from there its stops count. */
struct etrace *etrace_begin(pid_t engine, unsigned int last);
/*
 * So many instructions after its first system call of that number that gave
 * more than 0.
 */
struct etrace *etrace_begin_after(pid_t engine, long call,
    unsigned int instructions);
void etrace_go(struct etrace *);
/* When the engine has ended: whether it was killed there. */
int etrace_end(struct etrace *);

#endif
