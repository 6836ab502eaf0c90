/*
 * Options of a bridge, set by name from text.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "include/mct/session.h"
#include "option.h"

struct mct_options *
mct_options_new(void)
{
	return calloc(1, sizeof(struct mct_options));
}

void
mct_options_free(struct mct_options *options)
{
	free(options);
}

int
mct_options_set(struct mct_options *options, const char *name,
    const char *value)
{
	const struct bridge_option *option;
	struct bridge_options changed;

	if (options == NULL || name == NULL || value == NULL) {
		errno = EINVAL;
		return -1;
	}
	if (strcmp(name, "name") == 0) {
		if (strlen(value) >= sizeof options->name) {
			errno = ERANGE;
			return -1;
		}
		if (bridge_name_check(value, NULL) == -1)
			return -1;
		strcpy(options->name, value);
		return 0;
	}
	option = bridge_option_find(name);
	if (option == NULL) {
		errno = ENOENT;
		return -1;
	}
	/* What is set again is replaced; a dst or a group is one more. */
	changed = options->values;
	if (option->unit != OPTION_DST && option->unit != OPTION_JOIN)
		bridge_option_clear(&changed, option);
	if (bridge_option_set(&changed, option, value, NULL, NULL) == -1)
		return -1;
	options->values = changed;
	return 0;
}
