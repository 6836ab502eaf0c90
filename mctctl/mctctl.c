/*
 * mctctl: controls mctd from the command line.
 */

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../common/limits.h"
#include "../libmct/include/mct/event.h"
#include "ctl.h"
#include "group.h"
#include "monitor.h"
#include "order.h"
#include "out.h"
#include "processes.h"
#include "save.h"
#include "show.h"
#include "words.h"

#define USAGE_BYTES 1024
#define USAGE_WIDTH 64

static const struct words_command commands[] = {
	{ { "bridge", "add" }, { "SRC", "DST" }, order_bridge_options,
	    order_bridge_add },
	{ { "bridge", "close" }, { "ID|NAME" }, NULL, order_bridge_close },
	{ { "session", "close" }, { "ID" }, NULL, order_session_close },
	{ { "group", "join" }, { "ID|NAME", "src|dst", "GROUP" }, group_options,
	    group_join },
	{ { "group", "leave" }, { "ID|NAME", "src|dst", "GROUP" },
	    group_options, group_leave },
	{ { "ttl", NULL }, { "ID|NAME", "N" }, NULL, group_ttl },
	{ { "affinity", NULL }, { "ID|NAME", "IF|any" }, NULL, group_affinity },
	{ { "show", "summary" }, { NULL }, NULL, show_summary },
	{ { "show", "bridges" }, { NULL }, show_bridges_options, show_bridges },
	{ { "show", "sessions" }, { NULL }, NULL, show_sessions },
	{ { "show", "ended" }, { NULL }, NULL, show_ended },
	{ { "show", "groups" }, { NULL }, NULL, show_groups },
	{ { "show", "processes" }, { NULL }, NULL, processes_show },
	{ { "monitor", NULL }, { NULL }, monitor_options, monitor },
	{ { "save", NULL }, { NULL }, NULL, save },
	{ { "reload", NULL }, { NULL }, NULL, order_reload },
	{ { "stop", NULL }, { NULL }, NULL, order_stop },
	{ { NULL, NULL }, { NULL }, NULL, NULL }
};

void
ctl_say(const char *fmt, ...)
{
	char text[OUT_TEXT_BYTES], safe[OUT_TEXT_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	fprintf(stderr, "mctctl: %s\n", out_safe(text, safe, sizeof safe));
}

int
ctl_connect(struct ctl *ctl)
{
	const char *path;
	int err;

	ctl->mct = mct_init(ctl->socket);
	if (ctl->mct != NULL)
		return CTL_DONE;
	err = errno;
	path = ctl->socket != NULL ? ctl->socket : MCTD_SOCKET_PATH;
	switch (err) {
	case EINVAL:
		ctl_say("%s: the daemon speaks another version than this "
			"mctctl, %s",
		    path, mct_version());
		break;
	case EAGAIN:
		ctl_say("%s: the daemon serves as many clients as it may",
		    path);
		break;
	case EBADMSG:
		ctl_say("%s: what answers there is not mctd", path);
		break;
	case EPIPE:
		ctl_say("%s: the daemon closed the connection", path);
		break;
	default:
		ctl_say("%s: %s", path, strerror(err));
	}
	if (err == ECONNREFUSED || err == ENOENT || err == EPIPE ||
	    err == ETIMEDOUT)
		return CTL_NO_DAEMON;
	return CTL_REFUSED;
}

int
ctl_failed(const struct ctl *ctl)
{
	int err = errno;

	ctl_say("%s", mct_error(ctl->mct));
	return err == EPIPE || err == ETIMEDOUT ? CTL_NO_DAEMON : CTL_REFUSED;
}

int
ctl_flush(void)
{
	if (out_flush(stdout) == 0)
		return CTL_DONE;
	ctl_say("writing the output: %s", strerror(errno));
	return CTL_REFUSED;
}

/* A command, in lines that break before an option. */
static void
usage_put(char *text)
{
	char *word, *rest = text;
	size_t used = 0;

	fputs("\t", stderr);
	while ((word = strsep(&rest, "[")) != NULL) {
		if (used > 0 && used + strlen(word) + 1 > USAGE_WIDTH) {
			fputs("\n\t    ", stderr);
			used = 4;
		}
		used += (size_t)fprintf(stderr, "%s%s", word > text ? "[" : "",
		    word);
	}
	fputs("\n", stderr);
}

static int
usage(void)
{
	const struct words_command *command;
	char text[USAGE_BYTES];

	fputs("usage: mctctl [-jnvV] [-s socket] command\n", stderr);
	for (command = commands; command->word[0] != NULL; command++)
		usage_put(words_usage(command, text, sizeof text));
	return CTL_USAGE;
}

/* Runs what the words say; they may be shortened. */
static int
ctl_run(struct ctl *ctl, int argc, char **argv)
{
	char why[WORDS_WHY_BYTES];
	struct words_call call;
	int status;

	if (words_match(commands, argc, argv, &call, why) == -1) {
		ctl_say("%s", why);
		return CTL_USAGE;
	}
	status = call.command->run(ctl, &call);
	if (ctl->mct != NULL) {
		mct_event_detach(ctl->mct);
		mct_fini(ctl->mct);
	}
	return status;
}

int
main(int argc, char **argv)
{
	struct ctl ctl = { .resolve = 1 };
	int c;

	/* Output that nobody reads is an error like any other. */
	signal(SIGPIPE, SIG_IGN);
	opterr = 0;
	order_setup();
	while ((c = getopt(argc, argv, "+jns:vV")) != -1) {
		switch (c) {
		case 'j':
			ctl.json = 1;
			break;
		case 'n':
			ctl.resolve = 0;
			break;
		case 's':
			ctl.socket = optarg;
			break;
		case 'v':
			ctl.verbose = 1;
			break;
		case 'V':
			printf("mctctl %s\n", mct_version());
			return ctl_flush();
		default:
			return usage();
		}
	}
	if (optind == argc)
		return usage();
	return ctl_run(&ctl, argc - optind, argv + optind);
}
