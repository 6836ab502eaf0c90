/*
 * OpenBSD: pledge and unveil.  Not run yet; see README.
 *
 * A pledged process that makes another call is killed by the kernel, which
 * logs it; there is no handler.  The parent's directories lie outside of its
 * chroot and are known by descriptor, which unveil does not touch: it has
 * the chroot to read, and that is empty.
 */

#include <stddef.h>
#include <unistd.h>

#include "posix.h"

#define INSTALLED "/usr/local/sbin/mctd"

static const char *const promises[PROCESS_KINDS] = {
	/* proc: to kill its children; cpath, rpath: local sockets, reload */
	[PROCESS_PARENT] = "stdio rpath cpath fattr inet unix sendfd proc",
	[PROCESS_CONTROL] = "stdio recvfd",
	[PROCESS_ENGINE] = "stdio recvfd",
};

int
sandbox_enter(const struct sandbox *s, const char **step)
{
	return posix_enter(s, step);
}

int
sandbox_lock(enum process_kind kind, const char **step)
{
	*step = "unveil";
	if (kind == PROCESS_PARENT &&
	    (unveil("/", "rc") == -1 || unveil(NULL, NULL) == -1))
		return -1;
	*step = "pledge";
	return pledge(promises[kind], "");
}

const char *
sandbox_text(void)
{
	return "openbsd";
}

const char *
sandbox_warning(void)
{
	return NULL;
}

const char *
sandbox_self(void)
{
	return INSTALLED;
}
