/*
 * Datagrams in the hand of an engine: from the call that reads them until
 * they are counted as arrived.  Each bridge of their src has them counted
 * once, by this engine or, when it dies, by one that takes over.
 */

#ifndef ENGINE_HAND_H
#define ENGINE_HAND_H

#include <stdint.h>

#include "../share/counters.h"
#include "batch.h"

/* What came, besides what can be sent on. */
enum arrival {
	ARRIVED_MESSAGES, /* all, lost ones too */
	ARRIVED_BYTES,
	ARRIVED_OVERFLOW,
	ARRIVED_TOO_LONG,
	ARRIVED_UNCLEAR,
	ARRIVED_REPLIES, /* by flows, lost ones too */
	ARRIVED_REPLIES_LOST,
	ARRIVALS
};

struct arrived {
	uint64_t n[ARRIVALS];
};

/* A call reads the src of that number; all that it gave is counted. */
void hand_begin(struct counters_hand *, uint32_t src);
void hand_end(struct counters_hand *);

/* A new bridge: of what is in hand nothing is for it. */
void hand_attach(const struct counters_hand *, struct counters_slot *,
    uint32_t dropped);

/*
 * Where a bridge keeps up to where the kernel's drops are counted: of its
 * first src with its own figures, 0; of any other src + 1, for it has no other
 * bridge, and tag is something of the bridge's that no later one has.
 */
void hand_place(struct counters_hand *, uint32_t src, uint32_t tag);
void hand_forget(struct counters_hand *, uint32_t src);

/* Adds a message; *dropped: how many the kernel has ever dropped there. */
void hand_count(struct arrived *, const struct batch_message *,
    uint32_t *dropped);

/* What was added so far are answers that came by a flow. */
void hand_replies(struct arrived *);

/* Counts what came, of a bridge of the src. */
void hand_publish(struct counters_hand *, uint32_t slot, struct counters_slot *,
    uint32_t place, const struct arrived *, uint32_t dropped);

/* Before anything else: ends what a dead engine had begun here, if any. */
void hand_take_over(struct counters_hand *, struct counters_slot *,
    uint32_t nslots);

/* Counts what a dead engine has left in hand, if the bridge lacks it. */
void hand_recover(struct counters_hand *, uint32_t src, int told, uint32_t slot,
    struct counters_slot *, uint32_t place);

/*
 * The same of what came by a flow, under that number: the kernel's drops are
 * not counted, for nobody knows up to where they are.
 */
void hand_recover_flow(struct counters_hand *, uint32_t src, int told,
    uint32_t slot, struct counters_slot *, int replies);

/* Up to where the kernel's drops are counted; -1: that was not kept. */
int hand_dropped(const struct counters_hand *, const struct counters_slot *,
    uint32_t place, uint32_t *dropped);

#endif
