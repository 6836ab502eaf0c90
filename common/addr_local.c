/*
 * Addresses of AF_LOCAL.
 *
 *	/PATH   or @NAME, which is abstract; a byte may be written \xHH
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "addr_kinds.h"

/* Where the path of a local address begins, and the longest with its NUL. */
#define UN_OFFSET offsetof(struct sockaddr_un, sun_path)
#define UN_BYTES  sizeof(((struct sockaddr_un *)0)->sun_path)

/*
 * A first byte of zero makes the name abstract, of exactly the length given;
 * anything else is a path up to its NUL or the length.
 */
static int
local_load(struct addr *a, const void *data, size_t len)
{
	const char *path = (const char *)data + UN_OFFSET;
	size_t n;

	if (len <= UN_OFFSET || len > sizeof(a->u.un)) {
		errno = EINVAL;
		return -1;
	}
	n = len - UN_OFFSET;
	if (path[0] != '\0') {
		n = strnlen(path, n);
		if (n == UN_BYTES) {
			errno = EINVAL;
			return -1;
		}
	}
	a->u.un.sun_family = AF_LOCAL;
	memcpy(a->u.un.sun_path, path, n);
	if (path[0] != '\0')
		n++;
	a->len = (uint16_t)(UN_OFFSET + n);
	return 0;
}

/*
 * Also no name at all, and a path that fills sun_path to its last byte,
 * which is kept without that byte: it is only ever shown.
 */
static void
local_take(struct addr *a, const void *data, size_t len)
{
	struct sockaddr_un un;

	if (addr_load(a, data, len) == 0)
		return;
	memset(&un, 0, sizeof(un));
	if (len > UN_OFFSET) {
		if (len > sizeof(un))
			len = sizeof(un);
		memcpy(&un, data, len - 1);
		un.sun_family = AF_LOCAL;
		(void)addr_load(a, &un, sizeof(un));
	} else {
		a->u.un.sun_family = AF_LOCAL;
		a->len = UN_OFFSET;
	}
}

/* A path that does not begin at the root depends on who uses it. */
static int
local_unsound(const struct addr *a, const char **sentence)
{
	const char *path = a->u.un.sun_path;

	*sentence = "a local path must begin at the root";
	return path[0] != '\0' && path[0] != '/' ? EINVAL : 0;
}

static int
local_is_unspecified(const struct addr *a)
{
	(void)a;
	return 0;
}

static void
local_host(const struct addr *a, struct addr_host *h)
{
	(void)a;
	h->len = 0;
}

/* ---- parsing ---- */

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

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
local_parse(struct addr *a, const char *text,
    const struct addr_resolver *resolver, const char **why)
{
	struct sockaddr_un *un = &a->u.un;
	size_t n = 0;
	int abstract = *text == '@';
	int byte;

	(void)resolver;
	if (!abstract && *text != '/')
		return addr_refuse(why, EINVAL,
		    "a local address is a path from / or a name after @");
	if (abstract) {
		text++;
		un->sun_path[n++] = '\0';
	}
	while (*text != '\0') {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return addr_refuse(why, EINVAL,
			    "a control character must be written as \\xHH");
		if ((byte = parse_byte(&text)) == -1)
			return addr_refuse(why, EINVAL,
			    "a backslash must begin \\\\ or \\xHH");
		if (byte == 0 && !abstract)
			return addr_refuse(why, EINVAL,
			    "a path has no zero byte");
		if (n == UN_BYTES - (abstract ? 0 : 1))
			return addr_refuse(why, ENAMETOOLONG,
			    "the local address is too long");
		un->sun_path[n++] = (char)byte;
	}
	un->sun_family = AF_LOCAL;
	a->len = (uint16_t)(UN_OFFSET + n + (abstract ? 0 : 1));
	return 0;
}

/* ---- printing ---- */

/*
 * A peer without a name is "-"; one that bound a relative path gets "./" in
 * front, so that it cannot pass for a path from the root or an abstract
 * name.  Only these two do not parse back.
 */
static int
local_print(const struct addr *a, char *buf, size_t size)
{
	const char *path = a->u.un.sun_path;
	size_t i, len, at = 0;
	unsigned char c;

	if (a->len <= UN_OFFSET)
		return snprintf(buf, size, "-");
	len = a->len - UN_OFFSET;
	if (len > UN_BYTES)
		len = UN_BYTES;
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

const struct addr_family addr_family_local = {
	.family = AF_LOCAL,
	.group = ADDR_GROUP_LOCAL,
	.load = local_load,
	.take = local_take,
	.unsound = local_unsound,
	.is_unspecified = local_is_unspecified,
	.host = local_host,
	.parse = local_parse,
	.print = local_print,
};
