/*
 * Having the children at work stand still.
 *
 * By number of a child: not asked -> ASKED -> HALTED; or, when it does not
 * halt in time, STOPPED.  One that dies meanwhile is followed by a standby,
 * of another number, with which it begins anew.
 *
 * One that is let go before it has answered may answer later, or not at all.
 * That is no offence, and no answer to the next question, so it is not asked
 * again but stopped.
 *
 * Calls: clock_nanosleep, kill, wait4
 */

#include <sys/types.h>
#include <sys/wait.h>

#include <signal.h>
#include <time.h>

#include "../../common/clock.h"
#include "../../common/limits.h"
#include "children.h"
#include "freeze.h"

enum stand {
	STAND_NOT,
	STAND_ASKED,
	STAND_HALTED,
	STAND_STOPPED
};

static struct {
	enum stand stand;
	pid_t pid;
	int late; /* let go before it answered */
} child[LIMIT_CHILDREN];

static int
stands(unsigned int i)
{
	return child[i].stand == STAND_HALTED ||
	    child[i].stand == STAND_STOPPED;
}

static void
ask(unsigned int i, pid_t pid)
{
	if (child[i].pid != pid)
		child[i].late = 0;
	child[i].stand = STAND_ASKED;
	child[i].pid = pid;
	if (!child[i].late)
		children_tell(i, MSG_P2X_HALT);
}

int
freeze_halted(pid_t pid)
{
	unsigned int i;

	for (i = 0; i < LIMIT_CHILDREN; i++) {
		if (child[i].pid != pid)
			continue;
		if (child[i].late) {
			child[i].late = 0;
			return 0;
		}
		/* it may have said so, and been stopped before it was heard */
		if (child[i].stand == STAND_ASKED ||
		    child[i].stand == STAND_STOPPED) {
			child[i].stand = STAND_HALTED;
			return 0;
		}
	}
	return -1;
}

/* Looks how it is with the process, which may have ended. */
static void
look(unsigned int i, pid_t pid)
{
	int status;

	if (waitpid(pid, &status, WNOHANG | WUNTRACED) != pid)
		return;
	if (!WIFSTOPPED(status)) {
		child[i].stand = STAND_NOT;
		children_ended(i, status);
	} else if (child[i].stand == STAND_ASKED)
		child[i].stand = STAND_STOPPED;
}

/* Once around: 1 when all at work stand, and have nothing more to say. */
static int
freeze_all(void)
{
	int all = 1, at_work;
	unsigned int i;
	pid_t pid;

	for (i = 0; i < LIMIT_CHILDREN; i++) {
		pid = children_pid(i, &at_work);
		if (pid == 0)
			continue;
		if (at_work && child[i].stand == STAND_NOT)
			ask(i, pid);
		if (at_work && children_hear(i) == -1)
			child[i].stand = STAND_NOT;
		if (!stands(i))
			look(i, pid);
		all &= stands(i);
	}
	return all;
}

/* A process that was stopped, or has ended, says so to look(). */
static void
stop_others(void)
{
	int at_work;
	unsigned int i;

	for (i = 0; i < LIMIT_CHILDREN; i++)
		if (child[i].stand == STAND_ASKED &&
		    children_pid(i, &at_work) == child[i].pid)
			(void)kill(child[i].pid, SIGSTOP);
}

int
freeze(void)
{
	static const struct timespec pause = { .tv_nsec = 50000 };
	uint64_t begun_ms = clock_ms(), passed_ms = 0;
	int stopped = 0;

	while (!freeze_all()) {
		passed_ms = clock_ms() - begun_ms;
		if (passed_ms >= 2 * HALT_MS || children_failed())
			return -1;
		if (passed_ms >= HALT_MS && !stopped) {
			stopped = 1;
			stop_others();
		}
		(void)nanosleep(&pause, NULL);
	}
	return 0;
}

static void
let_go(int killed)
{
	int at_work;
	unsigned int i;

	for (i = 0; i < LIMIT_CHILDREN; i++) {
		if (child[i].stand == STAND_NOT)
			continue;
		if (children_pid(i, &at_work) != child[i].pid)
			; /* it ended meanwhile */
		else if (killed)
			(void)kill(child[i].pid, SIGKILL);
		else {
			child[i].late |= child[i].stand != STAND_HALTED;
			children_tell(i, MSG_P2X_GO_ON);
			(void)kill(child[i].pid, SIGCONT);
		}
		child[i].stand = STAND_NOT;
	}
}

void
freeze_undo(void)
{
	let_go(0);
}

void
freeze_end(void)
{
	let_go(1);
}
