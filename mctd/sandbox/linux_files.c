/*
 * Landlock: what the kernel lets a process do with files, whatever call it
 * makes.  The parent may read below the directory of the configuration, make
 * local sockets in the directories for them, and remove them; a child no
 * file at all, nor may it signal a process or open TCP connections.
 *
 * Kernels without it have the filter and the chroot alone.
 *
 * Calls: close; at the start: landlock_add_rule, landlock_create_ruleset,
 * landlock_restrict_self
 */

#include <sys/prctl.h>
#include <sys/syscall.h>

#include <errno.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "../../common/log.h"
#include "grants.h"
#include "linux.h"
#include "sandbox.h"

/* Newer than the headers of some systems: by their numbers. */
struct ruleset {
	uint64_t fs;
	uint64_t net;    /* from version 4 on */
	uint64_t scoped; /* from version 6 on */
};
#define NET_ALL    ((uint64_t)0x3) /* bind and connect of TCP */
#define SCOPED_ALL ((uint64_t)0x3) /* abstract sockets, signals */

/* All rights of files that a version knows; the last entry of any later. */
static const uint64_t rights[] = {
	0,             /* there is no version 0 */
	0x1fff,        /* execute, read, write, list, remove, make */
	0x3fff,        /* refer */
	0x7fff,        /* truncate */
	0x7fff, 0xffff /* commands to devices */
};
#define RIGHTS (sizeof rights / sizeof rights[0])

static int
new_ruleset(int version, enum process_kind kind)
{
	struct ruleset r = { 0, 0, 0 };
	size_t size = sizeof r.fs;

	r.fs = rights[(size_t)version < RIGHTS ? (size_t)version : RIGHTS - 1];
	if (kind != PROCESS_PARENT && version >= 4) {
		r.net = NET_ALL;
		size += sizeof r.net;
	}
	if (kind != PROCESS_PARENT && version >= 6) {
		r.scoped = SCOPED_ALL;
		size += sizeof r.scoped;
	}
	return (int)syscall(SYS_landlock_create_ruleset, &r, size, 0);
}

static int
allow(int ruleset, const struct grant *g)
{
	struct landlock_path_beneath_attr below;

	memset(&below, 0, sizeof below);
	below.parent_fd = (int)g->value;
	if (g->use & SANDBOX_READ)
		below.allowed_access |= LANDLOCK_ACCESS_FS_READ_FILE;
	if (g->use & SANDBOX_SOCKETS)
		below.allowed_access |= LANDLOCK_ACCESS_FS_MAKE_SOCK |
		    LANDLOCK_ACCESS_FS_REMOVE_FILE;
	if (g->use & SANDBOX_REMOVE)
		below.allowed_access |= LANDLOCK_ACCESS_FS_REMOVE_FILE;
	if (below.allowed_access == 0)
		return 0;
	return (int)syscall(SYS_landlock_add_rule, ruleset,
	    LANDLOCK_RULE_PATH_BENEATH, &below, 0);
}

/* Of the parent's directories; 0, or -1 with errno. */
static int
allow_granted(int ruleset)
{
	const struct grant *g;
	size_t i;

	for (i = 0; (g = grants_at(i)) != NULL; i++)
		if (allow(ruleset, g) == -1)
			return -1;
	return 0;
}

int
files_enter(enum process_kind kind)
{
	int version, ruleset, result, saved;

	version = (int)syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);
	if (version <= 0) {
		if (kind == PROCESS_PARENT)
			log_info("this machine's kernel has no Landlock");
		return 0;
	}
	if ((ruleset = new_ruleset(version, kind)) == -1)
		return -1;
	result = kind == PROCESS_PARENT ? allow_granted(ruleset) : 0;
	if (result == 0)
		result = (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
	saved = errno;
	close(ruleset);
	errno = saved;
	return result;
}
