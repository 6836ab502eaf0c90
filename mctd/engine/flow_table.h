/* The table of flows.  For the files of flows, alone. */

#ifndef ENGINE_FLOW_TABLE_H
#define ENGINE_FLOW_TABLE_H

#include <sys/socket.h>
#include <sys/un.h>

#include "flow.h"

/* The two sockets of a flow. */
enum flow_side {
	FLOW_ASKER,
	FLOW_DST,
	FLOW_SIDES
};

/* Nobody, where the number of a flow is meant. */
#define NO_FLOW         UINT32_MAX

/* An address as the kernel gives it with a datagram of IP. */
#define FLOW_NAME_BYTES 28

/*
 * name: how the kernel calls the asker, once it has; namelen 0: not yet.
 * Of its bridge's flows those older and newer were used before and after it.
 */
struct flow {
	uint64_t serial; /* 0: no flow here */
	uint64_t ended;  /* serial that is to be reported; 0: none */
	struct dgram_bridge *bridge;
	struct dst way[FLOW_SIDES]; /* out by that side's socket */
	uint8_t heard[FLOW_SIDES];  /* watched, and read */
	uint8_t readable[FLOW_SIDES];
	uint8_t told[FLOW_SIDES];     /* see KIND_TOLD */
	uint32_t dropped[FLOW_SIDES]; /* as the kernel told it last */
	uint8_t answered;
	uint8_t namelen;
	uint8_t name[FLOW_NAME_BYTES];
	struct addr asker;
	uint32_t hash;
	uint32_t next; /* in its bucket */
	uint32_t older;
	uint32_t newer;
	uint64_t used_ms;
};

/* Of the hash: for the slot, and for each word of the longest address. */
#define FLOW_SECRETS (2 + (sizeof(struct sockaddr_un) + 3) / 4)

/* In the order in which they were used. */
struct flow_list {
	uint32_t oldest;
	uint32_t newest;
	uint32_t count;
};

struct flow_bridge {
	struct flow_list list[2]; /* never answered; answered */
	uint32_t count;
	uint32_t max;
	uint32_t idle_ms;          /* 0: never */
	uint8_t waits;             /* for the answer to ASKER */
	uint8_t none;              /* which was no: the head is to go */
	struct inner_asker asking; /* to be reported */
};

struct flow_table {
	struct flow *flow;
	struct flow_bridge *bridge; /* by slot */
	uint32_t *bucket;
	uint32_t mask;
	uint64_t secret[FLOW_SECRETS];
	uint32_t bridges;
	uint32_t flows;
	uint32_t used;
	uint32_t first_watch;
	uint32_t first_run;
	struct chain reports; /* slots; bridges + 1 + flow */
	struct watch_user events;
	struct watch_user timer;
};

/* NO_FLOW: the asker has none. */
uint32_t flow_find(const struct dgram_table *, const struct dgram_bridge *,
    const struct addr *asker);
/* It was used just now, and maybe answered. */
void flow_touch(struct dgram_table *, struct flow *, int answered);
/* Ends it, when what lies in its sockets is carried; tells the parent. */
void flow_end(struct dgram_table *, struct flow *);
void flow_drain(struct dgram_table *, struct flow *);
/* Is to have a go when there is something to read. */
void flow_wake(struct dgram_table *, struct flow *);
/* One gives way where there is no room for another. */
void flow_make_room(struct dgram_table *, const struct dgram_bridge *);

/* In the hand: what is read from a side of a bridge's flows. */
uint32_t flow_hand(const struct dgram_table *, const struct dgram_bridge *,
    enum flow_side);

/*
 * Who is at the head of a src, and which address was asked (ADDR_NONE: not
 * told).  0, or -1 with errno.
 */
int flow_peek(const struct dgram_src *, struct addr *asker, struct addr *local);

/* How many datagrams the socket did not take; 0 where it does not say. */
uint32_t flow_drops(int fd);

#endif
