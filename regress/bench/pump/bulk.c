/*
 * Bulk: one stream of bytes, sent as fast as it is taken, by calls that
 * block.  More than that is in flows.c.
 */

#include <sys/socket.h>
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pump.h"

/* One connection to its end; the time runs from the first byte. */
static void
drain(int fd, int check)
{
	static unsigned char buf[PATTERN_RUN];
	uint64_t bytes, first;
	double seconds;
	ssize_t n;

	bytes = 0;
	first = 0;
	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0) {
		if (bytes == 0)
			first = now_ns();
		if (check && memcmp(buf, pattern_at(bytes), (size_t)n) != 0)
			errx(1, "wrong byte after %llu",
			    (unsigned long long)bytes);
		bytes += (uint64_t)n;
	}
	if (n == -1)
		err(1, "recv after %llu bytes", (unsigned long long)bytes);
	seconds = bytes == 0 ? 0 : (double)(now_ns() - first) / 1e9;
	printf("{\"bytes\":%llu,\"seconds\":%.6f}\n", (unsigned long long)bytes,
	    seconds);
	fflush(stdout);
}

int
bulk_sink(const struct options *o)
{
	uint64_t i, connections;
	int fd, listener;

	if (o->flight > 1 || o->both)
		return flows_sink(o);
	(void)pattern_at(0);
	listener = net_listen(o->addr);
	ready();
	connections = o->count == 0 ? 1 : o->count;
	for (i = 0; i < connections; i++) {
		fd = net_accept(listener);
		drain(fd, o->check);
		close(fd);
	}
	return 0;
}

int
bulk_source(const struct options *o)
{
	uint64_t bytes, end, start;
	size_t want;
	char c;
	int fd;

	if (o->flight > 1 || o->both)
		return flows_source(o);
	(void)pattern_at(0);
	fd = net_connect(o->addr);
	start = now_ns();
	end = deadline_ns(o->seconds);
	for (bytes = 0; now_ns() < end; bytes += want) {
		want = PATTERN_RUN;
		if (o->count != 0 && o->count - bytes < want)
			want = (size_t)(o->count - bytes);
		if (want == 0)
			break;
		net_send_all(fd, pattern_at(bytes), want);
	}
	if (shutdown(fd, SHUT_WR) == -1)
		err(1, "shutdown");
	if (net_recv_all(fd, &c, 1) != 0)
		errx(1, "the sink answered");
	printf("{\"bytes\":%llu,\"seconds\":%.6f}\n", (unsigned long long)bytes,
	    (double)(now_ns() - start) / 1e9);
	return 0;
}
