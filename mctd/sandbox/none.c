/*
 * No sandbox: chroot, user and resource limits, as POSIX has them.  For
 * systems that have no file of their own, and to look for a fault; it is
 * built when it is asked for by name, and says so.
 */

#include <stddef.h>
#include <unistd.h>

#include "posix.h"

#define SELF      "/proc/self/exe"
#define INSTALLED "/usr/local/sbin/mctd"

int
sandbox_enter(const struct sandbox *s, const char **step)
{
	return posix_enter(s, step);
}

int
sandbox_lock(enum process_kind kind, const char **step)
{
	(void)kind;
	(void)step;
	return 0;
}

const char *
sandbox_text(void)
{
	return "none";
}

const char *
sandbox_warning(void)
{
	return "built without a sandbox: nothing but its user holds it";
}

const char *
sandbox_self(void)
{
	return access(SELF, X_OK) == 0 ? SELF : INSTALLED;
}
