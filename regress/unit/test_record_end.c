/*
 * How sessions of records end: half-closes and resets as they came, with
 * every record before them; and kinds that do not match.
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
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "../../common/limits.h"
#include "../../mctd/engine/engine.h"
#include "../../mctd/engine/stream.h"
#include "../../mctd/engine/watch.h"
#include "engine_one.h"
#include "engine_record.h"
#include "engine_spy.h"

#define SLOT EONE_SLOT

static struct erig *rig = &eone.rig;
static struct erig_side *peer = &eone.peer;
static struct erig_side *dst = &eone.dst;

/* What a thread of its own sends and ends, when it is told to. */
static struct {
	int fd;
	unsigned int pause;
	pthread_barrier_t turn;
} last;

static void *
send_last(void *arg)
{
	volatile unsigned int n;

	for (;;) {
		(void)pthread_barrier_wait(&last.turn);
		if (last.fd == -1)
			return arg;
		for (n = 0; n < last.pause; n++)
			continue;
		erecord_give(last.fd, 5, 1);
		shutdown(last.fd, SHUT_WR);
		(void)pthread_barrier_wait(&last.turn);
	}
}

/* Carries records out of peer, without a rest, until it has ended. */
static void
carry_all(struct stream_work *work, struct counters_slot *count)
{
	struct stream_start how = { .fd = { peer->inside, dst->inside },
		.kind = { ADDR_UNIXSEQ, ADDR_UNIXSEQ },
		.id = 1 };
	struct stream st;

	stream_start(&st, &how, count, work);
	while (st.side[STREAM_PEER].way == WAY_FLOWS) {
		(void)stream_event(&st, STREAM_PEER, WATCH_READ);
		assert_int_equal(stream_run(&st, work) & STREAM_OVER, 0);
	}
}

/* The kernel looks for a record first, and for the end after that. */
static void
record_that_comes_with_the_end_is_not_lost(void **state)
{
	static uint8_t buf[PEEK_BYTES];
	struct stream_work work = { .buf = buf };
	struct counters_slot count;
	pthread_t thread;
	int i;

	(void)state;
	memset(&count, 0, sizeof count);
	assert_int_equal(pthread_barrier_init(&last.turn, NULL, 2), 0);
	assert_int_equal(pthread_create(&thread, NULL, send_last, NULL), 0);
	for (i = 0; i < 30000; i++) {
		eone_pairs(ADDR_UNIXSEQ, ADDR_UNIXSEQ, 0);
		last.fd = peer->outside;
		last.pause = (unsigned int)(i * 37) % 3000;
		(void)pthread_barrier_wait(&last.turn);
		carry_all(&work, &count);
		(void)pthread_barrier_wait(&last.turn);
		erecord_expect(dst->outside, 5, 1);
		eone_close();
	}
	last.fd = -1;
	(void)pthread_barrier_wait(&last.turn);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

static void
half_close_keeps_other_direction(void **state)
{
	struct erig_side *first, *second;
	unsigned int n;
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		eone_open(ADDR_UNIXSEQ, ADDR_UNIXSEQ);
		first = i == 0 ? peer : dst;
		second = i == 0 ? dst : peer;
		erecord_give(first->outside, 1000, 1);
		shutdown(first->outside, SHUT_WR);
		erecord_expect(second->outside, 1000, 1);
		erig_read_end(second->outside, 0);
		for (n = 0; n < 100; n++) {
			erecord_give(second->outside,
			    erecord_sizes[n % ERECORD_SIZES], n);
			erecord_expect(first->outside,
			    erecord_sizes[n % ERECORD_SIZES], n);
		}
		shutdown(second->outside, SHUT_WR);
		erig_read_end(first->outside, 0);
		eone_wait_end(END_CLEAN, 0);
	}
}

/* A local socket that is closed with something unread is reset. */
static void
reset_is_reported(void **state)
{
	struct erig_side *side, *other;
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		eone_open(ADDR_UNIXSEQ, ADDR_UNIXSEQ);
		side = i == 0 ? peer : dst;
		other = i == 0 ? dst : peer;
		erecord_give(other->outside, 100, 1);
		erig_poll(side->outside, POLLIN);
		close(side->outside);
		side->outside = -1;
		eone_wait_end(i == 0 ? END_PEER_RESET : END_DST_RESET,
		    ECONNRESET);
	}
}

