/*
 * One child, as children.c keeps it, and its start; for children.c alone.
 */

#ifndef PARENT_CHILD_H
#define PARENT_CHILD_H

#include <sys/types.h>

#include "../../common/log.h"
#include "children.h"
#include "heartbeat.h"
#include "loop.h"

enum child_state {
	CHILD_NONE,
	CHILD_STARTING,
	CHILD_ASLEEP,
	CHILD_ACTIVE,
	CHILD_DYING
};

struct child {
	enum child_state state;
	enum process_kind kind;
	uint32_t which; /* of the active ones of its kind */
	int was_active;
	int insane; /* it said what is not defined: nothing more is heard */
	pid_t pid;
	int channel;
	struct loop_event readable;
	struct loop_event writable;
	struct heartbeat heartbeat;
	struct log_rate rate;
};

const char *child_kind_name(enum process_kind);

/*
 * Its process, which is told what it is; kind and which are set.  0, or -1
 * with a line in the log.
 */
int child_start(struct child *, const struct children_setup *, int active);
/* Until it is ready; the same. */
int child_wait_ready(struct child *, uint64_t deadline_ms);

#endif
