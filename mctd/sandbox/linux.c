/*
 * What only Linux has: capabilities, namespaces, sealed memory, openat2.  The
 * filter of system calls is in linux_filter.c, linux_calls.c and linux_trap.c,
 * Landlock in linux_files.c, the empty root of a child in linux_mounts.c.
 *
 * Calls: chdir, close, fcntl, munmap, openat2; at the start: chroot,
 * ftruncate, getppid, memfd_create, mmap, openat, prctl, unshare
 */

#include <sys/types.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../../common/log.h"
#include "build.h"
#include "rlimits.h"
#include "linux.h"
#include "sandbox.h"

struct power {
	unsigned int bit;
	unsigned int capability;
	const char *name;
	const char *missing; /* without it, a sentence */
};

static const struct power powers[] = {
	{ POWER_LOW_PORTS, CAP_NET_BIND_SERVICE, "CAP_NET_BIND_SERVICE",
	    "a src has a port under 1024, which takes CAP_NET_BIND_SERVICE" },
	{ POWER_NET_ADMIN, CAP_NET_ADMIN, "CAP_NET_ADMIN",
	    "a bridge has mark or source client, which take CAP_NET_ADMIN" },
};
#define POWERS (sizeof powers / sizeof powers[0])

/* Of a mount namespace of its own: as mounts_empty. */
static int
empty_mounts(void)
{
	int emptied = mounts_empty();

	if (emptied == 0)
		log_debug("no empty root: %s", strerror(errno));
	return emptied;
}

/*
 * Only a child's: sockets it was handed go on working in an empty network,
 * and it has none of its own.  Where the kernel does not allow it (inside
 * some containers) the child has no call to open a socket with all the same.
 * Returns as mounts_empty.
 */
static int
empty_namespaces(void)
{
	static const int namespaces[] = { CLONE_NEWNET, CLONE_NEWIPC,
		CLONE_NEWUTS, CLONE_NEWNS };
	int last = -1;
	size_t i;

	for (i = 0; i < sizeof namespaces / sizeof namespaces[0]; i++)
		if ((last = unshare(namespaces[i])) == -1)
			log_debug("no empty namespace (%#x): %s",
			    (unsigned int)namespaces[i], strerror(errno));
	return last == -1 ? 0 : empty_mounts();
}

/*
 * Root is nobody special from here on, and nothing is ever inherited; for
 * this the capabilities must be there still.  Only libcap-ng's own way to
 * keep some over the change of user stays open; who has no way to change the
 * user gains nothing by it.
 */
static int
lock_securebits(void)
{
	return prctl(PR_SET_SECUREBITS,
	    SECBIT_NOROOT | SECBIT_NOROOT_LOCKED |
		SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |
		SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED,
	    0, 0, 0);
}

/* The set of capabilities that is to be left. */
static void
choose_powers(unsigned int wanted)
{
	int type = CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET;
	size_t i;

	capng_clear(CAPNG_SELECT_ALL);
	for (i = 0; i < POWERS; i++)
		if (wanted & powers[i].bit)
			(void)capng_update(CAPNG_ADD, (capng_type_t)type,
			    powers[i].capability);
}

static int
drop_user(const struct sandbox *s)
{
	int flags = CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING;

	choose_powers(s->powers);
	if (capng_change_id((int)s->uid, (int)s->gid, (capng_flags_t)flags) !=
	    0) {
		errno = EPERM;
		return -1;
	}
	return 0;
}

/* A power that is to be kept and was never there; NULL: none. */
static const char *
missing_power(unsigned int wanted)
{
	size_t i;

	for (i = 0; i < POWERS; i++)
		if ((wanted & powers[i].bit) && !sandbox_has(powers[i].bit))
			return powers[i].missing;
	return NULL;
}

/*
 * Started by who is not root, maybe with capabilities: of these the wanted
 * ones stay, none of them to be inherited, and so none ambient.  A child gets
 * its empty namespaces by way of one of users, where that is allowed; it is
 * powerful there until it drops everything, too.  The bounding set can be
 * lessened by CAP_SETPCAP only; it matters no more after no_new_privs.
 */
static int
enter_unprivileged(const struct sandbox *s, const char **step)
{
	int flags = CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWIPC |
	    CLONE_NEWUTS;
	unsigned int keep = s->powers;
	int may_bound;
	size_t i;

	if (s->kind != PROCESS_PARENT && unshare(flags) == -1)
		log_debug("no empty namespaces: %s", strerror(errno));
	else if (s->kind != PROCESS_PARENT) {
		*step = "empty root";
		if (empty_mounts() == -1)
			return -1;
	}
	*step = "drop of capabilities";
	for (i = 0; i < POWERS; i++)
		if (!sandbox_has(powers[i].bit))
			keep &= ~powers[i].bit;
	if (capng_get_caps_process() != 0)
		return -1;
	may_bound = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
	choose_powers(keep);
	if (capng_apply(may_bound ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS) == 0)
		return 0;
	errno = EPERM;
	return -1;
}

