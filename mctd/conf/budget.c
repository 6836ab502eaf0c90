/*
 * What a configuration costs.  Figures of tables come from those who own
 * them; descriptors follow from the limits; what the kernel takes for a
 * socket is an estimate and called so.
 *
 * Calls: at the start: getrlimit
 */

#include <sys/resource.h>

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "../sandbox/sandbox.h"
#include "budget.h"

/* Beyond what is counted: a library, a probe, one client too many. */
#define PARENT_SPARE_FDS   16

/*
 * While it starts, before there is traffic, the parent has the mappings': two
 * of each engine's, the registry's and the events'.
 */
#define START_FDS(engines) (2 * (engines) + 2)

/* Of these it keeps those to read by, for the mctd that takes its place. */
#define KEPT_FDS(engines)  ((engines) + 2)

/* A child's channel, its mappings while it starts, its event loop. */
#define CHILD_FDS          32

/* Ports under this need a power to be bound. */
#define FIRST_FREE_PORT    1024

/*
 * Kernel memory of one TCP socket that carries nothing, on Linux, 64 bits:
 * 2,400 bytes of struct tcp_sock, 1,100 of inode and directory entry, 256
 * of struct file, 200 of event registration; rounded up.
 */
#define SOCKET_IDLE_BYTES  4096

/*
 * What one may hold when its peer does not read: the largest queues that
 * Linux gives a TCP socket by itself, 6 MiB to receive (net.ipv4.tcp_rmem)
 * and 4 MiB to send (net.ipv4.tcp_wmem).
 */
#define SOCKET_BUSY_BYTES  (10UL * 1024 * 1024)

/*
 * A pipe made to hold PIPE_BYTES: 256 of struct pipe_buffer, of 40 bytes each,
 * while it is empty, and the pages themselves when it is full.
 */
#define PIPE_IDLE_BYTES    10240

void
budget_add(struct budget *b, const char *process, const char *what,
    size_t bytes)
{
	struct budget_line *line;

	assert(b->nlines < BUDGET_LINES);
	line = &b->line[b->nlines++];
	line->process = process;
	line->what = what;
	line->bytes = bytes;
}

static uint32_t
sockets(const struct conf *conf)
{
	return 2 * conf->limits.bridges + 2 * conf->limits.sessions +
	    conf->limits.groups + 2 * conf->limits.flows;
}

/* The powers that one bridge of the file needs. */
static unsigned int
bridge_powers(const struct bridge_spec *spec)
{
	int port = addr_port(&spec->src);
	unsigned int powers = 0;

	if (port > 0 && port < FIRST_FREE_PORT)
		powers |= POWER_LOW_PORTS;
	if (spec->options.mark != 0 || spec->options.source_client)
		powers |= POWER_NET_ADMIN;
	return powers;
}

/*
 * A pipe has two descriptors; the parent keeps those of every engine.  It
 * keeps one of each client, and of one that is being refused.
 */
void
budget_fds(struct budget *b, const struct conf *conf)
{
	uint32_t pipes = 2 * conf->limits.pipes;
	uint32_t high, i;

	high = conf->ndirectories + conf->limits.clients + 1 + sockets(conf) +
	    pipes * conf->engines + KEPT_FDS(conf->engines);
	if (high < START_FDS(conf->engines))
		high = START_FDS(conf->engines);
	b->parent_fds = LOW_FDS + high + PARENT_SPARE_FDS;
	b->engine_fds = sockets(conf) + pipes + CHILD_FDS;
	b->control_fds = conf->limits.clients + 1 + CHILD_FDS;
	b->powers = 0;
	for (i = 0; i < conf->nbridges; i++)
		b->powers |= bridge_powers(&conf->bridges[i].spec);
}

/* Standby children have their tables from the start. */
static uint32_t
processes(const struct budget_line *line, const struct conf *conf)
{
	if (strcmp(line->process, "engine") == 0)
		return conf->engines + conf->limits.standby;
	if (strcmp(line->process, "control") == 0)
		return 1 + conf->limits.standby;
	return 1;
}

