/*
 * The engine's pipes: lent while bytes lie in them and given back empty,
 * however the session ends; too few or none are no obstacle, and what lay
 * in them before reaches nobody.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "../../common/clock.h"
#include "../../common/limits.h"
#include "../../mctd/engine/engine.h"
#include "../../mctd/engine/pipes.h"
#include "../../mctd/engine/stream.h"
#include "../../mctd/engine/watch.h"
#include "engine_one.h"
#include "engine_spy.h"

#define SLOT  EONE_SLOT
#define MIB   (1024 * 1024)
#define MANY  8 /* sessions: more than pipes */
#define STALE ERIG_PIPE_BYTES

static struct erig *rig = &eone.rig;
static struct erig_side *peer = &eone.peer;
static struct erig_side *dst = &eone.dst;

/* Into a local socket all bytes go by splice, out of one into TCP none. */
static int
goes_by_splice(const struct erig_side *from, const struct erig_side *to)
{
	return from->kind == ADDR_TCP || to->kind == ADDR_UNIX;
}

/*
 * The ith session of 2 * EONE_KINDS, each combination in both directions; 0:
 * its bytes need no pipe.
 */
static int
open_ith(size_t i, struct erig_side **from, struct erig_side **to,
    uint32_t half_closed_ms)
{
	struct inner_session m = { .half_closed_ms = half_closed_ms };

	eone_open_as(&m, eone_kinds[i / 2][0], eone_kinds[i / 2][1]);
	*from = i % 2 == 0 ? peer : dst;
	*to = i % 2 == 0 ? dst : peer;
	if (goes_by_splice(*from, *to))
		return 1;
	eone_finish();
	return 0;
}

/*
 * Writes to a until bytes lie in a pipe that b's reader, who does not read,
 * keeps there.  Returns how many were written.
 */
static size_t
fill_pipe(const struct erig_side *a)
{
	struct pollfd p = { .fd = a->outside, .events = POLLOUT };
	uint64_t since_ms = clock_ms();
	size_t sent = 0;
	int bytes = 0;

	espy->roomy = 1;
	do {
		if (poll(&p, 1, 20) == 1)
			sent += erig_write_some(a->outside, sent, 65536, 0);
		else
			bytes = erig_lent(rig) > 0;
		assert_in_range(clock_ms() - since_ms, 0, 20000);
	} while (!bytes);
	return sent;
}

/* The only pipe that is lent. */
static uint32_t
lent_pipe(void)
{
	uint32_t i;

	assert_int_equal(erig_lent(rig), 1);
	for (i = 0; atomic_load(&rig->counters.pipes[i]) == 0; i++)
		continue;
	return i;
}

/* Session and direction, as long as bytes lie there; then they arrive. */
static void
owner_is_told_while_bytes_lie_in_a_pipe(void **state)
{
	struct erig_side *from, *to;
	uint32_t pipe;
	size_t i, n;

	(void)state;
	for (i = 0; i < 2 * EONE_KINDS; i++) {
		if (!open_ith(i, &from, &to, 0))
			continue;
		n = fill_pipe(from);
		pipe = lent_pipe();
		assert_int_equal(atomic_load(&rig->counters.pipes[pipe]),
		    2 * (1000 + SLOT) + i % 2);
		assert_true(erig_pipe_bytes(rig, pipe) > 0);
		/* and the other way goes on */
		erig_write(to->outside, 0, 1000);
		erig_read(from->outside, 0, 1000);
		erig_read(to->outside, 0, n);
		erig_wait_pipes_back(rig);
		eone_finish();
	}
}

/* The slot's next session meets none of the bytes of the first. */
static void
close_gives_the_pipe_back_empty(void **state)
{
	struct erig_side *from, *to;
	size_t i;

	(void)state;
	for (i = 0; i < 2 * EONE_KINDS; i++) {
		if (!open_ith(i, &from, &to, 0))
			continue;
		fill_pipe(from);
		erig_close(rig, SLOT, rig->serial);
		eone_wait_end(END_REQUESTED, 0);
		eone_open(eone_kinds[i / 2][0], eone_kinds[i / 2][1]);
		erig_exchange(peer->outside, dst->outside, 2 * MIB, MIB, 65536);
		eone_finish();
	}
}

