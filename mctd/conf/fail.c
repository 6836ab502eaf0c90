/* Errors of the configuration, as the administrator reads them. */

#include <stdarg.h>
#include <stdio.h>

#include "fail.h"

int
fail_at(struct conf_source *source, const char *file, int line, const char *fmt,
    ...)
{
	const size_t size = sizeof(source->error);
	char *p = source->error;
	va_list ap;
	int n;

	if (p[0] != '\0')
		return -1;
	if (line > 0)
		n = snprintf(p, size, "%s:%d: ", file, line);
	else
		n = snprintf(p, size, "%s: ", file);
	if (n > 0 && (size_t)n < size) {
		va_start(ap, fmt);
		(void)vsnprintf(p + n, size - (size_t)n, fmt, ap);
		va_end(ap);
	}
	for (; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	return -1;
}
