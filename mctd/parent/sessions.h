/*
 * Sessions of connection-oriented bridges, from accept to the last close.
 *
 *	FREE -> CONNECTING   a peer was accepted; dst is being dialled
 *	CONNECTING -> READY  dst stands; the engine is to get both
 *	READY -> OPEN        the engine has them; the parent keeps copies
 *	OPEN -> CLOSING      revoked by the parent; waits for the END
 *	any but FREE -> FREE END, or a failure
 *
 * When an engine dies, CLOSING and those that it says it had ended become
 * FREE.  The others stay OPEN and are orphans until the next engine of that
 * number was told of them; one that is closed meanwhile becomes FREE at once.
 *
 * The parent's copies are closed when a session becomes FREE, and not
 * before: so the parent closes last.  While OPEN it neither reads nor sends
 * nor asks for errors on them.
 */

#ifndef PARENT_SESSIONS_H
#define PARENT_SESSIONS_H

#include <sys/queue.h>

#include "../../common/bridge.h"
#include "../share/inner.h"
#include "loop.h"

enum session_state {
	SESSION_FREE,
	SESSION_CONNECTING,
	SESSION_READY,
	SESSION_OPEN,
	SESSION_CLOSING
};

struct dial;

struct session {
	enum session_state state;
	uint32_t slot;
	uint32_t bridge; /* slot of it */
	uint32_t host;   /* addr_host_hash of the peer */
	uint32_t engine; /* whose it is from READY on */
	uint64_t serial;
	uint64_t deadline_ms;   /* of the END */
	int fd[2];              /* peer, dst; -1: none */
	enum end_reason reason; /* of a close that the parent began */
	int queued;             /* in the queue for the engine */
	int orphan;             /* OPEN: with those whose engine died */
	/* When an engine was told first, and what: a reload changes neither. */
	uint64_t opened_ms;
	uint32_t idle_ms;
	uint32_t half_closed_ms;
	uint32_t lifetime_ms;
	uint32_t rate;
	int has_waiter;
	struct inner_client waiter; /* who asked for the close */
	struct dial *dial;          /* while CONNECTING: dial.c */
	TAILQ_ENTRY(session) of_bridge;
	TAILQ_ENTRY(session) in_queue;
	LIST_ENTRY(session) of_host;
};

/* What a bridge gives to each of its sessions. */
struct session_rules {
	struct addr dst;
	uint32_t owner;
};

int sessions_init(uint32_t bridges, uint32_t sessions, uint32_t engines);
size_t sessions_bytes(uint32_t bridges, uint32_t sessions);
struct session *sessions_at(uint32_t slot);

/*
 * A new session in state CONNECTING with the accepted peer, or NULL when the
 * table is full.
 */
struct session *sessions_new(uint32_t bridge, int fd, const struct addr *peer,
    const struct session_rules *);

/* dst stands: fd[1] is set. */
void sessions_ready(struct session *);

/* It never stood: the peer is reset, an event says why. */
void sessions_failed(struct session *, enum end_reason, int err);

/*
 * Ends it at once.  With a waiter: who is answered when it is over.
 * Returns 0, or -1 when it is closing already.
 */
int sessions_close(struct session *, enum end_reason,
    const struct inner_client *waiter);
void sessions_close_all(uint32_t bridge, enum end_reason);

/* An engine's END; -1 when it has no such session. */
int sessions_ended(uint32_t engine, const struct inner_end *);

/* Those it had become orphans, but those that it had ended. */
void sessions_engine_died(uint32_t engine);

/* Whether an engine owes an END for longer than it may, and which. */
int sessions_overdue(uint64_t now_ms, uint32_t *engine);

/* Now: all of a bridge, those still connecting, those of the same host. */
uint32_t sessions_of(uint32_t bridge);
uint32_t sessions_connecting(uint32_t bridge);
uint32_t sessions_of_host(uint32_t bridge, const struct addr *peer);
uint32_t sessions_all(void);

/* Whether any became FREE since this was asked last. */
int sessions_freed(void);

/*
 * In the next parent: one of its predecessor's, in a slot whose entry and
 * bridge stand.  state, bridge, engine, serial, reason, fd, what an engine was
 * told first and the waiter are taken from it; lists and figures follow.  0 or
 * -1.
 */
int sessions_adopt(const struct session *);

/*
 * Used by handover.c: the queue of what the engine is to be told, and that
 * of orphans, which it is told before.
 */
TAILQ_HEAD(session_queue, session);
struct session_queue *sessions_queue(uint32_t engine);
struct session_queue *sessions_orphans(uint32_t engine);
/* It was told: out of its queue. */
void sessions_told(struct session *);

#endif
