/* Events: writing the ring, and waking control once a turn. */

#ifndef PARENT_EVENTS_H
#define PARENT_EVENTS_H

#include "../share/ring.h"

void events_init(void *ring, uint32_t events);

/* What a caller knows of an event; the rest may be 0 or NULL. */
struct event_note {
	enum event_type type;
	uint32_t id;
	uint32_t bridge;
	int err;
	unsigned int reason;
	const uint64_t *count; /* COUNTS of them */
	const char *text;
};
void events_add(const struct event_note *);

/* The number of the last event when control has not been told of it, else
 * 0; events_told after it was. */
int events_pending(uint32_t *next);
void events_told(void);

/* The next parent goes on with the ring of that memory, of the same size. */
void events_adopt(const void *mem, uint32_t n);

#endif
