/* For tests of the configuration: text instead of files. */

#ifndef UNIT_CONF_TEXT_H
#define UNIT_CONF_TEXT_H

#include <stddef.h>

#include "../../mctd/conf/conf.h"

/* Parses the text as a file called "t"; the result of conf_parse. */
int conf_text(struct conf *, const char *text);
int conf_text_bytes(struct conf *, const char *text, size_t len);

/* What the last of these said. */
const char *conf_text_error(void);

/* The tree all these tests use; made at the first call. */
struct conf *conf_text_tree(void);

/* What conf_print writes, NUL-terminated; valid until the next call. */
const char *conf_text_printed(const struct conf *);

/* Fails the test unless the text parses. */
const struct conf *conf_text_good(const char *text);

#endif
