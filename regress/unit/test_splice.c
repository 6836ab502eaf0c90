/*
 * Bytes in bulk: by splice they arrive as by copy, and the engine goes from
 * one to the other and back without losing their order.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "../../common/limits.h"
#include "../../mctd/engine/engine.h"
#include "engine_one.h"
#include "engine_spy.h"

#define SLOT EONE_SLOT
#define MIB  (1024 * 1024)

static struct erig *rig = &eone.rig;
static struct erig_side *peer = &eone.peer;
static struct erig_side *dst = &eone.dst;

static void
bulk_goes_by_splice_both_ways(void **state)
{
	uint64_t before;
	size_t i;

	(void)state;
	for (i = 0; i < EONE_KINDS; i++) {
		before = espy->in;
		eone_open(eone_kinds[i][0], eone_kinds[i][1]);
		erig_exchange(peer->outside, dst->outside, 12 * MIB + 1,
		    7 * MIB + 3, 65536);
		eone_finish_counted(12 * MIB + 1, 7 * MIB + 3);
		assert_true(espy->in - before > 65536);
		assert_int_equal(espy->in, espy->out);
	}
}

/* As if room was always there: what is not taken waits in the pipe. */
static void
bytes_that_wait_in_a_pipe_arrive(void **state)
{
	size_t i;

	(void)state;
	espy->roomy = 1;
	for (i = 0; i < EONE_KINDS; i++) {
		eone_open(eone_kinds[i][0], eone_kinds[i][1]);
		erig_exchange(peer->outside, dst->outside, 3 * MIB + 5, 2 * MIB,
		    1009);
		eone_finish_counted(3 * MIB + 5, 2 * MIB);
		assert_int_equal(espy->in, espy->out);
	}
}

static void
small_buffers_pass_every_byte(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < 2 * EONE_KINDS; i++) {
		espy->roomy = i & 1;
		erig_pair(peer, eone_kinds[i / 2][0], 8192);
		erig_pair(dst, eone_kinds[i / 2][1], 8192);
		erig_session(rig, SLOT, peer, dst, 0, 0);
		erig_exchange(peer->outside, dst->outside, 300001, 200000,
		    65536);
		eone_finish_counted(300001, 200000);
	}
}

/* A call that a signal cut short is made again. */
static void
interrupted_splice_goes_on(void **state)
{
	size_t i;

	(void)state;
	espy->interrupted = 1;
	for (i = 0; i < 2 * EONE_KINDS; i++) {
		espy->roomy = i & 1;
		eone_open(eone_kinds[i / 2][0], eone_kinds[i / 2][1]);
		erig_exchange(peer->outside, dst->outside, 4 * MIB, 3 * MIB,
		    65536);
		eone_finish_counted(4 * MIB, 3 * MIB);
	}
	assert_true(espy->in > 0);
}

/* To and fro, n times, from where on in the pattern. */
static void
ping_pong(size_t from, unsigned int n)
{
	for (; n > 0; n--, from++) {
		erig_write(peer->outside, from, n);
		erig_read(dst->outside, from, n);
		erig_write(dst->outside, from, 1);
		erig_read(peer->outside, from, 1);
	}
}

static void
small_messages_and_bulk_take_turns(void **state)
{
	const unsigned int rounds = 5, n = 40;
	unsigned int round;
	uint64_t before;
	size_t i;

	(void)state;
	for (i = 0; i < EONE_KINDS; i++) {
		eone_open(eone_kinds[i][0], eone_kinds[i][1]);
		for (round = 0; round < rounds; round++) {
			before = espy->in;
			erig_exchange(peer->outside, dst->outside, 3 * MIB,
			    (round & 1) * MIB, 65536);
			/* out of a local socket into TCP all is copied */
			if (eone_kinds[i][0] == ADDR_TCP ||
			    eone_kinds[i][1] != ADDR_TCP)
				assert_true(espy->in - before > 0);
			ping_pong(round, n); /* it may be spliced still */
			before = espy->in;
			ping_pong(round, n);
			if (eone_kinds[i][0] == ADDR_TCP &&
			    eone_kinds[i][1] == ADDR_TCP)
				assert_int_equal(espy->in, before);
		}
		eone_finish_counted(rounds * (3 * MIB + 2 * (n * (n + 1) / 2)),
		    rounds / 2 * MIB + rounds * 2 * n);
	}
}

/* The bytes come first, then the end; the other way flows on. */
static void
half_close_after_bulk_keeps_other_direction(void **state)
{
	struct erig_side *first, *second;
	size_t i;

	(void)state;
	for (i = 0; i < 4 * EONE_KINDS; i++) {
		espy->roomy = i / 2 & 1;
		eone_open(eone_kinds[i / 4][0], eone_kinds[i / 4][1]);
		first = i % 2 == 0 ? peer : dst;
		second = i % 2 == 0 ? dst : peer;
		erig_exchange(first->outside, second->outside, 2 * MIB, MIB,
		    65536);
		erig_write(first->outside, 0, 100000);
		shutdown(first->outside, SHUT_WR);
		erig_read(second->outside, 0, 100000);
		erig_read_end(second->outside, 0);
		erig_exchange(second->outside, first->outside, 3 * MIB, 0,
		    65536);
		shutdown(second->outside, SHUT_WR);
		erig_read_end(first->outside, 0);
		eone_wait_end(END_CLEAN, 0);
	}
}

