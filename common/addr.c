/*
 * Endpoint addresses: the kinds, the families, and what is asked of an
 * address that is not text (addr_text.c does that).  A kind or a family is
 * a row of a table here; nothing is written per pair of them.
 *
 * Whatever arrives as a socket address may be hostile: addr_load is the one
 * place that reads it, and reads no further than the length given.
 */

#include <errno.h>
#include <string.h>

#include "addr_kinds.h"

const struct addr_row addr_rows[ADDR_KINDS] = {
	[ADDR_NONE] = { "none", 0, 0 },
	[ADDR_TCP] = { "tcp", 0, SOCK_STREAM },
	[ADDR_UDP] = { "udp", 0, SOCK_DGRAM },
	[ADDR_UNIX] = { "unix", 1, SOCK_STREAM },
	[ADDR_UNIXDGRAM] = { "unixdgram", 1, SOCK_DGRAM },
};

/* The bytes that tell one host from another: address and scope. */
struct host {
	uint8_t bytes[sizeof(struct in6_addr) + sizeof(uint32_t)];
	size_t len;
};

struct family {
	int family;
	int local;
	int (*load)(struct addr *, const void *, size_t);
	int (*is_unspecified)(const struct addr *);
	void (*host)(const struct addr *, struct host *);
};

static int
in_load(struct addr *a, const void *data, size_t len)
{
	struct sockaddr_in in;

	if (len < sizeof(in)) {
		errno = EINVAL;
		return -1;
	}
	memcpy(&in, data, sizeof(in));
	a->u.in.sin_family = AF_INET;
	a->u.in.sin_port = in.sin_port;
	a->u.in.sin_addr = in.sin_addr;
	a->len = sizeof(in);
	return 0;
}

static int
in_is_unspecified(const struct addr *a)
{
	return a->u.in.sin_addr.s_addr == htonl(INADDR_ANY);
}

static void
in_host(const struct addr *a, struct host *h)
{
	h->len = sizeof(a->u.in.sin_addr);
	memcpy(h->bytes, &a->u.in.sin_addr, h->len);
}

static int
in6_load(struct addr *a, const void *data, size_t len)
{
	struct sockaddr_in6 in6;

	if (len < sizeof(in6)) {
		errno = EINVAL;
		return -1;
	}
	memcpy(&in6, data, sizeof(in6));
	a->u.in6.sin6_family = AF_INET6;
	a->u.in6.sin6_port = in6.sin6_port;
	a->u.in6.sin6_addr = in6.sin6_addr;
	if (addr_needs_scope(&in6.sin6_addr))
		a->u.in6.sin6_scope_id = in6.sin6_scope_id;
	a->len = sizeof(in6);
	return 0;
}

static int
in6_is_unspecified(const struct addr *a)
{
	return IN6_IS_ADDR_UNSPECIFIED(&a->u.in6.sin6_addr);
}

static void
in6_host(const struct addr *a, struct host *h)
{
	const struct sockaddr_in6 *in6 = &a->u.in6;

	memcpy(h->bytes, &in6->sin6_addr, sizeof(in6->sin6_addr));
	memcpy(h->bytes + sizeof(in6->sin6_addr), &in6->sin6_scope_id,
	    sizeof(in6->sin6_scope_id));
	h->len = sizeof(h->bytes);
}

/*
 * A first byte of zero makes the name abstract, of exactly the length given;
 * anything else is a path up to its NUL or the length.
 */
static int
un_load(struct addr *a, const void *data, size_t len)
{
	const char *path = (const char *)data + ADDR_UN_OFFSET;
	size_t n;

	if (len <= ADDR_UN_OFFSET || len > sizeof(a->u.un)) {
		errno = EINVAL;
		return -1;
	}
	n = len - ADDR_UN_OFFSET;
	if (path[0] != '\0') {
		n = strnlen(path, n);
		if (n == ADDR_UN_BYTES) {
			errno = EINVAL;
			return -1;
		}
	}
	a->u.un.sun_family = AF_LOCAL;
	memcpy(a->u.un.sun_path, path, n);
	if (path[0] != '\0')
		n++;
	a->len = (uint16_t)(ADDR_UN_OFFSET + n);
	return 0;
}

