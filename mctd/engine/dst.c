/*
 * Sending datagrams to one dst.
 *
 * A group is one call with UDP_SEGMENT.  The option stays on the socket,
 * which costs nothing when groups have one size, but what is larger than it
 * would be cut up: before such a send it is switched off.  Where the kernel
 * refuses a group (no route for packets of that size, IPsec, no checksum)
 * each datagram goes by itself, and groups of that size are not tried again.
 *
 * A TTL stays on the socket likewise.
 *
 * What decides how fast datagrams go (make bench; 64 bytes, Linux 6.18, a
 * receiver without UDP_GRO): not what is done here, which a profile hardly
 * shows, but how often the kernel walks the way from send to the receiver's
 * queue.  One by one that is 4 to 5 us each.  In groups of 64 it is 1 us:
 * 94 of 100 samples are in send, 49 where the kernel cuts the group up for
 * the receiver and 29 where it queues the parts, 5 in recvmmsg.  Where the
 * receiver has UDP_GRO it is 0.1 us.  So
 * what UDP_GRO merged goes on as it came, and what came singly is put
 * together first.  That pays from two datagrams on, though it may take a
 * setsockopt for each group: of mixed sizes, where only a shorter one can
 * follow a longer one, pairs by chance carry a fifth more than single sends.
 * How many messages one call reads (4 to 64), how their buffers lie, and
 * groups of 128 instead of 64 made no difference that could be measured.
 *
 * Calls: sendto
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>

#include "../../common/limits.h"
#include "dst.h"
#include "kind.h"
#include "udp.h"

#define SEND_FLAGS      (MSG_DONTWAIT | MSG_NOSIGNAL)

/* What an engine that takes over does not know. */
#define SEGMENT_UNKNOWN UINT32_MAX
#define HOPS_UNKNOWN    (-2)

void
dst_start(struct dst *d, int fd, uint8_t kind, struct counters_slot *count)
{
	int grouped = (kind_traits(kind) & KIND_GROUPED) != 0;

	d->fd = fd;
	d->traits = kind_traits(kind);
	d->replies = 0;
	d->lost = 0;
	d->earlier = 0;
	d->lost_ms = 0;
	d->hops = HOPS_UNKNOWN;
	d->segment = grouped ? SEGMENT_UNKNOWN : 0;
	d->group_max = grouped ? UINT32_MAX : 0;
	d->count = count;
}

int
dst_hops(struct dst *d, int hops)
{
	if (d->hops == hops || !(d->traits & KIND_HOPS))
		return 0;
	if (udp_set_hops(d->fd, hops) == -1)
		return -1;
	d->hops = hops;
	return 0;
}

void
dst_tuned(struct dst *d, int ends, uint8_t ttl)
{
	d->hops = HOPS_UNKNOWN;
	if (ends)
		(void)dst_hops(d, ttl != 0 ? ttl : -1);
}

/* Returns 0, or -1: no groups here. */
static int
set_segment(struct dst *d, uint32_t segment)
{
	if (d->segment == segment)
		return 0;
	if (udp_set_segment(d->fd, segment) == -1) {
		d->group_max = 0;
		if (segment == 0)
			d->segment = 0; /* there is none to switch off */
		return -1;
	}
	d->segment = segment;
	return 0;
}

/* A send refused for the sake of the group, and not of a datagram. */
static int
is_group_error(int err)
{
	return err == EINVAL || err == EIO || err == EMSGSIZE;
}

/* Groups of this size are not to be tried again; the next sends are plain. */
static void
no_groups(struct dst *d, uint32_t seg, int err)
{
	if (err == EIO)
		d->group_max = 0;
	else if (seg < d->group_max)
		d->group_max = seg;
	(void)set_segment(d, 0);
}

/* What ICMP, and ICMPv6, can have told of an earlier one. */
static int
is_echo(int err)
{
	switch (err) {
	case ECONNREFUSED:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EHOSTDOWN:
	case ENONET:
	case ENOPROTOOPT:
	case EOPNOTSUPP:
	case EMSGSIZE:
	case EACCES:
	case EPROTO:
		return 1;
	default:
		return 0;
	}
}

