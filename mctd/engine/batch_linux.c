/*
 * Reading datagrams in batches.
 *
 * A UDP src has UDP_GRO and SO_RXQ_OVFL set, and where a bridge lessens the
 * hops, what tells them.  Without room for UDP_GRO's word the kernel would hand
 * out many datagrams as one without a sign, so a message whose control data was
 * cut off is not to be trusted.  An AF_LOCAL src gets no room for control data
 * at all: descriptors that ride on a message are dropped by the kernel and
 * never become ours.
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
#include <linux/tipc.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>

#include "../../common/limits.h"
#include "batch.h"
#include "hand.h"
#include "table.h"

/* Instead of a length: nothing was read here. */
#define NO_MESSAGE    UINT32_MAX

/* UDP_GRO, SO_RXQ_OVFL, a TTL; and where a datagram was sent to. */
#define CONTROL_WORDS 3
union control {
	struct cmsghdr align;
	char room[CONTROL_WORDS * CMSG_SPACE(sizeof(int)) +
	    CMSG_SPACE(sizeof(struct in_pktinfo)) +
	    CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

struct calls {
	struct mmsghdr msg[DGRAM_BATCH];
	union control control[DGRAM_BATCH];
};
_Static_assert(sizeof(struct calls) <= COUNTERS_HAND_BYTES,
    "a batch's headers fit the hand");

struct batch {
	struct iovec iov[DGRAM_BATCH];
	int told; /* what the headers are set up for; -1: not yet */
	int named;
	int used; /* of them, last time */
	struct sockaddr_storage name[DGRAM_BATCH];
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
	b->told = -1;
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
batch_clear(struct batch *b, struct calls *c, int told, int named)
{
	struct msghdr *h;
	int same = b->told == told && b->named == named;
	int i, n = same ? b->used : DGRAM_BATCH;

	if (b->told == -1)
		batch_headers(b, c);
	for (i = 0; i < n; i++) {
		h = &c->msg[i].msg_hdr;
		h->msg_control = told ? &c->control[i] : NULL;
		h->msg_controllen = told ? sizeof c->control[i] : 0;
		h->msg_name = named ? &b->name[i] : NULL;
		h->msg_namelen = named ? sizeof b->name[i] : 0;
		c->msg[i].msg_len = NO_MESSAGE;
	}
}

int
batch_read(struct batch *b, struct counters_hand *hand,
    const struct batch_read *r)
{
	struct calls *c = calls_of(hand);
	int n;

	batch_clear(b, c, r->told, r->named);
	b->told = r->told;
	b->named = r->named;
	hand_begin(hand, r->src);
	do
		n = recvmmsg(r->fd, c->msg, (unsigned int)r->most,
		    MSG_DONTWAIT | MSG_TRUNC, NULL);
	while (n == -1 && errno == EINTR);
	b->used = n > 0 ? n : 0;
	if (n > 0)
		return n;
	hand_end(hand);
	return n == -1 && errno == EAGAIN ? 0 : n;
}

const void *
batch_name(const struct batch *b, const struct counters_hand *hand, int i,
    size_t *len)
{
	*len = calls_left(hand)->msg[i].msg_hdr.msg_namelen;
	if (*len > sizeof b->name[i])
		*len = sizeof b->name[i];
	return &b->name[i];
}

static int
batch_word(const struct cmsghdr *c)
{
	int value;

	memcpy(&value, CMSG_DATA(c), sizeof value);
	return value;
}

static int
is_word(const struct cmsghdr *c, int level, int type)
{
	return c->cmsg_level == level && c->cmsg_type == type &&
	    c->cmsg_len == CMSG_LEN(sizeof(int));
}

static void
batch_cmsg(const struct cmsghdr *c, struct batch_message *m, uint32_t *seg)
{
	int value;

	if (is_word(c, IPPROTO_UDP, UDP_GRO)) {
		value = batch_word(c);
		*seg = value > 0 ? (uint32_t)value : 0;
	} else if (is_word(c, SOL_SOCKET, SO_RXQ_OVFL)) {
		m->dropped = (uint32_t)batch_word(c);
		m->has_dropped = 1;
	} else if (is_word(c, IPPROTO_IP, IP_TTL) ||
	    is_word(c, IPPROTO_IPV6, IPV6_HOPLIMIT)) {
		value = batch_word(c);
		m->hops = value >= 0 && value <= 255 ? value : -1;
	} else if (c->cmsg_level == SOL_TIPC && c->cmsg_type == TIPC_ERRINFO)
		m->fate = BATCH_UNCLEAR; /* comes back, was never sent here */
}

/* What the kernel said of it besides; each figure of that may be forged. */
static void
batch_control(const char *room, size_t len, struct batch_message *m,
    uint32_t *seg)
{
	const struct cmsghdr *c;
	size_t at;

	for (at = 0; at + CMSG_LEN(0) <= len; at += CMSG_ALIGN(c->cmsg_len)) {
		c = (const struct cmsghdr *)(const void *)(room + at);
		if (c->cmsg_len < CMSG_LEN(0) || c->cmsg_len > len - at)
			break;
		batch_cmsg(c, m, seg);
	}
}

/* All but where its data lies, and how much of that is one datagram. */
static uint32_t
batch_figures(const struct calls *calls, int i, int told,
    struct batch_message *m)
{
	const struct msghdr *h = &calls->msg[i].msg_hdr;
	uint32_t seg = 0;

	m->has_dropped = 0;
	m->dropped = 0;
	m->hops = -1;
	m->len = calls->msg[i].msg_len;
	m->fate = BATCH_GOOD;
	if (h->msg_flags & MSG_TRUNC)
		m->fate = BATCH_TOO_LONG;
	else if ((h->msg_flags & MSG_CTRUNC) && told)
		m->fate = BATCH_UNCLEAR;
	if (told && h->msg_controllen <= sizeof calls->control[i].room)
		batch_control(calls->control[i].room, h->msg_controllen, m,
		    &seg);
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
	uint32_t seg = batch_figures(calls_left(hand), i, b->told, m);

	group_run(&m->run, b->buf[i], batch_held(m), seg);
	m->run.hops = m->hops;
}

int
batch_left(const struct counters_hand *hand, int i, int told,
    struct batch_message *m)
{
	const struct calls *c = calls_left(hand);
	uint32_t seg;

	if (c->msg[i].msg_len == NO_MESSAGE)
		return -1;
	seg = batch_figures(c, i, told, m);
	group_run(&m->run, NULL, batch_held(m), seg);
	return 0;
}
