/*
 * Events: writing the ring.
 */

#include <bsd/string.h>
#include <string.h>

#include "../../common/clock.h"
#include "events.h"

static struct {
	struct ring ring;
	int pending;
} events;

void
events_init(void *mem, uint32_t n)
{
	ring_map(&events.ring, mem, n);
	atomic_store(&events.ring.head->next, 1);
}

void
events_add(const struct event_note *note)
{
	struct ring_event e;

	memset(&e, 0, sizeof e);
	e.type = note->type;
	e.id = note->id;
	e.bridge = note->bridge;
	e.err = (uint32_t)note->err;
	e.reason = note->reason;
	e.time_ns = clock_wall_ns();
	if (note->count != NULL)
		memcpy(e.count, note->count, sizeof e.count);
	if (note->text != NULL)
		(void)strlcpy(e.text, note->text, sizeof e.text);
	ring_add(&events.ring, &e);
	events.pending = 1;
}

int
events_pending(uint32_t *next)
{
	*next = ring_next(&events.ring);
	return events.pending;
}

void
events_told(void)
{
	events.pending = 0;
}

void
events_adopt(const void *mem, uint32_t n)
{
	memcpy(events.ring.head, mem, ring_bytes(n));
	events.pending = 1;
}