static int
un_is_unspecified(const struct addr *a)
{
	(void)a;
	return 0;
}

static void
un_host(const struct addr *a, struct host *h)
{
	(void)a;
	h->len = 0;
}

static const struct family families[] = {
	{ AF_INET, 0, in_load, in_is_unspecified, in_host },
	{ AF_INET6, 0, in6_load, in6_is_unspecified, in6_host },
	{ AF_LOCAL, 1, un_load, un_is_unspecified, un_host },
};
#define FAMILIES (sizeof(families) / sizeof(families[0]))

static const struct family *
family_find(int family)
{
	size_t i;

	for (i = 0; i < FAMILIES; i++)
		if (families[i].family == family)
			return &families[i];
	return NULL;
}

const struct addr_row *
addr_row(const struct addr *a)
{
	return &addr_rows[a->kind < ADDR_KINDS ? a->kind : ADDR_NONE];
}

int
addr_needs_scope(const struct in6_addr *in6)
{
	return IN6_IS_ADDR_LINKLOCAL(in6) || IN6_IS_ADDR_MC_LINKLOCAL(in6) ||
	    IN6_IS_ADDR_MC_NODELOCAL(in6);
}

int
addr_load(struct addr *a, const void *data, size_t len)
{
	const struct family *f;
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
	if ((f = family_find(family)) == NULL) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	return f->load(a, data, len);
}

static int
is_mapped(const struct addr *a)
{
	return addr_family(a) == AF_INET6 &&
	    IN6_IS_ADDR_V4MAPPED(&a->u.in6.sin6_addr);
}

/* A path that does not begin at the root depends on who uses it. */
static int
is_relative(const struct addr *a)
{
	const char *path = a->u.un.sun_path;

	return addr_family(a) == AF_LOCAL && path[0] != '\0' && path[0] != '/';
}

static int
kind_find(int local, int socktype)
{
	int i;

	for (i = ADDR_NONE + 1; i < ADDR_KINDS; i++)
		if (addr_rows[i].local == local &&
		    addr_rows[i].socktype == socktype)
			return i;
	return ADDR_NONE;
}

int
addr_from_sockaddr(struct addr *a, int socktype, const struct sockaddr *sa,
    socklen_t len)
{
	memset(a, 0, sizeof(*a));
	if (sa == NULL || addr_load(a, sa, len) == -1) {
		if (sa == NULL)
			errno = EINVAL;
		return -1;
	}
	a->kind =
	    (uint8_t)kind_find(family_find(addr_family(a))->local, socktype);
	if (a->kind == ADDR_NONE) {
		errno = EPROTOTYPE;
		return -1;
	}
	if (is_relative(a)) {
		errno = EINVAL;
		return -1;
	}
	if (is_mapped(a)) {
		errno = EADDRNOTAVAIL;
		return -1;
	}
	return 0;
}

static void
unmap(struct addr *a)
{
	struct sockaddr_in in;

	memset(&in, 0, sizeof(in));
	in.sin_family = AF_INET;
	in.sin_port = a->u.in6.sin6_port;
	memcpy(&in.sin_addr, &a->u.in6.sin6_addr.s6_addr[12],
	    sizeof(in.sin_addr));
	(void)addr_load(a, &in, sizeof(in));
}

void
addr_from_kernel(struct addr *a, enum addr_kind kind, const struct sockaddr *sa,
    socklen_t len)
{
	struct sockaddr_un un;

	memset(a, 0, sizeof(*a));
	a->kind = (uint8_t)kind;
	if (addr_load(a, sa, len) == 0) {
		if (is_mapped(a))
			unmap(a);
		return;
	}
	if (!addr_row(a)->local)
		return;
	/*
	 * No name, or a path that fills sun_path to its last byte and is
	 * kept without that byte: it is only ever shown.
	 */
	memset(&un, 0, sizeof(un));
	if (len > ADDR_UN_OFFSET) {
		if (len > sizeof(un))
			len = sizeof(un);
		memcpy(&un, sa, len - 1);
		un.sun_family = AF_LOCAL;
		(void)addr_load(a, &un, sizeof(un));
	} else {
		a->u.un.sun_family = AF_LOCAL;
		a->len = ADDR_UN_OFFSET;
	}
}

