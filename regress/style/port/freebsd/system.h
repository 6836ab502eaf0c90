/* Nothing of <unistd.h> of FreeBSD is missing elsewhere. */

#ifndef PORT_FREEBSD_H
#define PORT_FREEBSD_H

#endif
