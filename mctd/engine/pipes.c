/*
 * The pool of pipes.
 *
 * Calls: read
 */

#include <assert.h>
#include <errno.h>
#include <unistd.h>

#include "pipes.h"

/* Until it is empty: one read may not take all. */
static void
drain(int out, uint8_t *scratch, size_t size)
{
	ssize_t n;

	do
		n = read(out, scratch, size);
	while (n > 0 || (n == -1 && errno == EINTR));
}

int
pipes_add(struct pipes *p, int out, int in, uint8_t *scratch, size_t size)
{
	if (p->count == LIMIT_PIPES_MAX)
		return -1;
	p->at[p->count].out = out;
	p->at[p->count].in = in;
	p->left[p->count] = atomic_load_explicit(&p->owner[p->count],
				memory_order_acquire) != 0;
	p->count++;
	if (p->left[p->count - 1])
		p->nleft++;
	else
		pipes_return(p, (int)p->count - 1, scratch, size);
	return 0;
}

int
pipes_adopt(struct pipes *p, uint64_t owner)
{
	uint32_t i;

	for (i = 0; i < p->count && p->nleft > 0; i++) {
		if (!p->left[i] ||
		    atomic_load_explicit(&p->owner[i], memory_order_relaxed) !=
			owner)
			continue;
		p->left[i] = 0;
		p->nleft--;
		return (int)i;
	}
	return -1;
}

void
pipes_drain_left(struct pipes *p, uint8_t *scratch, size_t size)
{
	uint32_t i;

	for (i = 0; i < p->count; i++) {
		if (!p->left[i])
			continue;
		p->left[i] = 0;
		pipes_return(p, (int)i, scratch, size);
	}
	p->nleft = 0;
}

int
pipes_scarce(const struct pipes *p)
{
	return 2 * p->nfree <= p->count;
}

int
pipes_borrow(struct pipes *p, uint64_t owner, int sticky)
{
	int pipe;

	if (p->nfree == 0 || (sticky && pipes_scarce(p)))
		return -1;
	pipe = p->free[--p->nfree];
	atomic_store_explicit(&p->owner[pipe], owner, memory_order_release);
	return pipe;
}

void
pipes_return(struct pipes *p, int pipe, uint8_t *scratch, size_t size)
{
	assert(p->nfree < p->count);
	drain(p->at[pipe].out, scratch, size);
	atomic_store_explicit(&p->owner[pipe], 0, memory_order_release);
	p->free[p->nfree++] = (int16_t)pipe;
}
