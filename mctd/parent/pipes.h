/*
 * The engines' pipes: made at start, with the size that an unprivileged
 * process would not get; the parent keeps copies, so that what lies in them
 * outlives an engine, and never reads or writes them.
 */

#ifndef PARENT_PIPES_H
#define PARENT_PIPES_H

#include <stddef.h>
#include <stdint.h>

/*
 * So many for each engine, or fewer, as the system gives them: then the log
 * says so.  0, or -1 with errno.
 */
int pipes_make(uint32_t engines, uint32_t each);
size_t pipes_bytes(uint32_t engines, uint32_t each);

/* An engine is told of its own: 0, or -1: its channel is full. */
int pipes_flush(uint32_t engine);
/* Its successor has to be told anew. */
void pipes_engine_died(uint32_t engine);

/* For the next parent: all of them, engine by engine, out and in of each. */
struct pipes_kept {
	const int *fd;
	uint32_t each;
	uint32_t bytes; /* that one holds */
};
void pipes_keep(struct pipes_kept *);
/* There: room for as many as limits allow; then count of them, the first
 * of which has that number.  0, or -1 when there are more. */
int pipes_prepare(uint32_t engines, uint32_t each);
int pipes_inherit(const struct pipes_kept *, uint32_t first, uint32_t count);

#endif
