/*
 * A relay of datagrams that does nothing but relay: one socket to read from,
 * one for each address to send to, all that is there in one call, and all
 * that was read in one call.  It counts nothing, minds no error and cannot be
 * asked to stop: what is possible, as a limit for those that have more to do.
 *
 * In groups: what UDP_GRO merged goes out again as it came, by UDP_SEGMENT.
 */

#include <sys/socket.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>

#include "pump.h"

struct out {
	struct mmsghdr msgs[ROOM_MESSAGES];
	struct iovec iov[ROOM_MESSAGES];
	char control[ROOM_MESSAGES][CMSG_SPACE(sizeof(uint16_t))];
};

/* More than one datagram: of what size, for the kernel. */
static void
put_segment(struct out *out, int i, size_t each)
{
	struct msghdr *h = &out->msgs[i].msg_hdr;
	uint16_t size = (uint16_t)each;
	struct cmsghdr *c;

	h->msg_control = out->control[i];
	h->msg_controllen = sizeof(out->control[i]);
	c = CMSG_FIRSTHDR(h);
	c->cmsg_level = IPPROTO_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof(size));
	memcpy(CMSG_DATA(c), &size, sizeof(size));
}

static void
prepare(struct out *out, struct room *room, int n)
{
	size_t each, len;
	int i;

	for (i = 0; i < n; i++) {
		out->iov[i].iov_base = room_message(room, i, &len, &each);
		out->iov[i].iov_len = len;
		out->msgs[i].msg_hdr.msg_iov = &out->iov[i];
		out->msgs[i].msg_hdr.msg_iovlen = 1;
		out->msgs[i].msg_hdr.msg_control = NULL;
		out->msgs[i].msg_hdr.msg_controllen = 0;
		if (each < len)
			put_segment(out, i, each);
	}
}

/* An error belongs to an earlier one, or costs the one it meets. */
static void
send_all(struct out *out, int n, int fd)
{
	int at, r;

	for (at = 0; at < n; at += r) {
		r = sendmmsg(fd, out->msgs + at, (unsigned int)(n - at), 0);
		if (r == -1 && errno != ECONNREFUSED && errno != ENOBUFS)
			err(1, "sendmmsg");
		if (r < 1)
			r = 1;
	}
}

int
loop_run(const struct options *o)
{
	struct room *room = room_new(ROOM_BYTES);
	struct out *out = calloc(1, sizeof(*out));
	int *fds = calloc(o->naddrs, sizeof(*fds));
	unsigned int i;
	int n;

	if (out == NULL || fds == NULL || o->naddrs < 2)
		errx(1, "no memory, or no address to send to");
	for (i = 1; i < o->naddrs; i++)
		fds[i] = net_connect(o->addrs[i]);
	fds[0] = net_bind(o->addrs[0]);
	if (o->groups)
		net_gro(fds[0]);
	for (;;) {
		net_wait(fds[0]);
		while ((n = room_read(room, fds[0], MSG_DONTWAIT)) > 0) {
			prepare(out, room, n);
			for (i = 1; i < o->naddrs; i++)
				send_all(out, n, fds[i]);
		}
	}
}
