/* What freebsd.c takes of <sys/capsicum.h>, for a look at it elsewhere. */

#ifndef PORT_CAPSICUM_H
#define PORT_CAPSICUM_H

#include <stdint.h>

struct cap_rights {
	uint64_t bits[2];
};
#define cap_rights_t  struct cap_rights

#define CAP_READ      1ULL
#define CAP_LOOKUP    2ULL
#define CAP_FSTAT     4ULL
#define CAP_FSTATAT   8ULL
#define CAP_BINDAT    16ULL
#define CAP_CONNECTAT 32ULL
#define CAP_FCHDIR    64ULL
#define CAP_UNLINKAT  128ULL

cap_rights_t *cap_rights_init(cap_rights_t *, ...);
cap_rights_t *cap_rights_set(cap_rights_t *, ...);
int cap_rights_limit(int fd, const cap_rights_t *);
int cap_enter(void);

#endif
