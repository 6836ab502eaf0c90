/*
 * The registry: a fixed slot per bridge and session, in memory that the
 * parent alone writes.  Slots 1..bridges are bridges, those after them
 * sessions; slot 0 is never used.  A slot's content is published by a
 * sequence count: odd while it is written.
 */

#ifndef SHARE_REGISTRY_H
#define SHARE_REGISTRY_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "../../common/bridge.h"
#include "../../common/names.h"

enum slot_kind {
	SLOT_FREE,
	SLOT_BRIDGE,
	SLOT_SESSION,
	SLOT_ENDED /* a session that was, until its slot is used again */
};

enum slot_state {
	STATE_NONE,
	STATE_LISTENING,  /* bridge: accepts peers */
	STATE_PAUSED,     /* bridge: a limit is reached */
	STATE_RELAYING,   /* connectionless bridge */
	STATE_CONNECTING, /* session: waits for dst */
	STATE_OPEN,       /* session: with the engine */
	STATE_CLOSING,    /* either: waits for the engine's END */
	STATES
};

const char *name_state(unsigned int); /* "listening", ... */

struct registry_entry {
	uint32_t id;
	uint8_t kind;
	uint8_t state;
	uint16_t shared;   /* bridges on this src socket */
	uint32_t bridge;   /* session: id of its bridge */
	uint8_t engine;    /* session: who moves its bytes */
	uint8_t reason;    /* session closing or ended: enum end_reason */
	uint32_t err;      /* and the errno value, 0: none */
	uint32_t owner;    /* uid of who asked for it; of the daemon: 0 */
	uint32_t sessions; /* bridge: now, connecting ones included */
	uint32_t connecting;
	uint8_t held;    /* bridge: bit n is set while dst n is left out */
	uint8_t one_way; /* connectionless bridge: enum one_way */
	uint32_t flows;  /* now */
	uint32_t receive_buffer; /* what the kernel granted, in bytes */
	uint32_t send_buffer;
	uint64_t born_ns;  /* since 1970 */
	uint64_t ended_ns; /* ended session: when */
	uint64_t born_ms;  /* the same on the clock that nobody sets */
	uint64_t ended_ms;
	/* Session: who was accepted, and whom it is connected to. */
	struct addr peer;
	struct addr dst;
	uint64_t parent_count[PARENT_COUNTS];
	/* bridge: sum over its ended sessions; ended session: its own */
	uint64_t ended[COUNTS];
};

/*
 * How it is with the groups of a bridge: place 0 is src's own address, when
 * it is a group; place i + 1 is joins[i] of its options.
 */
struct registry_group {
	uint8_t state;  /* enum group_state */
	uint32_t index; /* of the interface; 0: as the system routes */
	uint32_t err;   /* of one that waits: errno, 0: no such interface */
	uint64_t since_ns;
};
#define REGISTRY_GROUPS (1 + JOINS_MAX)

struct registry_slot {
	_Atomic uint32_t guard;
	struct registry_entry entry;
};

/* The parent, and its children. */
#define REGISTRY_PROCESSES (1 + LIMIT_CHILDREN)

/* Figures of the daemon as a whole; each is one store. */
struct registry_head {
	uint32_t bridges_limit;
	uint32_t sessions_limit;
	uint32_t clients_limit;
	uint32_t events_limit;
	uint32_t groups_limit;
	uint32_t flows_limit;
	uint32_t fd_limit;
	uint64_t born_ms;
	_Atomic uint32_t bridges;
	_Atomic uint32_t sessions;
	_Atomic uint32_t connecting;
	_Atomic uint32_t clients;
	_Atomic uint32_t groups; /* joined, and waiting to be */
	_Atomic uint32_t flows;
	uint32_t engines; /* at work */
	_Atomic uint32_t standby_engines;
	_Atomic uint32_t standby_controls;
	_Atomic uint64_t parent_count[PARENT_COUNTS];
	_Atomic uint64_t process[REGISTRY_PROCESSES]; /* processes.h */
	/* What they are to be, written before there are readers. */
	uint8_t privileged; /* started by root */
	uint32_t powers;    /* that the parent keeps: sandbox.h */
	uint32_t uid;
	uint32_t gid;
	uint64_t chroot_device; /* 0, 0: there is none */
	uint64_t chroot_inode;
	char chroot[TEXT_BYTES];
};

struct registry {
	struct registry_head *head;
	struct registry_slot *slots; /* slots[0] is not used */
	struct bridge_spec *specs;   /* by slot of a bridge, under its guard */
	/* REGISTRY_GROUPS by slot of a bridge, likewise. */
	struct registry_group *groups;
	uint32_t bridges; /* slots of them; sessions follow */
	uint32_t nslots;  /* number of the last one */
};

size_t registry_bytes(uint32_t bridges, uint32_t sessions);
/* The mapping of registry_bytes bytes, zero at first, for either side. */
void registry_map(struct registry *, void *, uint32_t bridges,
    uint32_t sessions);

/* The writer's side: change the entry between the two. */
struct registry_entry *registry_begin(struct registry *, uint32_t slot);
void registry_end(struct registry *, uint32_t slot);
/* After a crash of nobody but the writer: odd counts become even. */
const struct registry_entry *registry_peek(const struct registry *,
    uint32_t slot); /* the writer's own reading */
/* What a bridge was asked to be; changed between the two as well. */
struct bridge_spec *registry_spec(const struct registry *, uint32_t slot);

/* Of those of a bridge the place-th; changed between the two as well. */
struct registry_group *registry_group(const struct registry *, uint32_t slot,
    unsigned int place);

/* A reader's: 0 and a copy, or -1 with EAGAIN when it stays in change. */
int registry_read(const struct registry *, uint32_t slot,
    struct registry_entry *);
/* The same of a bridge's slot, with its spec. */
int registry_read_groups(const struct registry *, uint32_t slot,
    struct registry_entry *, struct bridge_spec *,
    struct registry_group groups[REGISTRY_GROUPS]);
int registry_read_bridge(const struct registry *, uint32_t slot,
    struct registry_entry *, struct bridge_spec *);

#endif
