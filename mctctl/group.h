/* Commands on the groups of a connectionless bridge that runs. */

#ifndef MCTCTL_GROUP_H
#define MCTCTL_GROUP_H

#include "words.h"

/* What may follow "group join ID|NAME src|dst GROUP". */
extern const struct words_option group_options[];

int group_join(struct ctl *, const struct words_call *);
int group_leave(struct ctl *, const struct words_call *);
int group_ttl(struct ctl *, const struct words_call *);
int group_affinity(struct ctl *, const struct words_call *);

#endif
