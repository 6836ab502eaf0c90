/* Host names in addresses, looked up here: the daemon never does. */

#ifndef MCTCTL_RESOLVE_H
#define MCTCTL_RESOLVE_H

#include "../common/addr.h"

struct resolve_state {
	const char *error; /* why the last name has no address, or NULL */
};

/* For struct addr_resolver; arg is a struct resolve_state. */
int resolve_host(void *arg, const char *host, struct addr *);

#endif
