/*
 * Addresses of AF_INET and AF_INET6, of whatever kind.
 *
 *	HOST:PORT   HOST is 10.0.0.1, [v6], [v6%interface], * or a name
 *
 * Calls: ioctl, socket
 */

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "addr_kinds.h"

/* The longest host: a name of the domain name system, with its NUL. */
#define HOST_BYTES  256

/* The longest printed: address, '%', interface. */
#define PLAIN_BYTES (INET6_ADDRSTRLEN + IF_NAMESIZE + 1)

static const char mapped[] =
    "an IPv4 address inside an IPv6 one is not allowed";

/* ---- socket addresses ---- */

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
in_host(const struct addr *a, struct addr_host *h)
{
	h->len = sizeof(a->u.in.sin_addr);
	memcpy(h->bytes, &a->u.in.sin_addr, h->len);
}

static int
in_port(const struct addr *a)
{
	return ntohs(a->u.in.sin_port);
}

/* Whether an address names an interface as well. */
static int
has_scope(const struct in6_addr *in6)
{
	return IN6_IS_ADDR_LINKLOCAL(in6) || IN6_IS_ADDR_MC_LINKLOCAL(in6) ||
	    IN6_IS_ADDR_MC_NODELOCAL(in6);
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
	if (has_scope(&in6.sin6_addr))
		a->u.in6.sin6_scope_id = in6.sin6_scope_id;
	a->len = sizeof(in6);
	return 0;
}

static int
is_mapped(const struct addr *a)
{
	return addr_family(a) == AF_INET6 &&
	    IN6_IS_ADDR_V4MAPPED(&a->u.in6.sin6_addr);
}

/* A mapped one becomes what it stands for. */
static void
ip_take(struct addr *a, const void *data, size_t len)
{
	struct sockaddr_in in;

	if (addr_load(a, data, len) == -1 || !is_mapped(a))
		return;
	memset(&in, 0, sizeof(in));
	in.sin_family = AF_INET;
	in.sin_port = a->u.in6.sin6_port;
	memcpy(&in.sin_addr, &a->u.in6.sin6_addr.s6_addr[12],
	    sizeof(in.sin_addr));
	(void)addr_load(a, &in, sizeof(in));
}

static int
in6_unsound(const struct addr *a, const char **sentence)
{
	*sentence = mapped;
	return is_mapped(a) ? EADDRNOTAVAIL : 0;
}

static int
in6_is_unspecified(const struct addr *a)
{
	return IN6_IS_ADDR_UNSPECIFIED(&a->u.in6.sin6_addr);
}

static void
in6_host(const struct addr *a, struct addr_host *h)
{
	const struct sockaddr_in6 *in6 = &a->u.in6;

	memcpy(h->bytes, &in6->sin6_addr, sizeof(in6->sin6_addr));
	memcpy(h->bytes + sizeof(in6->sin6_addr), &in6->sin6_scope_id,
	    sizeof(in6->sin6_scope_id));
	h->len = sizeof(h->bytes);
}

static int
in6_port(const struct addr *a)
{
	return ntohs(a->u.in6.sin6_port);
}

int
addr_lacks_scope(const struct addr *a)
{
	return addr_family(a) == AF_INET6 && a->u.in6.sin6_scope_id == 0 &&
	    IN6_IS_ADDR_LINKLOCAL(&a->u.in6.sin6_addr);
}

/* ---- parsing ---- */

static int
parse_v4(struct addr *a, const char *host)
{
	if (inet_pton(AF_INET, host, &a->u.in.sin_addr) != 1)
		return -1;
	a->u.in.sin_family = AF_INET;
	a->len = sizeof(a->u.in);
	return 0;
}

/* A number is taken as such, so that what was printed as one comes back. */
static int
parse_scope(struct addr *a, const char *scope, const char **why)
{
	uint32_t id;

	if (!has_scope(&a->u.in6.sin6_addr))
		return addr_refuse(why, EINVAL,
		    "only a link-local address has an interface");
	if (strspn(scope, "0123456789") == strlen(scope)) {
		if (addr_decimal(scope, 1, UINT32_MAX, &id) == -1)
			return addr_refuse(why, EINVAL,
			    "no such interface number");
	} else if ((id = if_nametoindex(scope)) == 0)
		return addr_refuse(why, ENXIO, "no such interface");
	a->u.in6.sin6_scope_id = id;
	return 0;
}

