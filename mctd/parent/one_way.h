/*
 * That a dst socket can only be sent to: made so, and tried.
 */

#ifndef PARENT_ONE_WAY_H
#define PARENT_ONE_WAY_H

#include "../../common/addr.h"
#include "../../common/names.h"

/*
 * Makes a new socket one that nothing is ever readable on, and has the kernel
 * try to deliver something to it.  The socket is neither bound nor connected
 * then, as before.  Gives what is known, or -1 with errno and *why: EPROTO
 * when something arrived all the same.
 */
int one_way_make(int fd, const struct addr *dst, enum one_way *,
    const char **why);

/* Of two, the one of which less is known. */
enum one_way one_way_weaker(enum one_way, enum one_way);

#endif
