/*
 * Flows in an engine: who is asked for, what goes where, who gives way, what
 * a parent cannot mean; and deaths with datagrams and answers in the hand.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>
#include <sys/syscall.h>

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "../../common/clock.h"
#include "engine_dgram.h"
#include "engine_trace.h"

#define SLOT  1
#define FLOWS 4 /* of the engine */

/* An asker, and what the parent makes for it. */
struct ends {
	int asker;
	int fd[2];  /* the flow's: to the asker, to dst */
	int server; /* what dst is here, connected to the flow's */
	struct sockaddr_storage at;
	struct addr name;
	uint64_t serial;
};

static struct erig *rig = &edgram.rig;
static struct edgram_dst dst;
static struct sockaddr_storage src_at;
static socklen_t src_len;

static void
join(int fd, const struct sockaddr_storage *at)
{
	assert_return_code(connect(fd, (const struct sockaddr *)at,
			       sizeof(struct sockaddr_in)),
	    errno);
}

static void
make(struct ends *e)
{
	struct sockaddr_storage beside, there, back;
	socklen_t len;

	memset(e, 0, sizeof *e);
	e->asker = edgram_bound(ADDR_UDP, AF_INET, &e->at, &len);
	addr_from_kernel(&e->name, ADDR_UDP, (struct sockaddr *)&e->at, len);
	e->fd[0] = edgram_bound(ADDR_UDP, AF_INET, &beside, &len);
	join(e->fd[0], &e->at);
	e->server = edgram_bound(ADDR_UDP, AF_INET, &there, &len);
	e->fd[1] = edgram_bound(ADDR_UDP, AF_INET, &back, &len);
	join(e->fd[1], &there);
	join(e->server, &back);
}

/* It sends by src, or by its flow from now on. */
static void
by_src(const struct ends *e)
{
	join(e->asker, &src_at);
}

static void
send_to_flow(const struct ends *e, const struct ends *other)
{
	struct sockaddr_storage at;
	socklen_t len = sizeof at;

	assert_return_code(getsockname(other->fd[0], (struct sockaddr *)&at,
			       &len),
	    errno);
	join(e->asker, &at);
}

static void
by_flow(const struct ends *e)
{
	send_to_flow(e, e);
}

static void
unmake(const struct ends *e)
{
	close(e->asker);
	close(e->fd[0]);
	close(e->fd[1]);
	close(e->server);
}

static void
send_src(uint8_t flows)
{
	struct inner_src m = { .src = SRC, .kind = ADDR_UDP, .flows = flows };
	uint8_t buf[64];
	struct frame_out out;

	frame_begin(&out, buf, sizeof buf, MSG_P2E_SRC, 0, 0);
	inner_put_src(&out, &m);
	erig_send(rig, &out, &edgram.src, 1);
}

static void
begin(uint32_t flows, uint32_t idle_ms)
{
	struct erig_setup s;

	erig_as_usual(&s);
	s.start.flows = FLOWS;
	s.start.active = 1;
	erig_start_as(rig, &s);
	edgram_make_src(ADDR_UDP);
	src_len = sizeof src_at;
	assert_return_code(getsockname(edgram.src, (struct sockaddr *)&src_at,
			       &src_len),
	    errno);
	send_src(1);
	edgram_make_dst(&dst, ADDR_UDP, AF_INET);
	dst.tune.flows = flows;
	dst.tune.idle_ms = idle_ms;
	edgram_attach(&dst, SLOT);
}

static void
finish(int status)
{
	edgram_close_dst(&dst);
	close(edgram.src);
	close(edgram.sender);
	if (status == 0)
		erig_stop(rig, 0);
	else
		erig_wait_stop(rig, status);
}

static void
expect_asker(void)
{
	struct inner_asker m;
	struct frame_in in;

	erig_packet(rig, MSG_E2P_ASKER, &in);
	inner_get_asker(&in, &m);
	assert_int_equal(frame_done(&in), 0);
	assert_int_equal(m.slot, SLOT);
	assert_int_equal(m.serial, dst.serial);
	assert_int_equal(m.src, SRC);
	assert_int_equal(m.local.kind, ADDR_NONE);
}

