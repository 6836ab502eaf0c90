/* What the systems other than Linux have in common, in sandbox/posix.c. */

#ifndef SANDBOX_POSIX_H
#define SANDBOX_POSIX_H

#include "sandbox.h"

/* Chroot and user, when root started it; resource limits. */
int posix_enter(const struct sandbox *, const char **step);

#endif
