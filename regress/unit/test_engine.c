/*
 * The engine's streams: bytes, ends and errors as they came, whatever the
 * kinds of the two sides.
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

#include "../../mctd/engine/engine.h"
#include "engine_one.h"

#define SLOT EONE_SLOT

static struct erig *rig = &eone.rig;
static struct erig_side *peer = &eone.peer;
static struct erig_side *dst = &eone.dst;

static void
every_byte_arrives_both_ways(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < EONE_KINDS; i++) {
		eone_open(eone_kinds[i][0], eone_kinds[i][1]);
		erig_exchange(peer->outside, dst->outside, 5000001, 3000001,
		    65536);
		eone_finish_counted(5000001, 3000001);
	}
}

static void
slow_reader_gets_every_byte(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < EONE_KINDS; i++) {
		eone_open(eone_kinds[i][0], eone_kinds[i][1]);
		erig_exchange(peer->outside, dst->outside, 3000000, 500000,
		    1009);
		eone_finish_counted(3000000, 500000);
	}
}

static void
small_buffers_pass_every_byte(void **state)
{
	(void)state;
	erig_pair(peer, ADDR_TCP, 4096);
	erig_pair(dst, ADDR_TCP, 4096);
	erig_session(rig, SLOT, peer, dst, 0, 0);
	erig_exchange(peer->outside, dst->outside, 300000, 200000, 65536);
	eone_finish_counted(300000, 200000);
}

static void
small_messages_go_to_and_fro(void **state)
{
	size_t i, n;

	(void)state;
	for (i = 0; i < EONE_KINDS; i++) {
		eone_open(eone_kinds[i][0], eone_kinds[i][1]);
		for (n = 0; n < 300; n++) {
			erig_write(peer->outside, n, n + 1);
			erig_read(dst->outside, n, n + 1);
			erig_write(dst->outside, n, 1);
			erig_read(peer->outside, n, 1);
		}
		eone_finish_counted(300 * 301 / 2, 300);
	}
}

static void
what_waited_before_the_hand_over_arrives(void **state)
{
	(void)state;
	erig_pair(peer, ADDR_TCP, 0);
	erig_pair(dst, ADDR_TCP, 0);
	erig_write(peer->outside, 0, 100);
	shutdown(peer->outside, SHUT_WR);
	erig_write(dst->outside, 0, 200);
	erig_session(rig, SLOT, peer, dst, 0, 0);
	erig_read(dst->outside, 0, 100);
	erig_read_end(dst->outside, 0);
	erig_read(peer->outside, 0, 200);
	shutdown(dst->outside, SHUT_WR);
	eone_wait_end(END_CLEAN, 0);
}

static void
half_close_keeps_other_direction(void **state)
{
	struct erig_side *first, *second;
	size_t i;

	(void)state;
	for (i = 0; i < 2 * EONE_KINDS; i++) {
		eone_open(eone_kinds[i / 2][0], eone_kinds[i / 2][1]);
		first = i % 2 == 0 ? peer : dst;
		second = i % 2 == 0 ? dst : peer;
		erig_write(first->outside, 0, 1000);
		shutdown(first->outside, SHUT_WR);
		erig_read(second->outside, 0, 1000);
		erig_read_end(second->outside, 0);
		erig_exchange(second->outside, first->outside, 1000000, 0,
		    65536);
		shutdown(second->outside, SHUT_WR);
		erig_read_end(first->outside, 0);
		eone_wait_end(END_CLEAN, 0);
	}
}

static void
reset_is_reported(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		eone_open(ADDR_TCP, ADDR_TCP);
		erig_exchange(peer->outside, dst->outside, 100, 100, 100);
		if (i == 0) {
			erig_reset(peer->outside);
			peer->outside = -1;
			eone_wait_end(END_PEER_RESET, ECONNRESET);
		} else {
			erig_reset(dst->outside);
			dst->outside = -1;
			eone_wait_end(END_DST_RESET, ECONNRESET);
		}
	}
}

/* In the event such a reset cannot be told from the bytes. */
static void
reset_behind_bytes_is_reported(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 20; i++) {
		erig_pair(peer, ADDR_TCP, 0);
		erig_pair(dst, ADDR_TCP, 0);
		if (i % 2 == 0)
			erig_session(rig, SLOT, peer, dst, 0, 0);
		erig_write(peer->outside, 0, 10);
		erig_reset(peer->outside);
		peer->outside = -1;
		if (i % 2 == 1)
			erig_session(rig, SLOT, peer, dst, 0, 0);
		erig_read(dst->outside, 0, 10);
		eone_wait_end(END_PEER_RESET, ECONNRESET);
	}
}

/* No traffic brings it to light, and dst says nothing. */
static void
reset_of_a_half_closed_side_is_reported(void **state)
{
	(void)state;
	eone_open(ADDR_TCP, ADDR_TCP);
	shutdown(peer->outside, SHUT_WR);
	erig_read_end(dst->outside, 0);
	erig_reset(peer->outside);
	peer->outside = -1;
	eone_wait_end(END_PEER_RESET, EPIPE);
}

