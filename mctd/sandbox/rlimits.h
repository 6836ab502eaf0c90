/* Resource limits; for the files of the sandbox alone. */

#ifndef SANDBOX_RLIMITS_H
#define SANDBOX_RLIMITS_H

#include "../share/inner.h"

/* 0, or -1 with errno. */
int rlimits_enter(enum process_kind);

#endif
