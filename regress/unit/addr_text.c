/* See addr_text.h. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "addr_text.h"

struct addr
addr_of_text(const char *text)
{
	const char *why = "?";
	struct addr a;

	if (addr_parse(&a, text, NULL, &why) == -1)
		fail_msg("%s: %s", text, why);
	return a;
}

void
addr_assert_prints(const struct addr *a, const char *text)
{
	char buf[ADDR_TEXT_BYTES];

	assert_ptr_equal(addr_print(a, buf, sizeof buf), buf);
	assert_string_equal(buf, text);
}
