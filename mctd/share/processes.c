/*
 * The processes in the registry's head: each is one number, and so one store.
 */

#include <string.h>

#include "processes.h"

static const char *const kinds[PROCESS_KINDS] = {
	[PROCESS_PARENT] = "parent",
	[PROCESS_CONTROL] = "control",
	[PROCESS_ENGINE] = "engine",
};

static const char *const states[PROCESS_STATES] = {
	[PROCESS_GONE] = "gone",
	[PROCESS_STARTING] = "starting",
	[PROCESS_STANDBY] = "standby",
	[PROCESS_WORKING] = "working",
	[PROCESS_ENDING] = "ending",
};

void
processes_put(struct registry_head *head, unsigned int place,
    const struct process *p)
{
	uint64_t word = 0;

	if (place >= REGISTRY_PROCESSES)
		return;
	if (p->state != PROCESS_GONE)
		word = (uint64_t)p->pid << 32 | (uint32_t)p->kind << 16 |
		    (uint32_t)p->state << 8 | p->which;
	atomic_store(&head->process[place], word);
}

int
processes_get(const struct registry_head *head, unsigned int place,
    struct process *p)
{
	uint64_t word;

	if (place >= REGISTRY_PROCESSES)
		return -1;
	word = atomic_load(&head->process[place]);
	p->pid = (uint32_t)(word >> 32);
	p->kind = (uint8_t)(word >> 16);
	p->state = (uint8_t)(word >> 8);
	p->which = (uint8_t)word;
	if (p->pid == 0 || p->kind >= PROCESS_KINDS ||
	    p->state == PROCESS_GONE || p->state >= PROCESS_STATES)
		return -1;
	return 0;
}

const char *
processes_kind(unsigned int kind)
{
	return kind < PROCESS_KINDS ? kinds[kind] : "unknown";
}

const char *
processes_state(unsigned int state)
{
	return state < PROCESS_STATES ? states[state] : "unknown";
}
