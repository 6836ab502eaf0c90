/*
 * The events: a ring of the last ones, which the parent alone writes.
 * Events are numbered from 1 with 32 bits that roll over; number n lies in
 * place n modulo the ring's size (a power of two).
 */

#ifndef SHARE_RING_H
#define SHARE_RING_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "../../common/names.h"

/* The longest is a group with its interface and source: join_print. */
#define RING_TEXT_BYTES 128

struct ring_event {
	uint32_t seq;
	uint32_t type;   /* enum event_type */
	uint32_t id;     /* bridge or session, 0: neither */
	uint32_t bridge; /* id of the session's bridge */
	uint32_t err;
	uint32_t reason; /* enum end_reason, or of a drop the enum count */
	uint64_t time_ns;
	uint64_t count[COUNTS];
	char text[RING_TEXT_BYTES];
};

struct ring_place {
	_Atomic uint32_t guard; /* odd while it is written */
	struct ring_event event;
};

struct ring_head {
	_Atomic uint32_t next; /* the number the next event will have */
	_Atomic uint32_t held; /* how many the ring holds */
};

struct ring {
	struct ring_head *head;
	struct ring_place *places;
	uint32_t size;
};

/* size as limits give it is rounded up to a power of two. */
uint32_t ring_size(uint32_t events);
size_t ring_bytes(uint32_t events);
void ring_map(struct ring *, void *, uint32_t events);

/* The writer's: sets seq; publishes. */
void ring_add(struct ring *, const struct ring_event *);

/* A reader's. */
uint32_t ring_next(const struct ring *);
uint32_t ring_oldest(const struct ring *);
/* 0 and a copy; -1 ENOENT when it has left the ring or is not there yet. */
int ring_read(const struct ring *, uint32_t seq, struct ring_event *);

#endif
