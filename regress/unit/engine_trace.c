/* See engine_trace.h. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <bsd/unistd.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "../../common/clock.h"
#include "engine_rig.h"
#include "engine_trace.h"

struct etrace {
	pid_t watcher;
	_Atomic int state; /* 0; 1: it counts; -1: it cannot */
	_Atomic int go;
	_Atomic int killed;
	/* Where it dies: at its stop last, or after a call if that is 0. */
	unsigned int last;
	long call;
	unsigned int instructions;
};

/* Lets it run to its next stop; returns 0 when it has ended. */
static int
next_stop(pid_t engine, int *status)
{
	int sig = 0;

	for (;;) {
		if (ptrace(PTRACE_SYSCALL, engine, 0, sig) == -1 ||
		    waitpid(engine, status, __WALL) != engine ||
		    !WIFSTOPPED(*status))
			return 0;
		if (WSTOPSIG(*status) == (SIGTRAP | 0x80))
			return 1;
		sig = *status >> 16 != 0 ? 0 : WSTOPSIG(*status);
	}
}

/* Lets it run until it has made the call; returns 0 when it has ended. */
static int
call_made(pid_t engine, long call)
{
	struct __ptrace_syscall_info info;
	uint64_t nr = UINT64_MAX;
	int status;

	while (next_stop(engine, &status)) {
		if (ptrace(PTRACE_GET_SYSCALL_INFO, engine, sizeof info,
			&info) == -1)
			return 0;
		if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
			nr = info.entry.nr;
		else if (nr == (uint64_t)call && info.exit.rval > 0)
			return 1;
	}
	return 0;
}

/* Returns when it stands where it is to die, or has ended: then 0. */
static int
last_place(const struct etrace *t, pid_t engine)
{
	unsigned int n;
	int status;

	if (t->last > 0) {
		for (n = 0; n < t->last; n++)
			if (!next_stop(engine, &status))
				return 0;
		return 1;
	}
	if (!call_made(engine, t->call))
		return 0;
	for (n = 0; n < t->instructions; n++)
		if (ptrace(PTRACE_SINGLESTEP, engine, 0, 0) == -1 ||
		    waitpid(engine, &status, __WALL) != engine ||
		    !WIFSTOPPED(status))
			return 0;
	return 1;
}

static _Noreturn void
watch(struct etrace *t, pid_t engine)
{
	uint64_t since_ms = clock_ms();
	int status;

	closefrom(3); /* no end of a socket stays open in here */
	if (ptrace(PTRACE_SEIZE, engine, 0, PTRACE_O_TRACESYSGOOD) == -1 ||
	    ptrace(PTRACE_INTERRUPT, engine, 0, 0) == -1 ||
	    waitpid(engine, &status, __WALL) != engine) {
		t->state = -1;
		_exit(1);
	}
	t->state = 1;
	while (!t->go)
		erig_pause(since_ms);
	if (last_place(t, engine)) {
		t->killed = 1;
		kill(engine, SIGKILL);
		(void)waitpid(engine, &status, __WALL);
	}
	_exit(0);
}

static struct etrace *
etrace_new(void)
{
	struct etrace *t;

	t = mmap(NULL, sizeof *t, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(t, MAP_FAILED);
	return t;
}

static void
etrace_watch(struct etrace *t, pid_t engine)
{
	uint64_t since_ms = clock_ms();
	pid_t watcher;

	watcher = fork();
	assert_return_code(watcher, errno);
	if (watcher == 0)
		watch(t, engine);
	t->watcher = watcher;
	while (t->state == 0)
		erig_pause(since_ms);
	assert_int_equal(t->state, 1);
}

struct etrace *
etrace_begin(pid_t engine, unsigned int last)
{
	struct etrace *t = etrace_new();

	t->last = last;
	etrace_watch(t, engine);
	return t;
}

struct etrace *
etrace_begin_after(pid_t engine, long call, unsigned int instructions)
{
	struct etrace *t = etrace_new();

	t->call = call;
	t->instructions = instructions;
	etrace_watch(t, engine);
	return t;
}

void
etrace_go(struct etrace *t)
{
	t->go = 1;
}

int
etrace_end(struct etrace *t)
{
	int status, killed;

	assert_int_equal(waitpid(t->watcher, &status, 0), t->watcher);
	assert_true(WIFEXITED(status));
	killed = t->killed;
	munmap(t, sizeof *t);
	return killed;
}
