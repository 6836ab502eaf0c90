/*
 * Clients of the echo server that wait for each answer: ping-pong on one
 * connection, and many connections that then do nothing.
 */

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pump.h"

int
ask_pingpong(const struct options *o)
{
	struct samples times;
	uint64_t before, end, start;
	char *asked, *got;
	int fd;

	memset(&times, 0, sizeof(times));
	asked = calloc(1, o->size);
	got = calloc(1, o->size);
	if (asked == NULL || got == NULL)
		err(1, "message");
	memset(asked, 'm', o->size);
	fd = net_connect(o->addr);
	start = now_ns();
	end = deadline_ns(o->seconds);
	while ((before = now_ns()) < end) {
		net_send_all(fd, asked, o->size);
		if (net_recv_all(fd, got, o->size) != o->size)
			errx(1, "connection closed");
		samples_add(&times, now_ns() - before);
		if (o->count != 0 && times.n == o->count)
			break;
	}
	if (memcmp(asked, got, o->size) != 0)
		errx(1, "another answer than what was sent");
	printf("{\"count\":%zu,\"rate\":%.0f,\"p50_us\":%.2f,"
	       "\"p99_us\":%.2f}\n",
	    times.n, (double)times.n * 1e9 / (double)(now_ns() - start),
	    samples_us(&times, 0.5), samples_us(&times, 0.99));
	return 0;
}

/* A byte goes to and fro first, so that each is established to the end. */
int
ask_idle(const struct options *o)
{
	uint64_t i;
	int *fd;
	char c = 'm';

	fd = calloc(o->count + 1, sizeof(*fd));
	if (fd == NULL)
		err(1, "table");
	for (i = 0; i < o->count; i++) {
		fd[i] = net_connect(o->addr);
		net_send_all(fd[i], &c, 1);
		if (net_recv_all(fd[i], &c, 1) != 1)
			errx(1, "connection %llu closed",
			    (unsigned long long)i);
	}
	ready();
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	printf("{\"count\":%llu}\n", (unsigned long long)o->count);
	free(fd);
	return 0;
}