/* It is the reader that goes, with everything still before it. */
static void
reset_by_the_reader_gives_the_pipe_back(void **state)
{
	struct erig_side *from, *to;
	size_t i;

	(void)state;
	for (i = 0; i < 2 * EONE_KINDS; i++) {
		if (!open_ith(i, &from, &to, 0))
			continue;
		fill_pipe(from);
		erig_reset(to->outside);
		to->outside = -1;
		eone_wait_end(i % 2 == 0 ? END_DST_RESET : END_PEER_RESET,
		    ECONNRESET);
	}
}

/* It is the writer, and the reader takes nothing. */
static void
reset_by_the_writer_gives_the_pipe_back(void **state)
{
	struct erig_side *from, *to;
	size_t i;

	(void)state;
	for (i = 0; i < 2 * EONE_KINDS; i++) {
		if (!open_ith(i, &from, &to, 50))
			continue;
		erig_write(to->outside, 0, 1000);
		erig_poll(from->outside, POLLIN);
		fill_pipe(from);
		erig_reset(from->outside);
		from->outside = -1;
		if (from->kind == ADDR_UNIX) {
			/* its reset is seen when it is read to its end */
			erig_close(rig, SLOT, rig->serial);
			eone_wait_end(END_REQUESTED, 0);
		} else
			eone_wait_end(i % 2 == 0 ? END_PEER_RESET :
						   END_DST_RESET,
			    ECONNRESET);
	}
}

/* A reader shuts its way in, and speaks on: it needs no pipe for that. */
static void
broken_way_keeps_no_pipe(void **state)
{
	static char bytes[65536];
	size_t i, k;
	ssize_t n;

	(void)state;
	for (i = 0; i < 2; i++) {
		eone_open(i == 0 ? ADDR_TCP : ADDR_UNIX, ADDR_UNIX);
		fill_pipe(peer);
		/* what the kernel holds is taken, the pipe's is refused */
		shutdown(dst->outside, SHUT_RD);
		do
			n = recv(dst->outside, bytes, sizeof bytes, 0);
		while (n > 0);
		erig_wait_pipes_back(rig);
		for (k = 0; k < 3; k++) {
			erig_write(dst->outside, k, 70000);
			erig_read(peer->outside, k, 70000);
		}
		shutdown(dst->outside, SHUT_WR);
		eone_wait_end(END_DST_RESET, EPIPE);
	}
}

static struct erig_side peers[MANY];
static struct erig_side dsts[MANY];

/* Several sessions at once, each with bytes of its own. */
static void
exchange_many(size_t to_dst, size_t to_src)
{
	struct erig_flow flows[MANY];
	uint32_t i;

	memset(flows, 0, sizeof flows);
	for (i = 0; i < MANY; i++) {
		erig_pair(&peers[i], eone_kinds[i % EONE_KINDS][0], 0);
		erig_pair(&dsts[i], eone_kinds[i % EONE_KINDS][1], 0);
		flows[i].fd[0] = peers[i].outside;
		flows[i].fd[1] = dsts[i].outside;
		flows[i].want[0] = to_dst + i;
		flows[i].want[1] = to_src + i;
	}
	erig_sessions(rig, SLOT, peers, dsts, MANY);
	erig_exchange_all(flows, MANY, 65536);
	for (i = 0; i < MANY; i++) {
		shutdown(peers[i].outside, SHUT_WR);
		shutdown(dsts[i].outside, SHUT_WR);
		erig_read_end(dsts[i].outside, 0);
		erig_read_end(peers[i].outside, 0);
		assert_int_equal(erig_wait_end(rig, SLOT + i)->reason,
		    END_CLEAN);
		assert_int_equal(erig_count(rig, SLOT + i, COUNT_BYTES_TO_DST),
		    to_dst + i);
		assert_int_equal(erig_count(rig, SLOT + i, COUNT_BYTES_TO_SRC),
		    to_src + i);
		erig_close_pair(&peers[i]);
		erig_close_pair(&dsts[i]);
	}
	erig_wait_pipes_back(rig);
}

