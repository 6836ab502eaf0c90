/*
 * Log lines: formatted in a buffer on the stack, cleaned of whatever is not
 * printable, and given to the one sink of the process.  errno is as before
 * after every call, so that a line may stand between a failure and its
 * handling.
 *
 * Calls: poll, write
 */

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "limits.h"
#include "log.h"

#define LOG_PREFIX "mctd: "

static void log_stderr(void *, enum log_level, const char *);

static struct log_sink log_sink = { log_stderr, NULL };
static enum log_level log_level = LOG_LEVEL_INFO;
static unsigned int log_lost; /* lines that stderr did not take */
static int log_cut;           /* of the last one it took a part */

/*
 * One write a line, so that lines of several processes do not mix.  Returns
 * 0, or -1 when it did not go out, or not as a whole.
 */
static int
log_out(const char *line)
{
	struct pollfd out = { .fd = STDERR_FILENO, .events = POLLOUT };
	char buf[2 * sizeof(LOG_PREFIX) + TEXT_BYTES];
	ssize_t n;
	int len;

	len = snprintf(buf, sizeof(buf), "%s%s%s\n", log_cut ? "\n" : "",
	    LOG_PREFIX, line);
	/* who does not read our lines does not hold us up */
	if (poll(&out, 1, 0) != 1)
		return -1;
	do
		n = write(STDERR_FILENO, buf, (size_t)len);
	while (n == -1 && errno == EINTR);
	if (n > 0)
		log_cut = n != len;
	return n == len ? 0 : -1;
}

/* Where lines were lost, as on a full disk, that is said first. */
static void
log_stderr(void *arg, enum log_level level, const char *line)
{
	char lost[64];

	(void)arg;
	(void)level;
	(void)snprintf(lost, sizeof(lost), "log: %u lines were lost", log_lost);
	if (log_lost > 0 && log_out(lost) == 0)
		log_lost = 0;
	if (log_lost > 0 || log_out(line) == -1)
		log_lost++;
}

void
log_set(const struct log_sink *sink, enum log_level level)
{
	if (sink != NULL)
		log_sink = *sink;
	log_level = level;
}

enum log_level
log_get_level(void)
{
	return log_level;
}

/*
 * Text may come from outside: nothing in it may move a terminal's cursor or
 * begin a line of its own.  Our own text is ASCII.
 */
static void
log_clean(char *line)
{
	char *p;

	for (p = line; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
}

void
log_line(enum log_level level, const char *line)
{
	char buf[TEXT_BYTES];
	int saved = errno;

	if (level > log_level)
		return;
	(void)snprintf(buf, sizeof(buf), "%s", line);
	log_clean(buf);
	log_sink.write(log_sink.arg, level, buf);
	errno = saved;
}

static void __attribute__((format(printf, 2, 0)))
log_format(enum log_level level, const char *fmt, va_list ap)
{
	char buf[TEXT_BYTES];
	int saved = errno;

	if (level > log_level)
		return;
	if (vsnprintf(buf, sizeof(buf), fmt, ap) < 0)
		(void)snprintf(buf, sizeof(buf), "%s", fmt);
	log_line(level, buf);
	errno = saved;
}

void
log_fatal(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_format(LOG_LEVEL_FATAL, fmt, ap);
	va_end(ap);
}

void
log_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_format(LOG_LEVEL_WARN, fmt, ap);
	va_end(ap);
}

void
log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_format(LOG_LEVEL_INFO, fmt, ap);
	va_end(ap);
}

void
log_debug(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_format(LOG_LEVEL_DEBUG, fmt, ap);
	va_end(ap);
}

int
log_rate(struct log_rate *r, unsigned int rate, const char *what)
{
	unsigned int left_out;
	long second;

	second = (long)(clock_ms() / 1000);
	if (second != r->second) {
		left_out = r->left_out;
		r->second = second;
		r->count = 0;
		r->left_out = 0;
		if (left_out > 0)
			log_warn("%s: %u lines left out", what, left_out);
	}
	if (r->count >= rate) {
		r->left_out++;
		return 0;
	}
	r->count++;
	return 1;
}
