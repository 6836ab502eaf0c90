/* The one error of a conf_parse: the first that is said stays. */

#ifndef CONF_FAIL_H
#define CONF_FAIL_H

#include "conf.h"

/* Writes "file:line: message", or "file: message" for line 0; returns -1. */
int fail_at(struct conf_source *, const char *file, int line, const char *fmt,
    ...) __attribute__((format(printf, 4, 5)));

#endif