static void
more_bulk_sessions_than_pipes_go_on(void **state)
{
	(void)state;
	exchange_many(2 * MIB, MIB);
	espy->roomy = 1; /* pipes are kept for longer */
	exchange_many(2 * MIB, MIB);
	assert_int_equal(espy->in, espy->out);
}

static uint8_t stream_buf[PEEK_BYTES];

/*
 * A stream in this process, from bulk to pieces that are too small for it,
 * each of which dst takes in part: what lies in the pipe goes before what is
 * copied.
 */
static void
pipe_is_emptied_before_a_session_goes_by_copy(void **state)
{
	const unsigned int both = WATCH_READ | WATCH_WRITE;
	struct stream_start s = { .id = 1, .kind = { ADDR_TCP, ADDR_TCP } };
	struct stream_work work = { .buf = stream_buf };
	struct counters_slot count = { .id = 1 };
	_Atomic uint64_t owner = 0;
	size_t sent = 0, got = 0;
	struct stream st;
	int fd[2], copied = 0;

	(void)state;
	espy_setup();
	espy->stingy = 1;
	assert_return_code(pipe2(fd, O_NONBLOCK), errno);
	work.pipes.owner = &owner;
	work.pipes.bytes = ERIG_PIPE_BYTES;
	assert_int_equal(pipes_add(&work.pipes, fd[0], fd[1], stream_buf, 1),
	    0);
	erig_pair(peer, ADDR_TCP, 0);
	erig_pair(dst, ADDR_TCP, 0);
	s.fd[0] = peer->inside;
	s.fd[1] = dst->inside;
	stream_start(&st, &s, &count, &work);
	st.side[STREAM_PEER].bulk = SPLICES_SHORT;
	while (sent < 300000) {
		if (sent < got + 4 * ESPY_BITE)
			sent += erig_write_some(peer->outside, sent,
			    2 * ESPY_BITE, 0);
		(void)stream_event(&st, STREAM_PEER, both);
		(void)stream_event(&st, STREAM_DST, both);
		assert_false(stream_run(&st, &work) & STREAM_OVER);
		got += erig_read_some(dst->outside, got, 65536);
		copied += st.side[STREAM_PEER].bulk == 0 && owner != 0;
	}
	assert_int_not_equal(copied, 0); /* so there was such a moment */
	while (got < sent) {
		(void)stream_event(&st, STREAM_PEER, both);
		(void)stream_event(&st, STREAM_DST, both);
		assert_false(stream_run(&st, &work) & STREAM_OVER);
		got += erig_read_some(dst->outside, got, 65536);
	}
	stream_release(&st, &work);
	erig_close_pair(peer);
	erig_close_pair(dst);
	close(fd[0]);
	close(fd[1]);
}

static void
bulk_goes_by_copy_without_pipes(void **state)
{
	struct erig_setup s;

	(void)state;
	erig_as_usual(&s);
	s.start.pipes = 0;
	erig_start_as(rig, &s);
	exchange_many(2 * MIB, MIB);
	assert_int_equal(espy->splices, 0);
	erig_stop(rig, 0);
}

static void
large_pipes_carry_bulk(void **state)
{
	struct erig_setup s;

	(void)state;
	erig_as_usual(&s);
	s.pipe_bytes = PIPE_BYTES;
	erig_start_as(rig, &s);
	exchange_many(4 * MIB, 3 * MIB);
	espy->roomy = 1;
	exchange_many(4 * MIB, 3 * MIB);
	assert_true(espy->in > 0);
	erig_stop(rig, 0);
}

/* Of a session that an engine before it had, say; full to the brim. */
static void
old_bytes_in_a_pipe_reach_nobody(void **state)
{
	struct erig_setup s;
	int standby;

	(void)state;
	for (standby = 0; standby < 2; standby++) {
		erig_as_usual(&s);
		s.stale_bytes = STALE;
		s.start.active = !standby;
		erig_start_as(rig, &s);
		if (standby)
			erig_activate(rig);
		erig_wait_taken(rig);
		exchange_many(2 * MIB, MIB);
		assert_true(espy->in > 0);
		assert_int_equal(espy->in, espy->out);
		erig_stop(rig, 0);
	}
}

