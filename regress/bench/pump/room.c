/*
 * Reading many datagrams by one call, be they merged by UDP_GRO or not.
 */

#include <sys/socket.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>

#include "pump.h"

struct room {
	struct mmsghdr msgs[ROOM_MESSAGES];
	struct iovec iov[ROOM_MESSAGES];
	char control[ROOM_MESSAGES][CMSG_SPACE(sizeof(int))];
	unsigned char *place;
};

/*
 * Messages that began at a multiple of many KiB would all want the same few
 * lines of the processor's cache.
 */
#define ROOM_STEP 320

struct room *
room_new(size_t bytes)
{
	struct room *r = calloc(1, sizeof(*r));
	int i;

	if (r == NULL ||
	    (r->place = calloc(ROOM_MESSAGES, bytes + ROOM_STEP)) == NULL)
		err(1, "room");
	for (i = 0; i < ROOM_MESSAGES; i++) {
		r->iov[i].iov_base = r->place + (size_t)i * (bytes + ROOM_STEP);
		r->iov[i].iov_len = bytes;
		r->msgs[i].msg_hdr.msg_iov = &r->iov[i];
		r->msgs[i].msg_hdr.msg_iovlen = 1;
		r->msgs[i].msg_hdr.msg_control = r->control[i];
		r->msgs[i].msg_hdr.msg_controllen = sizeof(r->control[i]);
	}
	return r;
}

int
room_read(struct room *r, int fd, int flags)
{
	int i, n;

	n = recvmmsg(fd, r->msgs, ROOM_MESSAGES, flags, NULL);
	if (n == -1 && errno != EAGAIN && errno != ECONNREFUSED)
		err(1, "recvmmsg");
	for (i = 0; i < n; i++)
		if (r->msgs[i].msg_hdr.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
			errx(1, "message cut off");
	return n == -1 ? 0 : n;
}

unsigned char *
room_message(struct room *r, int i, size_t *len, size_t *each)
{
	struct msghdr *h = &r->msgs[i].msg_hdr;
	struct cmsghdr *c = CMSG_FIRSTHDR(h);
	int size;

	*len = *each = r->msgs[i].msg_len;
	if (c != NULL && c->cmsg_level == IPPROTO_UDP &&
	    c->cmsg_type == UDP_GRO) {
		memcpy(&size, CMSG_DATA(c), sizeof(size));
		*each = (size_t)size;
	}
	h->msg_controllen = sizeof(r->control[i]); /* for the next time */
	return r->iov[i].iov_base;
}
