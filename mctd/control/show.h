/*
 * LIST: the daemon's state out of the shared mappings.  What they hold is
 * another process's and is checked before it is used.
 */

#ifndef CONTROL_SHOW_H
#define CONTROL_SHOW_H

#include <stddef.h>
#include <stdint.h>

#include "../../common/proto.h"
#include "../share/counters.h"
#include "../share/registry.h"
#include "../share/ring.h"

/* Keeps the pointers; counters: as many as there are engines. */
void show_setup(const struct registry *, const struct counters *,
    uint32_t engines, const struct ring *, uint32_t bridges);
size_t show_bytes(void);

/*
 * Writes a RECORDS frame into buf.  Returns its length, or 0 with *error:
 * EINVAL (no such list, cursor out of range) or EAGAIN (a slot stays in
 * change).
 */
size_t show_list(const struct proto_list *, uint32_t request, void *buf,
    size_t size, struct proto_error *error);

#endif
