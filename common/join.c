/*
 * Groups as text and as addresses.  Believes nothing: a join may come from a
 * client.
 */

#include <arpa/inet.h>

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr_kinds.h"
#include "join.h"

/* The words of a join: "src GROUP interface NAME source HOST". */
#define WORDS      6
#define WORD_BYTES 64

static int
refuse(const char **why, const char *text)
{
	return addr_refuse(why, EINVAL, text);
}

int
join_is_group(const struct addr *a)
{
	if (addr_family(a) == AF_INET)
		return IN_MULTICAST(ntohl(a->u.in.sin_addr.s_addr));
	if (addr_family(a) == AF_INET6)
		return IN6_IS_ADDR_MULTICAST(&a->u.in6.sin6_addr);
	return 0;
}

static size_t
family_bytes(int family)
{
	return family == AF_INET6 ? 16 : 4;
}

static void
put_bytes(uint8_t bytes[16], const struct addr *a)
{
	memset(bytes, 0, 16);
	if (addr_family(a) == AF_INET)
		memcpy(bytes, &a->u.in.sin_addr, 4);
	else
		memcpy(bytes, &a->u.in6.sin6_addr, 16);
}

/* The name of an interface, or an index, which is all digits and not 0. */
int
join_check_device(const char *device, const char **why)
{
	static const char sentence[] =
	    "this cannot be the name or number of an interface";
	uint32_t index;
	size_t i;

	for (i = 0; i < DEVICE_BYTES && device[i] != '\0'; i++)
		if (device[i] <= ' ' || device[i] > '~' || device[i] == '/' ||
		    device[i] == ':')
			return refuse(why, sentence);
	if (i == DEVICE_BYTES || strcmp(device, ".") == 0 ||
	    strcmp(device, "..") == 0)
		return refuse(why, sentence);
	if (i > 0 && strspn(device, "0123456789") == i &&
	    addr_decimal(device, 1, INT32_MAX, &index) == -1)
		return refuse(why, sentence);
	return 0;
}

int
join_check(const struct bridge_join *j, const char **why)
{
	static const uint8_t zero[16];
	struct addr group, source;
	size_t used = family_bytes(j->family);

	if (j->end != ADDR_SRC && j->end != ADDR_DST)
		return refuse(why, "a join is of src or of dst");
	if (j->family != AF_INET && j->family != AF_INET6)
		return refuse(why, "a group is an IPv4 or IPv6 address");
	join_group(j, ADDR_UDP, 0, &group);
	if (!join_is_group(&group))
		return refuse(why, "this is not the address of a group");
	/* Else one group could be given twice, and be saved so. */
	if (memcmp(j->group + used, zero, 16 - used) != 0 ||
	    memcmp(j->source + used, zero, 16 - used) != 0)
		return refuse(why, "the address is not whole");
	if (join_check_device(j->device, why) == -1)
		return -1;
	if (!j->has_source)
		return memcmp(j->source, zero, 16) == 0 ?
		    0 :
		    refuse(why, "a source is not given");
	if (j->has_source != 1 || j->end == ADDR_DST)
		return refuse(why, "only a join of src has a source");
	join_source(j, ADDR_UDP, &source);
	if (join_is_group(&source) || memcmp(j->source, zero, 16) == 0 ||
	    (j->family == AF_INET6 &&
		IN6_IS_ADDR_V4MAPPED(&source.u.in6.sin6_addr)))
		return refuse(why, "a source is the address of one host");
	return 0;
}

int
join_set(struct bridge_join *j, enum addr_end end, const struct addr *group,
    const char *device, const struct addr *source, const char **why)
{
	memset(j, 0, sizeof(*j));
	j->end = (uint8_t)end;
	if (!addr_is_ip(group))
		return refuse(why, "a group is an IPv4 or IPv6 address");
	j->family = (uint16_t)addr_family(group);
	put_bytes(j->group, group);
	if (strlen(device) >= sizeof(j->device))
		return refuse(why, "the name of an interface is too long");
	memcpy(j->device, device, strlen(device) + 1);
	if (device[0] == '\0' && j->family == AF_INET6 &&
	    group->u.in6.sin6_scope_id != 0)
		(void)snprintf(j->device, sizeof(j->device), "%u",
		    group->u.in6.sin6_scope_id);
	if (source != NULL) {
		if (addr_family(source) != j->family)
			return refuse(why,
			    "group and source are of different families");
		j->has_source = 1;
		put_bytes(j->source, source);
	}
	return join_check(j, why);
}

