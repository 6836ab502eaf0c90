/* The running parent's part: telling the next one all that it has. */

#ifndef PARENT_UPGRADE_TELL_H
#define PARENT_UPGRADE_TELL_H

#include <stdint.h>

/*
 * With the children standing still: sends DAEMON to END, upgrade the socket
 * that other upgrades come in by.  0, or -1 with errno; nothing is changed
 * here by it.
 */
int upgrade_tell(int fd, int upgrade, uint64_t frozen_us);

#endif
