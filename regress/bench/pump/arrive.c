/*
 * What arrives of datagrams: how many, and how long they took.
 */

#include <sys/socket.h>
#include <err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pump.h"

/* Of one socket, or of all. */
struct arrived {
	uint64_t count;
	uint64_t bytes;
	uint64_t wrong; /* not of the length that stands in it */
	uint64_t first_ns;
	uint64_t last_ns;
};

/* A datagram; too small a one is expected to have the size of all. */
static void
take_one(const struct options *o, const unsigned char *data, size_t len,
    struct arrived *a, struct samples *times)
{
	struct stamp stamp;

	stamp.length = (uint32_t)o->size;
	stamp.sent_ns = 0;
	if (len >= sizeof(stamp))
		memcpy(&stamp, data, sizeof(stamp));
	if (stamp.length != len) {
		a->wrong++;
		return;
	}
	a->count++;
	a->bytes += len;
	if (stamp.sent_ns != 0)
		samples_add(times, a->last_ns - stamp.sent_ns);
}

/* Reads what is there; returns whether there was anything. */
static int
take(int fd, const struct options *o, struct room *room, struct arrived *a,
    struct samples *times)
{
	const unsigned char *data;
	size_t at, each, len;
	int i, n;

	if ((n = room_read(room, fd, MSG_DONTWAIT)) == 0)
		return 0;
	a->last_ns = now_ns();
	if (a->first_ns == 0)
		a->first_ns = a->last_ns;
	for (i = 0; i < n; i++) {
		data = room_message(room, i, &len, &each);
		at = 0;
		do {
			if (each > len - at)
				each = len - at;
			take_one(o, data + at, each, a, times);
			at += each;
		} while (at < len);
	}
	return 1;
}

static void
tell(const struct arrived *a, unsigned int n, struct samples *times)
{
	struct arrived all = a[0];
	uint64_t least = a[0].count;
	unsigned int i;

	for (i = 1; i < n; i++) {
		all.count += a[i].count;
		all.bytes += a[i].bytes;
		all.wrong += a[i].wrong;
		if (a[i].count < least)
			least = a[i].count;
		if (a[i].first_ns < all.first_ns)
			all.first_ns = a[i].first_ns;
		if (a[i].last_ns > all.last_ns)
			all.last_ns = a[i].last_ns;
	}
	printf("{\"count\":%llu,\"least\":%llu,\"bytes\":%llu,"
	       "\"wrong\":%llu,\"seconds\":%.6f,"
	       "\"p50_us\":%.2f,\"p99_us\":%.2f}\n",
	    (unsigned long long)all.count, (unsigned long long)least,
	    (unsigned long long)all.bytes, (unsigned long long)all.wrong,
	    (double)(all.last_ns - all.first_ns) / 1e9, samples_us(times, 0.5),
	    samples_us(times, 0.99));
}

/* Reads until standard input ends and nothing is there any more. */
static void
take_all(const struct options *o, struct pollfd *p, struct arrived *a,
    struct samples *times)
{
	struct room *room = room_new(o->groups ? ROOM_BYTES : o->size);
	unsigned int i, n = o->naddrs;
	int some;

	for (;;) {
		if (poll(p, n + 1, -1) == -1)
			err(1, "poll");
		some = 0;
		for (i = 0; i < n; i++)
			if (p[i].revents != 0)
				some |= take(p[i].fd, o, room, &a[i], times);
		if (!some && p[n].revents != 0)
			break;
	}
	free(room);
}

int
arrive_count(const struct options *o)
{
	unsigned int i, n = o->naddrs;
	struct samples times;
	struct arrived *a;
	struct pollfd *p;

	memset(&times, 0, sizeof(times));
	a = calloc(n, sizeof(*a));
	p = calloc(n + 1, sizeof(*p));
	if (a == NULL || p == NULL)
		err(1, "sockets");
	for (i = 0; i <= n; i++) {
		p[i].fd = i < n ? net_bind(o->addrs[i]) : STDIN_FILENO;
		p[i].events = POLLIN;
		if (o->groups && i < n)
			net_gro(p[i].fd);
	}
	ready();
	take_all(o, p, a, &times);
	tell(a, n, &times);
	free(times.ns);
	free(a);
	free(p);
	return 0;
}
