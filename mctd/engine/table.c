/*
 * Memory of tables.
 *
 * Calls: at the start: mmap
 */

#include <sys/mman.h>

#include <string.h>

#include "table.h"

void *
table_new(size_t bytes)
{
	void *mem;

	mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		return NULL;
	memset(mem, 0, bytes); /* now, and not when traffic comes */
	return mem;
}
