/*
 * Whether what leaves at one bridge comes in at another.
 */

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "dgram_dst.h"
#include "leads.h"
#include "sockets.h"

int
leads_is_wildcard(const struct addr *src)
{
	const char *why;

	return addr_check(src, ADDR_DST, &why) == -1 && errno == EADDRNOTAVAIL;
}

uint8_t
leads_wire_kind(const struct addr *a)
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

static int
is_local(struct leads_way *w)
{
	struct addr plain;

	if (w->local == -1) {
		plain = *w->dst;
		plain.kind = leads_wire_kind(w->dst);
		w->local = sockets_is_local(&plain);
	}
	return w->local;
}

int
leads_to(struct leads_way *w, const struct addr *src)
{
	const struct addr *dst = w->dst;

	if (leads_wire_kind(dst) != leads_wire_kind(src))
		return 0;
	if (is_same(dst, src))
		return 1;
	if (addr_port(dst) != addr_port(src) || !leads_is_wildcard(src))
		return 0;
	if (addr_family(dst) != addr_family(src) && !(src->flags & ADDR_DUAL))
		return 0;
	return is_local(w);
}

/* ---- connectionless bridges ---- */

/* The nth address of an end: its own, then its groups, made in buf; NULL. */
static const struct addr *
nth_addr(const struct bridge_spec *spec, const struct bridge_options *o,
    enum addr_end end, unsigned int nth, struct addr *buf)
{
	const struct addr *own = end == ADDR_SRC ? &spec->src : &spec->dst;
	uint32_t i;

	if (nth == 0)
		return own;
	for (i = 0; i < o->njoins; i++)
		if (o->joins[i].end == end && --nth == 0) {
			join_group(&o->joins[i], (enum addr_kind)own->kind,
			    addr_port(own), buf);
			return buf;
		}
	return NULL;
}

/* Whatever the interface is. */
static int
is_same_group(const struct addr *a, const struct addr *b)
{
	if (a->kind != b->kind || addr_port(a) != addr_port(b) ||
	    addr_family(a) != addr_family(b))
		return 0;
	if (addr_family(a) == AF_INET)
		return a->u.in.sin_addr.s_addr == b->u.in.sin_addr.s_addr;
	return memcmp(&a->u.in6.sin6_addr, &b->u.in6.sin6_addr,
		   sizeof a->u.in6.sin6_addr) == 0;
}

/* A src at all addresses hears no group that it did not join. */
static int
reaches(struct leads_way *w, const struct bridge_options *from,
    const struct addr *src, const struct bridge_options *to)
{
	if (join_is_group(w->dst))
		return from->loopback == FLAG_YES && join_is_group(src) &&
		    is_same_group(w->dst, src);
	if (!leads_to(w, src))
		return 0;
	/* most have not these options, and need not be asked */
	return to->broadcast != FLAG_YES || to->loopback == FLAG_YES ||
	    !dgram_dst_is_broadcast(w->dst);
}

int
leads_from(const struct bridge_spec *spec, const struct bridge_options *o,
    const struct bridge_spec *to, const struct bridge_options *to_o)
{
	struct addr dst_buf, src_buf;
	const struct addr *src;
	struct leads_way w;
	unsigned int i, j;

	for (i = 0; (w.dst = nth_addr(spec, o, ADDR_DST, i, &dst_buf)) != NULL;
	     i++) {
		w.local = -1;
		for (j = 0;
		     (src = nth_addr(to, to_o, ADDR_SRC, j, &src_buf)) != NULL;
		     j++)
			if (reaches(&w, o, src, to_o))
				return 1;
	}
	return 0;
}
