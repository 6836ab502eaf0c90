/*
 * The running parent's part in an upgrade: the socket that the next one comes
 * in by, and the conversation with it.
 */

#ifndef PARENT_UPGRADE_GIVE_H
#define PARENT_UPGRADE_GIVE_H

#include <sys/types.h>

#include "upgrade_wire.h"

struct upgrade_give {
	struct upgrade_hello ours;
	/* the tables' descriptors, to be read only, as control got them */
	int fds[START_FDS_MAX];
	size_t nfds;
	uid_t starter;         /* of a daemon that root did not start, or 0 */
	int (*stopping)(void); /* then nobody takes its place */
};
void upgrade_give_setup(const struct upgrade_give *);

/*
 * Takes a low descriptor number, which is free while the next one is
 * accepted, or talked to.  0 or -1.
 */
int upgrade_give_reserve(void);

/*
 * In the next parent: the number is free for what it is handed first; then
 * it has another.
 */
void upgrade_give_lend(void);
void upgrade_give_reserved(int fd);

/* Accepts from now on, on a socket that listens. */
void upgrade_give_listen(int fd);
void upgrade_give_stop(void);
/* A conversation is under way. */
int upgrade_give_is_busy(void);

#endif
