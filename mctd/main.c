/*
 * mctd: options, and which of the three processes this is.
 *
 * Calls: close; at the start: close_range, openat
 */

#include <sys/types.h>

#include <bsd/stdlib.h>
#include <bsd/unistd.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../common/limits.h"
#include "conf/budget.h"
#include "control/control.h"
#include "engine/engine.h"
#include "parent/parent.h"
#include "sandbox/sandbox.h"
#include "share/inner.h"

extern char **environ;

static _Noreturn void
usage(void)
{
	(void)fprintf(stderr,
	    "usage: mctd [-dnUvV] [-D macro=value] [-f file] [-s socket]\n");
	exit(1);
}

static void
add_engine(void *arg, const char *what, size_t bytes)
{
	budget_add(arg, "engine", what, bytes);
}

static void
add_control(void *arg, const char *what, size_t bytes)
{
	budget_add(arg, "control", what, bytes);
}

static void
children_budget(const struct conf *conf, struct budget *b)
{
	const struct conf_limits *l = &conf->limits;
	struct inner_start start = { .bridges = l->bridges,
		.sessions = l->sessions,
		.groups = l->groups,
		.flows = l->flows,
		.fds = b->engine_fds };

	control_budget(l->clients, b->control_fds, add_control, b);
	engine_budget(&start, add_engine, b);
}

/* The parent starts its children as "mctd -x kind". */
static int
child(const char *kind)
{
	closefrom(CHILD_CHANNEL + 1);
	if (strcmp(kind, "engine") == 0)
		return engine_main(CHILD_CHANNEL);
	if (strcmp(kind, "control") == 0)
		return control_main(CHILD_CHANNEL);
	usage();
}

/* A descriptor opened later must not pass for a standard one. */
static void
fill_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd != -1 && fd <= STDERR_FILENO);
	if (fd != -1)
		close(fd);
}

int
main(int argc, char *argv[])
{
	struct parent_options o;
	int c;

	memset(&o, 0, sizeof o);
	o.name_end = argv[0] + strlen(argv[0]);
	setproctitle_init(argc, argv, environ);
	fill_standard();
	o.file = MCTD_CONF_PATH;
	o.children_budget = children_budget;
	while ((c = getopt(argc, argv, "dD:f:ns:UvVx:")) != -1) {
		switch (c) {
		case 'd':
			o.foreground = 1;
			break;
		case 'D':
			if (parent_define(optarg) == -1)
				usage();
			break;
		case 'f':
			o.file = optarg;
			o.file_given = 1;
			break;
		case 'n':
			o.check_only = 1;
			break;
		case 's':
			o.socket = optarg;
			break;
		case 'U':
			o.upgrade = 1;
			break;
		case 'v':
			o.verbose = 1;
			break;
		case 'V':
			(void)printf("mctd %s\nsandbox: %s\n", MCTD_VERSION,
			    sandbox_text());
			return 0;
		case 'x':
			return child(optarg);
		default:
			usage();
		}
	}
	if (argc != optind)
		usage();
	closefrom(STDERR_FILENO + 1); /* nothing of the caller's */
	return parent_main(&o);
}