/* The kernel tells of the reset before it gives out what lies before it. */
static void
last_records_of_a_reset_side_arrive(void **state)
{
	unsigned int n;
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		eone_pairs(ADDR_UNIXSEQ, ADDR_UNIXSEQ, 0);
		if (i == 1)
			/* a send to dst meets the reset, not a read */
			erecord_give(peer->outside, 10, 1);
		assert_int_equal(send(dst->inside, "unread", 6, 0), 6);
		for (n = 0; n < 5; n++)
			erecord_give(dst->outside, 100, n);
		close(dst->outside);
		dst->outside = -1;
		erig_session(rig, SLOT, peer, dst, 0, 0);
		for (n = 0; n < 5; n++)
			erecord_expect(peer->outside, 100, n);
		eone_wait_end(END_DST_RESET, ECONNRESET);
	}
}

static void
gone_dst_delivers_its_last_records(void **state)
{
	unsigned int n;

	(void)state;
	eone_pairs(ADDR_UNIXSEQ, ADDR_UNIXSEQ, 0);
	for (n = 0; n < 5; n++)
		erecord_give(dst->outside, 100, n);
	close(dst->outside);
	dst->outside = -1;
	erecord_give(peer->outside, 100, 0); /* EPIPE at dst */
	erig_session(rig, SLOT, peer, dst, 0, 0);
	for (n = 0; n < 5; n++)
		erecord_expect(peer->outside, 100, n);
	assert_int_equal(erig_wait_end(rig, SLOT)->reason, END_DST_RESET);
	eone_close();
}

static uint8_t stream_buf[PEEK_BYTES];

static void
close_dst(void)
{
	close(dst->outside);
	dst->outside = -1;
}

/*
 * A stream in this process, whose dst is reset between the peek at its record
 * and the discard.
 */
static void
reset_behind_a_record_loses_none(void **state)
{
	struct stream_start s = { .id = 1,
		.kind = { ADDR_UNIXSEQ, ADDR_UNIXSEQ } };
	struct stream_work work = { .buf = stream_buf };
	struct counters_slot count = { .id = 1 };
	struct stream st;
	unsigned int n;

	(void)state;
	eone_pairs(ADDR_UNIXSEQ, ADDR_UNIXSEQ, 0);
	assert_int_equal(send(dst->inside, "unread", 6, 0), 6);
	for (n = 0; n < 5; n++)
		erecord_give(dst->outside, 100, n);
	s.fd[0] = peer->inside;
	s.fd[1] = dst->inside;
	stream_start(&st, &s, &count, &work);
	(void)stream_event(&st, STREAM_DST, WATCH_READ);
	espy_after_send = close_dst;
	while (!(stream_run(&st, &work) & STREAM_OVER))
		continue;
	assert_int_equal(dst->outside, -1);
	for (n = 0; n < 5; n++)
		erecord_expect(peer->outside, 100, n);
	assert_int_equal(count.count[COUNT_BYTES_TO_SRC], 500);
	assert_int_equal(st.end, END_DST_RESET);
	eone_close();
}

static void
records_and_bytes_do_not_mix(void **state)
{
	static const enum addr_kind kinds[][2] = { { ADDR_UNIX, ADDR_UNIXSEQ },
		{ ADDR_UNIXSEQ, ADDR_UNIX }, { ADDR_TCP, ADDR_UNIXSEQ },
		{ ADDR_UNIXSEQ, ADDR_TCP }, { ADDR_UDP, ADDR_UDP },
		{ ADDR_TCP, ADDR_UDP }, { ADDR_UNIXDGRAM, ADDR_UNIXDGRAM } };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		erig_start(rig, 1, 0);
		/* what the message says counts */
		erig_pair(peer, ADDR_UNIX, 0);
		erig_pair(dst, ADDR_UNIX, 0);
		peer->kind = (uint8_t)kinds[i][0];
		dst->kind = (uint8_t)kinds[i][1];
		erig_session(rig, SLOT, peer, dst, 0, 0);
		erig_wait_stop(rig, 1);
		assert_non_null(strstr(rig->log, "message"));
		eone_close();
	}
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, eone_start, eone_stop)
		TEST(half_close_keeps_other_direction),
		TEST(reset_is_reported),
		TEST(last_records_of_a_reset_side_arrive),
		TEST(gone_dst_delivers_its_last_records),
		cmocka_unit_test(reset_behind_a_record_loses_none),
		cmocka_unit_test(record_that_comes_with_the_end_is_not_lost),
		cmocka_unit_test(records_and_bytes_do_not_mix),
	};

	erig_init(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
