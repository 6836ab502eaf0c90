/*
 * Fork and exec: each child has an address-space layout of its own, and
 * nothing of the environment that mctd was started in.
 *
 * Calls: close, dup2, fcntl; at the start: execve, fork, openat, socketpair
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../sandbox/build.h"
#include "../sandbox/sandbox.h"
#include "parent.h"
#include "spawn.h"

/* The title of a process is written over its words: they must have room. */
#define ROOM "ROOM=for a title, which is longer than the words"

static const char *const sanitizers[] = { "ASAN_OPTIONS=", "LSAN_OPTIONS=",
	"UBSAN_OPTIONS=" };
#define SANITIZERS (sizeof sanitizers / sizeof *sanitizers)

extern char **environ;

/* A build with sanitizers goes on telling these what to do. */
static void
environment(char *to[SANITIZERS + 2])
{
	char **from;
	size_t i, n = 0;

	to[n++] = (char *)(uintptr_t)ROOM;
	for (i = 0; BUILD_SANITIZED && i < SANITIZERS; i++)
		for (from = environ; *from != NULL; from++)
			if (strncmp(*from, sanitizers[i],
				strlen(sanitizers[i])) == 0) {
				to[n++] = *from;
				break;
			}
	to[n] = NULL;
}

/* What the new process does before it is another program. */
static _Noreturn void
become(const char *kind, int channel, int foreground)
{
	char *argv[4], *env[SANITIZERS + 2];
	int null;

	null = open("/dev/null", O_RDWR);
	if (null == -1 || dup2(null, 0) == -1 || dup2(null, 1) == -1 ||
	    (!foreground && dup2(null, 2) == -1))
		_exit(1);
	if (channel == CHILD_CHANNEL) {
		if (fcntl(channel, F_SETFD, 0) == -1)
			_exit(1);
	} else if (dup2(channel, CHILD_CHANNEL) == -1)
		_exit(1);
	if (null > CHILD_CHANNEL)
		close(null);
	argv[0] = (char *)(uintptr_t) "mctd";
	argv[1] = (char *)(uintptr_t) "-x";
	argv[2] = (char *)(uintptr_t)kind;
	argv[3] = NULL;
	environment(env);
	(void)execve(sandbox_self(), argv, env);
	_exit(1);
}

pid_t
spawn(const char *kind, int foreground, int *channel)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_LOCAL, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
		return -1;
	pid = fork();
	if (pid == 0)
		become(kind, pair[1], foreground);
	close(pair[1]);
	if (pid == -1)
		close(pair[0]);
	else {
		*channel = pair[0];
		sandbox_grant_child(pid);
	}
	return pid;
}
