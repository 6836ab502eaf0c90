/*
 * What this library is: no handle needed.
 */

#include <stddef.h>
#include <string.h>

#include "../common/limits.h"
#include "include/mct/mct.h"

/* Append; mct_init(3) says what each stands for. */
static const char *const features[] = {
	"tcp",
	"udp",
	"unix",
	"unixdgram",
	"bridge-options",
	"bridge-text",
	"event-since",
	"event-record",
	"list",
};

const char *
mct_version(void)
{
	return MCTD_VERSION;
}

int
mct_has(const char *feature)
{
	size_t i;

	if (feature == NULL)
		return 0;
	for (i = 0; i < sizeof features / sizeof *features; i++) {
		if (strcmp(features[i], feature) == 0)
			return 1;
	}
	return 0;
}
