/* The table of macros: searched from the start, for there are few. */

#include <errno.h>
#include <string.h>

#include "../../common/limits.h"
#include "macro.h"

struct macro {
	char name[MACRO_NAME_BYTES];
	char value[MACRO_VALUE_BYTES];
	size_t name_len; /* 0: free */
	size_t value_len;
	int always;
};

static struct macro macros[CONF_MACROS];

void
macro_begin(void)
{
	size_t i;

	for (i = 0; i < CONF_MACROS; i++)
		if (!macros[i].always)
			macros[i].name_len = 0;
}

static struct macro *
find(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < CONF_MACROS; i++)
		if (macros[i].name_len == len &&
		    memcmp(macros[i].name, name, len) == 0)
			return &macros[i];
	return NULL;
}

int
macro_set(const char *name, size_t name_len, const char *value,
    size_t value_len, int always)
{
	struct macro *m;

	if (name_len == 0 || macro_name_length(name, name_len) != name_len) {
		errno = EINVAL;
		return -1;
	}
	if (name_len >= MACRO_NAME_BYTES || value_len >= MACRO_VALUE_BYTES) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if ((m = find(name, name_len)) == NULL && (m = find("", 0)) == NULL) {
		errno = ENOSPC;
		return -1;
	}
	if (m->name_len != 0 && m->always && !always)
		return 0;
	memcpy(m->name, name, name_len);
	/* The value may be that of this very macro. */
	memmove(m->value, value, value_len);
	m->name_len = name_len;
	m->value_len = value_len;
	m->always = always;
	return 0;
}

const char *
macro_find(const char *name, size_t name_len, size_t *len)
{
	const struct macro *m;

	if (name_len == 0 || (m = find(name, name_len)) == NULL)
		return NULL;
	*len = m->value_len;
	return m->value;
}

size_t
macro_name_length(const char *text, size_t len)
{
	size_t i;
	char c;

	for (i = 0; i < len; i++) {
		c = text[i];
		if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '_' &&
		    (i == 0 || c < '0' || c > '9'))
			break;
	}
	return i;
}

void
macro_reserve(void)
{
	size_t i;

	for (i = 0; i < CONF_MACROS; i++)
		if (macros[i].name_len == 0)
			memset(&macros[i], 0, sizeof(macros[i]));
}

size_t
macro_bytes(void)
{
	return sizeof(macros);
}
