/* The options of a bridge, by table, and what makes a bridge possible. */

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "bridge.h"

#define OPTION(name, unit, max, member)                                  \
	{                                                                \
		name, unit, max, offsetof(struct bridge_options, member) \
	}

const struct bridge_option bridge_options[] = { OPTION("max", OPTION_COUNT,
						    LIMIT_SESSIONS_MAX, max),
	OPTION("max-per-source", OPTION_COUNT, LIMIT_SESSIONS_MAX,
	    max_per_source),
	OPTION("connect", OPTION_SECONDS, TIMEOUT_S_MAX, connect_s),
	OPTION("idle", OPTION_SECONDS, TIMEOUT_S_MAX, idle_s),
	OPTION("half-closed", OPTION_SECONDS, TIMEOUT_S_MAX, half_closed_s),
	{ NULL, OPTION_COUNT, 0, 0 } };

uint32_t
bridge_option_get(const struct bridge_options *options,
    const struct bridge_option *o)
{
	uint32_t value;

	memcpy(&value, (const char *)options + o->offset, sizeof(value));
	return value;
}

void
bridge_option_put(struct bridge_options *options, const struct bridge_option *o,
    uint32_t value)
{
	memcpy((char *)options + o->offset, &value, sizeof(value));
}

const struct bridge_option *
bridge_option_find(const char *name)
{
	const struct bridge_option *o;

	for (o = bridge_options; o->name != NULL; o++)
		if (strcmp(o->name, name) == 0)
			return o;
	return NULL;
}

/* Seconds a unit stands for; 0: no such unit. */
static uint32_t
unit_seconds(const char *unit)
{
	static const struct {
		const char *unit;
		uint32_t seconds;
	} units[] = { { "", 1 }, { "s", 1 }, { "m", 60 }, { "h", 3600 },
		{ "d", 86400 } };
	size_t i;

	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(units[i].unit, unit) == 0)
			return units[i].seconds;
	return 0;
}

int
bridge_option_parse(enum option_unit unit, const char *text, uint32_t max,
    uint32_t *value)
{
	const uint64_t far = UINT32_MAX;
	uint64_t n = 0;
	uint32_t factor;
	const char *p;

	/* Beyond 32 bits it only has to stay out of range. */
	for (p = text; *p >= '0' && *p <= '9'; p++)
		if (n <= far)
			n = n * 10 + (uint64_t)(*p - '0');
	if (p == text || (unit == OPTION_COUNT && *p != '\0') ||
	    (factor = unit_seconds(p)) == 0) {
		errno = EINVAL;
		return -1;
	}
	n *= factor;
	if (n > max) {
		errno = ERANGE;
		return -1;
	}
	*value = (uint32_t)n;
	return 0;
}

static int
refuse(const char **why, int err, const char *sentence)
{
	if (why != NULL)
		*why = sentence;
	errno = err;
	return -1;
}

int
bridge_name_check(const char *name, const char **why)
{
	static const char others[] = "-_.";
	int digits = 1;
	size_t i;
	char c;

	for (i = 0; i < NAME_BYTES && name[i] != '\0'; i++) {
		c = name[i];
		if (c >= '0' && c <= '9')
			continue;
		digits = 0;
		if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z') &&
		    strchr(others, c) == NULL)
			return refuse(why, EINVAL,
			    "a name has only letters, digits, '-', '_', '.'");
	}
	if (i == NAME_BYTES)
		return refuse(why, EINVAL, "the name is too long");
	if (i > 0 && digits)
		return refuse(why, EINVAL, "a name cannot be a number");
	return 0;
}

static int
check_options(const struct bridge_spec *spec, const char **why)
{
	const struct bridge_options *options = &spec->options;
	const struct bridge_option *o;
	uint32_t value;

	for (o = bridge_options; o->name != NULL; o++) {
		value = bridge_option_get(options, o);
		if (value != 0 && !addr_is_connected_type(&spec->src))
			return refuse(why, EINVAL,
			    "a connectionless bridge "
			    "has no sessions for options to apply to");
		if (value <= o->max ||
		    (o->unit == OPTION_SECONDS && value == OPTION_NEVER))
			continue;
		return refuse(why, EINVAL, "an option is out of range");
	}
	return 0;
}

int
bridge_check(const struct bridge_spec *spec, const char **why)
{
	if (addr_check(&spec->src, ADDR_SRC, why) == -1 ||
	    addr_check(&spec->dst, ADDR_DST, why) == -1)
		return -1;
	if (addr_socktype(&spec->src) != addr_socktype(&spec->dst))
		return refuse(why, EPROTOTYPE,
		    "src and dst are of different socket types");
	if (addr_equal(&spec->src, &spec->dst))
		return refuse(why, EINVAL, "src and dst are the same");
	if (check_options(spec, why) == -1)
		return -1;
	return bridge_name_check(spec->name, why);
}
