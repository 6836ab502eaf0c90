/*
 * Flows: bridges whose askers are told apart.  The src of such a bridge has
 * no other; who sends to it and is not known is asked for, and the src waits.
 * What a flow's asker sends goes out by the flow's own socket to dst, and
 * what comes back there goes to the asker.
 */

#ifndef ENGINE_FLOW_H
#define ENGINE_FLOW_H

#include <stddef.h>
#include <stdint.h>

#include "../share/inner.h"
#include "bridge.h"
#include "dgram.h"

struct flow_table;

struct flow_setup {
	uint32_t flows;
	uint32_t first_watch; /* two for each */
	uint32_t first_run;
};

size_t flow_bytes(uint32_t bridges, uint32_t flows);
/* Sets t->flows; the rest of t is set up.  0, or -1 with errno. */
int flow_setup(struct dgram_table *t, const struct flow_setup *);

/*
 * What the parent says; fds: to the asker, to dst.  0, or -1 when it cannot
 * mean that.
 */
int flow_install(struct dgram_table *, const struct inner_flow *,
    const int fds[2]);
int flow_none(struct dgram_table *, const struct inner_attach *);

/* Of a bridge with flows: its limits, at first and later; its end. */
void flow_tune(struct dgram_table *, const struct dgram_bridge *,
    const struct inner_tune *);
void flow_end_all(struct dgram_table *, const struct dgram_bridge *);

/*
 * Of a bridge that goes on after a death: what came and was in the hand of
 * the dead one.  Answers that are missed then are counted as dropped.
 */
void flow_recover(struct dgram_table *, struct dgram_bridge *);
void flow_recover_replies(struct dgram_table *, struct dgram_bridge *,
    uint8_t dst_kind);
/* All have come; those that wait can be read now. */
void flow_resumed(struct dgram_table *);

/* The turn of a src with flows, and of a flow; gone meanwhile is no error. */
void flow_src_run(struct dgram_table *, struct dgram_src *);
void flow_run(struct dgram_table *, uint32_t flow);

/* Whether there is something to tell the parent; tells it.  0, or -1. */
int flow_has_report(const struct dgram_table *);
int flow_report(struct dgram_table *);

#endif
