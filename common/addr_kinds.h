/*
 * What the files of addr share and nobody else needs.  A kind is a row of
 * one table, a family a row of another; nothing is written per pair.
 */

#ifndef COMMON_ADDR_KINDS_H
#define COMMON_ADDR_KINDS_H

#include "addr.h"

/* Families whose addresses are written in the same way. */
enum addr_group {
	ADDR_GROUP_NONE,
	ADDR_GROUP_IP,
	ADDR_GROUP_LOCAL,
	ADDR_GROUP_VSOCK,
	ADDR_GROUP_TIPC
};

/* A kind is a word, a group of families, a socket type, and a socket. */
struct addr_row {
	const char *name;
	enum addr_group group;
	int socktype;    /* of the bridge */
	int kernel_type; /* of the socket */
	int protocol;    /* 0: the type's own */
};

/* By enum addr_kind; of a group and type the first is the usual one. */
extern const struct addr_row addr_rows[ADDR_KINDS];

/* The bytes that tell one host from another: address and scope. */
struct addr_host {
	uint8_t bytes[sizeof(struct in6_addr) + sizeof(uint32_t)];
	size_t len;
};

struct addr_family {
	int family; /* AF_INET, ...; 0 ends a table */
	enum addr_group group;
	/* See addr_load: u and len of an address that is all zero. */
	int (*load)(struct addr *, const void *, size_t);
	/*
	 * What accept and getsockname gave: NULL where load will do.  Only
	 * the one of a group's first family is called.
	 */
	void (*take)(struct addr *, const void *, size_t);
	/*
	 * Whether a program may name this, and text can: 0, or an errno
	 * value and the sentence.  NULL: everything that loads.
	 */
	int (*unsound)(const struct addr *, const char **sentence);
	int (*is_unspecified)(const struct addr *);
	void (*host)(const struct addr *, struct addr_host *);
	int (*port)(const struct addr *); /* NULL: there is none */
	/* What stands behind "KIND:"; sets u, len, flags; as addr_parse. */
	int (*parse)(struct addr *, const char *, const struct addr_resolver *,
	    const char **why);
	int (*print)(const struct addr *, char *, size_t);
};

extern const struct addr_family addr_family_in;
extern const struct addr_family addr_family_in6;
extern const struct addr_family addr_family_local;
/* Those that only one operating system has; ends with family 0. */
extern const struct addr_family addr_families_system[];

/* NULL: there is none. */
const struct addr_family *addr_family_find(int family);
const struct addr_family *addr_family_first(enum addr_group);

/* The row of an address; that of ADDR_NONE when its kind is no kind. */
const struct addr_row *addr_row(const struct addr *);

/*
 * Takes len bytes of a socket address of any family there is, and leaves
 * out what does not belong to it (padding, flow labels, a scope where none
 * is needed).  Sets u and len; returns 0, or -1 with EAFNOSUPPORT or EINVAL.
 */
int addr_load(struct addr *, const void *, size_t len);

/* Whether kind, family, length and content belong together; as addr_check. */
int addr_check_whole(const struct addr *, const char **why);

/* Whether it is a link-local address of one host without its interface. */
int addr_lacks_scope(const struct addr *);

/* Sets errno and, unless why is NULL, *why; returns -1. */
int addr_refuse(const char **why, int err, const char *sentence);

/*
 * Decimal digits and nothing else, no zero in front of others, min to max.
 * Returns 0, or -1 when it is not so.
 */
int addr_decimal(const char *text, uint32_t min, uint32_t max, uint32_t *value);

#endif
