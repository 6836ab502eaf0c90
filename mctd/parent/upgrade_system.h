/* What an upgrade needs that each system has in its own way. */

#ifndef PARENT_UPGRADE_SYSTEM_H
#define PARENT_UPGRADE_SYSTEM_H

#include <stddef.h>
#include <stdint.h>

/*
 * A table that another process made, to be read only.  NULL with errno:
 * EINVAL when it is not of that size, or may become smaller.
 */
void *upgrade_system_map(int fd, size_t bytes);
void upgrade_system_unmap(const void *, size_t bytes);

/*
 * Where processes are kept in groups, goes into that of pid, so that a
 * service manager takes this one for its own; a line in the log where that
 * is not possible.
 */
void upgrade_system_join(uint32_t pid);

#endif
