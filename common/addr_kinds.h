/* What addr.c and addr_text.c share and nobody else needs. */

#ifndef COMMON_ADDR_KINDS_H
#define COMMON_ADDR_KINDS_H

#include "addr.h"

/* A kind is a word, a group of families, and a socket type. */
struct addr_row {
	const char *name;
	int local; /* AF_LOCAL; else AF_INET or AF_INET6 */
	int socktype;
};

/* By enum addr_kind. */
extern const struct addr_row addr_rows[ADDR_KINDS];

/* Where the path of a local address begins, and the longest with its NUL. */
#define ADDR_UN_OFFSET offsetof(struct sockaddr_un, sun_path)
#define ADDR_UN_BYTES  sizeof(((struct sockaddr_un *)0)->sun_path)

/* The row of an address; that of ADDR_NONE when its kind is no kind. */
const struct addr_row *addr_row(const struct addr *);

/*
 * Takes len bytes of a socket address of any family there is, and leaves
 * out what does not belong to it (padding, flow labels, a scope where none
 * is needed).  Sets u and len; returns 0, or -1 with EAFNOSUPPORT or EINVAL.
 */
int addr_load(struct addr *, const void *, size_t len);

/* Whether the address names an interface as well: link-local ones do. */
int addr_needs_scope(const struct in6_addr *);

#endif
