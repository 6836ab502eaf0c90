/* Commands that change something. */

#ifndef MCTCTL_ORDER_H
#define MCTCTL_ORDER_H

#include "words.h"

/* What may follow "bridge add SRC DST"; order_setup fills it. */
extern struct words_option order_bridge_options[WORDS_OPTIONS];
void order_setup(void);

int order_bridge_add(struct ctl *, const struct words_call *);
int order_bridge_close(struct ctl *, const struct words_call *);
int order_session_close(struct ctl *, const struct words_call *);
int order_reload(struct ctl *, const struct words_call *);
int order_stop(struct ctl *, const struct words_call *);

#endif
