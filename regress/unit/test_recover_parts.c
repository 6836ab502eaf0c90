/*
 * An engine that takes over: timeouts, ends that were not told, pipes that
 * nobody wants, records in pieces, datagrams; and the parent's question
 * whether it lives.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "../../common/clock.h"
#include "../../mctd/engine/engine.h"
#include "engine_dgram.h"
#include "engine_rig.h"
#include "engine_spy.h"
#include "engine_trace.h"

#define SLOT ERIG_FIRST

static struct erig *rig = &edgram.rig;
static struct erig_side peer;
static struct erig_side dst;

static int
start(void **state)
{
	(void)state;
	erig_start(rig, 1, 0);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	erig_stop(rig, 0);
	return 0;
}

static void
open_session(struct inner_session *m, enum addr_kind kind)
{
	erig_pair(&peer, kind, 0);
	erig_dst_pair(&dst, kind, 0);
	m->slot = SLOT;
	erig_session_as(rig, m, &peer, &dst);
}

static void
take_over(struct inner_session *m)
{
	erig_kill(rig);
	erig_succeed(rig);
	m->recovered = 1;
	erig_session_as(rig, m, &peer, &dst);
	erig_send_resumed(rig);
}

static void
wait_end(enum end_reason reason)
{
	assert_int_equal(erig_wait_end(rig, SLOT)->reason, reason);
	erig_close_pair(&peer);
	erig_close_pair(&dst);
}

/* The session is there: bytes go both ways. */
static void
ask(void)
{
	erig_write(peer.outside, 0, 100);
	erig_read(dst.outside, 0, 100);
	erig_write(dst.outside, 0, 100);
	erig_read(peer.outside, 0, 100);
	erig_wait_count(rig, SLOT, COUNT_BYTES_TO_SRC, 100);
}

static void
send_ping(void)
{
	uint8_t buf[FRAME_HEADER];
	struct frame_out out;
	struct frame_in in;

	frame_begin(&out, buf, sizeof buf, MSG_P2X_PING, 0, 0);
	erig_send(rig, &out, NULL, 0);
	erig_packet(rig, MSG_X2P_PONG, &in);
	assert_int_equal(frame_done(&in), 0);
}

static void
a_question_is_answered(void **state)
{
	struct inner_session m = { .idle_ms = 0 };

	(void)state;
	send_ping();
	open_session(&m, ADDR_TCP);
	ask();
	take_over(&m);
	send_ping();
	send_ping();
	erig_close(rig, SLOT, rig->serial);
	wait_end(END_REQUESTED);
}

/* One that does not count from its last byte on would go on for a minute. */
static void
silence_counts_on(void **state)
{
	struct inner_session m = { .idle_ms = 60000 };

	(void)state;
	open_session(&m, ADDR_TCP);
	ask();
	espy->ahead_ms = 59000;
	take_over(&m);
	erig_wait_taken(rig);
	espy->ahead_ms = 60500;
	wait_end(END_IDLE);
}

static void
silence_of_a_half_closed_session_counts_on(void **state)
{
	struct inner_session m = { .half_closed_ms = 60000 };
	struct erig_side other[2];

	(void)state;
	open_session(&m, ADDR_TCP);
	ask();
	espy->ahead_ms = 100000;
	shutdown(peer.outside, SHUT_WR);
	erig_read_end(dst.outside, 0);
	espy->ahead_ms = 159000;
	take_over(&m);
	/* when the next slot's has ended, this one's has been looked at */
	erig_pair(&other[0], ADDR_TCP, 0);
	erig_pair(&other[1], ADDR_TCP, 0);
	erig_session(rig, SLOT + 1, &other[0], &other[1], 1, 0);
	assert_int_equal(erig_wait_end(rig, SLOT + 1)->reason, END_IDLE);
	erig_close_pair(&other[0]);
	erig_close_pair(&other[1]);
	assert_int_equal(rig->ended[SLOT].serial, 0);
	espy->ahead_ms = 160500;
	wait_end(END_HALF_CLOSED);
}

