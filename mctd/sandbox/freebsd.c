/*
 * FreeBSD: Capsicum.  Not run yet; see README.
 *
 * Children enter capability mode: no name of anything, only descriptors they
 * were given.  The parent has to bind and connect by address, which that mode
 * does not have, so it keeps user, chroot and limits, and its directories are
 * limited to what is done with them.
 */

#include <sys/types.h>
#include <sys/capsicum.h>
#include <sys/procctl.h>

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

#include "grants.h"
#include "posix.h"

#define SELF "/proc/curproc/file"

/* Neither a debugger nor a core file looks into it. */
static int
no_trace(void)
{
	int off = PROC_TRACE_CTL_DISABLE;

	return procctl(P_PID, (id_t)getpid(), PROC_TRACE_CTL, &off);
}

int
sandbox_enter(const struct sandbox *s, const char **step)
{
	if (posix_enter(s, step) == -1)
		return -1;
	*step = "no trace";
	return no_trace();
}

static int
limit_directories(void)
{
	const struct grant *g;
	cap_rights_t rights;
	size_t i;

	for (i = 0; (g = grants_at(i)) != NULL; i++) {
		if (g->use & (SANDBOX_CHILD | SANDBOX_UNMAP))
			continue;
		cap_rights_init(&rights, CAP_LOOKUP, CAP_FSTAT, CAP_FSTATAT);
		if (g->use & SANDBOX_READ)
			cap_rights_set(&rights, CAP_READ);
		if (g->use & SANDBOX_SOCKETS)
			cap_rights_set(&rights, CAP_BINDAT, CAP_CONNECTAT,
			    CAP_FCHDIR);
		if (g->use & (SANDBOX_SOCKETS | SANDBOX_REMOVE))
			cap_rights_set(&rights, CAP_UNLINKAT);
		if (g->use & SANDBOX_GO)
			cap_rights_set(&rights, CAP_FCHDIR, CAP_CONNECTAT);
		if (cap_rights_limit((int)g->value, &rights) == -1 &&
		    errno != ENOSYS)
			return -1;
	}
	return 0;
}

int
sandbox_lock(enum process_kind kind, const char **step)
{
	*step = "rights of directories";
	if (kind == PROCESS_PARENT)
		return grants_check() == -1 ? -1 : limit_directories();
	*step = "capability mode";
	return cap_enter();
}

const char *
sandbox_text(void)
{
	return "freebsd";
}

const char *
sandbox_warning(void)
{
	return NULL;
}

const char *
sandbox_self(void)
{
	return SELF;
}
