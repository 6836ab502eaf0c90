/*
 * Addresses as text: the parser and the printer.
 *
 *	KIND:HOST:PORT   HOST is 10.0.0.1, [v6], [v6%interface], * or a name
 *	KIND:/PATH       or KIND:@NAME; a byte may be written \xHH
 *
 * The printer writes every address in one way only, so that equal addresses
 * have equal text.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "addr_kinds.h"

/* The longest host: a name of the domain name system, with its NUL. */
#define HOST_BYTES 256

static int
bad(const char **why, int err, const char *sentence)
{
	if (why != NULL)
		*why = sentence;
	errno = err;
	return -1;
}

static int
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int
hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Decimal digits and nothing else, 1 to max, no zero in front; 0: not so. */
static uint32_t
parse_decimal(const char *text, uint32_t max)
{
	uint64_t n = 0;

	if (*text == '0')
		return 0;
	for (; *text != '\0'; text++) {
		if (!is_digit(*text))
			return 0;
		n = n * 10 + (uint64_t)(*text - '0');
		if (n > max)
			return 0;
	}
	return (uint32_t)n;
}

/* ---- parsing: hosts and ports ---- */

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

	if (!addr_needs_scope(&a->u.in6.sin6_addr))
		return bad(why, EINVAL,
		    "only a link-local address has an interface");
	if (strspn(scope, "0123456789") == strlen(scope)) {
		if ((id = parse_decimal(scope, UINT32_MAX)) == 0)
			return bad(why, EINVAL, "no such interface number");
	} else if ((id = if_nametoindex(scope)) == 0)
		return bad(why, ENXIO, "no such interface");
	a->u.in6.sin6_scope_id = id;
	return 0;
}