static int
refuse(const char **why, int err, const char *sentence)
{
	if (why != NULL)
		*why = sentence;
	errno = err;
	return -1;
}

/* Kind, family, length and content belong together. */
static int
check_whole(const struct addr *a, const char **why)
{
	const struct family *f;
	struct addr again;

	if (a->kind == ADDR_NONE || a->kind >= ADDR_KINDS)
		return refuse(why, EAFNOSUPPORT, "unknown kind of address");
	if ((f = family_find(addr_family(a))) == NULL)
		return refuse(why, EAFNOSUPPORT, "unknown address family");
	if (f->local != addr_row(a)->local)
		return refuse(why, EAFNOSUPPORT,
		    "the kind does not exist in this address family");
	memset(&again, 0, sizeof(again));
	if (a->len > sizeof(a->u) || addr_load(&again, &a->u, a->len) == -1 ||
	    again.len != a->len || is_relative(a))
		return refuse(why, EINVAL, "the address is not whole");
	if ((a->flags & ~ADDR_DUAL) != 0 ||
	    ((a->flags & ADDR_DUAL) != 0 &&
		(addr_family(a) != AF_INET6 || !f->is_unspecified(a))))
		return refuse(why, EINVAL, "the address is not whole");
	return 0;
}

int
addr_check(const struct addr *a, enum addr_end end, const char **why)
{
	if (check_whole(a, why) == -1)
		return -1;
	if (is_mapped(a))
		return refuse(why, EADDRNOTAVAIL,
		    "an IPv4 address inside an IPv6 one is not allowed");
	if (addr_port(a) == 0)
		return refuse(why, EINVAL, "port 0 is not allowed");
	if (addr_family(a) == AF_INET6 && a->u.in6.sin6_scope_id == 0 &&
	    IN6_IS_ADDR_LINKLOCAL(&a->u.in6.sin6_addr))
		return refuse(why, EINVAL,
		    "a link-local address needs %interface");
	if (end == ADDR_DST && family_find(addr_family(a))->is_unspecified(a))
		return refuse(why, EADDRNOTAVAIL,
		    "a dst must be one host, not any");
	return 0;
}

int
addr_socktype(const struct addr *a)
{
	return addr_row(a)->socktype;
}

int
addr_family(const struct addr *a)
{
	return a->u.sa.sa_family;
}

int
addr_port(const struct addr *a)
{
	switch (addr_family(a)) {
	case AF_INET:
		return ntohs(a->u.in.sin_port);
	case AF_INET6:
		return ntohs(a->u.in6.sin6_port);
	default:
		return -1;
	}
}

int
addr_is_connected_type(const struct addr *a)
{
	int type = addr_socktype(a);

	return type == SOCK_STREAM || type == SOCK_SEQPACKET;
}

int
addr_is_path(const struct addr *a)
{
	return addr_family(a) == AF_LOCAL && a->len > ADDR_UN_OFFSET &&
	    a->u.un.sun_path[0] != '\0';
}

int
addr_same_host(const struct addr *a, const struct addr *b)
{
	const struct family *f = family_find(addr_family(a));
	struct host ha, hb;

	if (f == NULL || addr_family(a) != addr_family(b))
		return 0;
	f->host(a, &ha);
	f->host(b, &hb);
	return ha.len == hb.len && memcmp(ha.bytes, hb.bytes, ha.len) == 0;
}

int
addr_equal(const struct addr *a, const struct addr *b)
{
	size_t n;

	if (a->kind != b->kind || a->flags != b->flags || a->len != b->len ||
	    addr_port(a) != addr_port(b) || !addr_same_host(a, b))
		return 0;
	if (addr_family(a) != AF_LOCAL || a->len <= ADDR_UN_OFFSET)
		return 1;
	n = a->len - ADDR_UN_OFFSET;
	return n <= ADDR_UN_BYTES &&
	    memcmp(a->u.un.sun_path, b->u.un.sun_path, n) == 0;
}

/* FNV-1a, stirred at the end so that the low bits serve as an index. */
uint32_t
addr_host_hash(const struct addr *a)
{
	const struct family *f = family_find(addr_family(a));
	uint32_t hash = 2166136261U;
	struct host h;
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