static void
expect_ended(uint32_t flow, const struct ends *e)
{
	struct inner_flow m;
	struct frame_in in;

	erig_packet(rig, MSG_E2P_FLOW_ENDED, &in);
	inner_get_flow(&in, &m);
	assert_int_equal(frame_done(&in), 0);
	assert_int_equal(m.flow, flow);
	assert_int_equal(m.flow_serial, e->serial);
}

static void
usual(struct inner_flow *m, uint32_t flow, struct ends *e)
{
	memset(m, 0, sizeof *m);
	e->serial = ++rig->serial;
	m->flow = flow;
	m->flow_serial = e->serial;
	m->slot = SLOT;
	m->serial = dst.serial;
	m->kind = m->dst_kind = ADDR_UDP;
	m->replies = 1;
	m->asker = e->name;
}

static void
send_flow_as(const struct inner_flow *m, const int *fds, size_t nfds)
{
	uint8_t buf[256];
	struct frame_out out;

	frame_begin(&out, buf, sizeof buf, MSG_P2E_FLOW, 0, 0);
	inner_put_flow(&out, m);
	erig_send(rig, &out, fds, nfds);
}

static void
send_flow(uint32_t flow, struct ends *e)
{
	struct inner_flow m;

	usual(&m, flow, e);
	send_flow_as(&m, e->fd, 2);
}

static void
send_none(uint64_t serial)
{
	struct inner_attach m = { .slot = SLOT, .serial = serial, .src = SRC };
	uint8_t buf[64];
	struct frame_out out;

	frame_begin(&out, buf, sizeof buf, MSG_P2E_FLOW_NO, 0, 0);
	inner_put_attach(&out, &m);
	erig_send(rig, &out, NULL, 0);
}

/* What fd gets next has that many bytes. */
static void
expect_bytes(int fd, ssize_t bytes)
{
	uint8_t byte;

	erig_poll(fd, POLLIN);
	assert_int_equal(recv(fd, &byte, 1, MSG_TRUNC), bytes);
}

/* Asks by src, and gets a flow of that number. */
static void
get_flow(uint32_t flow, struct ends *e, size_t bytes)
{
	by_src(e);
	edgram_give_by(e->asker, bytes, 0);
	expect_asker();
	send_flow(flow, e);
	expect_bytes(e->server, (ssize_t)bytes);
	by_flow(e);
}

static void
begin_flow(uint32_t flow, struct ends *e, size_t bytes)
{
	make(e);
	get_flow(flow, e, bytes);
}

static void
answer(const struct ends *e, size_t bytes)
{
	edgram_give_by(e->server, bytes, 0);
	expect_bytes(e->asker, (ssize_t)bytes);
}

static void
check_replies(uint64_t in, uint64_t dropped)
{
	erig_wait_count(rig, SLOT, COUNT_REPLIES_IN, in);
	erig_wait_count(rig, SLOT, COUNT_REPLIES_DROPPED, dropped);
	erig_wait_count(rig, SLOT, COUNT_REPLIES_OUT, in - dropped);
}

static void
each_asker_has_its_flow(void **state)
{
	struct ends e[3];
	uint32_t i;

	(void)state;
	begin(3, 0);
	for (i = 0; i < 3; i++)
		begin_flow(i, &e[i], 100 + i);
	for (i = 0; i < 3; i++) {
		edgram_give_by(e[i].asker, 200 + i, 0);
		expect_bytes(e[i].server, (ssize_t)(200 + i));
		answer(&e[i], 300 + i);
	}
	/* by src again: it is known there, too */
	by_src(&e[1]);
	edgram_give_by(e[1].asker, 400, 0);
	expect_bytes(e[1].server, 400);
	edgram_wait_balance(SLOT, 7);
	check_replies(3, 0);
	assert_int_equal(erig_count(rig, SLOT, COUNT_FLOWS), 3);
	for (i = 0; i < 3; i++)
		unmake(&e[i]);
	finish(0);
}

