/*
 * Endpoint addresses: the kinds, the families, and what is asked of an
 * address that is not text (addr_text.c does that).  What a family does
 * differently is a function in its row: addr_ip.c, addr_local.c, and the file
 * of the operating system, as addr_linux.c.
 *
 * Whatever arrives as a socket address may be hostile: addr_load is the one
 * way in, and reads no further than the length given.
 */

#include <errno.h>
#include <string.h>

#include "addr_kinds.h"

/* Not in every system's headers; the number is assigned. */
#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

const struct addr_row addr_rows[ADDR_KINDS] = {
	[ADDR_NONE] = { "none", ADDR_GROUP_NONE, 0, 0, 0 },
	[ADDR_TCP] = { "tcp", ADDR_GROUP_IP, SOCK_STREAM, SOCK_STREAM, 0 },
	[ADDR_UDP] = { "udp", ADDR_GROUP_IP, SOCK_DGRAM, SOCK_DGRAM, 0 },
	[ADDR_UNIX] = { "unix", ADDR_GROUP_LOCAL, SOCK_STREAM, SOCK_STREAM, 0 },
	[ADDR_UNIXDGRAM] = { "unixdgram", ADDR_GROUP_LOCAL, SOCK_DGRAM,
	    SOCK_DGRAM, 0 },
	[ADDR_MPTCP] = { "mptcp", ADDR_GROUP_IP, SOCK_STREAM, SOCK_STREAM,
	    IPPROTO_MPTCP },
	[ADDR_UNIXSEQ] = { "unixseq", ADDR_GROUP_LOCAL, SOCK_SEQPACKET,
	    SOCK_SEQPACKET, 0 },
	[ADDR_VSOCK] = { "vsock", ADDR_GROUP_VSOCK, SOCK_STREAM, SOCK_STREAM,
	    0 },
	[ADDR_SCTP] = { "sctp", ADDR_GROUP_IP, SOCK_STREAM, SOCK_STREAM,
	    IPPROTO_SCTP },
	[ADDR_SEQSCTP] = { "seqsctp", ADDR_GROUP_IP, SOCK_SEQPACKET,
	    SOCK_STREAM, IPPROTO_SCTP },
	[ADDR_SEQTIPC] = { "seqtipc", ADDR_GROUP_TIPC, SOCK_SEQPACKET,
	    SOCK_SEQPACKET, 0 },
	[ADDR_UDPLITE] = { "udplite", ADDR_GROUP_IP, SOCK_DGRAM, SOCK_DGRAM,
	    IPPROTO_UDPLITE },
	[ADDR_TIPC] = { "tipc", ADDR_GROUP_TIPC, SOCK_RDM, SOCK_RDM, 0 },
};

static const struct addr_family *const families[] = {
	&addr_family_in,
	&addr_family_in6,
	&addr_family_local,
};
#define FAMILIES (sizeof(families) / sizeof(families[0]))

const struct addr_family *
addr_family_find(int family)
{
	const struct addr_family *f;
	size_t i;

	for (i = 0; i < FAMILIES; i++)
		if (families[i]->family == family)
			return families[i];
	for (f = addr_families_system; f->family != 0; f++)
		if (f->family == family)
			return f;
	return NULL;
}

const struct addr_family *
addr_family_first(enum addr_group group)
{
	const struct addr_family *f;
	size_t i;

	for (i = 0; i < FAMILIES; i++)
		if (families[i]->group == group)
			return families[i];
	for (f = addr_families_system; f->family != 0; f++)
		if (f->group == group)
			return f;
	return NULL;
}

const struct addr_row *
addr_row(const struct addr *a)
{
	return &addr_rows[a->kind < ADDR_KINDS ? a->kind : ADDR_NONE];
}

const char *
addr_kind_word(unsigned int kind)
{
	if (kind == ADDR_NONE || kind >= ADDR_KINDS)
		return NULL;
	return addr_rows[kind].name;
}

int
addr_refuse(const char **why, int err, const char *sentence)
{
	if (why != NULL)
		*why = sentence;
	errno = err;
	return -1;
}

int
addr_load(struct addr *a, const void *data, size_t len)
{
	const struct addr_family *f;
	sa_family_t family;

	memset(&a->u, 0, sizeof(a->u));
	a->len = 0;
	if (len < offsetof(struct sockaddr, sa_data)) {
		errno = EINVAL;
		return -1;
	}
	memcpy(&family,
	    (const char *)data + offsetof(struct sockaddr, sa_family),
	    sizeof(family));
	if ((f = addr_family_find(family)) == NULL) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	return f->load(a, data, len);
}

/* The usual kind of a group and a type; ADDR_NONE: there is none. */
static uint8_t
kind_find(enum addr_group group, int socktype)
{
	uint8_t i;

	for (i = ADDR_NONE + 1; i < ADDR_KINDS; i++)
		if (addr_rows[i].group == group &&
		    addr_rows[i].socktype == socktype)
			return i;
	return ADDR_NONE;
}

/* See addr_family.unsound; 0 where there is nothing against it. */
static int
unsound(const struct addr *a, const char **sentence)
{
	const struct addr_family *f = addr_family_find(addr_family(a));

	return f->unsound == NULL ? 0 : f->unsound(a, sentence);
}

