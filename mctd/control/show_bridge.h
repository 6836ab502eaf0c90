/* Parts of the records of bridges and sessions. */

#ifndef CONTROL_SHOW_BRIDGE_H
#define CONTROL_SHOW_BRIDGE_H

#include <stdint.h>

#include "../../common/record.h"
#include "../share/registry.h"

/* Those that such a bridge has; spec is NULL of a session. */
void show_counts(struct record_out *, const uint64_t count[COUNTS],
    const struct bridge_spec *spec);
void show_options(struct record_out *, const struct bridge_spec *);

/* Further dsts, and the numbers of those that are left out for now. */
void show_dsts(struct record_out *, const struct registry_entry *,
    const struct bridge_spec *);

#endif
