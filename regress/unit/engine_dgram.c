/* See engine_dgram.h. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "../../common/clock.h"
#include "engine_dgram.h"

struct edgram edgram;

int
edgram_socket(int family)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	assert_return_code(fd, errno);
	return fd;
}

static int
edgram_kind_socket(enum addr_kind kind, int family)
{
	int fd;

	if (kind != ADDR_UDPLITE)
		return edgram_socket(family);
	fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK, IPPROTO_UDPLITE);
	assert_return_code(fd, errno);
	return fd;
}

int
edgram_bound(enum addr_kind kind, int family, struct sockaddr_storage *at,
    socklen_t *len)
{
	int large = 4 * 1024 * 1024, fd;

	memset(at, 0, sizeof *at);
	*len = sizeof(sa_family_t);
	at->ss_family = (sa_family_t)family;
	if (family == AF_INET) {
		((struct sockaddr_in *)at)->sin_addr.s_addr =
		    htonl(INADDR_LOOPBACK);
		*len = sizeof(struct sockaddr_in);
	} else if (family == AF_INET6) {
		((struct sockaddr_in6 *)at)->sin6_addr = in6addr_loopback;
		*len = sizeof(struct sockaddr_in6);
	}
	fd = edgram_kind_socket(kind, family);
	assert_return_code(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &large,
			       sizeof large) == -1 ?
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &large, sizeof large) :
		0,
	    errno);
	assert_return_code(bind(fd, (struct sockaddr *)at, *len), errno);
	*len = sizeof *at;
	assert_return_code(getsockname(fd, (struct sockaddr *)at, len), errno);
	return fd;
}

int
edgram_connected(enum addr_kind kind, const struct sockaddr_storage *to,
    socklen_t len)
{
	int fd = edgram_kind_socket(kind, to->ss_family);

	assert_return_code(connect(fd, (const struct sockaddr *)to, len),
	    errno);
	return fd;
}

static int
edgram_family(enum addr_kind kind)
{
	return kind == ADDR_UNIXDGRAM ? AF_UNIX : AF_INET;
}

void
edgram_send_src(uint16_t type, enum addr_kind kind)
{
	struct inner_src m = { .src = SRC, .kind = (uint8_t)kind };
	uint8_t buf[64];
	struct frame_out out;

	frame_begin(&out, buf, sizeof buf, type, 0, 0);
	inner_put_src(&out, &m);
	erig_send(&edgram.rig, &out, &edgram.src, type == MSG_P2E_SRC ? 1 : 0);
}

/* As the parent opens it; nothing is handed over yet. */
void
edgram_make_src(enum addr_kind kind)
{
	struct sockaddr_storage at;
	socklen_t len;
	int on = 1;

	edgram.src = edgram_bound(kind, edgram_family(kind), &at, &len);
	edgram.sender = edgram_connected(kind, &at, len);
	assert_return_code(setsockopt(edgram.src, SOL_SOCKET, SO_RXQ_OVFL, &on,
			       sizeof on),
	    errno);
	if (kind == ADDR_UDP)
		assert_return_code(setsockopt(edgram.src, IPPROTO_UDP, UDP_GRO,
				       &on, sizeof on),
		    errno);
}

void
edgram_open_src(enum addr_kind kind)
{
	edgram_make_src(kind);
	edgram_send_src(MSG_P2E_SRC, kind);
}

void
edgram_send_dst_on(struct edgram_dst *t, uint32_t slot, uint32_t src)
{
	struct inner_dst m = { .slot = slot,
		.id = 500 + slot,
		.serial = ++edgram.rig.serial,
		.src = src,
		.kind = t->kind,
		.mute = t->mute,
		.tune = t->tune };
	uint8_t buf[128];
	struct frame_out out;

	t->serial = m.serial;
	frame_begin(&out, buf, sizeof buf, MSG_P2E_DST, 0, 0);
	inner_put_dst(&out, &m);
	erig_send(&edgram.rig, &out, &t->inside, 1);
}

void
edgram_send_dst(struct edgram_dst *t, uint32_t slot)
{
	edgram_send_dst_on(t, slot, SRC);
}