static void
print_memory(const struct budget *b, const struct conf *conf, FILE *out)
{
	const struct budget_line *line;
	size_t total = 0, bytes;
	unsigned int i;
	uint32_t n;

	(void)fprintf(out,
	    "# memory, in bytes\n#   %-8s  %-28s %12s %5s %14s\n", "process",
	    "table", "each", "times", "together");
	for (i = 0; i < b->nlines; i++) {
		line = &b->line[i];
		n = processes(line, conf);
		bytes = line->bytes * n;
		total += bytes;
		(void)fprintf(out, "#   %-8s  %-28s %12zu %5u %14zu\n",
		    line->process, line->what, line->bytes, n, bytes);
	}
	(void)fprintf(out, "#   %-8s  %-28s %12s %5s %14zu\n", "all", "", "",
	    "", total);
}

static void
print_limit(const char *which, rlim_t limit, FILE *out)
{
	if (limit == RLIM_INFINITY)
		(void)fprintf(out, "%s none", which);
	else
		(void)fprintf(out, "%s %llu", which, (unsigned long long)limit);
}

static void
print_fds(const struct budget *b, FILE *out)
{
	struct rlimit limit;

	(void)fprintf(out,
	    "# descriptors\n#   parent   %u\n#   engine   %u\n"
	    "#   control  %u\n",
	    b->parent_fds, b->engine_fds, b->control_fds);
	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		return;
	(void)fputs("#   RLIMIT_NOFILE is ", out);
	print_limit("soft", limit.rlim_cur, out);
	(void)fputs(", ", out);
	print_limit("hard", limit.rlim_max, out);
	(void)fputc('\n', out);
	if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < b->parent_fds)
		(void)fprintf(out,
		    "#   not enough: unless root starts mctd, "
		    "raise the hard limit to %u or lower \"limits\"\n",
		    b->parent_fds);
}

static void
print_kernel(const struct conf *conf, FILE *out)
{
	unsigned long n = sockets(conf);
	unsigned long pipes = conf->limits.pipes * conf->engines;

	(void)fprintf(out,
	    "# kernel memory, estimated, for %lu sockets\n"
	    "#   idle     %lu bytes, %d each\n"
	    "#   at most  %lu bytes each when peers do not read; in all what "
	    "net.ipv4.tcp_mem allows\n",
	    n, n * SOCKET_IDLE_BYTES, SOCKET_IDLE_BYTES, SOCKET_BUSY_BYTES);
	(void)fprintf(out,
	    "# kernel memory, estimated, for %lu pipes\n"
	    "#   empty    %lu bytes, %d each\n"
	    "#   at most  %lu bytes, %d each\n",
	    pipes, pipes * PIPE_IDLE_BYTES, PIPE_IDLE_BYTES, pipes * PIPE_BYTES,
	    PIPE_BYTES);
}

/* One bridge may then take the sessions that another counts on. */
static void
print_sums(const struct conf *conf, FILE *out)
{
	const struct bridge_spec *spec;
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < conf->nbridges; i++) {
		spec = &conf->bridges[i].spec;
		if (addr_is_connected_type(&spec->src))
			sum += spec->options.max == 0 ? conf->limits.sessions :
							spec->options.max;
	}
	if (sum > conf->limits.sessions)
		(void)fprintf(out,
		    "# warning: the bridges together may have "
		    "%llu sessions, the table %u\n",
		    (unsigned long long)sum, conf->limits.sessions);
}

/* What is needed, and whether this process would have it for a start. */
static void
print_powers(const struct budget *b, FILE *out)
{
	(void)fprintf(out, "# capabilities\n#   %s\n",
	    sandbox_powers_text(b->powers));
	if (!sandbox_has(b->powers))
		(void)
		    fputs("#   not all are here: root starts mctd, or who has "
			  "them ambient\n",
			out);
}

void
budget_print(const struct budget *b, const struct conf *conf, FILE *out)
{
	print_memory(b, conf, out);
	print_fds(b, out);
	print_kernel(conf, out);
	print_powers(b, out);
	print_sums(conf, out);
}
