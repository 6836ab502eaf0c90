/* Commands that list. */

#ifndef MCTCTL_SHOW_H
#define MCTCTL_SHOW_H

#include "words.h"

int show_summary(struct ctl *, const struct words_call *);
int show_bridges(struct ctl *, const struct words_call *);
int show_sessions(struct ctl *, const struct words_call *);

#endif
