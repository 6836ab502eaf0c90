/* See engine_flow.h. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "engine_flow.h"

static struct erig *rig = &edgram.rig;
struct edgram_dst eflow_dst;
static struct sockaddr_storage src_at;
static socklen_t src_len;

void
eflow_join(int fd, const struct sockaddr_storage *at)
{
	assert_return_code(connect(fd, (const struct sockaddr *)at,
			       sizeof(struct sockaddr_in)),
	    errno);
}

void
eflow_make(struct eflow *e)
{
	struct sockaddr_storage beside, there, back;
	socklen_t len;

	memset(e, 0, sizeof *e);
	e->asker = edgram_bound(ADDR_UDP, AF_INET, &e->at, &len);
	addr_from_kernel(&e->name, ADDR_UDP, (struct sockaddr *)&e->at, len);
	e->fd[0] = edgram_bound(ADDR_UDP, AF_INET, &beside, &len);
	eflow_join(e->fd[0], &e->at);
	e->server = edgram_bound(ADDR_UDP, AF_INET, &there, &len);
	e->fd[1] = edgram_bound(ADDR_UDP, AF_INET, &back, &len);
	eflow_join(e->fd[1], &there);
	eflow_join(e->server, &back);
}

/* It sends by src, or by its flow from now on. */
void
eflow_by_src(const struct eflow *e)
{
	eflow_join(e->asker, &src_at);
}

void
eflow_aim(const struct eflow *e, const struct eflow *other)
{
	struct sockaddr_storage at;
	socklen_t len = sizeof at;

	assert_return_code(getsockname(other->fd[0], (struct sockaddr *)&at,
			       &len),
	    errno);
	eflow_join(e->asker, &at);
}

void
eflow_by_flow(const struct eflow *e)
{
	eflow_aim(e, e);
}

void
eflow_unmake(const struct eflow *e)
{
	close(e->asker);
	close(e->fd[0]);
	close(e->fd[1]);
	close(e->server);
}

void
eflow_send_src(uint8_t flows)
{
	struct inner_src m = { .src = SRC, .kind = ADDR_UDP, .flows = flows };
	uint8_t buf[64];
	struct frame_out out;

	frame_begin(&out, buf, sizeof buf, MSG_P2E_SRC, 0, 0);
	inner_put_src(&out, &m);
	erig_send(rig, &out, &edgram.src, 1);
}

void
eflow_begin(uint32_t flows, uint32_t idle_ms)
{
	struct erig_setup s;

	erig_as_usual(&s);
	s.start.flows = EFLOW_FLOWS;
	s.start.active = 1;
	erig_start_as(rig, &s);
	edgram_make_src(ADDR_UDP);
	src_len = sizeof src_at;
	assert_return_code(getsockname(edgram.src, (struct sockaddr *)&src_at,
			       &src_len),
	    errno);
	eflow_send_src(1);
	edgram_make_dst(&eflow_dst, ADDR_UDP, AF_INET);
	eflow_dst.tune.flows = flows;
	eflow_dst.tune.idle_ms = idle_ms;
	edgram_attach(&eflow_dst, EFLOW_SLOT);
}

void
eflow_finish(int status)
{
	edgram_close_dst(&eflow_dst);
	close(edgram.src);
	close(edgram.sender);
	if (status == 0)
		erig_stop(rig, 0);
	else
		erig_wait_stop(rig, status);
}

void
eflow_expect_asker(void)
{
	struct inner_asker m;
	struct frame_in in;

	erig_packet(rig, MSG_E2P_ASKER, &in);
	inner_get_asker(&in, &m);
	assert_int_equal(frame_done(&in), 0);
	assert_int_equal(m.slot, EFLOW_SLOT);
	assert_int_equal(m.serial, eflow_dst.serial);
	assert_int_equal(m.src, SRC);
	assert_int_equal(m.local.kind, ADDR_NONE);
}

void
eflow_expect_ended(uint32_t flow, const struct eflow *e)
{
	struct inner_flow m;
	struct frame_in in;

	erig_packet(rig, MSG_E2P_FLOW_ENDED, &in);
	inner_get_flow(&in, &m);
	assert_int_equal(frame_done(&in), 0);
	assert_int_equal(m.flow, flow);
	assert_int_equal(m.flow_serial, e->serial);
}

void
eflow_usual(struct inner_flow *m, uint32_t flow, struct eflow *e)
{
	memset(m, 0, sizeof *m);
	e->serial = ++rig->serial;
	m->flow = flow;
	m->flow_serial = e->serial;
	m->slot = EFLOW_SLOT;
	m->serial = eflow_dst.serial;
	m->kind = m->dst_kind = ADDR_UDP;
	m->replies = 1;
	m->asker = e->name;
}

void
eflow_send_as(const struct inner_flow *m, const int *fds, size_t nfds)
{
	uint8_t buf[256];
	struct frame_out out;

	frame_begin(&out, buf, sizeof buf, MSG_P2E_FLOW, 0, 0);
	inner_put_flow(&out, m);
	erig_send(rig, &out, fds, nfds);
}

void
eflow_send(uint32_t flow, struct eflow *e)
{
	struct inner_flow m;

	eflow_usual(&m, flow, e);
	eflow_send_as(&m, e->fd, 2);
}

void
eflow_send_none(uint64_t serial)
{
	struct inner_attach m = { .slot = EFLOW_SLOT,
		.serial = serial,
		.src = SRC };
	uint8_t buf[64];
	struct frame_out out;

	frame_begin(&out, buf, sizeof buf, MSG_P2E_FLOW_NO, 0, 0);
	inner_put_attach(&out, &m);
	erig_send(rig, &out, NULL, 0);
}

/* What fd gets next has that many bytes. */
void
eflow_expect_bytes(int fd, ssize_t bytes)
{
	uint8_t byte;

	erig_poll(fd, POLLIN);
	assert_int_equal(recv(fd, &byte, 1, MSG_TRUNC), bytes);
}

/* Asks by src, and gets a flow of that number. */
void
eflow_get(uint32_t flow, struct eflow *e, size_t bytes)
{
	eflow_by_src(e);
	edgram_give_by(e->asker, bytes, 0);
	eflow_expect_asker();
	eflow_send(flow, e);
	eflow_expect_bytes(e->server, (ssize_t)bytes);
	eflow_by_flow(e);
}

void
eflow_open(uint32_t flow, struct eflow *e, size_t bytes)
{
	eflow_make(e);
	eflow_get(flow, e, bytes);
}

void
eflow_answer(const struct eflow *e, size_t bytes)
{
	edgram_give_by(e->server, bytes, 0);
	eflow_expect_bytes(e->asker, (ssize_t)bytes);
}

void
eflow_check_replies(uint64_t in, uint64_t dropped)
{
	erig_wait_count(rig, EFLOW_SLOT, COUNT_REPLIES_IN, in);
	erig_wait_count(rig, EFLOW_SLOT, COUNT_REPLIES_DROPPED, dropped);
	erig_wait_count(rig, EFLOW_SLOT, COUNT_REPLIES_OUT, in - dropped);
}