/* host: what stood between the brackets; it is cut at the '%'. */
static int
parse_v6(struct addr *a, char *host, const char **why)
{
	char *scope;

	if ((scope = strchr(host, '%')) != NULL)
		*scope++ = '\0';
	if (inet_pton(AF_INET6, host, &a->u.in6.sin6_addr) != 1)
		return bad(why, EINVAL,
		    "what stands in brackets is not an IPv6 address");
	a->u.in6.sin6_family = AF_INET6;
	a->len = sizeof(a->u.in6);
	if (IN6_IS_ADDR_V4MAPPED(&a->u.in6.sin6_addr))
		return bad(why, EADDRNOTAVAIL,
		    "an IPv4 address inside an IPv6 one is not allowed");
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
parse_name(struct addr *a, const char *host,
    const struct addr_resolver *resolver, const char **why)
{
	const char *p;

	if (looks_numeric(host))
		return bad(why, EINVAL, "the host is not an IPv4 address");
	for (p = host; *p != '\0'; p++)
		if (!is_letter(*p) && !is_digit(*p) && *p != '.' && *p != '_' &&
		    (*p != '-' || p == host))
			return bad(why, EINVAL,
			    "the host is neither an address nor a name");
	if (resolver == NULL)
		return bad(why, EINVAL, "the host is not a numeric address");
	if (resolver->resolve(resolver->arg, host, a) == -1)
		return bad(why, EINVAL, "the host name has no address");
	if (a->len > sizeof(a->u) ||
	    (addr_family(a) != AF_INET && addr_family(a) != AF_INET6))
		return bad(why, EINVAL, "the host name has no address");
	if (addr_family(a) == AF_INET6 &&
	    IN6_IS_ADDR_V4MAPPED(&a->u.in6.sin6_addr))
		return bad(why, EADDRNOTAVAIL,
		    "an IPv4 address inside an IPv6 one is not allowed");
	return 0;
}

static int
parse_host(struct addr *a, char *host, int bracketed,
    const struct addr_resolver *resolver, const char **why)
{
	if (bracketed)
		return parse_v6(a, host, why);
	if (host[0] == '\0')
		return bad(why, EINVAL, "the host is missing");
	if (strchr(host, ':') != NULL)
		return bad(why, EINVAL,
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

	port = htons((uint16_t)parse_decimal(text, 65535));
	if (port == 0)
		return bad(why, EINVAL,
		    "the port is not a number from 1 to 65535");
	if (addr_family(a) == AF_INET)
		a->u.in.sin_port = port;
	else
		a->u.in6.sin6_port = port;
	return 0;
}

/* text: what follows the kind, HOST:PORT. */
static int
parse_internet(struct addr *a, const char *text,
    const struct addr_resolver *resolver, const char **why)
{
	char host[HOST_BYTES];
	const char *end, *port;
	size_t len;
	int bracketed = *text == '[';

	if (bracketed) {
		text++;
		if ((end = strchr(text, ']')) == NULL)
			return bad(why, EINVAL, "the bracket is not closed");
		if (end[1] != ':')
			return bad(why, EINVAL, "the port is missing");
		port = end + 2;
	} else {
		if ((end = strrchr(text, ':')) == NULL)
			return bad(why, EINVAL, "the port is missing");
		port = end + 1;
	}
	len = (size_t)(end - text);
	if (len >= sizeof(host))
		return bad(why, EINVAL, "the host is too long");
	memcpy(host, text, len);
	host[len] = '\0';
	if (parse_host(a, host, bracketed, resolver, why) == -1)
		return -1;
	return parse_port(a, port, why);
}

/* ---- parsing: local addresses ---- */

/* One byte, as it is or escaped; moves *text on.  -1: a bad escape. */
static int
parse_byte(const char **text)
{
	const char *p = *text;
	int high, low;

	if (*p != '\\') {
		*text = p + 1;
		return (unsigned char)*p;
	}
	if (p[1] == '\\') {
		*text = p + 2;
		return '\\';
	}
	if (p[1] != 'x' || (high = hex_digit(p[2])) == -1 ||
	    (low = hex_digit(p[3])) == -1)
		return -1;
	*text = p + 4;
	return high * 16 + low;
}

static int
parse_local(struct addr *a, const char *text, const char **why)
{
	struct sockaddr_un *un = &a->u.un;
	size_t n = 0;
	int abstract = *text == '@';
	int byte;

	if (!abstract && *text != '/')
		return bad(why, EINVAL,
		    "a local address is a path from / or a name after @");
	if (abstract) {
		text++;
		un->sun_path[n++] = '\0';
	}
	while (*text != '\0') {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return bad(why, EINVAL,
			    "a control character must be written as \\xHH");
		if ((byte = parse_byte(&text)) == -1)
			return bad(why, EINVAL,
			    "a backslash must begin \\\\ or \\xHH");
		if (byte == 0 && !abstract)
			return bad(why, EINVAL, "a path has no zero byte");
		if (n == ADDR_UN_BYTES - (abstract ? 0 : 1))
			return bad(why, ENAMETOOLONG,
			    "the local address is too long");
		un->sun_path[n++] = (char)byte;
	}
	un->sun_family = AF_LOCAL;
	a->len = (uint16_t)(ADDR_UN_OFFSET + n + (abstract ? 0 : 1));
	return 0;
}

static int
parse_kind(const char *word, size_t len)
{
	int i;

	for (i = ADDR_NONE + 1; i < ADDR_KINDS; i++)
		if (strlen(addr_rows[i].name) == len &&
		    memcmp(addr_rows[i].name, word, len) == 0)
			return i;
	return ADDR_NONE;
}

int
addr_parse(struct addr *a, const char *text,
    const struct addr_resolver *resolver, const char **why)
{
	const char *colon;

	memset(a, 0, sizeof(*a));
	if ((colon = strchr(text, ':')) == NULL)
		return bad(why, EINVAL,
		    "an address begins with its kind and a colon");
	a->kind = (uint8_t)parse_kind(text, (size_t)(colon - text));
	if (a->kind == ADDR_NONE)
		return bad(why, EAFNOSUPPORT, "unknown kind of address");
	if (addr_row(a)->local)
		return parse_local(a, colon + 1, why);
	return parse_internet(a, colon + 1, resolver, why);
}

/* ---- printing ---- */

static int
print_v4(const struct addr *a, char *buf, size_t size)
{
	char host[INET_ADDRSTRLEN];

	if (inet_ntop(AF_INET, &a->u.in.sin_addr, host, sizeof(host)) == NULL)
		host[0] = '\0';
	return snprintf(buf, size, "%s:%d", host, addr_port(a));
}

/* Whether the parser takes the name for this interface again. */
static int
is_plain_name(const char *name)
{
	int digits = 1;

	for (; *name != '\0'; name++) {
		if (!is_digit(*name))
			digits = 0;
		if (!is_digit(*name) && !is_letter(*name) && *name != '.' &&
		    *name != '-' && *name != '_' && *name != '@')
			return 0;
	}
	return !digits;
}

static int
print_v6(const struct addr *a, char *buf, size_t size)
{
	char host[INET6_ADDRSTRLEN];
	char scope[IF_NAMESIZE + 1];
	char name[IF_NAMESIZE];
	uint32_t id = a->u.in6.sin6_scope_id;
	int saved = errno;

	if (a->flags & ADDR_DUAL)
		return snprintf(buf, size, "*:%d", addr_port(a));
	if (inet_ntop(AF_INET6, &a->u.in6.sin6_addr, host, sizeof(host)) ==
	    NULL)
		host[0] = '\0';
	scope[0] = '\0';
	if (id != 0) {
		if (if_indextoname(id, name) != NULL && is_plain_name(name))
			(void)snprintf(scope, sizeof(scope), "%%%s", name);
		else
			(void)snprintf(scope, sizeof(scope), "%%%u", id);
		errno = saved;
	}
	return snprintf(buf, size, "[%s%s]:%d", host, scope, addr_port(a));
}

/*
 * A peer without a name is "-"; one that bound a relative path gets "./" in
 * front, so that it cannot pass for a path from the root or an abstract
 * name.  Only these two do not parse back.
 */
static int
print_local(const struct addr *a, char *buf, size_t size)
{
	const char *path = a->u.un.sun_path;
	size_t i, len, at = 0;
	unsigned char c;

	if (a->len <= ADDR_UN_OFFSET)
		return snprintf(buf, size, "-");
	len = a->len - ADDR_UN_OFFSET;
	if (len > ADDR_UN_BYTES)
		len = ADDR_UN_BYTES;
	i = path[0] == '\0';
	if (i == 1)
		at += (size_t)snprintf(buf, size, "@");
	else {
		len = strnlen(path, len);
		if (path[0] != '/')
			at += (size_t)snprintf(buf, size, "./");
	}
	for (; i < len; i++) {
		c = (unsigned char)path[i];
		if (c == '\\')
			at += (size_t)snprintf(buf + at, size - at, "\\\\");
		else if (c <= ' ' || c > '~' || c == '"' || c == '\'')
			at +=
			    (size_t)snprintf(buf + at, size - at, "\\x%02x", c);
		else
			at += (size_t)snprintf(buf + at, size - at, "%c", c);
	}
	return (int)at;
}

char *
addr_print(const struct addr *a, char *buf, size_t size)
{
	char whole[ADDR_TEXT_BYTES];
	size_t at;

	at = (size_t)snprintf(whole, sizeof(whole), "%s:", addr_row(a)->name);
	switch (addr_family(a)) {
	case AF_INET:
		(void)print_v4(a, whole + at, sizeof(whole) - at);
		break;
	case AF_INET6:
		(void)print_v6(a, whole + at, sizeof(whole) - at);
		break;
	case AF_LOCAL:
		(void)print_local(a, whole + at, sizeof(whole) - at);
		break;
	default:
		(void)snprintf(whole + at, sizeof(whole) - at, "-");
		break;
	}
	if (size > 0)
		(void)snprintf(buf, size, "%s", whole);
	return buf;
}
