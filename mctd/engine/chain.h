/*
 * First in, first out lists of numbers 1..n, each in it at most once, in
 * memory made at start: who has a go next, whose end is to be told.
 */

#ifndef ENGINE_CHAIN_H
#define ENGINE_CHAIN_H

#include <stddef.h>
#include <stdint.h>

struct chain {
	uint32_t *next; /* by number; 0: not in the list */
	uint32_t first; /* 0: empty */
	uint32_t last;
	uint32_t count;
};

size_t chain_bytes(uint32_t n);
int chain_setup(struct chain *, uint32_t n); /* 0, or -1 with errno */

int chain_has(const struct chain *, uint32_t number);
void chain_push(struct chain *, uint32_t number); /* no-op when in */
uint32_t chain_pop(struct chain *);               /* 0: empty */

#endif
