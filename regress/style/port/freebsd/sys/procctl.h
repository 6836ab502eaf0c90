/* What freebsd.c takes of <sys/procctl.h>, for a look at it elsewhere. */

#ifndef PORT_PROCCTL_H
#define PORT_PROCCTL_H

#include <sys/types.h>
#include <sys/wait.h>

#define PROC_TRACE_CTL         7
#define PROC_TRACE_CTL_DISABLE 2

int procctl(idtype_t, id_t, int command, void *data);

#endif
