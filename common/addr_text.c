/*
 * Addresses as text: KIND:REST, of which the family reads and writes the
 * rest.  The printer writes every address in one way only, so that equal
 * addresses have equal text.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "addr_kinds.h"

int
addr_decimal(const char *text, uint32_t min, uint32_t max, uint32_t *value)
{
	uint64_t n = 0;

	if (*text == '\0' || (text[0] == '0' && text[1] != '\0'))
		return -1;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		n = n * 10 + (uint64_t)(*text - '0');
		if (n > max)
			return -1;
	}
	if (n < min)
		return -1;
	*value = (uint32_t)n;
	return 0;
}

static uint8_t
parse_kind(const char *word, size_t len)
{
	uint8_t i;

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
	const struct addr_family *f;
	const char *colon;

	memset(a, 0, sizeof(*a));
	if ((colon = strchr(text, ':')) == NULL)
		return addr_refuse(why, EINVAL,
		    "an address begins with its kind and a colon");
	a->kind = parse_kind(text, (size_t)(colon - text));
	if (a->kind == ADDR_NONE)
		return addr_refuse(why, EAFNOSUPPORT,
		    "unknown kind of address");
	if ((f = addr_family_first(addr_row(a)->group)) == NULL)
		return addr_refuse(why, EAFNOSUPPORT,
		    "this system does not have this kind of address");
	return f->parse(a, colon + 1, resolver, why);
}

char *
addr_print(const struct addr *a, char *buf, size_t size)
{
	const struct addr_family *f = addr_family_find(addr_family(a));
	char whole[ADDR_TEXT_BYTES];
	size_t at;

	at = (size_t)snprintf(whole, sizeof(whole), "%s:", addr_row(a)->name);
	if (f != NULL)
		(void)f->print(a, whole + at, sizeof(whole) - at);
	else
		(void)snprintf(whole + at, sizeof(whole) - at, "-");
	if (size > 0)
		(void)snprintf(buf, size, "%s", whole);
	return buf;
}
