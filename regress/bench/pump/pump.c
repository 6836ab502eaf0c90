/*
 * The command line of pump, and the small things all commands use.
 */

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pump.h"

#define PATTERN_BLOCK 65521

static const struct command {
	const char *name;
	int (*run)(const struct options *);
	const char *what;
} commands[] = {
	{ "sink", bulk_sink,
	    "read [-n] connections to their end [-c check], or -f at once" },
	{ "source", bulk_source,
	    "send for -t seconds or -n bytes [-b both ways, as the sink]" },
	{ "hold", hold_serve, "never read until standard input ends" },
	{ "stall", hold_stall,
	    "-n connections of which each sends what is taken" },
	{ "echo", echo_serve, "answer until standard input ends" },
	{ "pingpong", ask_pingpong,
	    "-s bytes to and fro for -t seconds [-f connections]" },
	{ "connect", rate_connect,
	    "connect, one byte to and fro, close; -f at a time, -t seconds" },
	{ "idle", ask_idle, "-n connections until standard input ends" },
	{ "dgram-send", dgram_send,
	    "-s bytes each for -t seconds or -n of them, -r a second, to\n"
	    "\t\teach address from -f sockets [-g in groups] [-m all sizes]" },
	{ "dgram-recv", arrive_count,
	    "count until standard input ends [-g in groups]" },
	{ "dgram-loop", loop_run,
	    "from the first address to all others until killed [-g in\n"
	    "\t\tgroups]" },
};

static void
usage(void)
{
	size_t i;

	fprintf(stderr,
	    "usage: pump command [-bcgm] [-f flight] [-n count]"
	    " [-r rate]\n\t[-s size] [-t seconds] address ...\n");
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(stderr, "  %-12s%s\n", commands[i].name,
		    commands[i].what);
	exit(2);
}

static uint64_t
number(const char *text)
{
	char *end;
	unsigned long long n;

	n = strtoull(text, &end, 10);
	if (*text == '\0' || *end != '\0')
		errx(2, "not a number: %s", text);
	return n;
}

void
ready(void)
{
	printf("ready\n");
	fflush(stdout);
}

uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* 0 seconds: never. */
uint64_t
deadline_ns(double seconds)
{
	if (seconds <= 0)
		return UINT64_MAX;
	return now_ns() + (uint64_t)(seconds * 1e9);
}

const unsigned char *
pattern_at(uint64_t position)
{
	static unsigned char bytes[PATTERN_BLOCK + PATTERN_RUN];
	static int made;
	uint32_t x;
	size_t i;

	if (!made) {
		x = 2463534242u;
		for (i = 0; i < PATTERN_BLOCK; i++) {
			x ^= x << 13;
			x ^= x >> 17;
			x ^= x << 5;
			bytes[i] = (unsigned char)(x >> 11);
		}
		for (; i < sizeof(bytes); i++)
			bytes[i] = bytes[i - PATTERN_BLOCK];
		made = 1;
	}
	return bytes + position % PATTERN_BLOCK;
}

void
samples_add(struct samples *s, uint64_t ns)
{
	if (s->n == s->room) {
		s->room = s->room == 0 ? 65536 : 2 * s->room;
		s->ns = realloc(s->ns, s->room * sizeof(*s->ns));
		if (s->ns == NULL)
			err(1, "samples");
	}
	s->ns[s->n++] = ns;
}

static int
compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

double
samples_us(struct samples *s, double part)
{
	if (s->n == 0)
		return 0;
	qsort(s->ns, s->n, sizeof(*s->ns), compare);
	return (double)s->ns[(size_t)((double)(s->n - 1) * part)] / 1000.0;
}

/* Returns the index of the first address. */
static int
read_options(struct options *o, int argc, char *argv[])
{
	int c;

	memset(o, 0, sizeof(*o));
	o->size = 64;
	o->flight = 1;
	while ((c = getopt(argc, argv, "bcf:gmn:r:s:t:")) != -1) {
		switch (c) {
		case 'b':
			o->both = 1;
			break;
		case 'c':
			o->check = 1;
			break;
		case 'f':
			o->flight = (unsigned int)number(optarg);
			break;
		case 'g':
			o->groups = 1;
			break;
		case 'm':
			o->mixed = 1;
			break;
		case 'n':
			o->count = number(optarg);
			break;
		case 'r':
			o->rate = number(optarg);
			break;
		case 's':
			o->size = (size_t)number(optarg);
			break;
		case 't':
			o->seconds = strtod(optarg, NULL);
			break;
		default:
			usage();
		}
	}
	return optind;
}

int
main(int argc, char *argv[])
{
	struct options o;
	size_t i;
	int at;

	if (argc < 2)
		usage();
	at = 1 + read_options(&o, argc - 1, argv + 1);
	if (at >= argc || o.flight == 0)
		usage();
	o.addr = argv[at];
	o.addrs = argv + at;
	o.naddrs = (unsigned int)(argc - at);
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, argv[1]) == 0 &&
		    (o.naddrs == 1 || strncmp(argv[1], "dgram", 5) == 0))
			return commands[i].run(&o);
	usage();
	return 2;
}
