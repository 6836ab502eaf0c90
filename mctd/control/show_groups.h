/* LIST_GROUPS: the groups of one bridge as records. */

#ifndef CONTROL_SHOW_GROUPS_H
#define CONTROL_SHOW_GROUPS_H

#include <stdint.h>

#include "../../common/frame.h"
#include "../share/registry.h"

/*
 * Writes them all, so many.  Returns that number, or -1 when the slot stays in
 * change.  What does not fit makes the frame bad.
 */
int show_groups(const struct registry *, uint32_t slot, struct frame_out *);

#endif
