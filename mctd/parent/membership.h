/*
 * A socket's membership of a group: each system has it in its own way.  All
 * return 0, or -1 with errno.
 */

#ifndef PARENT_MEMBERSHIP_H
#define PARENT_MEMBERSHIP_H

#include <stdint.h>

#include "../../common/join.h"

/* index 0: the interface that the system takes. */
int membership_join(int fd, const struct bridge_join *, uint32_t index);
int membership_leave(int fd, const struct bridge_join *, uint32_t index);

/*
 * The bound socket hears that interface alone, or any when it is empty,
 * whatever it was before.
 */
int membership_bind(int fd, const char *device);

/*
 * Others of this user may bind to addresses that this socket has as well: a
 * group where it has them all.  What is bound already stays.
 */
int membership_share(int fd, int on);

#endif
