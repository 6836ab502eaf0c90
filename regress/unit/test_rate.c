/*
 * The rate of a session, and how much of a turn one session takes: a stream
 * in this process, on a clock of ours; and in an engine, that it sleeps.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../../common/limits.h"
#include "../../mctd/engine/stream.h"
#include "../../mctd/engine/watch.h"
#include "engine_one.h"

static struct erig *rig = &eone.rig;
static struct erig_side *peer = &eone.peer;
static struct erig_side *dst = &eone.dst;

static uint8_t buf[PEEK_BYTES];
static uint8_t zeros[65536];
static struct stream st;
static struct stream_work work;
static struct counters_slot count;

/* A stream here, at 1,000,000 ms. */
static void
open_stream(enum addr_kind kind, uint32_t rate)
{
	struct stream_start s = { .id = 1, .rate = rate };

	eone_pairs(kind, kind, 0);
	memset(&work, 0, sizeof work);
	memset(&count, 0, sizeof count);
	work.buf = buf;
	work.now_ms = 1000000;
	s.fd[0] = peer->inside;
	s.fd[1] = dst->inside;
	s.kind[0] = s.kind[1] = (uint8_t)kind;
	stream_start(&st, &s, &count, &work);
	st.side[STREAM_DST].readable = 1;
}

static void
close_stream(void)
{
	stream_release(&st, &work);
	eone_close();
}

static uint64_t
moved_to_dst(void)
{
	return count.count[COUNT_BYTES_TO_DST];
}

/* Sends all that goes in, takes out all that came. */
static void
feed(int from, int to)
{
	while (send(from, zeros, sizeof zeros, MSG_DONTWAIT) > 0)
		continue;
	while (recv(to, zeros, sizeof zeros, MSG_DONTWAIT) > 0)
		continue;
}

/* As session.c: edges, a look, and runs as long as it wants them. */
static void
go_on(unsigned int ms)
{
	unsigned int wants, n;

	work.now_ms += ms;
	feed(peer->outside, dst->outside);
	feed(dst->outside, peer->outside);
	(void)stream_event(&st, STREAM_PEER, WATCH_READ | WATCH_WRITE);
	(void)stream_event(&st, STREAM_DST, WATCH_READ | WATCH_WRITE);
	wants = stream_look(&st, &work);
	for (n = 0; wants & STREAM_AGAIN; n++) {
		assert_in_range(n, 0, 100000);
		wants = stream_run(&st, &work);
		assert_false(wants & STREAM_OVER);
		feed(peer->outside, dst->outside);
		feed(dst->outside, peer->outside);
		(void)stream_event(&st, STREAM_PEER, WATCH_READ | WATCH_WRITE);
		wants = stream_event(&st, STREAM_DST, WATCH_READ | WATCH_WRITE);
	}
	assert_true(wants & STREAM_LOOK); /* it waits for its rate */
}

static const uint32_t rates[] = { 1, 7, 150, 1023, 1999, 10240, 99999, 1000000,
	10485760 };
#define RATES (sizeof rates / sizeof rates[0])

/* Never more than a second's burst and what the time has brought. */
static void
rate_is_never_exceeded(void **state)
{
	static const unsigned int steps[] = { 1, 10, 3, 100, 2000, 10, 1 };
	uint64_t begun, most;
	size_t r, i;

	(void)state;
	for (r = 0; r < RATES; r++) {
		open_stream(ADDR_TCP, rates[r]);
		begun = work.now_ms;
		for (i = 0; i < 70; i++) {
			go_on(steps[i % 7]);
			most =
			    rates[r] + rates[r] * (work.now_ms - begun) / 1000;
			assert_in_range(moved_to_dst(), 0, most);
			assert_in_range(count.count[COUNT_BYTES_TO_SRC], 0,
			    most);
		}
		close_stream();
	}
}

/* At whatever intervals it is looked at; a tenth less is no matter. */
static void
rate_is_reached(void **state)
{
	static const unsigned int steps[] = { 1, 3, 10, 11, 100 };
	uint64_t most;
	unsigned int t;
	size_t r, i;

	(void)state;
	for (r = 0; r < RATES; r++) {
		for (i = 0; i < sizeof steps / sizeof steps[0]; i++) {
			open_stream(ADDR_TCP, rates[r]);
			for (t = 0; t < 4000; t += steps[i])
				go_on(steps[i]);
			most = rates[r] + 4 * (uint64_t)rates[r];
			if (moved_to_dst() + 2 < most - most / 10)
				fail_msg("%u bytes a second, looked at each "
					 "%u ms: %lu of %lu bytes",
				    rates[r], steps[i],
				    (unsigned long)moved_to_dst(),
				    (unsigned long)most);
			close_stream();
		}
	}
}

