/*
 * Whether a bridge may be made beside those there are.
 */

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>

#include "../../common/limits.h"
#include "admit.h"
#include "bridges.h"
#include "local.h"
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

/* A src at all addresses of this machine: no dst could be such. */
static int
is_wildcard(const struct addr *src)
{
	const char *why;

	return addr_check(src, ADDR_DST, &why) == -1 && errno == EADDRNOTAVAIL;
}

/* Kinds that reach each other, as one of them. */
static struct addr
on_the_wire(const struct addr *a)
{
	struct addr same = *a;

	if (a->kind == ADDR_MPTCP)
		same.kind = ADDR_TCP;
	else if (a->kind == ADDR_SEQSCTP)
		same.kind = ADDR_SCTP;
	return same;
}

/* Whether what is sent to dst comes in at src. */
static int
leads_to(const struct addr *from, const struct addr *to)
{
	struct addr plain_dst = on_the_wire(from), plain_src = on_the_wire(to);
	const struct addr *dst = &plain_dst, *src = &plain_src;

	if (addr_equal(dst, src))
		return 1;
	if (dst->kind != src->kind || !is_wildcard(src) ||
	    addr_port(dst) != addr_port(src))
		return 0;
	if (addr_family(dst) != addr_family(src) && !(src->flags & ADDR_DUAL))
		return 0;
	return sockets_is_local(dst);
}

/* Whether anything that leaves at one of the dsts comes in at src. */
static int
any_leads_to(const struct bridge_spec *spec, const struct addr *src)
{
	const struct addr *dst;
	unsigned int i;

	for (i = 0; (dst = bridge_dst(spec, i)) != NULL; i++)
		if (leads_to(dst, src))
			return 1;
	return 0;
}

/* Marks those the spec leads to and are not marked; how many that were. */
static unsigned int
mark_from(const struct bridge_spec *spec)
{
	unsigned int n = 0;
	struct bridge *b;

	for (b = bridges_next(1); b != NULL; b = bridges_next(b->slot + 1))
		if (b->mark == BRIDGE_UNSEEN && bridges_is_living(b) &&
		    any_leads_to(spec, &bridges_spec(b)->src)) {
			b->mark = BRIDGE_SEEN;
			n++;
		}
	return n;
}

/* Whether a dst leads to src, through any number of bridges. */
static int
is_circle(const struct bridge_spec *spec)
{
	struct bridge *b;
	unsigned int n;

	if (any_leads_to(spec, &spec->src))
		return 1;
	for (b = bridges_next(1); b != NULL; b = bridges_next(b->slot + 1))
		b->mark = BRIDGE_UNSEEN;
	for (n = mark_from(spec); n > 0;) {
		n = 0;
		for (b = bridges_next(1); b != NULL;
		     b = bridges_next(b->slot + 1)) {
			if (b->mark != BRIDGE_SEEN)
				continue;
			if (any_leads_to(bridges_spec(b), &spec->src))
				return 1;
			b->mark = BRIDGE_FOLLOWED;
			n += mark_from(bridges_spec(b));
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
		    addr_equal(&bridges_spec(b)->src, &spec->src))
			return refuse_for(EADDRINUSE,
			    "src is in use by bridge %u", b, why);
	return 0;
}

/* Each end by itself. */
static int
check_end(const struct addr *a, const char **why)
{
	if (is_multicast(a))
		return refuse(EOPNOTSUPP, "multicast groups are not supported",
		    why);
	return local_check(a, why);
}

int
admit_check(const struct bridge_spec *spec, int from_conf, const char **why)
{
	const struct addr *dst;
	unsigned int i;

	if (bridge_check(spec, why) == -1 || check_end(&spec->src, why) == -1)
		return -1;
	for (i = 0; (dst = bridge_dst(spec, i)) != NULL; i++)
		if (check_end(dst, why) == -1)
			return -1;
	if (check_others(spec, from_conf, why) == -1)
		return -1;
	if (is_circle(spec))
		return refuse(ELOOP, "dst leads back to src", why);
	return 0;
}
