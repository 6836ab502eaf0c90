/*
 * mctd: options, and which of the three processes this is.
 */

#include <sys/types.h>

#include <bsd/stdlib.h>
#include <bsd/unistd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../common/limits.h"
#include "control/control.h"
#include "engine/engine.h"
#include "parent/parent.h"

extern char **environ;

static void __attribute__((noreturn))
usage(void)
{
	(void)fprintf(stderr,
	    "usage: mctd [-dnvV] [-D macro=value] [-f file] [-s socket]\n");
	exit(1);
}

/* The parent starts its children as "mctd -x kind". */
static int
child(const char *kind)
{
	if (strcmp(kind, "engine") == 0)
		return engine_main(CHILD_CHANNEL);
	if (strcmp(kind, "control") == 0)
		return control_main(CHILD_CHANNEL);
	usage();
}

int
main(int argc, char *argv[])
{
	struct parent_options o;
	int c;

	setproctitle_init(argc, argv, environ);
	memset(&o, 0, sizeof o);
	o.file = MCTD_CONF_PATH;
	while ((c = getopt(argc, argv, "dD:f:ns:vVx:")) != -1) {
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
		case 'v':
			o.verbose = 1;
			break;
		case 'V':
			(void)printf("mctd %s\n", MCTD_VERSION);
			return 0;
		case 'x':
			return child(optarg);
		default:
			usage();
		}
	}
	if (argc != optind)
		usage();
	return parent_main(&o);
}