/* Pipes whose readers stopped do not pile up when their sessions end. */
static void
stuck_sessions_give_all_pipes_back(void **state)
{
	struct pollfd p = { .events = POLLOUT };
	uint32_t i, round;

	(void)state;
	espy->roomy = 1;
	for (round = 0; round < 3; round++) {
		for (i = 0; i < MANY; i++) {
			erig_pair(&peers[i], eone_kinds[i % EONE_KINDS][0], 0);
			erig_pair(&dsts[i], eone_kinds[i % EONE_KINDS][1], 0);
		}
		erig_sessions(rig, SLOT, peers, dsts, MANY);
		for (i = 0; i < MANY; i++) {
			p.fd = peers[i].outside;
			while (poll(&p, 1, 10) == 1)
				erig_write_some(p.fd, i, 65536, 0);
		}
		assert_int_not_equal(erig_lent(rig), 0);
		for (i = 0; i < MANY; i++) {
			erig_close(rig, SLOT + i, rig->serial - MANY + 1 + i);
			(void)erig_wait_end(rig, SLOT + i);
			erig_close_pair(&peers[i]);
			erig_close_pair(&dsts[i]);
		}
		erig_wait_pipes_back(rig);
	}
}

static void
pipes_that_cannot_be_meant_are_fatal(void **state)
{
	static const struct {
		uint16_t first, count;
		size_t nfds;
	} wrong[] = { { 0, 4, 6 }, { 0, 4, 7 }, { 0, 4, 0 }, { 0, 3, 8 },
		{ 1, 3, 6 }, { 0, 5, 8 }, { UINT16_MAX, 4, 8 },
		{ 0, UINT16_MAX, 8 } };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		erig_start(rig, 0, 0);
		erig_send_activate(rig, ERIG_ENGINE, NULL, 0);
		erig_send_some_pipes(rig, wrong[i].first, wrong[i].count,
		    wrong[i].nfds);
		erig_wait_stop(rig, 1);
		assert_non_null(strstr(rig->log, "message"));
	}
	erig_start(rig, 1, 0); /* it has them all already */
	erig_send_some_pipes(rig, ERIG_PIPES, 1, 2);
	erig_wait_stop(rig, 1);
	erig_start(rig, 0, 0); /* nor does a standby get any */
	erig_send_pipes(rig);
	erig_wait_stop(rig, 1);
}

/* In two messages, the second where the first left off. */
static void
pipes_may_come_in_parts(void **state)
{
	struct erig_setup s;

	(void)state;
	erig_start(rig, 0, 0);
	erig_send_activate(rig, ERIG_ENGINE, NULL, 0);
	erig_send_some_pipes(rig, 0, 1, 2);
	erig_send_some_pipes(rig, 1, 3, 6);
	exchange_many(2 * MIB, MIB);
	assert_true(espy->in > 0);
	erig_stop(rig, 0);

	erig_as_usual(&s);
	s.start.pipes = 1;
	erig_start_as(rig, &s);
	exchange_many(MIB, MIB);
	assert_true(espy->in > 0);
	erig_stop(rig, 0);
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, eone_start, eone_stop)
		TEST(owner_is_told_while_bytes_lie_in_a_pipe),
		TEST(close_gives_the_pipe_back_empty),
		TEST(reset_by_the_reader_gives_the_pipe_back),
		TEST(reset_by_the_writer_gives_the_pipe_back),
		TEST(broken_way_keeps_no_pipe),
		TEST(more_bulk_sessions_than_pipes_go_on),
		cmocka_unit_test(pipe_is_emptied_before_a_session_goes_by_copy),
		TEST(stuck_sessions_give_all_pipes_back),
		cmocka_unit_test(bulk_goes_by_copy_without_pipes),
		cmocka_unit_test(large_pipes_carry_bulk),
		cmocka_unit_test(old_bytes_in_a_pipe_reach_nobody),
		cmocka_unit_test(pipes_that_cannot_be_meant_are_fatal),
		cmocka_unit_test(pipes_may_come_in_parts),
	};

	erig_init(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