/* n bytes, each part of them ends with an urgent one. */
static void
send_with_urgent_bytes(size_t n, size_t part)
{
	struct pollfd p[2] = { { .fd = peer->outside },
		{ .fd = dst->outside } };
	size_t sent = 0, got = 0, more;

	while (got < n) {
		p[0].events = sent < n ? POLLOUT : 0;
		p[1].events = POLLIN;
		assert_true(poll(p, 2, 20000) > 0);
		if (p[0].revents & POLLOUT) {
			more = part - sent % part;
			sent += more > 1 ?
			    erig_write_some(peer->outside, sent, more - 1, 0) :
			    erig_write_some(peer->outside, sent, 1, MSG_OOB);
		}
		if (p[1].revents & POLLIN)
			got += erig_read_some(dst->outside, got, 65536);
	}
}

static void
urgent_bytes_keep_their_place(void **state)
{
	static const size_t parts[] = { 3, 1000, 65537, 300000 };
	size_t i, k, n;

	(void)state;
	for (i = 0; i < EONE_KINDS; i++) {
		eone_open(eone_kinds[i][0], eone_kinds[i][1]);
		/* so that it goes by splice from then on */
		erig_exchange(peer->outside, dst->outside, 3 * MIB, 0, 65536);
		for (n = k = 0; k < sizeof parts / sizeof parts[0]; k++) {
			send_with_urgent_bytes(7 * parts[k], parts[k]);
			n += 7 * parts[k];
		}
		eone_finish_counted(3 * MIB + n, 0);
	}
}

/* The last byte of all is urgent, and nothing follows. */
static void
urgent_byte_alone_arrives(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < EONE_KINDS; i++) {
		eone_open(eone_kinds[i][0], eone_kinds[i][1]);
		erig_exchange(peer->outside, dst->outside, 3 * MIB, 0, 65536);
		assert_int_equal(erig_write_some(peer->outside, 0, 1, MSG_OOB),
		    1);
		erig_read(dst->outside, 0, 1);
		eone_finish_counted(3 * MIB + 1, 0);
	}
}

/* They ride on bytes that go by splice; whoever waits for them is told. */
static void
descriptors_on_spliced_bytes_do_not_leak(void **state)
{
	unsigned int before;
	int pair[2], i, n;

	(void)state;
	for (i = 0; i < 2; i++) {
		eone_open(ADDR_UNIX, i == 0 ? ADDR_TCP : ADDR_UNIX);
		erig_exchange(peer->outside, dst->outside, MIB, 0, 65536);
		before = erig_descriptors(rig);
		for (n = 0; n < 5; n++) {
			assert_return_code(pipe(pair), errno);
			erig_write_descriptor(peer->outside, 0, 100, pair[1]);
			close(pair[1]);
			erig_write(peer->outside, 100, 100);
			erig_read(dst->outside, 0, 200);
			erig_read_pipe_end(pair[0]);
			close(pair[0]);
		}
		assert_int_equal(erig_descriptors(rig), before);
		eone_finish_counted(MIB + 5 * 200, 0);
	}
}

/* What it sent before that arrives. */
static void
reset_in_bulk_is_reported(void **state)
{
	struct erig_side *side;
	size_t i;

	(void)state;
	for (i = 0; i < 4 * EONE_KINDS; i++) {
		espy->roomy = i / 2 & 1;
		eone_open(eone_kinds[i / 4][0], eone_kinds[i / 4][1]);
		erig_exchange(peer->outside, dst->outside, 2 * MIB, 2 * MIB,
		    65536);
		/* something lies in its queue, so a local one resets, too */
		erig_write(peer->outside, 0, 100000);
		erig_write(dst->outside, 0, 100000);
		side = i % 2 == 0 ? peer : dst;
		erig_poll(side->outside, POLLIN);
		erig_wait_acked(side->outside);
		erig_reset(side->outside);
		side->outside = -1;
		if (i % 2 == 0)
			erig_read(dst->outside, 0, 100000);
		else
			erig_read(peer->outside, 0, 100000);
		eone_wait_end(i % 2 == 0 ? END_PEER_RESET : END_DST_RESET,
		    ECONNRESET);
	}
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, eone_start, eone_stop)
		TEST(bulk_goes_by_splice_both_ways),
		TEST(bytes_that_wait_in_a_pipe_arrive),
		TEST(small_buffers_pass_every_byte),
		TEST(interrupted_splice_goes_on),
		TEST(small_messages_and_bulk_take_turns),
		TEST(half_close_after_bulk_keeps_other_direction),
		TEST(urgent_bytes_keep_their_place),
		TEST(urgent_byte_alone_arrives),
		TEST(descriptors_on_spliced_bytes_do_not_leak),
		TEST(reset_in_bulk_is_reported),
	};

	erig_init(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