/* What root alone can do: another root, another user. */
static int
enter_privileged(const struct sandbox *s, const char **step)
{
	int emptied = 0;

	if ((*step = missing_power(s->powers)) != NULL) {
		errno = EPERM;
		return -1;
	}
	*step = "empty root";
	if (s->kind != PROCESS_PARENT && (emptied = empty_namespaces()) == -1)
		return -1;
	*step = "chroot";
	if (!emptied && (chroot(s->chroot) == -1 || chdir("/") == -1))
		return -1;
	*step = "securebits";
	if (lock_securebits() == -1)
		return -1;
	*step = "change of user";
	return drop_user(s);
}

/*
 * A child ends at the end of its channel; one that is stopped would see it
 * only when it goes on.  A change of user, which clears this, has been.
 */
static int
end_with(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == -1)
		return -1;
	if (getppid() == parent)
		return 0;
	errno = ESRCH; /* it ended before this */
	return -1;
}

int
sandbox_enter(const struct sandbox *s, const char **step)
{
	pid_t parent = getppid();

	if ((s->privileged ? enter_privileged(s, step) :
			     enter_unprivileged(s, step)) == -1)
		return -1;
	*step = "ambient capabilities";
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == -1)
		return -1;
	*step = "end with the parent";
	if (s->kind != PROCESS_PARENT && end_with(parent) == -1)
		return -1;
	*step = "resource limits";
	if (rlimits_enter(s->kind) == -1)
		return -1;
	/* of one user, none may look into another */
	*step = "no dump";
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)
		return -1;
	*step = "no new privileges";
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

int
sandbox_lock(enum process_kind kind, const char **step)
{
	*step = "Landlock";
	if (files_enter(kind) == -1)
		return -1;
	*step = "handler of forbidden calls";
	if (trap_setup(kind) == -1)
		return -1;
	*step = "filter of system calls";
	return filter_enter(kind);
}

const char *
sandbox_text(void)
{
	if (BUILD_TRACE)
		return BUILD_SANITIZED ? "linux, trace, sanitizers" :
					 "linux, trace";
	return BUILD_SANITIZED ? "linux, sanitizers" : "linux";
}

const char *
sandbox_warning(void)
{
	return BUILD_TRACE ? "built with TRACE: forbidden system calls are "
			     "written to the kernel's log, and made" :
			     NULL;
}

const char *
sandbox_powers_text(unsigned int set)
{
	static char text[128];
	size_t i, at = 0;

	(void)snprintf(text, sizeof text, "none");
	for (i = 0; i < POWERS && at < sizeof text; i++)
		if (set & powers[i].bit)
			at += (size_t)snprintf(text + at, sizeof text - at,
			    "%s%s", at > 0 ? " " : "", powers[i].name);
	return text;
}

int
sandbox_has(unsigned int power)
{
	size_t i;

	if (capng_get_caps_process() != 0)
		return 0;
	for (i = 0; i < POWERS; i++)
		if ((power & powers[i].bit) &&
		    !capng_have_capability(CAPNG_EFFECTIVE,
			powers[i].capability))
			return 0;
	return 1;
}

const char *
sandbox_self(void)
{
	return "/proc/self/exe";
}

/* A second descriptor of the same memory, which cannot be written through. */
static int
open_read_only(int fd)
{
	char path[32];

	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return open(path, O_RDONLY | O_CLOEXEC);
}

void *
sandbox_memory(const char *name, size_t bytes, int *fd_read, int *fd_write)
{
	int seals = F_SEAL_SHRINK | F_SEAL_GROW;
	void *mem;
	int fd;

	fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd == -1)
		return NULL;
	if (ftruncate(fd, (off_t)bytes) == -1)
		goto fail;
	mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mem == MAP_FAILED)
		goto fail;
	memset(mem, 0, bytes);
	if (fd_write == NULL)
		seals |= F_SEAL_FUTURE_WRITE;
	if (fcntl(fd, F_ADD_SEALS, seals) == -1 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL) == -1 ||
	    (*fd_read = open_read_only(fd)) == -1) {
		munmap(mem, bytes);
		goto fail;
	}
	if (fd_write != NULL)
		*fd_write = fd;
	else
		close(fd);
	return mem;
fail:
	close(fd);
	return NULL;
}

int
sandbox_open_beneath(int dirfd, const char *path, int flags)
{
	struct open_how how;

	memset(&how, 0, sizeof how);
	how.flags = (unsigned int)(flags | O_CLOEXEC);
	how.resolve =
	    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
	return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof how);
}
