/* The engine's start: what is done once and needs powers it then loses. */

#ifndef ENGINE_START_H
#define ENGINE_START_H

#include "../share/counters.h"
#include "../share/inner.h"

/*
 * Waits for START, maps the regions of all engines' counters, raises or
 * lowers the number of descriptors.  Returns 0, or -1 with errno (said to
 * stderr).
 */
int start_receive(int channel, struct inner_start *);

/*
 * From here on it is engine number `which`: its region is the one kept, the
 * others are unmapped.  0, or -1 when there is no such engine.
 */
int start_region(const struct inner_start *, struct counters *, uint32_t which);

/* Signals, sandbox: the process is confined.  0, or -1 with errno. */
int start_confine(const struct inner_start *);

/* Tells the parent; the channel does not block from here on. */
int start_ready(int channel);

#endif
