/*
 * What the engine has to tell the parent and must not lose: ends, and
 * answers.  One place for each slot and src, so that nothing overflows when
 * the channel is full; what is not sent yet waits in a list.
 */

#ifndef ENGINE_REPORT_H
#define ENGINE_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include "../../common/names.h"
#include "chain.h"

struct report {
	uint64_t serial;
	int err;
	uint8_t reason;  /* enum end_reason */
	uint8_t pending; /* a set of what waits */
};

struct reports {
	int channel;
	int pong; /* the parent asked whether we live */
	int full; /* the channel took no more: wait for its edge */
	uint32_t slots;
	struct report *at; /* by slot, then the srcs */
	uint64_t *lost;    /* by slot of a bridge: a set of its outs */
	struct chain waiting;
};

/* There are no fewer srcs than bridges, whose slots come first. */
size_t report_bytes(uint32_t slots, uint32_t srcs);
int report_setup(struct reports *, int channel, uint32_t slots,
    uint32_t srcs); /* 0, or -1 with errno */

void report_end(struct reports *, uint32_t slot, uint64_t serial,
    enum end_reason, int err);
void report_installed(struct reports *, uint32_t slot, uint64_t serial);
void report_lost(struct reports *, uint32_t slot, uint64_t serial,
    unsigned int out);
void report_src_closed(struct reports *, uint32_t src, uint8_t kind);

void report_pong(struct reports *);

/* Whether something of the slot, or of the src, was not sent yet. */
int report_waits(const struct reports *, uint32_t slot);
int report_src_waits(const struct reports *, uint32_t src);

/* Sends another's.  1: it is sent; 0: not now; -1: the channel is broken. */
struct frame_out;
int report_frame(struct reports *, struct frame_out *);

/* Sends what the channel takes.  0, or -1 with errno when it is broken. */
int report_flush(struct reports *);

#endif
