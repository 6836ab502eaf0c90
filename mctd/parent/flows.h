/*
 * Flows of datagram bridges: of each asker, two sockets.  The engine says
 * that one it does not know is at the head of a src; it is answered with a
 * flow, or with the word that there is none, once for each time it says so.
 *
 * A flow ends when the engine says so, or with its bridge.
 */

#ifndef PARENT_FLOWS_H
#define PARENT_FLOWS_H

#include "bridges.h"

int flows_init(uint32_t bridges, uint32_t flows);
size_t flows_bytes(uint32_t bridges, uint32_t flows);

/* The engine's messages: -1 when it cannot mean that. */
int flows_asker(const struct inner_asker *);
int flows_ended(const struct inner_flow *);

/* Tells the engine what it is to be told; 0, or -1: it takes no more now. */
int flows_flush(void);
/* The next one is told of all flows; bridges come first. */
void flows_engine_died(void);

/* It has other options. */
void flows_changed(const struct bridge *, const struct bridge_options *was);
/* A bridge is over; the engine has nothing of it any more. */
void flows_close(uint32_t slot);

/* For the next parent: a flow and its sockets. */
struct flows_kept {
	uint32_t flow;
	uint64_t serial;
	uint32_t slot;
	struct addr asker;
	int fd[2];
};
/* The next one, from number kept->flow on; 0: there is none. */
int flows_keep(struct flows_kept *kept);
/* There; 0, or -1: it cannot be. */
int flows_adopt(const struct flows_kept *);

#endif