/*
 * Until it has died, it has something to do; but the half-close comes first.
 */
static void
wait_stopped(void)
{
	struct pollfd died = { .fd = rig->channel, .events = POLLIN };
	struct pollfd ended = { .fd = dst.outside, .events = POLLRDHUP };

	while (poll(&died, 1, 1) == 0)
		if (poll(&ended, 1, 0) == 1)
			(void)send(dst.outside, "", 1, MSG_DONTWAIT);
}

/* The engine dies at that stop of a half-close after a long silence. */
static void
dies_with_a_half_close(unsigned int last)
{
	struct inner_session m = { .half_closed_ms = 60000 };
	struct erig_side other[2];
	struct etrace *trace;

	erig_start(rig, 1, 0);
	open_session(&m, ADDR_TCP);
	ask();
	espy->ahead_ms = 100000;
	trace = etrace_begin(rig->pid, last);
	shutdown(peer.outside, SHUT_WR);
	etrace_go(trace);
	wait_stopped();
	erig_bury(rig);
	assert_int_equal(etrace_end(trace), 1);
	erig_succeed(rig);
	m.recovered = 1;
	erig_session_as(rig, &m, &peer, &dst);
	erig_send_resumed(rig);
	erig_pair(&other[0], ADDR_TCP, 0);
	erig_pair(&other[1], ADDR_TCP, 0);
	erig_session(rig, SLOT + 1, &other[0], &other[1], 1, 0);
	assert_int_equal(erig_wait_end(rig, SLOT + 1)->reason, END_IDLE);
	erig_close_pair(&other[0]);
	erig_close_pair(&other[1]);
	erig_close(rig, SLOT, rig->serial - 1);
	wait_end(END_REQUESTED);
	erig_stop(rig, 0);
}

/* It has just begun, and is not taken for as old as the last byte. */
static void
half_close_in_the_hand_is_a_new_silence(void **state)
{
	unsigned int last;

	(void)state;
	for (last = 1; last <= 16; last++)
		dies_with_a_half_close(last);
}

static void
lifetime_goes_on(void **state)
{
	struct inner_session m = { .lifetime_ms = 60000 };

	(void)state;
	open_session(&m, ADDR_TCP);
	ask();
	m.age_ms = 59000;
	take_over(&m);
	erig_write(peer.outside, 0, 100);
	erig_read(dst.outside, 0, 100);
	espy->ahead_ms = 1500;
	wait_end(END_LIFETIME);
}

/* The parent has not heard of it, and hands the session over. */
static void
an_end_is_told_again(void **state)
{
	struct inner_session m = { .idle_ms = 0 };

	(void)state;
	open_session(&m, ADDR_TCP);
	ask();
	erig_close(rig, SLOT, rig->serial);
	assert_int_equal(erig_wait_end(rig, SLOT)->reason, END_REQUESTED);
	take_over(&m);
	wait_end(END_REQUESTED);
}

/* It was on its way to the engine that died. */
static void
a_session_that_no_engine_saw_begins(void **state)
{
	struct inner_session m = { .id = 77, .idle_ms = 0 };

	(void)state;
	atomic_store(&rig->counters.slots[SLOT].count[0], 5);
	atomic_store(&rig->counters.slots[SLOT].ended, 5);
	erig_pair(&peer, ADDR_TCP, 0);
	erig_dst_pair(&dst, ADDR_TCP, 0);
	m.slot = SLOT;
	take_over(&m);
	ask();
	assert_int_equal(erig_count(rig, SLOT, COUNT_BYTES_TO_DST), 100);
	erig_close(rig, SLOT, rig->serial);
	wait_end(END_REQUESTED);
}

