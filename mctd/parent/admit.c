/*
 * Whether a bridge may be made beside those there are.
 */

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>

#include "../../common/limits.h"
#include "admit.h"
#include "bridges.h"
#include "slots.h"
#include "sockets.h"

static char text[TEXT_BYTES]; /* what *why points to, where it has an id */

static int
refuse(int err, const char *sentence, const char **why)
{
	*why = sentence;
	errno = err;
	return -1;
}

static int refuse_for(int, const char *fmt, const struct bridge *,
    const char **) __attribute__((format(printf, 2, 0)));

static int
refuse_for(int err, const char *fmt, const struct bridge *b, const char **why)
{
	(void)snprintf(text, sizeof text, fmt, slots_id(b->slot));
	return refuse(err, text, why);
}

/* A group as either end is the work of a multicast bridge. */
static int
is_multicast(const struct addr *a)
{
	if (addr_family(a) == AF_INET)
		return IN_MULTICAST(ntohl(a->u.in.sin_addr.s_addr));
	if (addr_family(a) == AF_INET6)
		return IN6_IS_ADDR_MULTICAST(&a->u.in6.sin6_addr);
	return 0;
}

static int
is_wildcard(const struct addr *a)
{
	if (addr_family(a) == AF_INET)
		return a->u.in.sin_addr.s_addr == htonl(INADDR_ANY);
	if (addr_family(a) == AF_INET6)
		return IN6_IS_ADDR_UNSPECIFIED(&a->u.in6.sin6_addr);
	return 0;
}

/* Whether what is sent to dst comes in at src. */
static int
leads_to(const struct addr *dst, const struct addr *src)
{
	if (addr_equal(dst, src))
		return 1;
	if (dst->kind != src->kind || !is_wildcard(src) ||
	    addr_port(dst) != addr_port(src))
		return 0;
	if (addr_family(dst) != addr_family(src) && !(src->flags & ADDR_DUAL))
		return 0;
	return sockets_is_local(dst);
}

static const struct bridge_spec *
spec_of(const struct bridge *b)
{
	return &slots_entry(b->slot)->spec;
}

/* Marks what dst leads to and is not marked; returns how many that were. */
static unsigned int
mark_from(const struct addr *dst)
{
	unsigned int n = 0;
	struct bridge *b;

	for (b = bridges_next(1); b != NULL; b = bridges_next(b->slot + 1))
		if (b->mark == BRIDGE_UNSEEN && bridges_is_living(b) &&
		    leads_to(dst, &spec_of(b)->src)) {
			b->mark = BRIDGE_SEEN;
			n++;
		}
	return n;
}

/* Whether dst leads to src, through any number of bridges. */
static int
is_circle(const struct addr *dst, const struct addr *src)
{
	struct bridge *b;
	unsigned int n;

	if (leads_to(dst, src))
		return 1;
	for (b = bridges_next(1); b != NULL; b = bridges_next(b->slot + 1))
		b->mark = BRIDGE_UNSEEN;
	for (n = mark_from(dst); n > 0;) {
		n = 0;
		for (b = bridges_next(1); b != NULL;
		     b = bridges_next(b->slot + 1)) {
			if (b->mark != BRIDGE_SEEN)
				continue;
			if (leads_to(&spec_of(b)->dst, src))
				return 1;
			b->mark = BRIDGE_FOLLOWED;
			n += mark_from(&spec_of(b)->dst);
		}
	}
	return 0;
}

/* What it may not have in common with another. */
static int
check_others(const struct bridge_spec *spec, int from_conf, const char **why)
{
	const struct bridge *b;

	if ((b = bridges_same(spec)) != NULL)
		return refuse_for(EEXIST, "bridge %u has this src and dst", b,
		    why);
	b = bridges_named(spec->name);
	if (b != NULL && !(from_conf && b->from_conf))
		return refuse_for(EEXIST, "bridge %u has this name", b, why);
	if (!addr_is_connected_type(&spec->src))
		return 0;
	for (b = bridges_next(1); b != NULL; b = bridges_next(b->slot + 1))
		if (bridges_is_living(b) &&
		    addr_equal(&spec_of(b)->src, &spec->src))
			return refuse_for(EADDRINUSE,
			    "src is in use by bridge %u", b, why);
	return 0;
}

int
admit_check(const struct bridge_spec *spec, int from_conf, const char **why)
{
	if (bridge_check(spec, why) == -1)
		return -1;
	if (is_multicast(&spec->src) || is_multicast(&spec->dst))
		return refuse(EOPNOTSUPP, "multicast groups are not supported",
		    why);
	if (sockets_check(&spec->src, why) == -1 ||
	    sockets_check(&spec->dst, why) == -1 ||
	    check_others(spec, from_conf, why) == -1)
		return -1;
	if (is_circle(&spec->dst, &spec->src))
		return refuse(ELOOP, "dst leads back to src", why);
	return 0;
}
