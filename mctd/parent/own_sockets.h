/*
 * The sockets of the daemon's own: that of control, and that of upgrades
 * beside it.
 */

#ifndef PARENT_OWN_SOCKETS_H
#define PARENT_OWN_SOCKETS_H

#include <sys/types.h>

#include "../conf/conf.h"
#include "local.h"

/* Whose they are to be. */
struct own_sockets_ids {
	uid_t uid;
	gid_t gid;
	gid_t group; /* of the control socket */
	int has_group;
};

/*
 * Both, which listen then; or, taking, their places, while they are another
 * mctd's still.  0, or -1 with a line in the log.
 */
int own_sockets_open(const struct conf *, const struct own_sockets_ids *,
    int taking);

/* That mctd is gone: they are ours, to be removed at the end. */
void own_sockets_taken(void);

/* Removes what is ours. */
void own_sockets_remove(void);

/* Where they have paths. */
struct own_socket {
	int directory;              /* -1: it has none */
	char name[CONF_PATH_BYTES]; /* below it; empty when it was removed */
	struct local_file file;
};
struct own_socket *own_sockets_control(void);
struct own_socket *own_sockets_upgrade(void);

#endif
