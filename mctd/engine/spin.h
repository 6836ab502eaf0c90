/*
 * Waiting for what happens next, with a look or many before sleeping: to be
 * woken takes longer than to look again for some microseconds.
 */

#ifndef ENGINE_SPIN_H
#define ENGINE_SPIN_H

#include <stdint.h>

struct spin {
	uint32_t us;      /* to look before sleeping; 0: sleep at once */
	uint32_t in_vain; /* times in a row that it did not help */
};

/* As watch_turn, which it calls until something happened. */
int spin_wait(struct spin *);

#endif