int
addr_from_sockaddr(struct addr *a, int socktype, const struct sockaddr *sa,
    socklen_t len)
{
	const char *sentence;
	int err;

	memset(a, 0, sizeof(*a));
	if (sa == NULL) {
		errno = EINVAL;
		return -1;
	}
	if (addr_load(a, sa, len) == -1)
		return -1;
	a->kind = kind_find(addr_family_find(addr_family(a))->group, socktype);
	err = a->kind == ADDR_NONE ? EPROTOTYPE : unsound(a, &sentence);
	if (err == 0)
		return 0;
	errno = err;
	return -1;
}

void
addr_from_kernel(struct addr *a, enum addr_kind kind, const struct sockaddr *sa,
    socklen_t len)
{
	const struct addr_family *f;

	memset(a, 0, sizeof(*a));
	a->kind = (uint8_t)kind;
	f = addr_family_first(addr_row(a)->group);
	if (f != NULL && f->take != NULL)
		f->take(a, sa, len);
	else
		(void)addr_load(a, sa, len);
}

int
addr_check_whole(const struct addr *a, const char **why)
{
	const struct addr_family *f;
	struct addr again;

	if (a->kind == ADDR_NONE || a->kind >= ADDR_KINDS)
		return addr_refuse(why, EAFNOSUPPORT,
		    "unknown kind of address");
	if ((f = addr_family_find(addr_family(a))) == NULL)
		return addr_refuse(why, EAFNOSUPPORT, "unknown address family");
	if (f->group != addr_row(a)->group)
		return addr_refuse(why, EAFNOSUPPORT,
		    "the kind does not exist in this address family");
	memset(&again, 0, sizeof(again));
	if (a->len > sizeof(a->u) || addr_load(&again, &a->u, a->len) == -1 ||
	    again.len != a->len || memcmp(&again.u, &a->u, a->len) != 0)
		return addr_refuse(why, EINVAL, "the address is not whole");
	if ((a->flags & ~ADDR_DUAL) != 0 ||
	    ((a->flags & ADDR_DUAL) != 0 &&
		(addr_family(a) != AF_INET6 || !f->is_unspecified(a))))
		return addr_refuse(why, EINVAL, "the address is not whole");
	return 0;
}

int
addr_check(const struct addr *a, enum addr_end end, const char **why)
{
	const char *sentence;
	int err;

	if (addr_check_whole(a, why) == -1)
		return -1;
	if ((err = unsound(a, &sentence)) != 0)
		return addr_refuse(why, err, sentence);
	if (addr_port(a) == 0)
		return addr_refuse(why, EINVAL, "port 0 is not allowed");
	if (addr_lacks_scope(a))
		return addr_refuse(why, EINVAL,
		    "a link-local address needs %interface");
	if (end == ADDR_DST &&
	    addr_family_find(addr_family(a))->is_unspecified(a))
		return addr_refuse(why, EADDRNOTAVAIL,
		    "a dst must be one host, not any");
	return 0;
}

int
addr_socktype(const struct addr *a)
{
	return addr_row(a)->socktype;
}

int
addr_kernel_type(const struct addr *a)
{
	return addr_row(a)->kernel_type;
}

int
addr_protocol(const struct addr *a)
{
	return addr_row(a)->protocol;
}

int
addr_family(const struct addr *a)
{
	return a->u.sa.sa_family;
}

int
addr_port(const struct addr *a)
{
	const struct addr_family *f = addr_family_find(addr_family(a));

	return f == NULL || f->port == NULL ? -1 : f->port(a);
}

int
addr_is_connected_type(const struct addr *a)
{
	int type = addr_socktype(a);

	return type == SOCK_STREAM || type == SOCK_SEQPACKET;
}

int
addr_is_tcp(const struct addr *a)
{
	return a->kind == ADDR_TCP || a->kind == ADDR_MPTCP;
}

int
addr_is_ip(const struct addr *a)
{
	return addr_family(a) == AF_INET || addr_family(a) == AF_INET6;
}

int
addr_is_path(const struct addr *a)
{
	return addr_family(a) == AF_LOCAL &&
	    a->len > offsetof(struct sockaddr_un, sun_path) &&
	    a->u.un.sun_path[0] != '\0';
}

int
addr_same_host(const struct addr *a, const struct addr *b)
{
	const struct addr_family *f = addr_family_find(addr_family(a));
	struct addr_host ha, hb;

	if (f == NULL || addr_family(a) != addr_family(b))
		return 0;
	f->host(a, &ha);
	f->host(b, &hb);
	return ha.len == hb.len && memcmp(ha.bytes, hb.bytes, ha.len) == 0;
}

/* What loaded is written in one way only, so bytes tell. */
int
addr_equal(const struct addr *a, const struct addr *b)
{
	return a->kind == b->kind && a->flags == b->flags && a->len == b->len &&
	    a->len <= sizeof(a->u) && memcmp(&a->u, &b->u, a->len) == 0;
}

/* FNV-1a, stirred at the end so that the low bits serve as an index. */
uint32_t
addr_host_hash(const struct addr *a)
{
	const struct addr_family *f = addr_family_find(addr_family(a));
	uint32_t hash = 2166136261U;
	struct addr_host h;
	size_t i;

	if (f == NULL)
		return 0;
	f->host(a, &h);
	for (i = 0; i < h.len; i++)
		hash = (hash ^ h.bytes[i]) * 16777619U;
	hash ^= hash >> 16;
	hash *= 0x7feb352dU;
	return hash ^ hash >> 15;
}