static void
bytes_that_nobody_wants_are_drained(void **state)
{
	struct pollfd p = { .events = POLLOUT };
	struct inner_session m = { .idle_ms = 0 };
	size_t n = 0;

	(void)state;
	espy->roomy = 1;
	open_session(&m, ADDR_TCP);
	p.fd = peer.outside;
	while (poll(&p, 1, 20) == 1 || erig_lent(rig) == 0)
		n += erig_write_some(peer.outside, n, 65536, 0);
	erig_kill(rig);
	erig_succeed(rig);
	erig_wait_taken(rig);
	assert_int_equal(erig_lent(rig), 1); /* its owner may come still */
	erig_send_resumed(rig);
	erig_wait_pipes_back(rig);
	erig_close_pair(&peer);
	erig_close_pair(&dst);
}

/* A first piece has been taken into the engine's memory. */
static void
a_record_in_pieces_ends_with_its_engine(void **state)
{
	static const uint8_t piece[100] = { ESPY_PIECE };
	struct inner_session m = { .idle_ms = 0 };

	(void)state;
	espy->pieces = 1;
	erig_pair(&peer, ADDR_UNIXSEQ, 0);
	erig_pair(&dst, ADDR_UNIXSEQ, 0);
	peer.kind = dst.kind = ADDR_SEQSCTP;
	m.slot = SLOT;
	erig_session_as(rig, &m, &peer, &dst);
	assert_int_equal(send(peer.outside, piece, sizeof piece, 0),
	    sizeof piece);
	erig_wait_acked(peer.outside);
	take_over(&m);
	wait_end(END_ENGINE_DIED);
}

/* All that came to a src that was full, and to two dsts, over two engines. */
static void
overflow_is_counted_once(void **state)
{
	struct edgram_dst t[2];
	unsigned int i, round;
	int small = 4096;

	(void)state;
	edgram_make_src(ADDR_UDP);
	assert_return_code(setsockopt(edgram.src, SOL_SOCKET, SO_RCVBUF, &small,
			       sizeof small),
	    errno);
	edgram_send_src(MSG_P2E_SRC, ADDR_UDP);
	edgram_open_dst(&t[0], 1, ADDR_UDP);
	edgram_open_dst(&t[1], 2, ADDR_UDP);
	for (round = 1; round <= 3; round++) {
		kill(rig->pid, round == 1 ? SIGSTOP : SIGKILL);
		for (i = 0; i < 200; i++)
			edgram_give(500, i);
		if (round == 1)
			kill(rig->pid, SIGCONT);
		else {
			erig_bury(rig);
			erig_succeed(rig);
			edgram_send_src(MSG_P2E_SRC, ADDR_UDP);
			edgram_attach(&t[0], 1);
			edgram_attach(&t[1], 2);
			erig_send_resumed(rig);
		}
		/* there is room again, and the next one brings the news */
		erig_poll(t[1].receiver, POLLIN);
		edgram_give(500, i);
		for (i = 1; i <= 2; i++) {
			edgram_wait_balance(i, 201 * round);
			while (recv(t[i - 1].receiver, NULL, 0, 0) != -1)
				continue;
		}
	}
	assert_true(edgram_drops(2) > 300);
	assert_int_equal(edgram_drops(2),
	    erig_count(rig, 2, COUNT_DROP_OVERFLOW));
	edgram_close_dst(&t[0]);
	edgram_close_dst(&t[1]);
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)
		TEST(a_question_is_answered),
		TEST(silence_counts_on),
		TEST(silence_of_a_half_closed_session_counts_on),
		cmocka_unit_test(half_close_in_the_hand_is_a_new_silence),
		TEST(lifetime_goes_on),
		TEST(an_end_is_told_again),
		TEST(a_session_that_no_engine_saw_begins),
		TEST(bytes_that_nobody_wants_are_drained),
		TEST(a_record_in_pieces_ends_with_its_engine),
		TEST(overflow_is_counted_once),
	};

	erig_init(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
