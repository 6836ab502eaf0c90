/* Addresses of texts, and back. */

#ifndef UNIT_ADDR_TEXT_H
#define UNIT_ADDR_TEXT_H

#include "../../common/addr.h"

/* Of a text that is one. */
struct addr addr_of_text(const char *);
void addr_assert_prints(const struct addr *, const char *text);

#endif
