/*
 * What becomes of a process that makes a call it must not make: one line in
 * the log, by the way its lines always take (a child's is one send to the
 * parent), and the end.  Nothing here allocates.
 *
 * The handler is there before the filter and cannot be replaced after it.
 * SIGSYS is blocked while it runs: a call in it that is denied, too, is the
 * end at once, by the kernel's hand.  Who overwrote the process's memory may
 * make it return; the call was not made all the same.
 *
 * Calls: at the start: rt_sigaction
 */

#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "../../common/log.h"
#include "linux.h"
#include "sandbox.h"

/* Names of calls by number, up to here; the later ones go without. */
#define NAMES     512
#define NAME_ROOM 24

/* How x86 marks a call of its third kind. */
#define X32_BIT   0x40000000

static struct {
	const char *role;
	uint32_t native;
	char name[NAMES][NAME_ROOM];
} trap;

static const char *
name_of(int number)
{
	if (number < 0 || number >= NAMES || trap.name[number][0] == '\0')
		return "unknown";
	return trap.name[number];
}

static void
trapped(int signal, siginfo_t *info, void *context)
{
	int number = info->si_syscall;

	(void)signal;
	(void)context;
	if (info->si_arch != trap.native)
		log_fatal("%s: forbidden system call: %d of another "
			  "architecture",
		    trap.role, number);
	else if (number & X32_BIT)
		log_fatal("%s: forbidden system call: %d of x32", trap.role,
		    number & ~X32_BIT);
	else
		log_fatal("%s: forbidden system call: %s (%d)", trap.role,
		    name_of(number), number);
	_exit(SANDBOX_EXIT);
}

static void
fill_names(void)
{
	char *name;
	int i;

	trap.native = seccomp_arch_native();
	for (i = 0; i < NAMES; i++) {
		name = seccomp_syscall_resolve_num_arch(trap.native, i);
		if (name != NULL)
			(void)strlcpy(trap.name[i], name, NAME_ROOM);
		free(name);
	}
}

int
trap_setup(enum process_kind kind)
{
	static const char *const roles[PROCESS_KINDS] = {
		[PROCESS_PARENT] = "parent",
		[PROCESS_CONTROL] = "control",
		[PROCESS_ENGINE] = "engine",
	};
	struct sigaction action;

	trap.role = roles[kind];
	fill_names();
	memset(&action, 0, sizeof action);
	action.sa_sigaction = trapped;
	action.sa_flags = SA_SIGINFO;
	(void)sigemptyset(&action.sa_mask);
	return sigaction(SIGSYS, &action, NULL);
}
