/*
 * What this library is: no handle needed.
 */

#include <stddef.h>
#include <string.h>

#include "../common/addr.h"
#include "../common/limits.h"
#include "include/mct/mct.h"

/* Beside the kinds of addresses; mct_init(3) says what each stands for. */
static const char *const features[] = {
	"bridge-options",
	"bridge-text",
	"event-since",
	"event-record",
	"list",
	"ended",
	"groups",
	"session-add",
	"convenience",
};

const char *
mct_version(void)
{
	return MCTD_VERSION;
}

int
mct_has(const char *feature)
{
	const char *word;
	unsigned int kind;
	size_t i;

	if (feature == NULL)
		return 0;
	for (kind = 1; (word = addr_kind_word(kind)) != NULL; kind++) {
		if (strcmp(word, feature) == 0)
			return 1;
	}
	for (i = 0; i < sizeof features / sizeof *features; i++) {
		if (strcmp(features[i], feature) == 0)
			return 1;
	}
	return 0;
}
