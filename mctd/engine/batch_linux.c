/*
 * Reading datagrams in batches.
 *
 * A UDP src has UDP_GRO and SO_RXQ_OVFL set.  Without room for UDP_GRO's
 * word the kernel would hand out many datagrams as one without a sign, so a
 * message whose control data was cut off is not to be trusted.  An AF_LOCAL
 * src gets no room for control data at all: descriptors that ride on a
 * message are dropped by the kernel and never become ours.
 *
 * The headers and the control data lie in the hand: the kernel writes them
 * message by message, so after a death they tell what was read.  A length
 * that no message has stands where there is none yet.  What a dead engine
 * left is figures, which it may have forged: no address there is followed,
 * and none is kept when a call of ours uses the place.
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
#include "hand.h"
#include "table.h"

/* Instead of a length: nothing was read here. */
#define NO_MESSAGE UINT32_MAX

union control {
	struct cmsghdr align;
	char room[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(uint32_t))];
};

struct calls {
	struct mmsghdr msg[DGRAM_BATCH];
	union control control[DGRAM_BATCH];
};
_Static_assert(sizeof(struct calls) <= COUNTERS_HAND_BYTES,
    "a batch's headers fit the hand");

struct batch {
	struct iovec iov[DGRAM_BATCH];
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
	}
	return b;
}

static struct calls *
calls_of(struct counters_hand *hand)
{
	return (struct calls *)(void *)hand->calls;
}

static const struct calls *
calls_left(const struct counters_hand *hand)
{
	return (const struct calls *)(const void *)hand->calls;
}

static void
batch_headers(struct batch *b, struct calls *c)
{
	int i;

	memset(c, 0, sizeof *c);
	for (i = 0; i < DGRAM_BATCH; i++) {
		c->msg[i].msg_hdr.msg_iov = &b->iov[i];
		c->msg[i].msg_hdr.msg_iovlen = 1;
	}
}

/*
 * The headers used last time are empty again, with room for control data.
 * Nothing is in hand.
 */
static void
batch_clear(struct batch *b, struct calls *c, int local)
{
	struct msghdr *h;
	int i, n = b->local == local ? b->used : DGRAM_BATCH;

	if (b->local == -1)
		batch_headers(b, c);
	for (i = 0; i < n; i++) {
		h = &c->msg[i].msg_hdr;
		h->msg_control = local ? NULL : &c->control[i];
		h->msg_controllen = local ? 0 : sizeof c->control[i];
		c->msg[i].msg_len = NO_MESSAGE;
	}
}

int
batch_read(struct batch *b, struct counters_hand *hand, uint32_t src, int fd,
    int local)
{
	struct calls *c = calls_of(hand);
	int n;

	batch_clear(b, c, local);
	b->local = local;
	hand_begin(hand, src);
	do
		n = recvmmsg(fd, c->msg, DGRAM_BATCH, MSG_DONTWAIT | MSG_TRUNC,
		    NULL);
	while (n == -1 && errno == EINTR);
	b->used = n > 0 ? n : 0;
	if (n > 0)
		return n;
	hand_end(hand);
	return n == -1 && errno == EAGAIN ? 0 : n;
}

static void
batch_cmsg(const struct cmsghdr *c, struct batch_message *m, uint32_t *seg)
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

/* All but where its data lies, and how much of that is one datagram. */
static uint32_t
batch_figures(const struct calls *calls, int i, int local,
    struct batch_message *m)
{
	const struct msghdr *h = &calls->msg[i].msg_hdr;
	const char *room = calls->control[i].room;
	const struct cmsghdr *c;
	uint32_t seg = 0;
	size_t at;

	m->has_dropped = 0;
	m->dropped = 0;
	m->len = calls->msg[i].msg_len;
	m->fate = BATCH_GOOD;
	if (h->msg_flags & MSG_TRUNC)
		m->fate = BATCH_TOO_LONG;
	else if ((h->msg_flags & MSG_CTRUNC) && !local)
		m->fate = BATCH_UNCLEAR;
	if (local || h->msg_controllen > sizeof calls->control[i].room)
		return 0;
	/* each that we ask for has one word */
	for (at = 0; at + CMSG_LEN(sizeof(int)) <= h->msg_controllen;
	     at += CMSG_SPACE(sizeof(int))) {
		c = (const struct cmsghdr *)(const void *)(room + at);
		if (c->cmsg_len != CMSG_LEN(sizeof(int)))
			break;
		batch_cmsg(c, m, &seg);
	}
	return seg;
}

static uint32_t
batch_held(const struct batch_message *m)
{
	return m->len < DGRAM_BYTES ? m->len : DGRAM_BYTES;
}

void
batch_message(const struct batch *b, const struct counters_hand *hand, int i,
    struct batch_message *m)
{
	uint32_t seg = batch_figures(calls_left(hand), i, b->local, m);

	group_run(&m->run, b->buf[i], batch_held(m), seg);
}

int
batch_left(const struct counters_hand *hand, int i, int local,
    struct batch_message *m)
{
	const struct calls *c = calls_left(hand);
	uint32_t seg;

	if (c->msg[i].msg_len == NO_MESSAGE)
		return -1;
	seg = batch_figures(c, i, local, m);
	group_run(&m->run, NULL, batch_held(m), seg);
	return 0;
}
