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

static _Noreturn void
watch(struct etrace *t, pid_t engine, unsigned int last)
{
	uint64_t since_ms = clock_ms();
	unsigned int stops = 0;
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
	while (next_stop(engine, &status)) {
		if (++stops != last)
			continue;
		t->killed = 1;
		kill(engine, SIGKILL);
		(void)waitpid(engine, &status, __WALL);
		break;
	}
	_exit(0);
}

struct etrace *
etrace_begin(pid_t engine, unsigned int last)
{
	uint64_t since_ms = clock_ms();
	struct etrace *t;
	pid_t watcher;

	t = mmap(NULL, sizeof *t, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(t, MAP_FAILED);
	watcher = fork();
	assert_return_code(watcher, errno);
	if (watcher == 0)
		watch(t, engine, last);
	t->watcher = watcher;
	while (t->state == 0)
		erig_pause(since_ms);
	assert_int_equal(t->state, 1);
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
