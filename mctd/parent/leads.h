/*
 * Whether what leaves at one bridge comes in at another.
 */

#ifndef PARENT_LEADS_H
#define PARENT_LEADS_H

#include "../../common/bridge.h"

/* A dst, and whether it is an address of this machine: -1 until asked. */
struct leads_way {
	const struct addr *dst;
	int local;
};

/* Whether what is sent to the dst comes in at src. */
int leads_to(struct leads_way *, const struct addr *src);

/* A src at all addresses of this machine: no dst could be such. */
int leads_is_wildcard(const struct addr *src);

/* Kinds that reach each other are one on the wire. */
uint8_t leads_wire_kind(const struct addr *);

/*
 * Whether something that leaves at the one connectionless bridge, for its dst
 * or for a group it is joined to, comes in at the other.  For a group that is
 * so when loopback is on where it is sent; for a broadcast, unless those of
 * this machine are not heard where it comes in.
 */
int leads_from(const struct bridge_spec *, const struct bridge_options *,
    const struct bridge_spec *to, const struct bridge_options *);

#endif
