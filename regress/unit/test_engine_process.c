/*
 * The engine and its parent: start, take-over, close, timeouts, ends told
 * once and never lost, and what the parent cannot mean.
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

#include "../../mctd/engine/engine.h"
#include "engine_one.h"
#include "engine_spy.h"

#define SLOT EONE_SLOT

static struct erig *rig = &eone.rig;
static struct erig_side *peer = &eone.peer;
static struct erig_side *dst = &eone.dst;

/* With two slots, so that a sweep of timeouts comes by each soon. */
static int
start_small(void **state)
{
	struct erig_setup s;

	(void)state;
	erig_as_usual(&s);
	s.start.sessions = 2;
	s.start.pipes = 0;
	erig_start_as(rig, &s);
	return 0;
}

static void
open_session(uint32_t idle_ms, uint32_t half_closed_ms)
{
	struct inner_session m = { .idle_ms = idle_ms,
		.half_closed_ms = half_closed_ms };

	eone_open_as(&m, ADDR_TCP, ADDR_TCP);
}

static void
wait_end(enum end_reason reason, uint64_t serial)
{
	const struct inner_end *end = erig_wait_end(rig, SLOT);

	assert_int_equal(end->reason, reason);
	assert_int_equal(end->serial, serial);
}

static void
send_plain(uint16_t type)
{
	uint8_t buf[FRAME_HEADER];
	struct frame_out out;

	frame_begin(&out, buf, sizeof buf, type, 0, 0);
	erig_send(rig, &out, NULL, 0);
}

static void
session_closes_at_request(void **state)
{
	(void)state;
	open_session(0, 0);
	erig_exchange(peer->outside, dst->outside, 1000, 1000, 1000);
	erig_close(rig, SLOT, rig->serial);
	wait_end(END_REQUESTED, rig->serial);
	eone_close();
}

/* The parent's CLOSE and the engine's END meet on the way. */
static void
close_may_cross_the_end(void **state)
{
	(void)state;
	open_session(0, 0);
	shutdown(peer->outside, SHUT_WR);
	shutdown(dst->outside, SHUT_WR);
	erig_read_end(dst->outside, 0);
	erig_read_end(peer->outside, 0);
	wait_end(END_CLEAN, rig->serial);
	erig_close(rig, SLOT, rig->serial);
	eone_close();

	/* the slot's next session is not meant by it */
	open_session(0, 0);
	erig_close(rig, SLOT, rig->serial - 1);
	erig_wait_taken(rig);
	erig_exchange(peer->outside, dst->outside, 1000, 1000, 1000);
	erig_close(rig, SLOT, rig->serial);
	wait_end(END_REQUESTED, rig->serial);
	eone_close();
}

static void
silent_session_ends(void **state)
{
	(void)state;
	open_session(50, 0);
	erig_exchange(peer->outside, dst->outside, 1000, 1000, 1000);
	wait_end(END_IDLE, rig->serial);
	eone_close();
}

static void
half_closed_session_ends_when_silent(void **state)
{
	(void)state;
	open_session(0, 50);
	shutdown(peer->outside, SHUT_WR);
	erig_read_end(dst->outside, 0);
	wait_end(END_HALF_CLOSED, rig->serial);
	eone_close();
}

static void
open_timed(const struct inner_session *times)
{
	struct inner_session m = *times;

	eone_open_as(&m, ADDR_TCP, ADDR_TCP);
}

/* Until the sweep of timeouts has come by each slot. */
static void
wait_sweep(void)
{
	struct inner_session m = { .slot = SLOT + 1, .lifetime_ms = 1 };
	struct erig_side p, d;
	int i;

	for (i = 0; i < 2; i++) {
		erig_pair(&p, ADDR_UNIX, 0);
		erig_pair(&d, ADDR_UNIX, 0);
		erig_session_as(rig, &m, &p, &d);
		assert_int_equal(erig_wait_end(rig, SLOT + 1)->reason,
		    END_LIFETIME);
		erig_close_pair(&p);
		erig_close_pair(&d);
	}
}

