/* The next parent's part: taking in what the running one tells it. */

#ifndef PARENT_UPGRADE_ADOPT_H
#define PARENT_UPGRADE_ADOPT_H

#include <stdint.h>

#include "../share/inner.h"

/* The running parent's tables, mapped. */
struct upgrade_tables {
	const void *registry;
	const void *events;
	uint32_t nevents;
	const void *counters[LIMIT_ENGINES_MAX];
};
void upgrade_adopt_setup(const struct upgrade_tables *);

/*
 * A message with its descriptors, which are then held, whatever comes.
 * Returns 1 after END, 0 when more follows, -1 when it is not sound.
 */
int upgrade_adopt(struct frame_in *, const int *fds, size_t nfds);

/* After END: what was not a table's. */
struct upgrade_adopted {
	int control; /* the sockets that listen */
	int upgrade;
	uint64_t frozen_us;
	uint32_t bridges;
	uint32_t sessions;
};
void upgrade_adopt_result(struct upgrade_adopted *);

#endif