/* host is cut at the '%'. */
static int
parse_v6(struct addr *a, char *host, const char *sentence, const char **why)
{
	char *scope;

	if ((scope = strchr(host, '%')) != NULL)
		*scope++ = '\0';
	if (inet_pton(AF_INET6, host, &a->u.in6.sin6_addr) != 1)
		return addr_refuse(why, EINVAL, sentence);
	a->u.in6.sin6_family = AF_INET6;
	a->len = sizeof(a->u.in6);
	if (is_mapped(a))
		return addr_refuse(why, EADDRNOTAVAIL, mapped);
	return scope == NULL ? 0 : parse_scope(a, scope, why);
}

/*
 * Whether the last label is a number: then it was meant as an IPv4 address,
 * and a resolver would take "127.1" or "0x7f.1" for one.
 */
static int
looks_numeric(const char *host)
{
	const char *last = strrchr(host, '.');

	last = last == NULL ? host : last + 1;
	if (last[0] == '0' && (last[1] == 'x' || last[1] == 'X'))
		return 1;
	return strspn(last, "0123456789") == strlen(last);
}

static int
is_name(const char *host)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";

	return host[0] != '-' && strspn(host, plain) == strlen(host);
}

static int
parse_name(struct addr *a, const char *host,
    const struct addr_resolver *resolver, const char **why)
{
	struct addr found;

	if (looks_numeric(host))
		return addr_refuse(why, EINVAL,
		    "the host is not an IPv4 address");
	if (!is_name(host))
		return addr_refuse(why, EINVAL,
		    "the host is neither an address nor a name");
	if (resolver == NULL)
		return addr_refuse(why, EINVAL,
		    "the host is not a numeric address");
	found = *a;
	if (resolver->resolve(resolver->arg, host, &found) == -1 ||
	    found.len > sizeof(found.u) || !addr_is_ip(&found) ||
	    addr_load(a, &found.u, found.len) == -1)
		return addr_refuse(why, EINVAL, "the host name has no address");
	if (is_mapped(a))
		return addr_refuse(why, EADDRNOTAVAIL, mapped);
	return 0;
}

static int
parse_host(struct addr *a, char *host, int bracketed,
    const struct addr_resolver *resolver, const char **why)
{
	if (bracketed)
		return parse_v6(a, host,
		    "what stands in brackets is not an IPv6 address", why);
	if (host[0] == '\0')
		return addr_refuse(why, EINVAL, "the host is missing");
	if (strchr(host, ':') != NULL)
		return addr_refuse(why, EINVAL,
		    "an IPv6 address must stand in brackets");
	if (strcmp(host, "*") == 0) {
		a->u.in6.sin6_family = AF_INET6;
		a->u.in6.sin6_addr = in6addr_any;
		a->len = sizeof(a->u.in6);
		a->flags = ADDR_DUAL;
		return 0;
	}
	if (parse_v4(a, host) == 0)
		return 0;
	return parse_name(a, host, resolver, why);
}

static int
parse_port(struct addr *a, const char *text, const char **why)
{
	in_port_t port;
	uint32_t n;

	if (addr_decimal(text, 1, 65535, &n) == -1)
		return addr_refuse(why, EINVAL,
		    "the port is not a number from 1 to 65535");
	port = htons((uint16_t)n);
	if (addr_family(a) == AF_INET)
		a->u.in.sin_port = port;
	else
		a->u.in6.sin6_port = port;
	return 0;
}

static int
ip_parse(struct addr *a, const char *text, const struct addr_resolver *resolver,
    const char **why)
{
	char host[HOST_BYTES];
	const char *end, *port;
	size_t len;
	int bracketed = *text == '[';

	if (bracketed) {
		text++;
		if ((end = strchr(text, ']')) == NULL)
			return addr_refuse(why, EINVAL,
			    "the bracket is not closed");
		if (end[1] != ':')
			return addr_refuse(why, EINVAL, "the port is missing");
		port = end + 2;
	} else {
		if ((end = strrchr(text, ':')) == NULL)
			return addr_refuse(why, EINVAL, "the port is missing");
		port = end + 1;
	}
	len = (size_t)(end - text);
	if (len >= sizeof(host))
		return addr_refuse(why, EINVAL, "the host is too long");
	memcpy(host, text, len);
	host[len] = '\0';
	if (parse_host(a, host, bracketed, resolver, why) == -1)
		return -1;
	return parse_port(a, port, why);
}