/* Splits at blanks; the number of words, or -1. */
static int
split(const char *text, char words[WORDS][WORD_BYTES])
{
	size_t len;
	int n = 0;

	for (;;) {
		text += strspn(text, " \t");
		if (*text == '\0')
			return n;
		len = strcspn(text, " \t");
		if (n == WORDS || len >= WORD_BYTES)
			return -1;
		memcpy(words[n], text, len);
		words[n][len] = '\0';
		text += len;
		n++;
	}
}

int
join_parse(struct bridge_join *j, const char *text, const char **why)
{
	static const char form[] = "a group is given as src or dst, its "
				   "address, and interface NAME, source HOST";
	char words[WORDS][WORD_BYTES];
	struct addr group, source;
	const char *device = "";
	int has_source = 0, i, n;

	n = split(text, words);
	if (n < 2 || n % 2 != 0 ||
	    (strcmp(words[0], "src") != 0 && strcmp(words[0], "dst") != 0))
		return refuse(why, form);
	if (addr_parse_host(&group, words[1], why) == -1)
		return -1;
	for (i = 2; i < n; i += 2) {
		if (strcmp(words[i], "interface") == 0 && *device == '\0')
			device = words[i + 1];
		else if (strcmp(words[i], "source") != 0 || has_source)
			return refuse(why, form);
		else if (addr_parse_host(&source, words[i + 1], why) == -1)
			return -1;
		else
			has_source = 1;
	}
	return join_set(j, words[0][0] == 's' ? ADDR_SRC : ADDR_DST, &group,
	    device, has_source ? &source : NULL, why);
}

char *
join_group_text(const struct bridge_join *j, char *buf, size_t size)
{
	if (inet_ntop(j->family, j->group, buf, (socklen_t)size) == NULL &&
	    size > 0)
		buf[0] = '\0';
	return buf;
}

char *
join_source_text(const struct bridge_join *j, char *buf, size_t size)
{
	if ((!j->has_source ||
		inet_ntop(j->family, j->source, buf, (socklen_t)size) ==
		    NULL) &&
	    size > 0)
		buf[0] = '\0';
	return buf;
}

char *
join_print(const struct bridge_join *j, char *buf, size_t size)
{
	char group[INET6_ADDRSTRLEN], source[INET6_ADDRSTRLEN];

	(void)snprintf(buf, size, "%s %s%s%.*s%s%s",
	    j->end == ADDR_SRC ? "src" : "dst",
	    join_group_text(j, group, sizeof(group)),
	    j->device[0] != '\0' ? " interface " : "", DEVICE_BYTES - 1,
	    j->device, j->has_source ? " source " : "",
	    join_source_text(j, source, sizeof(source)));
	return buf;
}

int
join_equal(const struct bridge_join *a, const struct bridge_join *b)
{
	return a->end == b->end && a->family == b->family &&
	    a->has_source == b->has_source &&
	    memcmp(a->group, b->group, sizeof(a->group)) == 0 &&
	    memcmp(a->source, b->source, sizeof(a->source)) == 0 &&
	    strncmp(a->device, b->device, sizeof(a->device)) == 0;
}

static void
make_addr(int family, const uint8_t bytes[16], enum addr_kind kind, int port,
    struct addr *a)
{
	memset(a, 0, sizeof(*a));
	a->kind = (uint8_t)kind;
	a->u.sa.sa_family = (sa_family_t)family;
	if (family == AF_INET6) {
		a->len = sizeof(a->u.in6);
		memcpy(&a->u.in6.sin6_addr, bytes, family_bytes(family));
		a->u.in6.sin6_port = htons((uint16_t)port);
	} else {
		a->len = sizeof(a->u.in);
		memcpy(&a->u.in.sin_addr, bytes, family_bytes(family));
		a->u.in.sin_port = htons((uint16_t)port);
	}
}

void
join_group(const struct bridge_join *j, enum addr_kind kind, int port,
    struct addr *a)
{
	make_addr(j->family, j->group, kind, port, a);
}

void
join_source(const struct bridge_join *j, enum addr_kind kind, struct addr *a)
{
	make_addr(j->family, j->source, kind, 0, a);
}
