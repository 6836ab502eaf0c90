/*
 * Whether a bridge may be made beside those there are.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../../common/join.h"
#include "../../common/limits.h"
#include "admit.h"
#include "bridges.h"
#include "leads.h"
#include "local.h"
#include "slots.h"

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

	key = (key ^ leads_wire_kind(a)) * 16777619U;
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
		if (!bridges_is_living(b) || !bridges_is_stream(b))
			continue;
		if (b->src_key == 0)
			b->src_key = make_key(&bridges_spec(b)->src,
			    leads_is_wildcard(&bridges_spec(b)->src));
		bucket = &srcs.bucket[b->src_key % BUCKETS];
		b->chain = *bucket;
		*bucket = b;
	}
}

/* Moves those it leads to from their bucket to the found ones. */
static void
find(struct leads_way *w, uint32_t key)
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
	struct leads_way w;
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

/*
 * Connectionless ones: whoever leads to a src, his own or another's, has to
 * have been allowed to, whichever of them was first.
 */
static int
check_leads(const struct bridge_spec *spec, const struct bridge_options *o,
    const struct bridge *self, const char **why)
{
	const struct bridge_spec *other;
	const struct bridge *b;
	int loop = o->loop == FLAG_YES;

	if (!loop && leads_from(spec, o, spec, o))
		return refuse(ELOOP, "dst leads back to src", why);
	for (b = bridges_next(1); b != NULL; b = bridges_next(b->slot + 1)) {
		other = bridges_spec(b);
		if (b == self || !bridges_is_living(b) || bridges_is_stream(b))
			continue;
		if (!loop && leads_from(spec, o, other, &other->options))
			return refuse_for(ELOOP,
			    "dst leads to the src of bridge %u, which takes "
			    "the option loop",
			    b, why);
		if (!b->loop && leads_from(other, &other->options, spec, o))
			return refuse_for(ELOOP,
			    "bridge %u leads to this src, and has not the "
			    "option loop",
			    b, why);
	}
	return 0;
}

/* Whether what is sent there can be answered, and who sends be told apart. */
static int
can_have_flows(const struct addr *a)
{
	return addr_is_ip(a) || addr_family(a) == AF_LOCAL;
}

/* With flows a src has one bridge, which knows all who send there. */
static int
check_flows(const struct bridge_spec *spec, const char **why)
{
	const struct bridge *b;

	if (bridge_has_flows(spec) &&
	    (!can_have_flows(&spec->src) || !can_have_flows(&spec->dst) ||
		join_is_group(&spec->src) || join_is_group(&spec->dst)))
		return refuse(EOPNOTSUPP,
		    "reply and source client take ends of IP, no groups, or "
		    "local ones",
		    why);
	for (b = bridges_next(1); b != NULL; b = bridges_next(b->slot + 1))
		if (bridges_is_living(b) &&
		    (bridge_has_flows(spec) ||
			bridge_has_flows(bridges_spec(b))) &&
		    addr_equal(&bridges_spec(b)->src, &spec->src))
			return refuse_for(EADDRINUSE,
			    "src is in use by bridge %u, and cannot be shared "
			    "where one has reply or source client",
			    b, why);
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
		return check_flows(spec, why);
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
	if (join_is_group(a) && addr_is_connected_type(a))
		return refuse(EOPNOTSUPP,
		    "multicast groups are for connectionless bridges", why);
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
	if (!addr_is_connected_type(&spec->src))
		return check_leads(spec, &spec->options, NULL, why);
	if (is_circle(spec))
		return refuse(ELOOP, "dst leads back to src", why);
	return 0;
}

int
admit_change(const struct bridge *b, const struct bridge_options *o,
    const char **why)
{
	if (bridges_is_stream(b))
		return 0;
	return check_leads(bridges_spec(b), o, b, why);
}
