/*
 * Records in pieces, as SCTP hands them out, over local sockets that are made
 * to look so: put together, sent whole, and never cut in silence.
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
#include "../../mctd/engine/gather.h"
#include "engine_rig.h"
#include "engine_spy.h"

#define SLOT ERIG_FIRST
#define MANY (2 * GATHERS)

static struct erig rig;
static struct erig_side peers[MANY];
static struct erig_side dsts[MANY];
static uint8_t buf[PEEK_BYTES + 4096];

static void
open_session(uint32_t i, uint32_t lifetime_ms)
{
	struct inner_session m = { .slot = SLOT + i,
		.lifetime_ms = lifetime_ms };
	int bytes = 4 * PEEK_BYTES;

	erig_pair(&peers[i], ADDR_UNIXSEQ, 0);
	erig_pair(&dsts[i], ADDR_UNIXSEQ, 0);
	assert_return_code(setsockopt(dsts[i].inside, SOL_SOCKET,
			       SO_SNDBUFFORCE, &bytes, sizeof bytes),
	    errno);
	peers[i].kind = dsts[i].kind = ADDR_SEQSCTP;
	erig_session_as(&rig, &m, &peers[i], &dsts[i]);
}

static int
start(void **state)
{
	struct erig_setup s;

	(void)state;
	erig_as_usual(&s);
	s.start.sessions = MANY; /* so that sweeps are quick */
	s.start.pipes = 0;
	erig_start_as(&rig, &s);
	espy->pieces = 1;
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	erig_stop(&rig, 0);
	return 0;
}

static void
wait_end(uint32_t i, enum end_reason reason, int err)
{
	const struct inner_end *end = erig_wait_end(&rig, SLOT + i);

	assert_int_equal(end->reason, reason);
	assert_int_equal(end->err, err);
	erig_close_pair(&peers[i]);
	erig_close_pair(&dsts[i]);
}

/* A piece, or the last of a record, whose bytes are all n but the first. */
static void
give(int fd, size_t len, int is_last, uint8_t n)
{
	memset(buf, n, len);
	buf[0] = is_last ? 1 : ESPY_PIECE;
	erig_poll(fd, POLLOUT);
	assert_int_equal(send(fd, buf, len, MSG_NOSIGNAL), len);
}

/* A record of pieces of these lengths, sent with n, n + 1 and so on. */
static void
expect(int fd, const size_t *lens, size_t count, uint8_t n)
{
	size_t i, k, at, all = 0;

	for (i = 0; i < count; i++)
		all += lens[i];
	erig_poll(fd, POLLIN);
	assert_int_equal(recv(fd, buf, sizeof buf, MSG_DONTWAIT), all);
	for (i = at = 0; i < count; at += lens[i], i++) {
		assert_int_equal(buf[at], i + 1 == count ? 1 : ESPY_PIECE);
		for (k = 1; k < lens[i]; k++)
			assert_int_equal(buf[at + k], n + i);
	}
}

