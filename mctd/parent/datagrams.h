/*
 * Connectionless bridges.  Bridges that name the same src share its socket,
 * a "source" here; each has a dst socket of its own.  The engine is told of
 * a source before the first dst on it, and gives it up after the last.
 */

#ifndef PARENT_DATAGRAMS_H
#define PARENT_DATAGRAMS_H

#include "bridges.h"
#include "dgram_tell.h"

int datagrams_init(uint32_t bridges);
size_t datagrams_bytes(uint32_t bridges);

/* Opens b's sockets; 0, or -1 with errno and *why. */
int datagrams_open(struct bridge *, const struct bridge_spec *,
    const struct bridge_options *, const char **why);
/* The engine is to have it, or to give it up. */
void datagrams_begin(struct bridge *);
void datagrams_close(struct bridge *);

/*
 * Whether with these options it would have other sockets.  Others it can be
 * given while it runs: first to be tried, 0 or -1 with errno and *why; then,
 * when they are in its spec, put into effect.
 */
int datagrams_is_other(const struct bridge *, const struct bridge_options *);
int datagrams_try_change(const struct bridge *, const struct bridge_options *,
    const char **why);
void datagrams_changed(struct bridge *, const struct bridge_options *was);

/* Tells the engine what it is to be told; 0, or -1: it takes no more now. */
int datagrams_flush(void);

/* The engine's messages: -1 when there is no such bridge. */
int datagrams_installed(const struct inner_which *);
int datagrams_ended(const struct inner_end *);
int datagrams_source_closed(const struct inner_src *);
int datagrams_lost(const struct inner_out *);
void datagrams_engine_died(void);

/* Addresses or routes of this machine are others: lost dsts are dialled. */
void datagrams_network_changed(void);

/* The daemon ends: no engine is waited for, what is closing is closed. */
void datagrams_stop(void);

/* Whether the engine owes an answer for longer than it may. */
int datagrams_overdue(uint64_t now_ms);

/* Events about drops; at most one a second, bridge and reason. */
void datagrams_note_drops(void);

/*
 * For the next parent: the source of a number, from `from` on, that has a
 * socket; or -1.
 */
int datagrams_keep(uint32_t *from, struct local_file *);
/* There: first the sources, then bridges with their sockets.  0 or -1. */
int datagrams_adopt_source(uint32_t number, int fd, const struct local_file *);
int datagrams_adopt(struct bridge *);

#endif
