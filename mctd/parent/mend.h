/*
 * Sockets whose paths were removed behind the daemon's back, as by a cleaning
 * of /run.  What they carry goes on, but nobody finds them any more.
 */

#ifndef PARENT_MEND_H
#define PARENT_MEND_H

#include "../conf/conf.h"

/*
 * Makes them again where nothing lies at the path.  asked: say what cannot
 * be made again even if that was said before.
 */
void mend(const struct conf *, int asked);

/* The same, called once a second; looks every MEND_S seconds. */
void mend_tick(const struct conf *);

#endif
