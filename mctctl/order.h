/* Commands that change something. */

#ifndef MCTCTL_ORDER_H
#define MCTCTL_ORDER_H

#include "words.h"

/* What may follow "bridge add SRC DST"; order_setup fills it. */
extern struct words_option order_bridge_options[WORDS_OPTIONS];
void order_setup(void);

/*
 * A bridge as commands name it: *id, or *name when it is one.  CTL_DONE, or
 * CTL_USAGE after saying what is wrong.
 */
int order_which(const char *text, int *id, const char **name);

/* The end of a command whose answer says no more than that it was done. */
int order_end(const struct ctl *, int result);

int order_bridge_add(struct ctl *, const struct words_call *);
int order_bridge_close(struct ctl *, const struct words_call *);
int order_session_close(struct ctl *, const struct words_call *);
int order_reload(struct ctl *, const struct words_call *);
int order_stop(struct ctl *, const struct words_call *);

#endif
