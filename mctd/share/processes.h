/*
 * Who the daemon's processes are: the parent writes it into the registry's
 * head, so that a client can look up in the kernel what they may do.
 */

#ifndef SHARE_PROCESSES_H
#define SHARE_PROCESSES_H

#include <stdint.h>

#include "inner.h"
#include "registry.h"

enum process_state {
	PROCESS_GONE,
	PROCESS_STARTING,
	PROCESS_STANDBY,
	PROCESS_WORKING,
	PROCESS_ENDING,
	PROCESS_STATES
};

struct process {
	uint32_t pid;
	uint8_t kind;  /* enum process_kind */
	uint8_t state; /* enum process_state */
	uint8_t which; /* a working engine's number */
};

/* Place 0 is the parent's, the others are the children's in any order. */
void processes_put(struct registry_head *, unsigned int place,
    const struct process *);

/* What is there: 0, or -1 where there is none or it makes no sense. */
int processes_get(const struct registry_head *, unsigned int place,
    struct process *);

/* Words: "parent", "control", "engine"; "standby", "working", ... */
const char *processes_kind(unsigned int kind);
const char *processes_state(unsigned int state);

#endif
