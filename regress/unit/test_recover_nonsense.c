/*
 * An engine that was taken over by somebody else leaves what it likes in the
 * counters.  What its successor is told so harms the sessions of the one that
 * died, and nobody else: it lives, says nothing that the parent would kill it
 * for, and waits when there is nothing to do.
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
#include "../../mctd/engine/stream.h"
#include "../../mctd/parent/system.h"
#include "engine_one.h"
#include "engine_spy.h"

#define SLOT   ERIG_FIRST
#define MANY   12
#define ROUNDS 30

static struct erig *rig = &eone.rig;
static struct erig_side peer[MANY];
static struct erig_side dst[MANY];
static struct inner_session session[MANY];

static struct counters_slot *
counters_of(uint32_t i)
{
	return &rig->counters.slots[SLOT + i];
}

static void
open_session(uint32_t i, enum addr_kind kind)
{
	memset(&session[i], 0, sizeof session[i]);
	erig_pair(&peer[i], kind, 0);
	erig_dst_pair(&dst[i], kind, 0);
	session[i].slot = SLOT + i;
	erig_session_as(rig, &session[i], &peer[i], &dst[i]);
	erig_write(peer[i].outside, 0, 100);
	erig_read(dst[i].outside, 0, 100);
	erig_wait_count(rig, SLOT + i, COUNT_BYTES_TO_DST, 100);
}

static void
hand_over(uint32_t i)
{
	session[i].recovered = 1;
	erig_session_as(rig, &session[i], &peer[i], &dst[i]);
}

static void
close_session(uint32_t i)
{
	erig_close_pair(&peer[i]);
	erig_close_pair(&dst[i]);
}

static void
wait_ping(void)
{
	uint8_t buf[FRAME_HEADER];
	struct frame_out out;
	struct frame_in in;

	frame_begin(&out, buf, sizeof buf, MSG_P2X_PING, 0, 0);
	erig_send(rig, &out, NULL, 0);
	erig_packet(rig, MSG_X2P_PONG, &in);
}

/* As the engine stores the state of a side; see recover.c. */
static uint64_t
ways(int peer_way, int peer_err, int dst_way, int dst_err)
{
	return (uint64_t)dst_err << 48 | (uint64_t)dst_way << 32 |
	    (uint64_t)peer_err << 16 | (uint64_t)peer_way;
}

static void
wait_doubt(uint64_t left)
{
	const struct inner_end *end;

	open_session(0, ADDR_TCP);
	erig_kill(rig);
	atomic_store(&counters_of(0)->ways, left);
	erig_succeed(rig);
	hand_over(0);
	erig_send_resumed(rig);
	end = erig_wait_end(rig, SLOT);
	assert_int_equal(end->reason, END_ENGINE_DIED);
	assert_int_equal(end->err, 0);
	close_session(0);
}

static void
an_error_is_one_that_there_is(void **state)
{
	(void)state;
	wait_doubt(ways(WAY_BROKEN, 0, WAY_FLOWS, 0xffff));
	wait_doubt(ways(WAY_ENDED, 0, WAY_ENDED, 4000));
}

/* The way to it flows: it would have two errors, one after the other. */
static void
who_gave_an_error_takes_no_more(void **state)
{
	(void)state;
	wait_doubt(ways(WAY_FLOWS, 0, WAY_FLOWS, EPIPE));
	wait_doubt(ways(WAY_FLOWS, ECONNRESET, WAY_FLOWS, 0));
}

static void
a_way_is_one_that_there_is(void **state)
{
	(void)state;
	wait_doubt(ways(WAY_BROKEN + 1, 0, WAY_FLOWS, 0));
	wait_doubt(ways(WAY_BROKEN, 0, WAY_FLOWS, 0));
}

static void
an_end_with_an_error_that_is_none_is_told_as_a_death(void **state)
{
	const struct inner_end *end;

	(void)state;
	open_session(0, ADDR_TCP);
	erig_kill(rig);
	atomic_store(&counters_of(0)->ended, counters_end(END_CLEAN, 70000));
	erig_succeed(rig);
	hand_over(0);
	erig_send_resumed(rig);
	end = erig_wait_end(rig, SLOT);
	assert_int_equal(end->reason, END_ENGINE_DIED);
	assert_int_equal(end->err, 0);
	close_session(0);
}