/* What dst sent before it went away still gets to the peer. */
static void
broken_dst_delivers_its_last_bytes(void **state)
{
	const size_t n = 60000; /* more than the peer's buffers hold */
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		erig_pair(peer, ADDR_TCP, 4096);
		erig_pair(dst, ADDR_TCP, 0);
		erig_session(rig, SLOT, peer, dst, 0, 0);
		erig_write(dst->outside, 0, n);
		erig_wait_acked(dst->outside);
		erig_reset(dst->outside);
		dst->outside = -1;
		if (i == 1)
			erig_write(peer->outside, 0, 100); /* fails at dst */
		erig_read(peer->outside, 0, n);
		eone_wait_end(END_DST_RESET, ECONNRESET);
		assert_int_equal(erig_count(rig, SLOT, COUNT_BYTES_TO_SRC), n);
	}
}

static void
gone_local_dst_delivers_its_last_bytes(void **state)
{
	const struct inner_end *end;

	(void)state;
	erig_pair(peer, ADDR_TCP, 4096);
	erig_pair(dst, ADDR_UNIX, 0);
	erig_session(rig, SLOT, peer, dst, 0, 0);
	erig_write(dst->outside, 0, 60000);
	close(dst->outside);
	dst->outside = -1;
	erig_write(peer->outside, 0, 100); /* EPIPE at dst */
	erig_read(peer->outside, 0, 60000);
	end = erig_wait_end(rig, SLOT);
	assert_int_equal(end->reason, END_DST_RESET);
	eone_close();
}

/* It shuts its way in, so a send to it fails, and speaks on. */
static void
side_that_takes_no_more_may_speak_on(void **state)
{
	static const enum addr_kind other[] = { ADDR_TCP, ADDR_UNIX };
	struct erig_side *side, *writer;
	int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		eone_open(i % 2 == 0 ? other[i / 2] : ADDR_UNIX,
		    i % 2 == 0 ? ADDR_UNIX : other[i / 2]);
		side = i % 2 == 0 ? dst : peer;
		writer = i % 2 == 0 ? peer : dst;
		erig_exchange(peer->outside, dst->outside, 100, 100, 100);
		shutdown(side->outside, SHUT_RD);
		erig_write(writer->outside, 0, 1000);
		erig_write(side->outside, 0, 1000);
		erig_read(writer->outside, 0, 1000);
		erig_write(side->outside, 1000, 100000);
		erig_read(writer->outside, 1000, 100000);
		shutdown(side->outside, SHUT_WR);
		eone_wait_end(side == peer ? END_PEER_RESET : END_DST_RESET,
		    EPIPE);
	}
}

static void
urgent_bytes_keep_their_place(void **state)
{
	(void)state;
	eone_open(ADDR_TCP, ADDR_TCP);
	erig_write(peer->outside, 0, 10);
	/* the last byte of it is the urgent one */
	assert_int_equal(send(peer->outside, "\0\0", 2, MSG_OOB), 2);
	erig_wait_count(rig, SLOT, COUNT_BYTES_TO_DST, 12);
	erig_write(peer->outside, 12, 10);
	erig_wait_count(rig, SLOT, COUNT_BYTES_TO_DST, 22);
	erig_read(dst->outside, 0, 10);
	assert_int_equal(recv(dst->outside, (char[2]){ 0 }, 2, 0), 2);
	erig_read(dst->outside, 12, 10);
	eone_finish_counted(22, 0);
}

static void
bytes_behind_descriptors_arrive(void **state)
{
	int i;

	(void)state;
	eone_open(ADDR_UNIX, ADDR_TCP);
	for (i = 0; i < 5; i++)
		erig_write_descriptor(peer->outside, 10 * (size_t)i, 10,
		    STDERR_FILENO);
	erig_wait_count(rig, SLOT, COUNT_BYTES_TO_DST, 50);
	erig_read(dst->outside, 0, 50);
	eone_finish_counted(50, 0);
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, eone_start, eone_stop)
		TEST(every_byte_arrives_both_ways),
		TEST(slow_reader_gets_every_byte),
		TEST(small_buffers_pass_every_byte),
		TEST(small_messages_go_to_and_fro),
		TEST(what_waited_before_the_hand_over_arrives),
		TEST(half_close_keeps_other_direction),
		TEST(reset_is_reported),
		TEST(reset_behind_bytes_is_reported),
		TEST(reset_of_a_half_closed_side_is_reported),
		TEST(broken_dst_delivers_its_last_bytes),
		TEST(gone_local_dst_delivers_its_last_bytes),
		TEST(side_that_takes_no_more_may_speak_on),
		TEST(urgent_bytes_keep_their_place),
		TEST(bytes_behind_descriptors_arrive),
	};

	erig_init(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