/* Only the one that was asked for is dropped; it is asked again. */
static void
each_head_is_asked_for(void **state)
{
	struct ends e;

	(void)state;
	begin(3, 0);
	make(&e);
	by_src(&e);
	edgram_give_by(e.asker, 10, 0);
	expect_asker();
	edgram_give_by(e.asker, 11, 0);
	send_none(dst.serial);
	expect_asker();
	erig_wait_count(rig, SLOT, COUNT_DROP_FLOW, 1);
	send_flow(2, &e);
	expect_bytes(e.server, 11);
	edgram_wait_balance(SLOT, 2);
	unmake(&e);
	finish(0);
}

/*
 * A flow's socket that is not connected, as it is for a moment, hears
 * everybody: no stranger's datagram goes by another's flow.
 */
static void
strangers_do_not_use_a_flow(void **state)
{
	struct ends known, open, stranger;
	struct sockaddr_storage at;
	socklen_t len;

	(void)state;
	begin(3, 0);
	begin_flow(0, &known, 10);
	make(&open);
	close(open.fd[0]);
	open.fd[0] = edgram_bound(ADDR_UDP, AF_INET, &at, &len);
	get_flow(1, &open, 11);
	make(&stranger);
	edgram_give_by(open.asker, 20, 0);
	expect_bytes(open.server, 20);
	send_to_flow(&known, &open);
	send_to_flow(&stranger, &open);
	edgram_give_by(stranger.asker, 21, 0);
	erig_wait_count(rig, SLOT, COUNT_DROP_FLOW, 1);
	edgram_give_by(known.asker, 22, 0);
	expect_bytes(known.server, 22);
	edgram_give_by(open.asker, 23, 0);
	expect_bytes(open.server, 23);
	edgram_wait_balance(SLOT, 6);
	unmake(&known);
	unmake(&open);
	unmake(&stranger);
	finish(0);
}

static void
who_was_never_answered_gives_way(void **state)
{
	struct ends e[5];
	uint32_t i;

	(void)state;
	begin(3, 0);
	for (i = 0; i < 3; i++)
		begin_flow(i, &e[i], 10);
	answer(&e[0], 20);
	answer(&e[2], 20);
	make(&e[3]);
	by_src(&e[3]);
	edgram_give_by(e[3].asker, 10, 0);
	expect_ended(1, &e[1]); /* first, so that there is room */
	expect_asker();
	send_flow(1, &e[3]);
	expect_bytes(e[3].server, 10);
	by_flow(&e[3]);
	answer(&e[3], 20);
	/* all were answered: the oldest use */
	make(&e[4]);
	by_src(&e[4]);
	edgram_give_by(e[4].asker, 10, 0);
	expect_ended(0, &e[0]);
	expect_asker();
	send_none(dst.serial);
	erig_wait_count(rig, SLOT, COUNT_DROP_FLOW, 1);
	assert_int_equal(erig_count(rig, SLOT, COUNT_FLOWS_DISPLACED), 2);
	for (i = 0; i < 5; i++)
		unmake(&e[i]);
	finish(0);
}

static void
fewer_may_be_asked_for(void **state)
{
	struct ends e[3];
	struct frame_out out;
	uint8_t buf[128];
	uint32_t i;

	(void)state;
	begin(3, 0);
	for (i = 0; i < 3; i++)
		begin_flow(i, &e[i], 10);
	dst.tune.slot = SLOT;
	dst.tune.serial = dst.serial;
	dst.tune.flows = 1;
	frame_begin(&out, buf, sizeof buf, MSG_P2E_TUNE, 0, 0);
	inner_put_tune(&out, &dst.tune);
	erig_send(rig, &out, NULL, 0);
	expect_ended(0, &e[0]);
	expect_ended(1, &e[1]);
	answer(&e[2], 20);
	for (i = 0; i < 3; i++)
		unmake(&e[i]);
	finish(0);
}

