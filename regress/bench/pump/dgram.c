/*
 * Datagrams: as many as go, or so many a second.
 *
 * A turn is up to 64 of them from one sender, to each address in turn; the
 * next turn is another sender's.  In groups a turn is one call with
 * UDP_SEGMENT, else sendmmsg.
 */

#include <sys/prctl.h>
#include <sys/socket.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pump.h"

/* Of mixed sizes none is less. */
#define MIXED_LEAST 64

/* How late a sleep may end that is to keep a rate. */
#define SLACK_NS    1

struct turns {
	const struct options *o;
	int *fds; /* of each sender naddrs */
	unsigned int sender;
	unsigned int most; /* datagrams in a turn */
	unsigned char *bytes;
	struct mmsghdr msgs[GROUP_MOST];
	struct iovec iov[GROUP_MOST];
};

static size_t
mixed_size(const struct options *o, unsigned int i)
{
	size_t span = o->size - MIXED_LEAST + 1; /* 7919 is a prime */

	return MIXED_LEAST + (i + 1) * 7919 % span;
}

/* The messages of a turn lie one behind the other, as a group must. */
static void
lay_messages(struct turns *t)
{
	const struct options *o = t->o;
	unsigned char *p;
	unsigned int i;

	t->most = GROUP_MOST;
	if (o->groups && t->most * o->size > GROUP_BYTES)
		t->most = (unsigned int)(GROUP_BYTES / o->size);
	if (t->most == 0 || (o->mixed && o->size <= MIXED_LEAST))
		errx(1, "size");
	p = t->bytes = calloc(GROUP_MOST, o->size + 1);
	if (p == NULL)
		err(1, "messages");
	for (i = 0; i < GROUP_MOST; i++) {
		t->iov[i].iov_base = p;
		t->iov[i].iov_len = o->mixed ? mixed_size(o, i) : o->size;
		t->msgs[i].msg_hdr.msg_iov = &t->iov[i];
		t->msgs[i].msg_hdr.msg_iovlen = 1;
		p += t->iov[i].iov_len;
	}
}

static void
open_sockets(struct turns *t)
{
	const struct options *o = t->o;
	unsigned int i, n = o->flight * o->naddrs;

	if ((t->fds = calloc(n, sizeof(*t->fds))) == NULL)
		err(1, "sockets");
	for (i = 0; i < n; i++) {
		t->fds[i] = net_connect(o->addrs[i % o->naddrs]);
		if (o->groups)
			net_segment(t->fds[i], o->size);
	}
}

/*
 * How many may leave now, so that the rate is kept; waits when that is none.
 * A datagram to several addresses is one.
 */
static unsigned int
due(const struct turns *t, uint64_t start, uint64_t sent)
{
	const struct options *o = t->o;
	uint64_t at, n = t->most;
	struct timespec until;

	if (o->rate != 0) {
		n = (uint64_t)((double)(now_ns() - start) / 1e9 *
			(double)o->rate) -
		    sent;
		if (n == 0) {
			at = start +
			    (uint64_t)((double)(sent + 1) * 1e9 /
				(double)o->rate);
			until.tv_sec = (time_t)(at / 1000000000u);
			until.tv_nsec = (long)(at % 1000000000u);
			(void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME,
			    &until, NULL);
		}
	}
	if (o->count != 0 && o->count - sent < n)
		n = o->count - sent;
	return (unsigned int)(n < t->most ? n : t->most);
}

static void
put_stamps(struct turns *t, unsigned int n)
{
	struct stamp stamp;
	unsigned int i;

	memset(&stamp, 0, sizeof(stamp));
	if (t->o->rate != 0)
		stamp.sent_ns = now_ns();
	for (i = 0; i < n; i++) {
		stamp.length = (uint32_t)t->iov[i].iov_len;
		if (stamp.length >= sizeof(stamp))
			memcpy(t->iov[i].iov_base, &stamp, sizeof(stamp));
	}
}

/* Returns how many were sent. */
static unsigned int
send_to(const struct turns *t, int fd, unsigned int n)
{
	const struct mmsghdr *first = t->msgs;
	ssize_t r;

	if (t->o->groups)
		r = send(fd, t->bytes, n * t->o->size, 0);
	else
		r = sendmmsg(fd, (struct mmsghdr *)(uintptr_t)first, n, 0);
	if (r == -1 && errno != ECONNREFUSED && errno != ENOBUFS)
		err(1, "send");
	if (r == -1)
		return 0;
	return t->o->groups ? n : (unsigned int)r;
}

/* Returns how many were sent, to all addresses together. */
static uint64_t
turn(struct turns *t, unsigned int n)
{
	const struct options *o = t->o;
	uint64_t sent = 0;
	unsigned int i;

	put_stamps(t, n);
	for (i = 0; i < o->naddrs; i++)
		sent += send_to(t, t->fds[t->sender * o->naddrs + i], n);
	t->sender = (t->sender + 1) % o->flight;
	return sent;
}

int
dgram_send(const struct options *o)
{
	uint64_t all = 0, end, sent = 0, start;
	struct turns t;
	unsigned int n;

	memset(&t, 0, sizeof(t));
	t.o = o;
	lay_messages(&t);
	open_sockets(&t);
	if (prctl(PR_SET_TIMERSLACK, SLACK_NS) == -1)
		err(1, "PR_SET_TIMERSLACK");
	start = now_ns();
	end = deadline_ns(o->seconds);
	while (now_ns() < end && (o->count == 0 || sent < o->count)) {
		if ((n = due(&t, start, sent)) == 0)
			continue;
		all += turn(&t, n);
		sent += n;
	}
	printf("{\"count\":%llu,\"seconds\":%.6f}\n", (unsigned long long)all,
	    (double)(now_ns() - start) / 1e9);
	free(t.bytes);
	free(t.fds);
	return 0;
}
