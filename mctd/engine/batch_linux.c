/*
 * Reading datagrams in batches.
 *
 * A UDP src has UDP_GRO and SO_RXQ_OVFL set.  Without room for UDP_GRO's
 * word the kernel would hand out many datagrams as one without a sign, so a
 * message whose control data was cut off is not to be trusted.  An AF_LOCAL
 * src gets no room for control data at all: descriptors that ride on a
 * message are dropped by the kernel and never become ours.
 *
 * Calls: recvmmsg
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>

#include "../../common/limits.h"
#include "batch.h"
#include "table.h"

union control {
	struct cmsghdr align;
	char room[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(uint32_t))];
};

struct batch {
	struct mmsghdr msg[DGRAM_BATCH];
	struct iovec iov[DGRAM_BATCH];
	union control control[DGRAM_BATCH];
	int local; /* what the headers are set up for; -1: not yet */
	int used;  /* of them, last time */
	uint8_t buf[DGRAM_BATCH][DGRAM_BYTES];
};

size_t
batch_bytes(void)
{
	return sizeof(struct batch);
}

struct batch *
batch_new(void)
{
	struct batch *b = table_new(sizeof *b);
	int i;

	if (b == NULL)
		return NULL;
	b->local = -1;
	for (i = 0; i < DGRAM_BATCH; i++) {
		b->iov[i].iov_base = b->buf[i];
		b->iov[i].iov_len = DGRAM_BYTES;
		b->msg[i].msg_hdr.msg_iov = &b->iov[i];
		b->msg[i].msg_hdr.msg_iovlen = 1;
	}
	return b;
}

/* Gives the headers used last time their room for control data back. */
static void
batch_control(struct batch *b, int local)
{
	struct msghdr *h;
	int i, n = b->local == local ? b->used : DGRAM_BATCH;

	for (i = 0; i < n; i++) {
		h = &b->msg[i].msg_hdr;
		h->msg_control = local ? NULL : &b->control[i];
		h->msg_controllen = local ? 0 : sizeof b->control[i];
	}
}

int
batch_read(struct batch *b, int fd, int local)
{
	int n;

	batch_control(b, local);
	b->local = local;
	do
		n = recvmmsg(fd, b->msg, DGRAM_BATCH, MSG_DONTWAIT | MSG_TRUNC,
		    NULL);
	while (n == -1 && errno == EINTR);
	b->used = n > 0 ? n : 0;
	if (n == -1 && errno == EAGAIN)
		return 0;
	return n;
}

static void
batch_cmsg(struct cmsghdr *c, struct batch_message *m, uint32_t *seg)
{
	int value;

	if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
		memcpy(&value, CMSG_DATA(c), sizeof value);
		*seg = value > 0 ? (uint32_t)value : 0;
	} else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
		memcpy(&m->dropped, CMSG_DATA(c), sizeof m->dropped);
		m->has_dropped = 1;
	}
}

void
batch_message(const struct batch *b, int i, struct batch_message *m)
{
	struct msghdr h = b->msg[i].msg_hdr;
	struct cmsghdr *c;
	uint32_t seg = 0;

	m->has_dropped = 0;
	m->dropped = 0;
	m->len = b->msg[i].msg_len;
	m->fate = BATCH_GOOD;
	if (h.msg_flags & MSG_TRUNC)
		m->fate = BATCH_TOO_LONG;
	else if ((h.msg_flags & MSG_CTRUNC) && !b->local)
		m->fate = BATCH_UNCLEAR;
	for (c = CMSG_FIRSTHDR(&h); c != NULL; c = CMSG_NXTHDR(&h, c))
		batch_cmsg(c, m, &seg);
	group_run(&m->run, b->buf[i],
	    m->len < DGRAM_BYTES ? m->len : DGRAM_BYTES, seg);
}