/* Before it was half-closed it may have been silent for any time. */
static void
half_closed_time_begins_with_the_half_close(void **state)
{
	const struct inner_session times = { .half_closed_ms = 60000 };
	uint64_t serial;

	(void)state;
	open_timed(&times);
	serial = rig->serial;
	erig_exchange(peer->outside, dst->outside, 1000, 1000, 1000);
	espy->ahead_ms += 120000;
	shutdown(peer->outside, SHUT_WR);
	erig_read_end(dst->outside, 0);
	espy->ahead_ms += 50000;
	wait_sweep();
	erig_write(dst->outside, 0, 1000);
	erig_read(peer->outside, 0, 1000);
	espy->ahead_ms += 50000; /* and begins again with each byte */
	wait_sweep();
	erig_write(dst->outside, 0, 1000);
	erig_read(peer->outside, 0, 1000);
	espy->ahead_ms += 61000;
	wait_end(END_HALF_CLOSED, serial);
	eone_close();
}

static void
idle_time_begins_with_each_byte(void **state)
{
	const struct inner_session times = { .idle_ms = 60000 };
	uint64_t serial;
	int i;

	(void)state;
	open_timed(&times);
	serial = rig->serial;
	for (i = 0; i < 2; i++) {
		espy->ahead_ms += 50000;
		wait_sweep();
		erig_exchange(peer->outside, dst->outside, i == 0, i == 1, 1);
	}
	espy->ahead_ms += 61000;
	wait_end(END_IDLE, serial);
	eone_close();
}

/* However much it moves. */
static void
lifetime_ends_a_session(void **state)
{
	const struct inner_session times = { .lifetime_ms = 3600000,
		.idle_ms = 60000,
		.half_closed_ms = 60000 };
	const struct inner_end *end;
	uint64_t serial;
	int i;

	(void)state;
	open_timed(&times);
	serial = rig->serial;
	for (i = 0; i < 70; i++) {
		erig_exchange(peer->outside, dst->outside, 1000, 1000, 1000);
		espy->ahead_ms += 50000;
	}
	wait_sweep();
	erig_exchange(peer->outside, dst->outside, 1000, 1000, 1000);
	espy->ahead_ms += 51000;
	wait_sweep();
	erig_exchange(peer->outside, dst->outside, 1000, 1000, 1000);
	espy->ahead_ms += 50000;
	end = erig_wait_end(rig, SLOT);
	assert_int_equal(end->reason, END_LIFETIME);
	assert_int_equal(end->err, 0); /* nothing was left undelivered */
	assert_int_equal(end->serial, serial);
	eone_close();
}

/* The parent has to reset it: to close it would say that this was all. */
static void
end_of_lifetime_with_bytes_to_go_is_a_reset(void **state)
{
	const struct inner_session times = { .lifetime_ms = 3600000 };
	const struct inner_end *end;

	(void)state;
	open_timed(&times);
	while (poll(&(struct pollfd){ .fd = peer->outside, .events = POLLOUT },
		   1, 20) == 1)
		erig_write_some(peer->outside, 0, 65536, 0);
	espy->ahead_ms += 3600000;
	end = erig_wait_end(rig, SLOT);
	assert_int_equal(end->reason, END_LIFETIME);
	assert_int_equal(end->err, ETIMEDOUT);
	eone_close();
}

/* It has a timeout that is not its own yet: nothing is half-closed. */
static void
open_session_has_no_half_closed_timeout(void **state)
{
	struct erig_side other_peer, other_dst;

	(void)state;
	open_session(0, 1);
	erig_pair(&other_peer, ADDR_TCP, 0);
	erig_pair(&other_dst, ADDR_TCP, 0);
	erig_session(rig, SLOT + 1, &other_peer, &other_dst, 50, 0);
	assert_int_equal(erig_wait_end(rig, SLOT + 1)->reason, END_IDLE);
	erig_exchange(peer->outside, dst->outside, 1000, 1000, 1000);
	erig_close(rig, SLOT, rig->serial - 1);
	wait_end(END_REQUESTED, rig->serial - 1);
	erig_close_pair(&other_peer);
	erig_close_pair(&other_dst);
	eone_close();
}

/* Bytes wait for a peer that takes nothing, and their sender is gone. */
static void
stalled_peer_does_not_hold_a_broken_session(void **state)
{
	(void)state;
	erig_pair(peer, ADDR_TCP, 4096);
	erig_pair(dst, ADDR_TCP, 0);
	erig_session(rig, SLOT, peer, dst, 0, 50);
	erig_write(dst->outside, 0, 60000);
	erig_wait_acked(dst->outside);
	erig_reset(dst->outside);
	dst->outside = -1;
	wait_end(END_DST_RESET, rig->serial);
	eone_close();
}

