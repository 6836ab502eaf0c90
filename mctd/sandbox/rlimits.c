/*
 * Resource limits: no core file, which would hold payload; no new process;
 * no more descriptors than now, for ever; a child writes no file.
 *
 * Calls: at the start: getrlimit, setrlimit
 */

#include <sys/types.h>
#include <sys/resource.h>

#include "build.h"
#include "rlimits.h"

int
rlimits_enter(enum process_kind kind)
{
	static const struct rlimit none = { 0, 0 };
	struct rlimit fds;

	if (getrlimit(RLIMIT_NOFILE, &fds) == -1)
		return -1;
	fds.rlim_max = fds.rlim_cur;
	if (setrlimit(RLIMIT_NOFILE, &fds) == -1 ||
	    setrlimit(RLIMIT_CORE, &none) == -1 ||
	    setrlimit(RLIMIT_NPROC, &none) == -1)
		return -1;
	/* where a sanitizer has something to say it writes to stderr */
	if (kind == PROCESS_PARENT || BUILD_SANITIZED)
		return 0;
	return setrlimit(RLIMIT_FSIZE, &none);
}
