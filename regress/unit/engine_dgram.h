/*
 * Datagrams through an engine: one src, to which the tests attach dsts.
 */

#ifndef UNIT_ENGINE_DGRAM_H
#define UNIT_ENGINE_DGRAM_H

#include <sys/socket.h>

#include "engine_rig.h"

#define SRC 0 /* the number of the src */

/* What a test has, made anew for each. */
struct edgram {
	struct erig rig;
	int src;    /* the parent's copy */
	int sender; /* connected to it */
};
extern struct edgram edgram;

/* One of a bridge: the engine's socket, connected to the receiver's. */
struct edgram_dst {
	int inside;
	int receiver;
	uint8_t kind;
	uint8_t mute;
	uint64_t serial; /* of its bridge */
	struct inner_tune tune;
};

int edgram_socket(int family);

/* Bound to a port, or an abstract name, that the kernel chooses. */
int edgram_bound(enum addr_kind, int family, struct sockaddr_storage *,
    socklen_t *);
int edgram_connected(enum addr_kind, const struct sockaddr_storage *,
    socklen_t);

/* The src as the parent opens it; open hands it over as well. */
void edgram_make_src(enum addr_kind);
void edgram_open_src(enum addr_kind);
void edgram_send_src(uint16_t type, enum addr_kind);

/* Hands a dst over and waits until the engine has it. */
void edgram_open_dst(struct edgram_dst *, uint32_t slot, enum addr_kind);
/* A receiver, and the socket connected to it; nothing is handed over. */
void edgram_make_dst(struct edgram_dst *, enum addr_kind, int family);
void edgram_attach(struct edgram_dst *, uint32_t slot);
void edgram_send_dst(struct edgram_dst *, uint32_t slot); /* not waiting */
void edgram_send_dst_on(struct edgram_dst *, uint32_t slot, uint32_t src);
void edgram_close_dst(struct edgram_dst *);

/* The sum of a bridge's drops. */
uint64_t edgram_drops(uint32_t slot);
/*
 * Waits for n arrivals; each, and each copy, has gone out or is counted as
 * dropped.
 */
void edgram_wait_balance(uint32_t slot, uint64_t n);

/* The nth datagram, of len bytes, has a content of its own. */
void edgram_give(size_t len, unsigned int n);
void edgram_expect(const struct edgram_dst *, size_t len, unsigned int n);
/* The same from any sender. */
void edgram_give_by(int sender, size_t len, unsigned int n);

/* A group in one call, cut by the kernel into datagrams of seg bytes. */
void edgram_give_group(size_t len, int seg);
void edgram_expect_group(const struct edgram_dst *, size_t len, size_t seg);

#endif
