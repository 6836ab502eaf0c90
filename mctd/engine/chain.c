/*
 * Lists of numbers, threaded through an array.
 */

#include "chain.h"
#include "table.h"

/* What stands at the last one, which is in the list but has no next. */
#define CHAIN_LAST UINT32_MAX

size_t
chain_bytes(uint32_t n)
{
	return ((size_t)n + 1) * sizeof(uint32_t);
}

int
chain_setup(struct chain *c, uint32_t n)
{
	c->first = 0;
	c->last = 0;
	c->count = 0;
	c->next = table_new(chain_bytes(n));
	return c->next == NULL ? -1 : 0;
}

int
chain_has(const struct chain *c, uint32_t number)
{
	return c->next[number] != 0;
}

void
chain_push(struct chain *c, uint32_t number)
{
	if (c->next[number] != 0)
		return;
	c->next[number] = CHAIN_LAST;
	if (c->first == 0)
		c->first = number;
	else
		c->next[c->last] = number;
	c->last = number;
	c->count++;
}

uint32_t
chain_pop(struct chain *c)
{
	uint32_t number = c->first;

	if (number == 0)
		return 0;
	c->first = number == c->last ? 0 : c->next[number];
	c->next[number] = 0;
	c->count--;
	return number;
}
