/*
 * What a configuration costs: memory by table, descriptors by process,
 * powers.  Printed by -n -v; the start checks it against the machine.
 */

#ifndef CONF_BUDGET_H
#define CONF_BUDGET_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "conf.h"

/* One thing that is allocated at start; the owner of a table fills these. */
struct budget_line {
	const char *process; /* "parent", "control", "engine", "shared" */
	const char *what;
	size_t bytes; /* of one such process */
};

#define BUDGET_LINES 32 /* no less than there are tables */

struct budget {
	struct budget_line line[BUDGET_LINES];
	unsigned int nlines;
	uint32_t parent_fds;
	uint32_t control_fds;
	uint32_t engine_fds;
	unsigned int powers; /* sandbox.h */
};

void budget_add(struct budget *, const char *process, const char *what,
    size_t bytes);
/* The descriptors each process may need; the powers the bridges need. */
void budget_fds(struct budget *, const struct conf *);
/* As comments of mctd.conf(5), to follow a printed configuration. */
void budget_print(const struct budget *, const struct conf *, FILE *);

#endif