/* Attaches a dst and waits until the engine has it. */
void
edgram_attach(struct edgram_dst *t, uint32_t slot)
{
	struct inner_which which;
	struct frame_in in;

	edgram_send_dst(t, slot);
	erig_packet(&edgram.rig, MSG_E2P_INSTALLED, &in);
	inner_get_which(&in, &which);
	assert_int_equal(frame_done(&in), 0);
	assert_int_equal(which.slot, slot);
	assert_int_equal(which.serial, t->serial);
}

void
edgram_make_dst(struct edgram_dst *t, enum addr_kind kind, int family)
{
	struct sockaddr_storage at;
	socklen_t len;

	memset(t, 0, sizeof *t);
	t->receiver = edgram_bound(kind, family, &at, &len);
	t->inside = edgram_connected(kind, &at, len);
	t->kind = (uint8_t)kind;
}

void
edgram_open_dst(struct edgram_dst *t, uint32_t slot, enum addr_kind kind)
{
	edgram_make_dst(t, kind, edgram_family(kind));
	edgram_attach(t, slot);
}

void
edgram_close_dst(struct edgram_dst *t)
{
	close(t->inside);
	if (t->receiver != -1)
		close(t->receiver);
}

uint64_t
edgram_drops(uint32_t slot)
{
	uint64_t sum = 0;
	int c;

	for (c = COUNT_DROP_FIRST; c < COUNTS; c++)
		sum += erig_count(&edgram.rig, slot, (enum count)c);
	return sum;
}

/*
 * Those on the way: came or were copied, and had no end yet.  The ends are
 * read first, for each comes after its beginning.
 */
static uint64_t
edgram_under_way(uint32_t slot)
{
	uint64_t ends = edgram_drops(slot) +
	    erig_count(&edgram.rig, slot, COUNT_MESSAGES_OUT);

	return erig_count(&edgram.rig, slot, COUNT_MESSAGES_IN) +
	    erig_count(&edgram.rig, slot, COUNT_COPIES) - ends;
}

void
edgram_wait_balance(uint32_t slot, uint64_t n)
{
	uint64_t since_ms = clock_ms();

	erig_wait_count(&edgram.rig, slot, COUNT_MESSAGES_IN, n);
	while (edgram_under_way(slot) != 0 && clock_ms() - since_ms < 20000)
		erig_pause(since_ms);
	assert_int_equal(edgram_under_way(slot), 0);
}

/* The nth datagram has a content of its own. */
static void
fill(uint8_t *buf, size_t len, unsigned int n)
{
	size_t i;

	for (i = 0; i < len; i++)
		buf[i] = (uint8_t)(n * 7 + i * 13 + (i >> 8));
}

void
edgram_give_by(int sender, size_t len, unsigned int n)
{
	static uint8_t buf[70000];

	fill(buf, len, n);
	erig_poll(sender, POLLOUT);
	assert_int_equal(send(sender, buf, len, 0), len);
}

void
edgram_give(size_t len, unsigned int n)
{
	edgram_give_by(edgram.sender, len, n);
}

void
edgram_expect(const struct edgram_dst *t, size_t len, unsigned int n)
{
	static uint8_t want[70000], got[70000];

	fill(want, len, n);
	erig_poll(t->receiver, POLLIN);
	assert_int_equal(recv(t->receiver, got, sizeof got, 0), len);
	assert_memory_equal(got, want, len);
}

static void
set_segment(int seg)
{
	assert_return_code(setsockopt(edgram.sender, IPPROTO_UDP, UDP_SEGMENT,
			       &seg, sizeof seg),
	    errno);
}

/* A group in one call, cut by the kernel into datagrams of seg bytes. */
void
edgram_give_group(size_t len, int seg)
{
	static uint8_t buf[70000];

	fill(buf, len, 0);
	set_segment(seg);
	assert_int_equal(send(edgram.sender, buf, len, 0), len);
	set_segment(0);
}

void
edgram_expect_group(const struct edgram_dst *t, size_t len, size_t seg)
{
	static uint8_t want[70000], got[70000];
	size_t at, n;

	fill(want, len, 0);
	for (at = 0; at < len; at += n) {
		n = len - at < seg ? len - at : seg;
		erig_poll(t->receiver, POLLIN);
		assert_int_equal(recv(t->receiver, got, sizeof got, 0), n);
		assert_memory_equal(got, want + at, n);
	}
}
