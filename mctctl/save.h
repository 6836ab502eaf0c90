/* The bridges that run, as a configuration has them. */

#ifndef MCTCTL_SAVE_H
#define MCTCTL_SAVE_H

#include "words.h"

int save(struct ctl *, const struct words_call *);

#endif
