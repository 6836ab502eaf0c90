/*
 * Becoming a daemon: two forks, the log, the service manager.
 *
 * Calls: chdir, close, connect, dup2, read, sendto, socket, write; at the
 * start: fork, pipe2, setsid
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../common/limits.h"
#include "daemon.h"
#include "logger.h"

static struct {
	int waiting; /* a pipe to the process that was called */
	int service;
} ways = { .waiting = -1, .service = -1 };

/* The process that was called: its exit status is the daemon's word. */
static _Noreturn void
wait_for_word(int fd)
{
	char word = 1;
	ssize_t n;

	do
		n = read(fd, &word, 1);
	while (n == -1 && errno == EINTR);
	_exit(n == 1 && word == 0 ? 0 : 1);
}

int
daemon_begin(void)
{
	int pair[2];
	pid_t pid;

	if (pipe2(pair, O_CLOEXEC) == -1)
		return -1;
	if ((pid = fork()) == -1)
		return -1;
	if (pid != 0) {
		close(pair[1]);
		wait_for_word(pair[0]);
	}
	close(pair[0]);
	ways.waiting = pair[1];
	if (setsid() == -1 || (pid = fork()) == -1)
		_exit(1);
	if (pid != 0)
		_exit(0);
	return chdir("/");
}

/* A datagram socket to a local address: path, or '@' and a name. */
static int
open_way(const char *path)
{
	struct sockaddr_un un;
	size_t len = strlen(path);
	int fd;

	memset(&un, 0, sizeof un);
	un.sun_family = AF_LOCAL;
	if (len == 0 || len >= sizeof un.sun_path)
		return -1;
	memcpy(un.sun_path, path, len);
	if (path[0] == '@')
		un.sun_path[0] = '\0';
	else
		len++;
	fd = socket(AF_LOCAL, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -1;
	if (connect(fd, (struct sockaddr *)&un,
		(socklen_t)(len + offsetof(struct sockaddr_un, sun_path))) ==
	    -1) {
		close(fd);
		return -1;
	}
	return fd;
}

void
daemon_open_ways(void)
{
	const char *path = getenv("NOTIFY_SOCKET");

	/* what is sent on has a low number: before directories take these */
	if (path != NULL)
		ways.service = open_way(path);
	if (ways.waiting != -1) /* else the log goes to stderr */
		logger_open();
	(void)unsetenv("NOTIFY_SOCKET");
}

int
daemon_service(void)
{
	return ways.service;
}

void
daemon_adopt_service(int fd)
{
	if (ways.service != -1)
		close(ways.service);
	ways.service = fd;
}

void
daemon_notify(const char *state)
{
	if (ways.service != -1)
		(void)send(ways.service, state, strlen(state),
		    MSG_DONTWAIT | MSG_NOSIGNAL);
}

void
daemon_ready(int foreground, enum log_level level)
{
	static const struct log_sink sink = { .write = logger_write };
	char word = 0;

	daemon_notify("READY=1");
	if (foreground)
		return;
	if (!logger_is_connected())
		log_warn("nobody listens at %s: nothing is logged before "
			 "somebody does",
		    MCTD_LOG_PATH);
	log_set(&sink, level);
	if (write(ways.waiting, &word, 1) == -1)
		log_warn("who started mctd is gone");
	/* fd 0 leads to /dev/null since the start */
	(void)dup2(0, 1);
	(void)dup2(0, 2);
	close(ways.waiting);
	ways.waiting = -1;
}
