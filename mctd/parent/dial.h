/* Dialling dst for an accepted peer. */

#ifndef PARENT_DIAL_H
#define PARENT_DIAL_H

#include "sessions.h"

/* Returns 0, or -1 when this process has no descriptor left for it (the
 * peer is reset then as in any other failure). */
int dial_start(struct session *, const struct session_rules *);

#endif
