/*
 * A multicast group that an end of a bridge is joined to.  As text, in
 * mctd.conf and as the value of the option "join":
 *
 *	src|dst GROUP [interface NAME|INDEX] [source HOST]
 *
 *	src 239.1.1.1 interface eth1
 *	dst ff15::7 interface 3
 *	src 232.1.1.1 interface eth1 source 10.0.0.9
 */

#ifndef COMMON_JOIN_H
#define COMMON_JOIN_H

#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "limits.h"

struct bridge_join {
	uint8_t end; /* enum addr_end */
	uint8_t has_source;
	uint16_t family;   /* AF_INET or AF_INET6 */
	uint8_t group[16]; /* in network order; IPv4: the first four */
	uint8_t source[16];
	char device[DEVICE_BYTES]; /* name, or index in digits; empty: any */
};

#define JOIN_TEXT_BYTES 160

/*
 * Returns 0, or -1 with errno EINVAL and *why, until the next call of this
 * thread.
 */
int join_parse(struct bridge_join *, const char *text, const char **why);
/* The shortest text that parses back to the same. */
char *join_print(const struct bridge_join *, char *buf, size_t size);
/* Whether it is one, whatever a program put into it; as join_parse. */
int join_check(const struct bridge_join *, const char **why);

/*
 * From addresses of kind tcp, any port (addr_parse_host, addr_from_sockaddr);
 * a scope in the group's is its interface; source may be NULL.  As join_parse.
 */
int join_set(struct bridge_join *, enum addr_end, const struct addr *group,
    const char *device, const struct addr *source, const char **why);

/* Whether it is empty, a name or a number, of DEVICE_BYTES; as join_check. */
int join_check_device(const char *device, const char **why);

/* The same end, group, source and interface. */
int join_equal(const struct bridge_join *, const struct bridge_join *);

/* The group, or the source, as an address of that kind, with a port. */
void join_group(const struct bridge_join *, enum addr_kind, int port,
    struct addr *);
void join_source(const struct bridge_join *, enum addr_kind, struct addr *);

/* Whether the address is a multicast group. */
int join_is_group(const struct addr *);

/* "239.1.1.1", without scope; "10.0.0.9", empty when there is none. */
char *join_group_text(const struct bridge_join *, char *buf, size_t size);
char *join_source_text(const struct bridge_join *, char *buf, size_t size);

#endif