static void
many_sessions_come_in_one_message(void **state)
{
	struct erig_side peers[HAND_OVER_PAIRS], dsts[HAND_OVER_PAIRS];
	uint32_t i;

	(void)state;
	for (i = 0; i < HAND_OVER_PAIRS; i++) {
		erig_pair(&peers[i], i % 2 ? ADDR_TCP : ADDR_UNIX, 0);
		erig_pair(&dsts[i], i % 3 ? ADDR_TCP : ADDR_UNIX, 0);
	}
	erig_sessions(rig, SLOT, peers, dsts, HAND_OVER_PAIRS);
	for (i = 0; i < HAND_OVER_PAIRS; i++)
		erig_write(peers[i].outside, i, 1000);
	for (i = 0; i < HAND_OVER_PAIRS; i++) {
		erig_read(dsts[i].outside, i, 1000);
		shutdown(peers[i].outside, SHUT_WR);
		shutdown(dsts[i].outside, SHUT_WR);
	}
	for (i = 0; i < HAND_OVER_PAIRS; i++) {
		assert_int_equal(erig_wait_end(rig, SLOT + i)->reason,
		    END_CLEAN);
		assert_int_equal(erig_count(rig, SLOT + i, COUNT_BYTES_TO_DST),
		    1000);
		erig_close_pair(&peers[i]);
		erig_close_pair(&dsts[i]);
	}
}

/* The parent does not read for a while, and its channel is narrow. */
static void
no_end_is_lost_when_the_channel_is_full(void **state)
{
	struct erig_side peers[HAND_OVER_PAIRS], dsts[HAND_OVER_PAIRS];
	uint64_t first;
	uint32_t i;

	(void)state;
	erig_start(rig, 1, 1);
	for (i = 0; i < HAND_OVER_PAIRS; i++) {
		erig_pair(&peers[i], ADDR_UNIX, 0);
		erig_pair(&dsts[i], ADDR_UNIX, 0);
	}
	first = rig->serial + 1;
	erig_sessions(rig, SLOT, peers, dsts, HAND_OVER_PAIRS);
	for (i = 0; i < HAND_OVER_PAIRS; i++) {
		erig_close(rig, SLOT + i, first + i);
		erig_wait_taken(rig); /* so each END is a packet */
	}
	for (i = 0; i < HAND_OVER_PAIRS; i++) {
		assert_int_equal(erig_wait_end(rig, SLOT + i)->serial,
		    first + i);
		erig_close_pair(&peers[i]);
		erig_close_pair(&dsts[i]);
	}
	/* the slots can be used again */
	open_session(0, 0);
	erig_exchange(peer->outside, dst->outside, 100, 100, 100);
	eone_close();
	erig_stop(rig, 0);
}

static void
one_busy_session_does_not_starve_another(void **state)
{
	struct erig_side busy_peer, busy_dst;
	int i;

	(void)state;
	erig_pair(&busy_peer, ADDR_UNIX, 0);
	erig_pair(&busy_dst, ADDR_UNIX, 0);
	erig_session(rig, SLOT + 1, &busy_peer, &busy_dst, 0, 0);
	open_session(0, 0);
	for (i = 0; i < 20; i++) {
		erig_exchange(busy_peer.outside, busy_dst.outside, 1000000, 0,
		    65536);
		erig_exchange(peer->outside, dst->outside, 10, 10, 10);
	}
	erig_close_pair(&busy_peer);
	erig_close_pair(&busy_dst);
	eone_close();
}

static void
slot_in_use_is_fatal(void **state)
{
	(void)state;
	erig_start(rig, 1, 0);
	open_session(0, 0);
	/* the same ones again: both are still open */
	erig_session(rig, SLOT, peer, dst, 0, 0);
	erig_wait_stop(rig, 1);
	eone_close();
}

static void
slot_out_of_range_is_fatal(void **state)
{
	static const uint32_t slots[] = { 0, ERIG_BRIDGES,
		ERIG_BRIDGES + ERIG_SESSIONS + 1, UINT32_MAX };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof slots / sizeof slots[0]; i++) {
		erig_start(rig, 1, 0);
		erig_pair(peer, ADDR_TCP, 0);
		erig_pair(dst, ADDR_TCP, 0);
		erig_session(rig, slots[i], peer, dst, 0, 0);
		eone_close();
		erig_wait_stop(rig, 1);
	}
}

