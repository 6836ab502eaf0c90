/* What <unistd.h> of OpenBSD declares, for a look at openbsd.c elsewhere. */

#ifndef PORT_OPENBSD_H
#define PORT_OPENBSD_H

int pledge(const char *promises, const char *execpromises);
int unveil(const char *path, const char *permissions);

#endif