static void
expect_nothing(int fd)
{
	assert_int_equal(recv(fd, buf, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
}

static void
pieces_are_put_together(void **state)
{
	static const size_t lens[] = { 1000, 70000, 1, 20000 };
	unsigned int times;
	uint8_t i;

	(void)state;
	open_session(0, 0);
	/* more often than there are places */
	for (times = 0; times < 3 * GATHERS; times++) {
		give(peers[0].outside, 10, 1, 1);
		for (i = 0; i < 4; i++)
			give(peers[0].outside, lens[i], i == 3, i);
		give(peers[0].outside, 10, 1, 2);
		expect(dsts[0].outside, (size_t[]){ 10 }, 1, 1);
		expect(dsts[0].outside, lens, 4, 0);
		expect(dsts[0].outside, (size_t[]){ 10 }, 1, 2);
	}
	assert_int_equal(erig_count(&rig, SLOT, COUNT_BYTES_TO_DST),
	    3 * GATHERS * (91001 + 20));
	shutdown(peers[0].outside, SHUT_WR);
	wait_end(0, END_CLEAN, 0);
}

/* Who finds no place waits for one, and loses nothing by it. */
static void
more_sessions_than_places_go_on(void **state)
{
	static const size_t lens[] = { 5000, 6000 };
	uint32_t i;

	(void)state;
	for (i = 0; i < MANY; i++) {
		open_session(i, 0);
		give(peers[i].outside, lens[0], 0, (uint8_t)i);
	}
	for (i = 0; i < MANY; i++)
		expect_nothing(dsts[i].outside);
	for (i = 0; i < MANY; i++)
		give(peers[i].outside, lens[1], 1, (uint8_t)(i + 1));
	for (i = 0; i < MANY; i++) {
		expect(dsts[i].outside, lens, 2, (uint8_t)i);
		shutdown(peers[i].outside, SHUT_WR);
		wait_end(i, END_CLEAN, 0);
	}
}

static void
record_larger_than_a_place_ends_the_session(void **state)
{
	size_t lens[PEEK_BYTES / 65536];
	uint32_t i, over;

	(void)state;
	for (over = 0; over < 2; over++) {
		open_session(0, 0);
		for (i = 0; i < PEEK_BYTES / 65536; i++) {
			lens[i] = 65536;
			give(peers[0].outside, lens[i],
			    !over && i + 1 == PEEK_BYTES / 65536, (uint8_t)i);
		}
		if (!over) {
			expect(dsts[0].outside, lens, PEEK_BYTES / 65536, 0);
			shutdown(peers[0].outside, SHUT_WR);
			wait_end(0, END_CLEAN, 0);
			continue;
		}
		give(peers[0].outside, 1, 1, 0);
		assert_int_equal(erig_wait_end(&rig, SLOT)->reason, END_RECORD);
		expect_nothing(dsts[0].outside);
		erig_close_pair(&peers[0]);
		erig_close_pair(&dsts[0]);
	}
}

/* Nothing of it went on, so it is no clean end; and its place is free. */
static void
end_within_a_record_is_a_reset(void **state)
{
	uint32_t i;

	(void)state;
	for (i = 0; i < MANY; i++) {
		open_session(0, 0);
		give(peers[0].outside, 1000, 0, 0);
		shutdown(peers[0].outside, SHUT_WR);
		wait_end(0, END_PEER_RESET, ECONNRESET);
	}
}

/* The first piece lies in the engine, where no count of the kernel's tells. */
static void
lifetime_over_within_a_record_is_a_reset(void **state)
{
	(void)state;
	open_session(0, 3600000);
	give(peers[0].outside, 1000, 0, 0);
	erig_wait_acked(peers[0].outside); /* it has been taken */
	espy->ahead_ms += 3600000;
	wait_end(0, END_LIFETIME, ETIMEDOUT);
}

/* Dst has gone while a record waits for it; what it said still comes. */
static void
place_of_a_broken_way_is_given_back(void **state)
{
	static const size_t lens[] = { 1000, 2000 };
	uint32_t i;

	(void)state;
	for (i = 0; i < GATHERS; i++) {
		open_session(i, 0);
		shutdown(dsts[i].outside, SHUT_RD);
		give(peers[i].outside, lens[0], 0, 0);
		give(peers[i].outside, lens[1], 1, 1);
		erig_wait_acked(peers[i].outside);
	}
	open_session(GATHERS, 0);
	give(peers[GATHERS].outside, lens[0], 0, 0);
	give(peers[GATHERS].outside, lens[1], 1, 1);
	expect(dsts[GATHERS].outside, lens, 2, 0);
	for (i = 0; i <= GATHERS; i++) {
		erig_close_pair(&peers[i]);
		erig_close_pair(&dsts[i]);
	}
}

/* By beginnings of records whose rest does not come. */
static void
places_are_not_kept_from_others(void **state)
{
	static const size_t lens[] = { 5000, 6000 };
	uint32_t i, ended = 0;

	(void)state;
	for (i = 0; i < GATHERS; i++) {
		open_session(i, 0);
		give(peers[i].outside, lens[0], 0, 0);
		erig_wait_acked(peers[i].outside);
	}
	open_session(GATHERS, 0);
	give(peers[GATHERS].outside, lens[0], 0, 5);
	give(peers[GATHERS].outside, lens[1], 1, 6);
	expect_nothing(dsts[GATHERS].outside);
	espy->ahead_ms += GATHER_S * 1000;
	expect(dsts[GATHERS].outside, lens, 2, 5);
	shutdown(peers[GATHERS].outside, SHUT_WR);
	wait_end(GATHERS, END_CLEAN, 0);
	/* its end came behind that of who had to give way */
	for (i = 0; i < GATHERS; i++) {
		if (rig.ended[SLOT + i].serial != 0) {
			wait_end(i, END_RECORD, ETIMEDOUT);
			ended++;
		} else {
			erig_close_pair(&peers[i]);
			erig_close_pair(&dsts[i]);
		}
	}
	assert_in_range(ended, 1, GATHERS);
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)
		TEST(pieces_are_put_together),
		TEST(more_sessions_than_places_go_on),
		TEST(record_larger_than_a_place_ends_the_session),
		TEST(end_within_a_record_is_a_reset),
		TEST(lifetime_over_within_a_record_is_a_reset),
		TEST(places_are_not_kept_from_others),
		TEST(place_of_a_broken_way_is_given_back),
	};

	erig_init(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
