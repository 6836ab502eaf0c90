/*
 * Events as they come, a line each, until a signal or the end of the
 * daemon or of the output.
 */

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "../libmct/include/mct/event.h"
#include "../libmct/include/mct/list.h"
#include "ctl.h"
#include "monitor.h"
#include "out.h"

const struct words_option monitor_options[] = { { "since", "SEQ", 0 },
	{ NULL, NULL, 0 } };

/* Fields that every line begins with, and what only programs want. */
static const char *const shown[] = { "time", "seq", "event" };
static const char *const hidden[] = { "event-number" };

static volatile sig_atomic_t interrupted;

static void
monitor_signal(int sig)
{
	(void)sig;
	interrupted = 1;
}

static int
is_in(const char *name, const char *const *names, size_t n)
{
	while (n-- > 0) {
		if (strcmp(names[n], name) == 0)
			return 1;
	}
	return 0;
}

/* Whether a field only says that there is nothing to say. */
static int
is_nothing(const struct mct_record *record, const char *name)
{
	uint64_t n;

	return mct_record_number(record, name, &n) == 0 && n == 0;
}

static void
monitor_text(FILE *f, const struct mct_record *record)
{
	char text[OUT_TEXT_BYTES];
	const char *name, *quote;
	unsigned int i;

	for (i = 0; i < sizeof shown / sizeof *shown; i++)
		fprintf(f, "%s%s", i > 0 ? " " : "",
		    out_field(record, shown[i], text, sizeof text));
	for (i = 0; (name = mct_record_field(record, i)) != NULL; i++) {
		if (is_in(name, shown, sizeof shown / sizeof *shown) ||
		    is_in(name, hidden, sizeof hidden / sizeof *hidden) ||
		    is_nothing(record, name))
			continue;
		out_field(record, name, text, sizeof text);
		quote = mct_record_is_number(record, name) == 0 &&
			strchr(text, ' ') != NULL ?
		    "\"" :
		    "";
		fprintf(f, " %s %s%s%s", name, quote, text, quote);
	}
	putc('\n', f);
}

/*
 * Numbers follow each other; what lies between is missed.  More than half
 * of all numbers is no gap: the number asked from is not reached yet.
 */
static void
monitor_gap(const struct ctl *ctl, uint32_t expected, uint32_t seq)
{
	uint32_t missed = seq - expected;

	if (missed == 0 || missed > INT32_MAX)
		return;
	printf(ctl->json ? "{\"missed\":%" PRIu32 "}\n" :
			   "%" PRIu32 " events missed\n",
	    missed);
}

/*
 * Writes what is there.  CTL_DONE, or another exit status after saying what
 * is wrong.
 */
static int
monitor_read(const struct ctl *ctl, int *known, uint32_t *expected)
{
	const struct mct_record *record;
	uint64_t seq;
	int status;

	while (mct_event_next(ctl->mct, &record) == 0) {
		if (mct_record_number(record, "seq", &seq) == 0) {
			if (*known)
				monitor_gap(ctl, *expected, (uint32_t)seq);
			*known = 1;
			*expected = (uint32_t)seq + 1;
		}
		if (ctl->json)
			out_json_record(stdout, record);
		else
			monitor_text(stdout, record);
		if ((status = ctl_flush()) != CTL_DONE || interrupted)
			return status;
	}
	if (errno == EWOULDBLOCK || errno == EAGAIN)
		return CTL_DONE;
	return ctl_failed(ctl);
}

/*
 * Until a signal, which is only let in while waiting.  The output is
 * watched as well: a pipe whose reader has gone would be noticed by the
 * next event only.
 */
static int
monitor_loop(const struct ctl *ctl, const sigset_t *mask, int known,
    uint32_t expected)
{
	struct pollfd p[2] = { { .fd = mct_fd(ctl->mct), .events = POLLIN },
		{ .fd = fileno(stdout), .events = 0 } };
	int status;

	while (!interrupted) {
		status = monitor_read(ctl, &known, &expected);
		if (status != CTL_DONE || interrupted)
			return status;
		if (ppoll(p, 2, NULL, mask) == -1) {
			if (errno == EINTR)
				continue;
			ctl_say("poll: %s", strerror(errno));
			return CTL_REFUSED;
		}
		if (p[1].revents & (POLLERR | POLLNVAL)) {
			ctl_say("the output is closed");
			return CTL_REFUSED;
		}
	}
	return CTL_DONE;
}

/* From here on signals wait for ppoll; *before is the mask for it. */
static void
monitor_signals(sigset_t *before)
{
	struct sigaction action = { .sa_handler = monitor_signal };
	sigset_t block;

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigemptyset(&block);
	sigaddset(&block, SIGINT);
	sigaddset(&block, SIGTERM);
	sigprocmask(SIG_BLOCK, &block, before);
	sigdelset(before, SIGINT);
	sigdelset(before, SIGTERM);
}

int
monitor(struct ctl *ctl, const struct words_call *call)
{
	int since = call->noptions > 0;
	sigset_t before;
	uint64_t seq = 0;
	int n, status;

	if (since &&
	    words_number(call->options[0].value, UINT32_MAX, &seq) == -1) {
		ctl_say("\"%s\" is not the number of an event",
		    call->options[0].value);
		return CTL_USAGE;
	}
	if ((status = ctl_connect(ctl)) != CTL_DONE)
		return status;
	monitor_signals(&before);
	n = since ? mct_event_attach_since(ctl->mct, 0, (uint32_t)seq) :
		    mct_event_attach(ctl->mct, 0);
	if (n == -1)
		return ctl_failed(ctl);
	return monitor_loop(ctl, &before, since, (uint32_t)seq);
}
