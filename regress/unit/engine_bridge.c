/* See engine_bridge.h. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <unistd.h>

#include "engine_bridge.h"

static void
set(int fd, int level, int option)
{
	int on = 1;

	assert_return_code(setsockopt(fd, level, option, &on, sizeof on),
	    errno);
}

void
ebridge_tell_hops(int src)
{
	struct sockaddr_storage at;
	socklen_t len = sizeof at;

	assert_return_code(getsockname(src, (struct sockaddr *)&at, &len),
	    errno);
	if (at.ss_family == AF_INET6)
		set(src, IPPROTO_IPV6, IPV6_RECVHOPLIMIT);
	if (at.ss_family != AF_UNIX)
		set(src, IPPROTO_IP, IP_RECVTTL);
}

void
ebridge_make_src(struct ebridge_src *s, uint32_t number, enum addr_kind kind,
    int family)
{
	struct sockaddr_storage at;
	socklen_t len;

	s->number = number;
	s->kind = (uint8_t)kind;
	s->inside = edgram_bound(kind, family, &at, &len);
	s->sender = edgram_connected(kind, &at, len);
	set(s->inside, SOL_SOCKET, SO_RXQ_OVFL);
	if (kind == ADDR_UDP)
		set(s->inside, IPPROTO_UDP, UDP_GRO);
}

void
ebridge_send_src(const struct ebridge_src *s, uint16_t type)
{
	struct inner_src m = { .src = s->number, .kind = s->kind };
	struct frame_out out;
	uint8_t buf[64];

	frame_begin(&out, buf, sizeof buf, type, 0, 0);
	inner_put_src(&out, &m);
	erig_send(&edgram.rig, &out, &s->inside, type == MSG_P2E_SRC);
}

void
ebridge_wait_src_closed(uint32_t number)
{
	struct inner_src m;
	struct frame_in in;

	erig_packet(&edgram.rig, MSG_E2P_SRC_CLOSED, &in);
	inner_get_src(&in, &m);
	assert_int_equal(frame_done(&in), 0);
	assert_int_equal(m.src, number);
}

void
ebridge_close_src(struct ebridge_src *s)
{
	close(s->inside);
	close(s->sender);
}

void
ebridge_attach(uint32_t slot, uint64_t serial, uint32_t src)
{
	struct inner_attach m = { .slot = slot, .serial = serial, .src = src };
	struct frame_out out;
	uint8_t buf[64];

	frame_begin(&out, buf, sizeof buf, MSG_P2E_ATTACH, 0, 0);
	inner_put_attach(&out, &m);
	erig_send(&edgram.rig, &out, NULL, 0);
}

void
ebridge_tune(uint32_t slot, uint64_t serial, const struct inner_tune *tune)
{
	struct inner_tune m = *tune;
	struct frame_out out;
	uint8_t buf[128];

	m.slot = slot;
	m.serial = serial;
	frame_begin(&out, buf, sizeof buf, MSG_P2E_TUNE, 0, 0);
	inner_put_tune(&out, &m);
	erig_send(&edgram.rig, &out, NULL, 0);
}

void
ebridge_out(uint16_t type, uint32_t slot, uint64_t serial, uint16_t number,
    const struct edgram_dst *t)
{
	struct inner_out m = { .slot = slot,
		.serial = serial,
		.out = number,
		.kind = t->kind,
		.mute = t->mute };
	struct frame_out out;
	uint8_t buf[64];

	frame_begin(&out, buf, sizeof buf, type, 0, 0);
	inner_put_out(&out, &m);
	erig_send(&edgram.rig, &out, &t->inside, type == MSG_P2E_OUT);
}
