/*
 * The engine's table of stream sessions: who is in which slot, who has a go,
 * whose time is over.
 */

#ifndef ENGINE_SESSION_H
#define ENGINE_SESSION_H

#include <stddef.h>
#include <stdint.h>

#include "../share/counters.h"
#include "../share/inner.h"
#include "chain.h"
#include "report.h"
#include "stream.h"
#include "watch.h"

struct session;

struct session_table {
	struct session *at;   /* at[0] is slot first */
	uint32_t first;       /* number of the first slot */
	uint32_t count;       /* of slots */
	uint32_t first_watch; /* two for each slot */
	uint32_t timed;       /* sessions that a sweep may end */
	uint32_t swept;       /* where the next sweep goes on */
	struct chain looks;   /* by slot - first + 1 */
	struct chain *runs;   /* by slot */
	struct counters *counters;
	struct reports *reports;
	struct stream_work *work;
	struct watch_user events;
	struct watch_user look;
	struct watch_user sweep;
};

size_t session_bytes(uint32_t count);

/* The pointers and numbers above are set; 0, or -1 with errno. */
int session_setup(struct session_table *);

/*
 * Takes a session over, and its two descriptors in any case.  Returns 0, or
 * -1 when the parent cannot mean it: slot in use or none, kind of no stream.
 */
int session_install(struct session_table *, const struct inner_session *,
    const int fd[2]);

/* At the parent's wish; one that has ended meanwhile is no error. */
void session_close(struct session_table *, uint32_t slot, uint64_t serial);

/* Its turn; one that has ended meanwhile is no error. */
void session_run(struct session_table *, uint32_t slot);

#endif
