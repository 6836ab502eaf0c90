/*
 * Flows through an engine, on the src of engine_dgram.h: a bridge in
 * EFLOW_SLOT, askers, and what a parent makes and says for them.
 */

#ifndef UNIT_ENGINE_FLOW_H
#define UNIT_ENGINE_FLOW_H

#include "engine_dgram.h"

#define EFLOW_SLOT  1
#define EFLOW_FLOWS 4 /* of the engine */

/* An asker, and what the parent makes for it. */
struct eflow {
	int asker;
	int fd[2];  /* the flow's: to the asker, to dst */
	int server; /* what dst is here, connected to the flow's */
	struct sockaddr_storage at;
	struct addr name;
	uint64_t serial;
};

extern struct edgram_dst eflow_dst; /* of the bridge */

void eflow_join(int fd, const struct sockaddr_storage *at);
void eflow_make(struct eflow *e);
void eflow_by_src(const struct eflow *e);
void eflow_aim(const struct eflow *e, const struct eflow *other);
void eflow_by_flow(const struct eflow *e);
void eflow_unmake(const struct eflow *e);
void eflow_send_src(uint8_t flows);
void eflow_begin(uint32_t flows, uint32_t idle_ms);
void eflow_finish(int status);
void eflow_expect_asker(void);
void eflow_expect_ended(uint32_t flow, const struct eflow *e);
void eflow_usual(struct inner_flow *m, uint32_t flow, struct eflow *e);
void eflow_send_as(const struct inner_flow *m, const int *fds, size_t nfds);
void eflow_send(uint32_t flow, struct eflow *e);
void eflow_send_none(uint64_t serial);
void eflow_expect_bytes(int fd, ssize_t bytes);
void eflow_get(uint32_t flow, struct eflow *e, size_t bytes);
void eflow_open(uint32_t flow, struct eflow *e, size_t bytes);
void eflow_answer(const struct eflow *e, size_t bytes);
void eflow_check_replies(uint64_t in, uint64_t dropped);

#endif
