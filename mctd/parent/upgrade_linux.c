/*
 * Upgrade in place, on Linux: tables in sealed memory; control groups.
 *
 * Calls: close, fcntl, fstat, getpid, munmap, write; at the start: mmap,
 * openat
 */

#include <sys/types.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../../common/log.h"
#include "upgrade_system.h"

/* Where the groups of version 2 are, and what its line begins with. */
#define GROUPS  "/sys/fs/cgroup"
#define UNIFIED "0::"

void *
upgrade_system_map(int fd, size_t bytes)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);
	void *mem;

	if (seals == -1 || fstat(fd, &st) == -1)
		return NULL;
	if (!(seals & F_SEAL_SHRINK) || (size_t)st.st_size != bytes) {
		errno = EINVAL;
		return NULL;
	}
	mem = mmap(NULL, bytes, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
	return mem == MAP_FAILED ? NULL : mem;
}

void
upgrade_system_unmap(const void *mem, size_t bytes)
{
	(void)munmap((void *)(uintptr_t)mem, bytes);
}

/* The group of a process below GROUPS: 0, or -1 with errno. */
static int
group_of(uint32_t pid, char *group, size_t size)
{
	char path[64], line[1024];
	int found = -1;
	FILE *f;

	(void)snprintf(path, sizeof path, "/proc/%u/cgroup", pid);
	if ((f = fopen(path, "re")) == NULL)
		return -1;
	errno = ENOTSUP; /* groups of version 1 alone */
	while (found == -1 && fgets(line, sizeof line, f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, UNIFIED, strlen(UNIFIED)) == 0 &&
		    strstr(line, "..") == NULL &&
		    (size_t)snprintf(group, size, "%s",
			line + strlen(UNIFIED)) < size)
			found = 0;
	}
	(void)fclose(f);
	return found;
}

static int
join(const char *group)
{
	char path[1152], number[16];
	int fd, n, failed;

	(void)snprintf(path, sizeof path, GROUPS "%s/cgroup.procs", group);
	if ((fd = open(path, O_WRONLY | O_CLOEXEC)) == -1)
		return -1;
	n = snprintf(number, sizeof number, "%d", (int)getpid());
	failed = write(fd, number, (size_t)n) != n;
	n = errno;
	close(fd);
	errno = n;
	return failed ? -1 : 0;
}

void
upgrade_system_join(uint32_t pid)
{
	char theirs[1024], ours[1024];

	if (group_of((uint32_t)getpid(), ours, sizeof ours) == 0 &&
	    group_of(pid, theirs, sizeof theirs) == 0 &&
	    (strcmp(ours, theirs) == 0 || join(theirs) == 0))
		return;
	log_info("not in the control group of process %u, so its service "
		 "manager may not know this one: %s",
	    pid, strerror(errno));
}
