/*
 * What was granted at run time: a short list, which the system's file reads
 * when the sandbox is locked.
 */

#include <errno.h>

#include "../../common/limits.h"
#include "grants.h"
#include "sandbox.h"

/* Directories, two of the configuration, children, an engine's regions. */
#define GRANTS (2 * LIMIT_DIRECTORIES + LIMIT_CHILDREN + LIMIT_ENGINES_MAX + 8)

static struct {
	struct grant grant[GRANTS];
	size_t n;
	int overflow;
} grants;

static void
add(unsigned int use, uint64_t value, uint64_t size)
{
	struct grant *g = &grants.grant[grants.n];

	if (grants.n == GRANTS) {
		grants.overflow = 1;
		return;
	}
	g->use = use;
	g->value = value;
	g->size = size;
	grants.n++;
}

void
sandbox_grant_fd(unsigned int use, int fd)
{
	if (fd >= 0)
		add(use, (uint64_t)fd, 0);
}

void
sandbox_grant_child(pid_t pid)
{
	if (pid > 0)
		add(SANDBOX_CHILD, (uint64_t)pid, 0);
}

void
sandbox_grant_unmap(const void *mem, size_t bytes)
{
	add(SANDBOX_UNMAP, (uintptr_t)mem, bytes);
}

const struct grant *
grants_at(size_t i)
{
	return i < grants.n ? &grants.grant[i] : NULL;
}

int
grants_check(void)
{
	if (!grants.overflow)
		return 0;
	errno = ENOSPC;
	return -1;
}