static enum count
reason_of(int err)
{
	switch (err) {
	case EAGAIN:
	case ENOBUFS:
	case ENOMEM:
		return COUNT_DROP_NO_BUFFER;
	case EMSGSIZE:
		return COUNT_DROP_TOO_LONG;
	case ENOTCONN:
	case EPIPE:
	case ECONNREFUSED:
	case ECONNRESET:
	case ENOPROTOOPT:
		return COUNT_DROP_REFUSED;
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case ENODEV:
	case EADDRNOTAVAIL:
	case EDESTADDRREQ:
	case EHOSTDOWN:
	case ENONET:
		return COUNT_DROP_NO_ROUTE;
	case EPERM:
	case EACCES:
		return COUNT_DROP_FILTERED;
	default:
		return COUNT_DROP_OTHER;
	}
}

void
dst_told(struct dst *d, int err)
{
	if ((d->traits & KIND_ECHOES) && is_echo(err))
		d->earlier = (uint8_t)reason_of(err);
}

/*
 * One call.  An error that an earlier datagram caused (a port that is not
 * there) comes with the next one, which was not sent: it goes again.  The
 * earlier one was lost and has been counted as sent.
 */
static ssize_t
send_once(struct dst *d, const uint8_t *data, size_t len)
{
	ssize_t sent;
	int told;

	do
		sent = send(d->fd, data, len, SEND_FLAGS);
	while (sent == -1 && errno == EINTR);
	if (sent == -1 && (d->traits & KIND_ECHOES) && is_echo(errno)) {
		told = errno;
		sent = send(d->fd, data, len, SEND_FLAGS);
		if (sent != -1)
			dst_told(d, told);
	}
	return sent;
}

/*
 * The run was sent.  For the one that was lost before, one of these is counted
 * as that: each loss that the kernel told of is counted once.
 */
static void
count_sent(struct dst *d, const struct run *run)
{
	enum count reason =
	    d->replies ? COUNT_REPLIES_DROPPED : (enum count)d->earlier;
	uint32_t lost = d->earlier != 0;
	uint32_t bytes = lost ? run->seg : 0;

	d->earlier = 0;
	counters_add(d->count,
	    d->replies ? COUNT_REPLIES_OUT : COUNT_MESSAGES_OUT,
	    run->count - lost);
	counters_add(d->count,
	    d->replies ? COUNT_BYTES_TO_SRC : COUNT_BYTES_TO_DST,
	    run->len - bytes);
	if (lost)
		counters_add(d->count, reason, 1);
}

/* The run was not sent; errno says why. */
static void
count_drop(struct dst *d, const struct run *run)
{
	enum count reason = reason_of(errno);

	d->earlier = 0;
	if (reason == COUNT_DROP_NO_ROUTE ||
	    (reason == COUNT_DROP_REFUSED && !(d->traits & KIND_ECHOES)))
		d->lost = 1;
	if (d->replies)
		reason = COUNT_REPLIES_DROPPED;
	counters_add(d->count, reason, run->count);
}

/* One datagram, as it is. */
static void
send_plain(struct dst *d, const struct run *run)
{
	ssize_t sent;

	if (d->segment != 0 && run->len > d->segment)
		(void)set_segment(d, 0);
	sent = send_once(d, run->data, run->len);
	if (sent == -1 && d->segment != 0 && is_group_error(errno)) {
		/* the kept segment size offends, maybe */
		no_groups(d, d->segment, errno);
		sent = send_once(d, run->data, run->len);
	}
	if (sent == -1)
		count_drop(d, run);
	else
		count_sent(d, run);
}

/* The datagrams of a run one by one; returns how many. */
static uint32_t
send_each(struct dst *d, const struct run *run)
{
	struct run one;
	uint32_t at, len;

	for (at = 0; at < run->len; at += len) {
		len = run->len - at < run->seg ? run->len - at : run->seg;
		group_run(&one, run->data + at, len, 0);
		send_plain(d, &one);
	}
	return run->count;
}

uint32_t
dst_send(struct dst *d, const struct run *run)
{
	if (d->segment == SEGMENT_UNKNOWN)
		(void)set_segment(d, 0);
	if (run->count == 1)
		send_plain(d, run);
	else if (run->seg >= d->group_max || set_segment(d, run->seg) == -1)
		return send_each(d, run);
	else if (send_once(d, run->data, run->len) != -1)
		count_sent(d, run);
	else if (is_group_error(errno)) {
		no_groups(d, run->seg, errno);
		return send_each(d, run);
	} else
		count_drop(d, run);
	return 1;
}

int
dst_was_lost(struct dst *d, uint64_t now_ms)
{
	if (!d->lost)
		return 0;
	d->lost = 0;
	if (d->lost_ms != 0 && now_ms - d->lost_ms < LOST_MS)
		return 0;
	d->lost_ms = now_ms;
	return 1;
}
