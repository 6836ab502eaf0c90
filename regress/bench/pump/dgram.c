/*
 * Datagrams: as many as go, or so many a second; and what arrives of them.
 */

#include <sys/socket.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pump.h"

#define BATCH 64
#define ROOM  65536

/* How many may leave now, so that the rate is kept. */
static uint64_t
due(const struct options *o, uint64_t start, uint64_t sent)
{
	struct timespec pause = { 0, 200000 };
	uint64_t n;

	n = BATCH;
	if (o->rate != 0) {
		n = (uint64_t)((double)(now_ns() - start) / 1e9 *
			(double)o->rate) -
		    sent;
		if (n == 0)
			nanosleep(&pause, NULL);
		if (n > BATCH)
			n = BATCH;
	}
	if (o->count != 0 && o->count - sent < n)
		n = o->count - sent;
	return n;
}

int
dgram_send(const struct options *o)
{
	struct mmsghdr msgs[BATCH];
	struct iovec iov;
	uint64_t end, n, sent, start;
	int fd, i, r;

	iov.iov_base = calloc(1, o->size + 1);
	iov.iov_len = o->size;
	if (iov.iov_base == NULL)
		err(1, "message");
	memset(msgs, 0, sizeof(msgs));
	for (i = 0; i < BATCH; i++) {
		msgs[i].msg_hdr.msg_iov = &iov;
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	fd = net_connect(o->addr);
	start = now_ns();
	end = deadline_ns(o->seconds);
	sent = 0;
	while (now_ns() < end && (o->count == 0 || sent < o->count)) {
		if ((n = due(o, start, sent)) == 0)
			continue;
		r = sendmmsg(fd, msgs, (unsigned int)n, 0);
		if (r > 0)
			sent += (uint64_t)r;
		else if (errno != ECONNREFUSED && errno != ENOBUFS)
			err(1, "sendmmsg");
	}
	printf("{\"count\":%llu,\"seconds\":%.6f}\n", (unsigned long long)sent,
	    (double)(now_ns() - start) / 1e9);
	free(iov.iov_base);
	return 0;
}

/* Reads what is there; returns how many of the size that is expected. */
static uint64_t
take(int fd, const struct options *o, uint64_t *wrong)
{
	static char buf[BATCH][ROOM];
	struct mmsghdr msgs[BATCH];
	struct iovec iov[BATCH];
	uint64_t good;
	int i, n;

	memset(msgs, 0, sizeof(msgs));
	for (i = 0; i < BATCH; i++) {
		iov[i].iov_base = buf[i];
		iov[i].iov_len = ROOM;
		msgs[i].msg_hdr.msg_iov = &iov[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	if ((n = recvmmsg(fd, msgs, BATCH, MSG_DONTWAIT, NULL)) == -1) {
		if (errno != EAGAIN)
			err(1, "recvmmsg");
		return 0;
	}
	good = 0;
	for (i = 0; i < n; i++) {
		if (msgs[i].msg_len == o->size)
			good++;
		else
			(*wrong)++;
	}
	return good;
}

int
dgram_recv(const struct options *o)
{
	struct pollfd p[2];
	uint64_t count, first, last, n, wrong;

	p[0].fd = net_bind(o->addr);
	p[1].fd = STDIN_FILENO;
	p[0].events = p[1].events = POLLIN;
	ready();
	count = first = last = wrong = 0;
	for (;;) {
		if (poll(p, 2, -1) == -1)
			err(1, "poll");
		if ((n = take(p[0].fd, o, &wrong)) > 0) {
			last = now_ns();
			if (count == 0)
				first = last;
			count += n;
		} else if (p[1].revents != 0)
			break;
	}
	printf("{\"count\":%llu,\"wrong\":%llu,\"seconds\":%.6f}\n",
	    (unsigned long long)count, (unsigned long long)wrong,
	    (double)(last - first) / 1e9);
	close(p[0].fd);
	return 0;
}
