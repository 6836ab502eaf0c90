/*
 * What the commands of mctctl share.
 */

#ifndef MCTCTL_CTL_H
#define MCTCTL_CTL_H

#include <stddef.h>

#include "../libmct/include/mct/mct.h"

/* Exit statuses; see mctctl(8). */
enum ctl_exit {
	CTL_DONE,
	CTL_REFUSED,
	CTL_USAGE,
	CTL_NO_DAEMON
};

struct ctl {
	struct mct *mct;    /* once ctl_connect returned CTL_DONE */
	const char *socket; /* NULL: the default one */
	int json;
	int verbose;
	int resolve; /* host names may be looked up */
};

/* "mctctl: " and the sentence on stderr, made safe for a terminal. */
void ctl_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Each says what is wrong, where something is, and returns an exit status. */
int ctl_connect(struct ctl *);
int ctl_failed(const struct ctl *); /* the last call on the handle did */
int ctl_flush(void);                /* the output, to its end */

#endif
