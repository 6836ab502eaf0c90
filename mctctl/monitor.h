/* Events as they come. */

#ifndef MCTCTL_MONITOR_H
#define MCTCTL_MONITOR_H

#include "words.h"

/* What may follow "monitor". */
extern const struct words_option monitor_options[];

int monitor(struct ctl *, const struct words_call *);

#endif