static void
silent_ones_end(void **state)
{
	struct ends e;
	unsigned int before;

	(void)state;
	begin(3, 300);
	before = erig_descriptors(rig);
	begin_flow(0, &e, 10);
	answer(&e, 20);
	expect_ended(0, &e);
	assert_int_equal(erig_descriptors(rig), before);
	unmake(&e);
	finish(0);
}

/* With its bridge, without a word; and what comes for it then is closed. */
static void
flows_end_with_their_bridge(void **state)
{
	struct ends e, late;
	unsigned int before;

	(void)state;
	begin(3, 0);
	before = erig_descriptors(rig);
	begin_flow(0, &e, 10);
	make(&late);
	by_src(&late);
	edgram_give_by(late.asker, 10, 0);
	expect_asker();
	erig_close(rig, SLOT, dst.serial);
	send_flow(1, &late);
	send_none(dst.serial);
	(void)erig_wait_end(rig, SLOT);
	erig_wait_taken(rig);
	/* its dst's as well */
	assert_int_equal(erig_descriptors(rig), before - 1);
	unmake(&e);
	unmake(&late);
	finish(0);
}

/* One thing that is wrong, each time; the engine ends. */
static void
refuse(void (*spoil)(struct inner_flow *), int asked, size_t nfds)
{
	struct inner_flow m;
	struct ends e;

	begin(3, 0);
	make(&e);
	by_src(&e);
	if (asked) {
		edgram_give_by(e.asker, 10, 0);
		expect_asker();
	}
	usual(&m, 0, &e);
	if (spoil != NULL)
		spoil(&m);
	send_flow_as(&m, e.fd, nfds);
	unmake(&e);
	finish(1);
}

static void
spoil_number(struct inner_flow *m)
{
	m->flow = FLOWS;
}

static void
spoil_serial(struct inner_flow *m)
{
	m->flow_serial = 0;
}

static void
spoil_slot(struct inner_flow *m)
{
	m->slot = ERIG_BRIDGES + 1;
}

static void
spoil_kind(struct inner_flow *m)
{
	m->kind = ADDR_UDPLITE;
}

static void
spoil_dst_kind(struct inner_flow *m)
{
	m->dst_kind = ADDR_TCP;
}

static void
spoil_asker(struct inner_flow *m)
{
	m->asker.kind = ADDR_UNIXDGRAM;
}

static void
what_a_parent_cannot_mean(void **state)
{
	(void)state;
	refuse(spoil_number, 1, 2);
	refuse(spoil_serial, 1, 2);
	refuse(spoil_slot, 1, 2);
	refuse(spoil_kind, 1, 2);
	refuse(spoil_dst_kind, 1, 2);
	refuse(spoil_asker, 1, 2);
	refuse(NULL, 1, 1);
	refuse(NULL, 0, 2); /* nobody was asked for */
}

/* The same number, or the same asker, twice; none where none was asked for. */
static void
what_it_cannot_mean_again(void **state)
{
	struct inner_flow m;
	struct ends e;
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		begin(3, 0);
		begin_flow(0, &e, 10);
		usual(&m, i == 0 ? 0 : 1, &e);
		m.recovered = 1;
		if (i == 0)
			m.asker.u.in.sin_port ^= 1;
		if (i < 2)
			send_flow_as(&m, e.fd, 2);
		else
			send_none(dst.serial);
		unmake(&e);
		finish(1);
	}
}

/* A src without flows has none; one with them has one bridge. */
static void
flows_are_where_they_were_told(void **state)
{
	struct edgram_dst second;
	struct ends e;

	(void)state;
	erig_start(rig, 1, 0);
	edgram_open_src(ADDR_UDP);
	edgram_open_dst(&dst, SLOT, ADDR_UDP);
	make(&e);
	send_flow(0, &e);
	unmake(&e);
	finish(1);
	begin(3, 0);
	edgram_make_dst(&second, ADDR_UDP, AF_INET);
	edgram_send_dst(&second, 2);
	edgram_close_dst(&second);
	finish(1);
}

/* Deaths: what is given goes from one socket, and is counted as these. */
struct death {
	enum count in;
	enum count out;
	int answers;
	unsigned int n;
};