/* What was not used for long gives a burst of one second, no more. */
static void
silence_saves_one_second(void **state)
{
	uint64_t before;
	int i;

	(void)state;
	open_stream(ADDR_TCP, 10000);
	go_on(1);
	go_on(1);
	before = moved_to_dst();
	go_on(3600000);
	assert_in_range(moved_to_dst() - before, 9000, 10000);
	close_stream();

	open_stream(ADDR_TCP, 10000); /* with a go each second, too */
	for (i = 0; i < 10; i++) {
		work.now_ms += 1000;
		(void)stream_run(&st, &work);
	}
	go_on(1);
	assert_in_range(moved_to_dst(), 9000, 10020);
	close_stream();
}

/* A record goes whole, and the next waits until it is paid for. */
static void
record_larger_than_the_rate_passes(void **state)
{
	unsigned int i, got, ms;

	(void)state;
	open_stream(ADDR_UNIXSEQ, 1000);
	for (i = 0; i < 3; i++)
		assert_int_equal(send(peer->outside, zeros, 20000, 0), 20000);
	for (got = ms = 0; got < 3; ms += 100) {
		assert_in_range(ms, 0, 45000);
		(void)stream_event(&st, STREAM_PEER, WATCH_READ);
		(void)stream_look(&st, &work);
		(void)stream_run(&st, &work);
		work.now_ms += 100;
		if (recv(dst->outside, zeros, sizeof zeros, MSG_DONTWAIT) ==
		    20000)
			got++;
	}
	/* 60,000 bytes, less the first second's and the last record's debt */
	assert_in_range(ms, 38000, 45000);
	close_stream();
}

/* Of records without bytes, too: others want to have their turn. */
static void
turn_has_an_end(void **state)
{
	static const size_t lens[] = { 0, 1 };
	int bytes = 64 * 1024 * 1024;
	unsigned int i, n;
	size_t k;

	(void)state;
	for (k = 0; k < sizeof lens / sizeof lens[0]; k++) {
		open_stream(ADDR_UNIXSEQ, 0);
		assert_return_code(setsockopt(peer->outside, SOL_SOCKET,
				       SO_SNDBUFFORCE, &bytes, sizeof bytes),
		    errno);
		assert_return_code(setsockopt(dst->inside, SOL_SOCKET,
				       SO_SNDBUFFORCE, &bytes, sizeof bytes),
		    errno);
		for (i = 0; i < 20000; i++)
			assert_int_equal(send(peer->outside, zeros, lens[k],
					     MSG_DONTWAIT),
			    lens[k]);
		assert_true(stream_run(&st, &work) & STREAM_AGAIN);
		for (n = 0; recv(dst->outside, zeros, sizeof zeros,
				MSG_DONTWAIT) != -1;
		     n++)
			continue;
		assert_in_range(n, 1, 19999);
		close_stream();
	}
}

static void
open_session(enum addr_kind peer_kind, enum addr_kind dst_kind, uint32_t rate)
{
	struct inner_session m = { .rate = rate };

	eone_open_as(&m, peer_kind, dst_kind);
}

/* More than the burst, both ways, of every kind; then the ends. */
static void
limited_session_gets_everything_through(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < EONE_KINDS; i++) {
		open_session(eone_kinds[i][0], eone_kinds[i][1], 256 * 1024);
		erig_exchange(peer->outside, dst->outside, 350000, 300000,
		    65536);
		eone_finish_counted(350000, 300000);
	}
}

/* The end comes behind the bytes, however long these wait. */
static void
end_of_file_waits_for_its_bytes(void **state)
{
	(void)state;
	open_session(ADDR_TCP, ADDR_TCP, 10000);
	erig_write(peer->outside, 0, 13000);
	shutdown(peer->outside, SHUT_WR);
	erig_read(dst->outside, 0, 13000);
	eone_finish();
}

/* With bytes that wait for their rate, and a reader that takes all. */
static void
limited_session_sleeps(void **state)
{
	uint64_t cpu_us;

	(void)state;
	open_session(ADDR_TCP, ADDR_TCP, 20000);
	erig_write(peer->outside, 0, 40000);
	erig_read(dst->outside, 0, 20000); /* the burst */
	cpu_us = erig_cpu_us(rig);
	erig_read(dst->outside, 20000, 15000); /* some 750 ms */
	assert_in_range(erig_cpu_us(rig) - cpu_us, 0, 200000);
	erig_read(dst->outside, 35000, 5000);
	eone_finish();
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, eone_start, eone_stop)
		cmocka_unit_test(rate_is_never_exceeded),
		cmocka_unit_test(rate_is_reached),
		cmocka_unit_test(silence_saves_one_second),
		cmocka_unit_test(record_larger_than_the_rate_passes),
		cmocka_unit_test(turn_has_an_end),
		TEST(limited_session_gets_everything_through),
		TEST(end_of_file_waits_for_its_bytes),
		TEST(limited_session_sleeps),
	};

	erig_init(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
