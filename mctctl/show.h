/* Commands that list. */

#ifndef MCTCTL_SHOW_H
#define MCTCTL_SHOW_H

#include "words.h"

struct mct_record;

/*
 * Calls put for each record of a list of the daemon, to which ctl is
 * connected.  Returns an exit status after saying what is wrong.
 */
int show_each(struct ctl *, const char *what,
    void (*put)(void *arg, const struct mct_record *), void *arg);

/* What may follow "show bridges". */
extern const struct words_option show_bridges_options[];

int show_summary(struct ctl *, const struct words_call *);
int show_bridges(struct ctl *, const struct words_call *);
int show_sessions(struct ctl *, const struct words_call *);
int show_ended(struct ctl *, const struct words_call *);
int show_groups(struct ctl *, const struct words_call *);

#endif
