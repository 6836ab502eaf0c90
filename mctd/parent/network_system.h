/* The kernel's word about the network: each system has it in its own way. */

#ifndef PARENT_NETWORK_SYSTEM_H
#define PARENT_NETWORK_SYSTEM_H

#include <stdint.h>

#include "../../common/addr.h"

/* A descriptor that is readable when something changed; -1 with errno. */
int network_system_open(void);

/* Takes what is there, but not for ever; whether there was something. */
int network_system_drain(int fd);

/* As network_way; came is set when news were taken on the way. */
int network_system_way(int fd, const struct addr *group, uint32_t *index,
    int *came);

#endif