/* Told to halt it says so and moves nothing, until it is told to go on. */
static void
halted_engine_moves_nothing(void **state)
{
	struct frame_in in;
	char byte;

	(void)state;
	open_session(0, 0);
	erig_exchange(peer->outside, dst->outside, 1000, 1000, 1000);
	send_plain(MSG_P2X_HALT);
	erig_packet(rig, MSG_X2P_HALTED, &in);
	assert_int_equal(frame_done(&in), 0);
	assert_int_equal(send(peer->outside, "x", 1, 0), 1);
	send_plain(MSG_P2X_GO_ON);
	erig_poll(dst->outside, POLLIN);
	assert_int_equal(recv(dst->outside, &byte, 1, 0), 1);
	assert_int_equal(byte, 'x');
	send_plain(MSG_P2X_HALT); /* and again */
	erig_packet(rig, MSG_X2P_HALTED, &in);
	assert_int_equal(send(peer->outside, "y", 1, 0), 1);
	assert_int_equal(recv(dst->outside, &byte, 1, MSG_DONTWAIT), -1);
	send_plain(MSG_P2X_GO_ON);
	erig_poll(dst->outside, POLLIN);
	assert_int_equal(recv(dst->outside, &byte, 1, 0), 1);
	assert_int_equal(byte, 'y');
}

static void
message_that_is_not_defined_is_fatal(void **state)
{
	static const uint16_t types[] = { 0, MSG_P2X_START, MSG_X2P_READY,
		MSG_P2X_ACTIVATE, MSG_P2E_SESSIONS, MSG_P2E_CLOSE, MSG_P2E_SRC,
		MSG_P2E_DST, MSG_P2E_SRC_CLOSE, MSG_P2E_PIPES, MSG_P2C_CLIENT,
		UINT16_MAX };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof types / sizeof types[0]; i++) {
		erig_start(rig, 1, 0);
		send_plain(types[i]);
		erig_wait_stop(rig, 1);
	}
}

static void
message_with_something_over_is_fatal(void **state)
{
	struct inner_which m = { .slot = SLOT, .serial = 1 };
	uint8_t buf[64];
	struct frame_out out;

	(void)state;
	erig_start(rig, 1, 0);
	frame_begin(&out, buf, sizeof buf, MSG_P2E_CLOSE, 0, 0);
	inner_put_which(&out, &m);
	frame_put_u8(&out, 0);
	erig_send(rig, &out, NULL, 0);
	erig_wait_stop(rig, 1);
}

struct budget {
	size_t bytes;
	unsigned int lines;
};

static void
add_line(void *arg, const char *what, size_t bytes)
{
	struct budget *b = arg;

	assert_non_null(what);
	assert_int_not_equal(bytes, 0);
	b->bytes += bytes;
	b->lines++;
}

static void
budget_grows_with_the_tables(void **state)
{
	struct inner_start start = { .bridges = 1, .fds = 32 };
	struct budget small = { 0, 0 }, large = { 0, 0 };

	(void)state;
	start.sessions = 1;
	engine_budget(&start, add_line, &small);
	start.sessions = 1001;
	engine_budget(&start, add_line, &large);
	assert_int_equal(small.lines, large.lines);
	assert_in_range(large.bytes - small.bytes, 1000 * 100, 1000 * 1000);
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(f)  cmocka_unit_test_setup_teardown(f, eone_start, eone_stop)
#define SMALL(f) cmocka_unit_test_setup_teardown(f, start_small, eone_stop)
		TEST(session_closes_at_request),
		TEST(halted_engine_moves_nothing),
		TEST(close_may_cross_the_end),
		TEST(silent_session_ends),
		TEST(half_closed_session_ends_when_silent),
		SMALL(half_closed_time_begins_with_the_half_close),
		SMALL(idle_time_begins_with_each_byte),
		SMALL(lifetime_ends_a_session),
		SMALL(end_of_lifetime_with_bytes_to_go_is_a_reset),
		TEST(open_session_has_no_half_closed_timeout),
		TEST(stalled_peer_does_not_hold_a_broken_session),
		TEST(many_sessions_come_in_one_message),
		TEST(one_busy_session_does_not_starve_another),
		cmocka_unit_test(no_end_is_lost_when_the_channel_is_full),
		cmocka_unit_test(slot_in_use_is_fatal),
		cmocka_unit_test(slot_out_of_range_is_fatal),
		cmocka_unit_test(message_that_is_not_defined_is_fatal),
		cmocka_unit_test(message_with_something_over_is_fatal),
		cmocka_unit_test(budget_grows_with_the_tables),
	};

	erig_init(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
