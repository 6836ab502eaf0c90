/* What can be checked only when the whole configuration is read. */

#ifndef CONF_CHECK_H
#define CONF_CHECK_H

#include "conf.h"

/* Returns 0, or -1 with the error said. */
int check_conf(const struct conf *, struct conf_source *);

#endif