/* It would go on and on with what it can never pass. */
static void
records_have_no_pipe(void **state)
{
	char record[4];

	(void)state;
	open_session(0, ADDR_UNIXSEQ);
	erig_kill(rig);
	assert_int_equal(write(rig->pipe[0][1], "abcd", 4), 4);
	atomic_store(&rig->counters.pipes[0],
	    counters_owner(session[0].id, STREAM_PEER));
	erig_succeed(rig);
	hand_over(0);
	erig_send_resumed(rig);
	erig_wait_pipes_back(rig);
	assert_int_equal(send(peer[0].outside, "rec", 3, 0), 3);
	erig_poll(dst[0].outside, POLLIN);
	assert_int_equal(recv(dst[0].outside, record, 4, 0), 3);
	assert_memory_equal(record, "rec", 3);
	erig_close(rig, SLOT, rig->serial);
	assert_int_equal(erig_wait_end(rig, SLOT)->reason, END_REQUESTED);
	close_session(0);
}

/* The same numbers in each run. */
static uint64_t
next(void)
{
	static uint64_t x = 88172645463325252U;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

/* Something that may be taken for a figure, or anything. */
static uint64_t
figure(void)
{
	static const uint64_t special[] = { 0, 1, 100, 101, UINT32_MAX,
		INT64_MAX, UINT64_MAX, UINT64_MAX - 100 };
	uint64_t n = next() % (2 * sizeof special / sizeof special[0]);

	return n < sizeof special / sizeof special[0] ? special[n] : next();
}

static uint64_t
state_of_a_side(void)
{
	static const uint64_t errors[] = { 0, 0, ECONNRESET, EPIPE, 4000 };

	if (next() % 8 == 0)
		return next() & 0xffffffff;
	return errors[next() % 5] << 16 | next() % 4;
}

static void
leave_nonsense(uint32_t i)
{
	struct counters_slot *c = counters_of(i);
	int k;

	atomic_store(&c->ways, state_of_a_side() << 32 | state_of_a_side());
	atomic_store(&c->step,
	    next() % 4 << 33 | next() % 2 << 32 | (figure() & UINT32_MAX));
	atomic_store(&c->active_ms, figure());
	for (k = 0; k < COUNTS; k++)
		atomic_store(&c->count[k], figure());
	if (next() % 8 == 0)
		atomic_store(&c->ended, (uint32_t)figure());
}

static void
leave_pipes(void)
{
	static const uint8_t bytes[3000];
	size_t n;
	uint32_t i;

	for (i = 0; i < rig->pipes; i++) {
		n = next() % sizeof bytes;
		atomic_store(&rig->counters.pipes[i],
		    counters_owner(session[next() % MANY].id,
			(int)(next() % 2)));
		assert_int_equal(write(rig->pipe[i][1], bytes, n), n);
	}
}

/* What the sides say after that, and the end of some. */
static void
stir(uint32_t i)
{
	static const uint8_t bytes[500];

	if (next() % 2)
		(void)send(peer[i].outside, bytes, sizeof bytes, MSG_NOSIGNAL);
	if (next() % 2)
		(void)send(dst[i].outside, bytes, sizeof bytes, MSG_NOSIGNAL);
	switch (next() % 4) {
	case 0:
		(void)shutdown(peer[i].outside, SHUT_WR);
		break;
	case 1:
		erig_reset(dst[i].outside);
		dst[i].outside = -1;
		break;
	default:
		break;
	}
}

/* Whatever it is: all of it ends when it is to end, and with an errno. */
static void
nonsense_ends_no_engine(void **state)
{
	static const enum addr_kind kinds[] = { ADDR_TCP, ADDR_UNIX,
		ADDR_UNIXSEQ };
	uint64_t serial;
	uint32_t i;
	int round;

	(void)state;
	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < MANY; i++)
			open_session(i, kinds[i % 3]);
		erig_kill(rig);
		for (i = 0; i < MANY; i++)
			leave_nonsense(i);
		leave_pipes();
		erig_succeed(rig);
		serial = rig->serial + 1;
		for (i = 0; i < MANY; i++)
			hand_over(i);
		erig_send_resumed(rig);
		wait_ping();
		for (i = 0; i < MANY; i++)
			stir(i);
		wait_ping();
		for (i = 0; i < MANY; i++)
			erig_close(rig, SLOT + i, serial + i);
		for (i = 0; i < MANY; i++)
			assert_true(
			    system_is_errno(erig_wait_end(rig, SLOT + i)->err));
		erig_wait_pipes_back(rig);
		for (i = 0; i < MANY; i++)
			close_session(i);
	}
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, eone_start, eone_stop)
		TEST(an_error_is_one_that_there_is),
		TEST(who_gave_an_error_takes_no_more),
		TEST(a_way_is_one_that_there_is),
		TEST(an_end_with_an_error_that_is_none_is_told_as_a_death),
		TEST(records_have_no_pipe),
		TEST(nonsense_ends_no_engine),
	};

	erig_init(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
