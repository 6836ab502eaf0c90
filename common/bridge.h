/*
 * What a bridge is asked to be: the same in mctd.conf, in a request of a
 * client, and in the registry.
 */

#ifndef COMMON_BRIDGE_H
#define COMMON_BRIDGE_H

#include <stdint.h>

#include "addr.h"
#include "limits.h"

/*
 * Options; see bridge_options for the names they go by.  A time of 0 is the
 * default of mctd.conf, which conf_resolve puts in; one that shall not be
 * limited whatever the default is OPTION_NEVER, which conf_resolve makes 0.
 */
#define OPTION_NEVER UINT32_MAX

struct bridge_options {
	uint32_t max;            /* sessions at a time; 0: all there are */
	uint32_t max_per_source; /* of one peer host; 0: no limit */
	uint32_t connect_s;      /* a dst must answer within; 0: default */
	uint32_t idle_s;         /* a silent session ends; 0: default */
	uint32_t half_closed_s;  /* a half-closed one; 0: default */
};

struct bridge_spec {
	char name[NAME_BYTES]; /* empty: none */
	struct addr src;
	struct addr dst;
	struct bridge_options options;
};

enum option_unit {
	OPTION_COUNT,
	OPTION_SECONDS
};

/* The options by name, so that each is described once. */
struct bridge_option {
	const char *name;
	enum option_unit unit;
	uint32_t max;
	size_t offset; /* in struct bridge_options, of a uint32_t */
};

/* Ends with an entry whose name is NULL. */
extern const struct bridge_option bridge_options[];

uint32_t bridge_option_get(const struct bridge_options *,
    const struct bridge_option *);
void bridge_option_put(struct bridge_options *, const struct bridge_option *,
    uint32_t);

/* NULL when there is no option of that name. */
const struct bridge_option *bridge_option_find(const char *name);

/*
 * Reads what a person writes: digits alone, or of seconds also 90s, 5m, 2h,
 * 1d.  Returns 0, or -1 with errno EINVAL (no such notation) or ERANGE (more
 * than max).  A time of 0 means never: who fills options writes OPTION_NEVER.
 */
int bridge_option_parse(enum option_unit, const char *text, uint32_t max,
    uint32_t *value);

/*
 * Whether a bridge can be called so: letters, digits, '-', '_', '.', fewer
 * than NAME_BYTES, not all digits; empty is none.  Returns 0, or -1 with
 * errno EINVAL and *why.
 */
int bridge_name_check(const char *name, const char **why);

/*
 * Whether the spec can be a bridge at all: both ends sound (addr_check), of
 * one socket type but not the same, options within their limits, name sound.
 * Returns 0, or -1 with errno EPROTOTYPE (types differ), EINVAL or what
 * addr_check says, and *why.
 */
int bridge_check(const struct bridge_spec *, const char **why);

#endif