/* ---- printing ---- */

/* Whether the parser takes the name for this interface again. */
static int
is_plain_name(const char *name)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_@";

	return strspn(name, plain) == strlen(name) &&
	    strspn(name, "0123456789") != strlen(name);
}

/* Without brackets and port. */
static void
print_plain(const struct addr *a, char *buf, size_t size)
{
	char name[IF_NAMESIZE];
	uint32_t id;
	size_t at;
	int saved = errno;

	buf[0] = '\0';
	if (addr_family(a) == AF_INET) {
		(void)inet_ntop(AF_INET, &a->u.in.sin_addr, buf,
		    (socklen_t)size);
		return;
	}
	(void)inet_ntop(AF_INET6, &a->u.in6.sin6_addr, buf, (socklen_t)size);
	if ((id = a->u.in6.sin6_scope_id) == 0)
		return;
	at = strlen(buf);
	if (if_indextoname(id, name) != NULL && is_plain_name(name))
		(void)snprintf(buf + at, size - at, "%%%s", name);
	else
		(void)snprintf(buf + at, size - at, "%%%u", id);
	errno = saved;
}

static int
in_print(const struct addr *a, char *buf, size_t size)
{
	char host[PLAIN_BYTES];

	print_plain(a, host, sizeof(host));
	return snprintf(buf, size, "%s:%d", host, in_port(a));
}

static int
in6_print(const struct addr *a, char *buf, size_t size)
{
	char host[PLAIN_BYTES];

	if (a->flags & ADDR_DUAL)
		return snprintf(buf, size, "*:%d", in6_port(a));
	print_plain(a, host, sizeof(host));
	return snprintf(buf, size, "[%s]:%d", host, in6_port(a));
}

/* ---- hosts alone ---- */

int
addr_parse_host(struct addr *a, const char *text, const char **why)
{
	static const char neither[] = "this is no IPv4 and no IPv6 address";
	char host[PLAIN_BYTES];

	memset(a, 0, sizeof(*a));
	a->kind = ADDR_TCP;
	if (strlen(text) >= sizeof(host))
		return addr_refuse(why, EINVAL, neither);
	if (parse_v4(a, text) == 0)
		return 0;
	memcpy(host, text, strlen(text) + 1);
	return parse_v6(a, host, neither, why);
}

char *
addr_print_host(const struct addr *a, char *buf, size_t size)
{
	char host[PLAIN_BYTES] = "-";

	if (addr_is_ip(a))
		print_plain(a, host, sizeof(host));
	if (size > 0)
		(void)snprintf(buf, size, "%s", host);
	return buf;
}

static int
is_multicast(const struct addr *a)
{
	return addr_family(a) == AF_INET ?
	    IN_MULTICAST(ntohl(a->u.in.sin_addr.s_addr)) :
	    IN6_IS_ADDR_MULTICAST(&a->u.in6.sin6_addr);
}

int
addr_check_host(const struct addr *a, const char **why)
{
	if (addr_check_whole(a, why) == -1)
		return -1;
	if (a->kind != ADDR_TCP || addr_port(a) != 0)
		return addr_refuse(why, EINVAL,
		    "this is not a host without a port");
	if (is_mapped(a))
		return addr_refuse(why, EADDRNOTAVAIL, mapped);
	if (addr_lacks_scope(a))
		return addr_refuse(why, EINVAL,
		    "a link-local address needs %interface");
	if (addr_family_find(addr_family(a))->is_unspecified(a) ||
	    is_multicast(a))
		return addr_refuse(why, EADDRNOTAVAIL,
		    "the address must be that of one host");
	return 0;
}

const struct addr_family addr_family_in = {
	.family = AF_INET,
	.group = ADDR_GROUP_IP,
	.load = in_load,
	.take = ip_take,
	.is_unspecified = in_is_unspecified,
	.host = in_host,
	.port = in_port,
	.parse = ip_parse,
	.print = in_print,
};

const struct addr_family addr_family_in6 = {
	.family = AF_INET6,
	.group = ADDR_GROUP_IP,
	.load = in6_load,
	.unsound = in6_unsound,
	.is_unspecified = in6_is_unspecified,
	.host = in6_host,
	.port = in6_port,
	.parse = ip_parse,
	.print = in6_print,
};