static void
tell_again(uint32_t flow, struct ends *e)
{
	struct inner_flow m;
	uint64_t serial = e->serial;

	send_src(1);
	edgram_send_dst(&dst, SLOT);
	usual(&m, flow, e);
	m.flow_serial = e->serial = serial;
	m.recovered = 1;
	send_flow_as(&m, e->fd, 2);
	erig_send_resumed(rig);
}

/* Until it has died, or all went out; then it is killed. */
static void
live(const struct death *d, uint64_t want)
{
	struct pollfd p = { .fd = rig->channel, .events = POLLIN };
	uint64_t since_ms = clock_ms();

	while (erig_count(rig, SLOT, d->out) < want) {
		assert_in_range(clock_ms() - since_ms, 0, 20000);
		if (poll(&p, 1, 1) == 1 && erig_hear(rig) == 0)
			break;
	}
	erig_kill(rig);
}

/* Returns how many were lost. */
static uint64_t
die_once(const struct death *d, unsigned int instructions)
{
	struct etrace *trace;
	struct ends e;
	uint64_t was, lost;
	unsigned int i;
	int from, to;

	begin(3, 0);
	begin_flow(0, &e, 10);
	erig_wait_count(rig, SLOT, COUNT_MESSAGES_OUT, 1);
	was = erig_count(rig, SLOT, d->in);
	from = d->answers ? e.server : e.asker;
	to = d->answers ? e.asker : e.server;
	trace = etrace_begin_after(rig->pid, SYS_recvmmsg, instructions);
	for (i = 0; i < d->n; i++)
		edgram_give_by(from, 100 + i, 0);
	etrace_go(trace);
	live(d, was + d->n);
	(void)etrace_end(trace);
	erig_succeed(rig);
	tell_again(0, &e);
	edgram_give_by(from, 777, 0);
	erig_wait_count(rig, SLOT, d->in, was + d->n + 1);
	lost = erig_count(rig, SLOT,
	    d->answers ? COUNT_REPLIES_DROPPED : COUNT_DROP_ENGINE);
	erig_wait_count(rig, SLOT, d->out, was + d->n + 1 - lost);
	for (i = 0; i + lost < d->n; i++)
		erig_poll(to, POLLIN);
	unmake(&e);
	finish(0);
	return lost;
}

/* On the way from none counted to all sent. */
static void
die_on_the_way(const struct death *d, unsigned int stride)
{
	unsigned int at = 0;
	uint64_t lost;

#ifdef __SANITIZE_ADDRESS__
	stride *= 20;
#endif
	do {
		lost = die_once(d, at);
		if (at == 0)
			assert_int_equal(lost, d->n);
		at += stride;
	} while (lost > 0);
	assert_true(at > stride);
}

static void
datagrams_in_the_hand_are_counted(void **state)
{
	static const struct death d = { COUNT_MESSAGES_IN, COUNT_MESSAGES_OUT,
		0, 5 };

	(void)state;
	die_on_the_way(&d, 211);
}

static void
answers_in_the_hand_are_counted(void **state)
{
	static const struct death d = { COUNT_REPLIES_IN, COUNT_REPLIES_OUT, 1,
		5 };

	(void)state;
	die_on_the_way(&d, 211);
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_asker_has_its_flow),
		cmocka_unit_test(each_head_is_asked_for),
		cmocka_unit_test(strangers_do_not_use_a_flow),
		cmocka_unit_test(who_was_never_answered_gives_way),
		cmocka_unit_test(fewer_may_be_asked_for),
		cmocka_unit_test(silent_ones_end),
		cmocka_unit_test(flows_end_with_their_bridge),
		cmocka_unit_test(what_a_parent_cannot_mean),
		cmocka_unit_test(what_it_cannot_mean_again),
		cmocka_unit_test(flows_are_where_they_were_told),
		cmocka_unit_test(datagrams_in_the_hand_are_counted),
		cmocka_unit_test(answers_in_the_hand_are_counted),
	};

	erig_init(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
