/*
 * The interfaces of this machine, and word of what changes there.
 *
 * An interface goes by its name, or by its number in digits.  What it is now
 * is asked of the kernel each time: what the kernel tells of its own accord
 * only says that it is time to ask again, so none of it is believed, and
 * nothing is missed where it tells more than is read.
 */

#ifndef PARENT_NETWORK_H
#define PARENT_NETWORK_H

#include <stdint.h>

#include "../../common/addr.h"
#include "../../common/limits.h"

/* At the start, for a low number.  Where there is no such, a timer serves. */
void network_open(void);

/*
 * Calls it when interfaces, addresses or routes may have changed: at once,
 * then at most ten times a second.  0, or -1 when there is no memory for it.
 */
int network_watch(void (*changed)(void));

/* 1 and its number, 0: there is none such, or -1: it cannot be told now. */
int network_index(const char *device, uint32_t *index);
/* 0, or -1 with errno. */
int network_name(uint32_t index, char name[DEVICE_BYTES]);

/* By which interface a group is reached: as network_index. */
int network_way(const struct addr *group, uint32_t *index);

#endif
