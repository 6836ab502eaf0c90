/*
 * The next parent's part in an upgrade: the conversation with the running
 * one, whose place it takes.
 */

#ifndef PARENT_UPGRADE_TAKE_H
#define PARENT_UPGRADE_TAKE_H

#include "../conf/conf.h"
#include "upgrade_adopt.h"
#include "upgrade_wire.h"

/*
 * Before children are started: connects to the running one by the path of
 * its control socket, and maps its tables when it can take its place.  0, or
 * -1 with a line in the log.
 */
int upgrade_take_begin(const char *socket, const struct upgrade_hello *ours);

/*
 * When all else is ready: takes everything over, and tries whether the
 * configuration can be applied to it.  0: the other one is gone, and what is
 * adopted is this one's, to be begun; or -1 with a line in the log: this
 * process must end, the other goes on.
 */
int upgrade_take(const struct conf *, struct upgrade_adopted *);

/*
 * Then: listens for the next upgrade as soon as the other one has ended; if
 * it was asked to stop at its very end, stop is called.
 */
void upgrade_take_end(int listener, void (*stop)(void));

#endif
