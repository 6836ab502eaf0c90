/*
 * Whether a bridge may be made beside those there are.
 */

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "../../common/limits.h"
#include "admit.h"
#include "bridges.h"
#include "local.h"
#include "slots.h"
#include "sockets.h"

/* Chains of one bridge or two where there are as many as there can be. */
#define BUCKETS LIMIT_BRIDGES_MAX

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

/* Kinds that reach each other are one on the wire. */
static uint8_t
wire_kind(const struct addr *a)
{
	if (a->kind == ADDR_MPTCP)
		return ADDR_TCP;
	return a->kind == ADDR_SEQSCTP ? ADDR_SCTP : a->kind;
}

static int
is_same(const struct addr *dst, const struct addr *src)
{
	return dst->flags == src->flags && dst->len == src->len &&
	    memcmp(&dst->u, &src->u, dst->len) == 0;
}

/* A dst, and whether it is an address of this machine: -1 until asked. */
struct way {
	const struct addr *dst;
	int local;
};

static int
is_local(struct way *w)
{
	struct addr plain;

	if (w->local == -1) {
		plain = *w->dst;
		plain.kind = wire_kind(w->dst);
		w->local = sockets_is_local(&plain);
	}
	return w->local;
}

/* Whether what is sent to the dst comes in at src. */
static int
leads_to(struct way *w, const struct addr *src)
{
	const struct addr *dst = w->dst;

	if (wire_kind(dst) != wire_kind(src))
		return 0;
	if (is_same(dst, src))
		return 1;
	if (addr_port(dst) != addr_port(src) || !is_wildcard(src))
		return 0;
	if (addr_family(dst) != addr_family(src) && !(src->flags & ADDR_DUAL))
		return 0;
	return is_local(w);
}

/*
 * The srcs there are, so that each bridge is looked at once, not once for
 * every dst: a src at all addresses by its port, another by all it is.
 */
static struct {
	struct bridge *bucket[BUCKETS];
	struct bridge *found;
} srcs;

/* Never 0. */
static uint32_t
make_key(const struct addr *a, int any)
{
	uint32_t key = 2166136261U;
	size_t i;

	key = (key ^ wire_kind(a)) * 16777619U;
	if (any)
		key = (key ^ (uint32_t)addr_port(a)) * 16777619U;
	for (i = 0; !any && i < a->len; i++)
		key = (key ^ a->u.bytes[i]) * 16777619U;
	return (key ^ key >> 15) | 1U << 31;
}

static void
collect(void)
{
	struct bridge *b, **bucket;

	memset(&srcs, 0, sizeof srcs);
	for (b = bridges_next(1); b != NULL; b = bridges_next(b->slot + 1)) {
		if (!bridges_is_living(b))
			continue;
		if (b->src_key == 0)
			b->src_key = make_key(&bridges_spec(b)->src,
			    is_wildcard(&bridges_spec(b)->src));
		bucket = &srcs.bucket[b->src_key % BUCKETS];
		b->chain = *bucket;
		*bucket = b;
	}
}

/* Moves those it leads to from their bucket to the found ones. */
static void
find(struct way *w, uint32_t key)
{
	struct bridge *b, **at = &srcs.bucket[key % BUCKETS];

	while ((b = *at) != NULL) {
		if (b->src_key != key || !leads_to(w, &bridges_spec(b)->src)) {
			at = &b->chain;
			continue;
		}
		*at = b->chain;
		b->chain = srcs.found;
		srcs.found = b;
	}
}

/* Finds where the dsts lead to; 1 when that is src. */
static int
follow(const struct bridge_spec *spec, const struct addr *src)
{
	struct way w;
	unsigned int i;

	for (i = 0; (w.dst = bridge_dst(spec, i)) != NULL; i++) {
		w.local = -1;
		if (leads_to(&w, src))
			return 1;
		find(&w, make_key(w.dst, 0));
		find(&w, make_key(w.dst, 1));
	}
	return 0;
}

/* Whether a dst leads to src, through any number of bridges. */
static int
is_circle(const struct bridge_spec *spec)
{
	const struct bridge *b;

	collect();
	if (follow(spec, &spec->src))
		return 1;
	while ((b = srcs.found) != NULL) {
		srcs.found = b->chain;
		if (follow(bridges_spec(b), &spec->src))
			return 1;
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
