/*
 * Log lines to the machine's log daemon, a datagram each, as syslog(3) sends
 * them; that function is not used, as it may allocate and finds its socket by
 * a path that does not exist in the chroot.
 *
 * A log daemon may end, and another make the socket anew, or read so slowly
 * that the socket takes no more.  Either way the line is lost and counted,
 * and nothing waits.  Once a second the socket is connected again to whatever
 * has the path now; when a line gets through, the number of those that were
 * lost goes before it.
 *
 * To connect from within the chroot, the parent changes into the directory
 * of the path and back.  /dev/log is often a link: then its own directory is
 * tried first, as the link may be replaced by a socket, and the directory to
 * which it led at the start after that.
 *
 * Calls: chdir, connect, fchdir, getpid, sendto, socket; at the start:
 * openat, readlink
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <bsd/string.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../common/clock.h"
#include "../../common/limits.h"
#include "../sandbox/sandbox.h"
#include "logger.h"

#define LOGGER_DAEMON   (3 << 3) /* the facility of RFC 3164 */
#define LOGGER_RETRY_MS 1000
#define LOGGER_PLACES   2       /* of the path, and of what it is a link to */
#define LOG_DIRECTORY   "/dev/" /* of MCTD_LOG_PATH */

struct logger_place {
	int directory;
	char name[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
};

static struct {
	int fd;
	int connected;
	struct logger_place place[LOGGER_PLACES];
	unsigned int nplaces;
	uint64_t tried_ms;
	unsigned int lost;
} logger = { .fd = -1 };

/* Says nothing of a path that cannot be: it is no place then. */
static void
add_place(const char *path)
{
	struct logger_place *p = &logger.place[logger.nplaces];
	const char *name = strrchr(path, '/');
	char directory[PATH_MAX];

	if (name == NULL ||
	    strlcpy(p->name, name + 1, sizeof p->name) >= sizeof p->name)
		return;
	(void)snprintf(directory, sizeof directory, "%.*s/", (int)(name - path),
	    path);
	p->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	sandbox_grant_fd(SANDBOX_GO, p->directory);
	if (p->directory != -1)
		logger.nplaces++;
}

/* In the place's directory, whatever happens in it, for no longer. */
static int
connect_to(const struct logger_place *p)
{
	struct sockaddr_un un;
	int done;

	memset(&un, 0, sizeof un);
	un.sun_family = AF_LOCAL;
	(void)strlcpy(un.sun_path, p->name, sizeof un.sun_path);
	if (fchdir(p->directory) == -1)
		return -1;
	done = connect(logger.fd, (struct sockaddr *)&un, sizeof un);
	/* where the parent always is, which it may enter */
	return chdir("/") == -1 ? -1 : done;
}

/* At most once a second, be it in vain or not. */
static int
connect_again(void)
{
	uint64_t now = clock_ms();
	unsigned int i;

	if (logger.tried_ms != 0 && now < logger.tried_ms + LOGGER_RETRY_MS)
		return -1;
	logger.tried_ms = now;
	for (i = 0; i < logger.nplaces; i++)
		if (connect_to(&logger.place[i]) == 0) {
			logger.connected = 1;
			return 0;
		}
	logger.connected = 0;
	return -1;
}

void
logger_open(void)
{
	char target[PATH_MAX] = LOG_DIRECTORY;
	char *link = target + strlen(LOG_DIRECTORY);
	ssize_t n;

	tzset(); /* reads a file, which the chroot does not have */
	logger.fd =
	    socket(AF_LOCAL, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (logger.fd == -1)
		return;
	add_place(MCTD_LOG_PATH);
	n = readlink(MCTD_LOG_PATH, link, sizeof target - sizeof LOG_DIRECTORY);
	if (n > 0) {
		link[n] = '\0';
		add_place(*link == '/' ? link : target);
	}
	(void)connect_again();
}

int
logger_is_connected(void)
{
	return logger.connected;
}

static int
severity(enum log_level level)
{
	static const int severities[] = {
		[LOG_LEVEL_FATAL] = 2,
		[LOG_LEVEL_WARN] = 4,
		[LOG_LEVEL_INFO] = 6,
		[LOG_LEVEL_DEBUG] = 7,
	};

	return severities[level];
}

static int
send_text(const char *text, size_t len)
{
	return send(logger.fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL) ==
		(ssize_t)len ?
	    0 :
	    -1;
}

/* One line; 0, or -1 when it did not get through. */
static int
send_line(enum log_level level, const char *line)
{
	char text[TEXT_BYTES + 64], date[32];
	time_t now = time(NULL);
	struct tm tm;
	size_t len;
	int n;

	if (localtime_r(&now, &tm) == NULL ||
	    strftime(date, sizeof date, "%b %e %H:%M:%S", &tm) == 0)
		return -1;
	n = snprintf(text, sizeof text, "<%d>%s mctd[%d]: %s",
	    LOGGER_DAEMON | severity(level), date, (int)getpid(), line);
	if (n < 0)
		return -1;
	len = (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
	if (logger.connected && send_text(text, len) == 0)
		return 0;
	return connect_again() == 0 ? send_text(text, len) : -1;
}

/* What was lost is said before anything else; 0 when nothing remains. */
static int
say_lost(void)
{
	char line[64];

	if (logger.lost == 0)
		return 0;
	(void)snprintf(line, sizeof line, "log: %u lines were lost",
	    logger.lost);
	if (send_line(LOG_LEVEL_WARN, line) == -1)
		return -1;
	logger.lost = 0;
	return 0;
}

void
logger_write(void *arg, enum log_level level, const char *line)
{
	(void)arg;
	if (say_lost() == -1 || send_line(level, line) == -1)
		logger.lost++;
}

void
logger_tick(void)
{
	if (logger.fd != -1)
		(void)say_lost();
}
