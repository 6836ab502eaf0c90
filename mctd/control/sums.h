/*
 * What is counted: of a session, of a bridge with all its sessions.  The
 * tables are another process's: no number in them is believed.
 */

#ifndef CONTROL_SUMS_H
#define CONTROL_SUMS_H

#include <stddef.h>
#include <stdint.h>

#include "../share/counters.h"
#include "../share/registry.h"

/* Keeps the pointers; counters: as many regions as there are engines. */
void sums_setup(const struct registry *, const struct counters *,
    uint32_t engines);
size_t sums_bytes(void);

/* The slot of a bridge's id, or 0 when the id is none of a bridge. */
uint32_t sums_bridge_slot(uint32_t id);

/*
 * What the engine counts now for a session, or for a bridge of datagrams,
 * and when anything moved.  Returns 0, or -1 when there is nothing: all is
 * then 0.
 */
int sums_read(uint32_t slot, const struct registry_entry *,
    uint64_t count[COUNTS], uint64_t *active_ms);

/*
 * Sums up all bridges, unless that was done less than old_ms ago.  Returns
 * 0, or -1 when a slot is in change.
 */
int sums_make(uint64_t now_ms, uint64_t old_ms);

/* The sums of a bridge; NULL when it was not there when they were made. */
const uint64_t *sums_of(uint32_t slot, uint32_t id);

/* Adds those of all bridges to what is there. */
void sums_all(uint64_t count[COUNTS]);

#endif
