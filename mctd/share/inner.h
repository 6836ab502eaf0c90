/*
 * Messages between the daemon's own processes: parent (P), control (C) and
 * engine (E).  Each is one packet (frame.h) on the child's channel; what
 * carries descriptors says so, and only the parent sends such.  A child that
 * sends anything else than what is defined here is killed.
 */

#ifndef SHARE_INNER_H
#define SHARE_INNER_H

#include <stdint.h>

#include "../../common/bridge.h"
#include "../../common/frame.h"
#include "../../common/log.h"
#include "../../common/names.h"
#include "../../common/proto.h"

enum inner_type {
	MSG_P2X_START = 100, /* to either, with the mappings' descriptors */
	MSG_X2P_READY,       /* tables are made, privileges are dropped */
	MSG_P2X_ACTIVATE,    /* a standby takes over: as which engine */
	MSG_X2P_LOG,
	MSG_P2E_SESSIONS,   /* with two descriptors each: peer, dst */
	MSG_P2E_SRC,        /* with one descriptor */
	MSG_P2E_DST,        /* with one descriptor */
	MSG_P2E_TUNE,       /* a bridge's limits, as they are now */
	MSG_P2E_OUT,        /* with one: a further dst of a bridge */
	MSG_P2E_OUT_CHANGE, /* whether it is mute */
	MSG_P2E_OUT_CLOSE,  /* no answer */
	MSG_P2E_ATTACH,     /* the bridge reads that src as well */
	MSG_P2E_FLOW,       /* with two: to the asker, to dst; answers ASKER */
	MSG_P2E_FLOW_NO,    /* answers ASKER: drop what it sent */
	MSG_P2E_CLOSE,
	MSG_P2E_SRC_CLOSE,
	MSG_P2E_PIPES,   /* with two descriptors each: out, in */
	MSG_P2E_RESUMED, /* all that a dead engine had was sent */
	MSG_E2P_ENDS,
	MSG_E2P_INSTALLED,  /* answer to DST */
	MSG_E2P_SRC_CLOSED, /* answer to SRC_CLOSE */
	MSG_E2P_DST_LOST,   /* the dst's connection must be made again */
	MSG_E2P_ASKER,      /* an unknown one is at the head of a src */
	MSG_E2P_FLOW_ENDED,
	MSG_P2C_CLIENT, /* with one descriptor */
	MSG_C2P_CLIENT_GONE,
	MSG_C2P_BRIDGE_ADD,
	MSG_C2P_CLOSE,
	MSG_C2P_STOP,
	MSG_C2P_RELOAD,
	MSG_C2P_CHANGE,
	MSG_P2C_DONE, /* answers to the five above */
	MSG_P2C_ERROR,
	MSG_P2C_EVENTS,
	MSG_P2X_PING, /* to a child at work */
	MSG_X2P_PONG, /* its answer, at once */
	/*
	 * Another daemon is to go on in place of this one: a child at work
	 * finishes what it has in hand, says HALTED, and does nothing more
	 * until GO_ON, or for ever.
	 */
	MSG_P2X_HALT,
	MSG_X2P_HALTED,
	MSG_P2X_GO_ON
};

enum process_kind {
	PROCESS_PARENT,
	PROCESS_CONTROL,
	PROCESS_ENGINE,
	PROCESS_KINDS
};

/*
 * START carries descriptors: to an engine the counters, one region an engine;
 * to control in this order, to be read only.
 */
enum start_fd {
	START_FD_REGISTRY,
	START_FD_RING,
	START_FD_COUNTERS
};
#define START_FDS_MAX (START_FD_COUNTERS + LIMIT_ENGINES_MAX)

struct inner_start {
	uint8_t kind;       /* enum process_kind: must be what the child is */
	uint8_t active;     /* 0: standby */
	uint8_t level;      /* enum log_level */
	uint8_t privileged; /* started by root: drop to what follows */
	uint8_t upgrade;    /* active ones succeed those of another mctd */
	uint32_t uid;
	uint32_t gid;
	uint32_t bridges;
	uint32_t sessions;
	uint32_t clients;
	uint32_t events;
	uint32_t engines;
	uint32_t engine; /* which of them this is, when active */
	uint32_t pipes;  /* of an engine */
	uint32_t groups;
	uint32_t flows;
	uint32_t spin_us; /* an engine polls so long before it sleeps */
	uint32_t fds;     /* descriptors this child may have */
	char chroot[256];
};

struct inner_log {
	uint8_t level;
	char text[TEXT_BYTES];
};

/* SESSIONS: count, then as many of these; pairs of descriptors likewise. */
struct inner_session {
	uint32_t slot;
	uint32_t id;
	uint64_t serial;
	uint32_t idle_ms;
	uint32_t half_closed_ms;
	uint32_t lifetime_ms;
	uint32_t rate;     /* bytes a second, each way; 0: no limit */
	uint8_t peer_kind; /* enum addr_kind: how to discard, what to set */
	uint8_t dst_kind;
	/*
	 * Another engine had it and died: what is in pipes and not discarded
	 * is found out from the sockets and from what the counters say.
	 */
	uint8_t recovered;
	uint32_t age_ms; /* of its lifetime; 0 of a new one */
};

/*
 * A src socket, by a number of its own, below bridges + groups; DSTs name it.
 * One with flows has one bridge, and its askers are looked at one by one.
 */
struct inner_src {
	uint32_t src;
	uint8_t kind;  /* enum addr_kind */
	uint8_t flows; /* 0 or 1 */
};

