/*
 * Places for records in pieces.
 */

#include <assert.h>

#include "gather.h"
#include "table.h"

size_t
gather_bytes(void)
{
	return (size_t)GATHERS * PEEK_BYTES;
}

int
gather_setup(struct gathers *g)
{
	uint8_t *memory = table_new(gather_bytes());
	int i;

	if (memory == NULL)
		return -1;
	for (i = 0; i < GATHERS; i++)
		g->at[i] = memory + (size_t)i * PEEK_BYTES;
	return 0;
}

int
gather_borrow(struct gathers *g)
{
	int i;

	for (i = 0; i < GATHERS; i++)
		if (!g->taken[i])
			break;
	if (i == GATHERS)
		return -1;
	g->taken[i] = 1;
	g->used[i] = 0;
	g->whole[i] = 0;
	return i;
}

void
gather_return(struct gathers *g, int gather)
{
	assert(g->taken[gather]);
	g->taken[gather] = 0;
}

int
gather_scarce(const struct gathers *g)
{
	int i;

	for (i = 0; i < GATHERS; i++)
		if (!g->taken[i])
			return 0;
	return 1;
}
