/*
 * Macros: names for values.  Those of the command line stay for good and
 * cannot be changed by a file; those of a file last until the next
 * conf_parse.
 */

#ifndef CONF_MACRO_H
#define CONF_MACRO_H

#include <stddef.h>

#define MACRO_NAME_BYTES  64
#define MACRO_VALUE_BYTES 512

/* Forgets what files have defined. */
void macro_begin(void);

/*
 * Returns 0, or -1 with errno EINVAL (no name), ENAMETOOLONG or ENOSPC.
 * always: of the command line.
 */
int macro_set(const char *name, size_t name_len, const char *value,
    size_t value_len, int always);

/* The value, valid until the next macro_set or macro_begin, or NULL. */
const char *macro_find(const char *name, size_t name_len, size_t *len);

/* How many bytes from the start of text are a macro's name. */
size_t macro_name_length(const char *text, size_t len);

/* Touches the table; its size. */
void macro_reserve(void);
size_t macro_bytes(void);

#endif