/* What a connectionless bridge lets through.  0: no limit. */
struct inner_tune {
	uint32_t slot;
	uint64_t serial;
	uint32_t min; /* payload */
	uint32_t max;
	uint32_t rate;          /* bytes a second */
	uint32_t datagram_rate; /* datagrams a second */
	uint8_t hops;           /* TTL is that of arrival, less one, */
	uint8_t ttl;            /* and no more than this */
	uint32_t idle_ms;       /* of flows */
	uint32_t flows;         /* at a time */
};

/* A connectionless bridge, with its src and its first dst: out 0. */
struct inner_dst {
	uint32_t slot;
	uint32_t id;
	uint64_t serial;
	uint32_t src;
	uint8_t kind;
	uint8_t mute; /* nothing is sent: drop-no-ttl */
	struct inner_tune tune;
};

/* OUT, OUT_CHANGE, OUT_CLOSE, DST_LOST: a dst of a bridge, from 0. */
struct inner_out {
	uint32_t slot;
	uint64_t serial;
	uint16_t out; /* up to JOINS_MAX */
	uint8_t kind;
	uint8_t mute;
};

/*
 * ATTACH: SRC_CLOSE ends it; a bridge itself ends with its first src.
 * FLOW_NO: of the src of a bridge.
 */
struct inner_attach {
	uint32_t slot;
	uint64_t serial;
	uint32_t src;
};

/*
 * ASKER: at the head of the src is one that no flow is for.  local is the
 * address that was asked, of a src at all addresses, without the port;
 * ADDR_NONE: not known.
 */
struct inner_asker {
	uint32_t slot;
	uint64_t serial;
	uint32_t src;
	struct addr local;
};

/*
 * FLOW: the sockets of one asker; both are connected, and dst's is one to
 * read from only with replies.  FLOW_ENDED: flow and flow_serial alone count.
 * A flow ends with its bridge without a word.
 */
struct inner_flow {
	uint32_t flow; /* below the number of flows */
	uint64_t flow_serial;
	uint32_t slot;
	uint64_t serial;
	uint8_t kind; /* of src */
	uint8_t dst_kind;
	uint8_t replies;   /* 0 or 1 */
	uint8_t recovered; /* another engine had it and died */
	struct addr asker;
};

/* CLOSE, INSTALLED: who, by slot and serial. */
struct inner_which {
	uint32_t slot;
	uint64_t serial;
};

/* PIPES: the first one's number, and how many. */
struct inner_pipes {
	uint16_t first;
	uint16_t count;
	uint32_t bytes; /* that each may hold */
};

/* ENDS: count, then as many of these. */
struct inner_end {
	uint32_t slot;
	uint64_t serial;
	uint8_t reason; /* enum end_reason */
	uint32_t err;
};
#define ENDS_A_MESSAGE 128

/* Which client, on requests, answers and CLIENT, CLIENT_GONE. */
struct inner_client {
	uint16_t slot;
	uint32_t generation;
	uint32_t request; /* the client's own request id */
};

struct inner_new_client {
	struct inner_client client;
	uint8_t role;          /* ROLE_NONE: say why it is refused, and close */
	uint8_t adopted;       /* a control that died may have served it */
	uint32_t err;          /* then this, */
	char text[TEXT_BYTES]; /* and this */
};

void inner_put_start(struct frame_out *, const struct inner_start *);
void inner_get_start(struct frame_in *, struct inner_start *);
void inner_put_log(struct frame_out *, const struct inner_log *);
void inner_get_log(struct frame_in *, struct inner_log *);
void inner_put_session(struct frame_out *, const struct inner_session *);
void inner_get_session(struct frame_in *, struct inner_session *);
void inner_put_pipes(struct frame_out *, const struct inner_pipes *);
void inner_get_pipes(struct frame_in *, struct inner_pipes *);
void inner_put_src(struct frame_out *, const struct inner_src *);
void inner_get_src(struct frame_in *, struct inner_src *);
void inner_put_dst(struct frame_out *, const struct inner_dst *);
void inner_get_dst(struct frame_in *, struct inner_dst *);
void inner_put_tune(struct frame_out *, const struct inner_tune *);
void inner_get_tune(struct frame_in *, struct inner_tune *);
void inner_put_out(struct frame_out *, const struct inner_out *);
void inner_get_out(struct frame_in *, struct inner_out *);
void inner_put_attach(struct frame_out *, const struct inner_attach *);
void inner_get_attach(struct frame_in *, struct inner_attach *);
void inner_put_asker(struct frame_out *, const struct inner_asker *);
void inner_get_asker(struct frame_in *, struct inner_asker *);
void inner_put_flow(struct frame_out *, const struct inner_flow *);
void inner_get_flow(struct frame_in *, struct inner_flow *);
void inner_put_which(struct frame_out *, const struct inner_which *);
void inner_get_which(struct frame_in *, struct inner_which *);
void inner_put_end(struct frame_out *, const struct inner_end *);
void inner_get_end(struct frame_in *, struct inner_end *);
void inner_put_client(struct frame_out *, const struct inner_client *);
void inner_get_client(struct frame_in *, struct inner_client *);
void inner_put_new_client(struct frame_out *, const struct inner_new_client *);
void inner_get_new_client(struct frame_in *, struct inner_new_client *);

/* Bodies that follow a client in C2P_BRIDGE_ADD, C2P_CLOSE, P2C_DONE and
 * P2C_ERROR are those of proto.h. */

#endif
