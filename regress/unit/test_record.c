/*
 * The engine's records: order and boundaries as they came; what cannot be
 * carried ends the session, and what rides on a record is dropped.
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

#include "../../common/limits.h"
#include "../../mctd/engine/engine.h"
#include "engine_one.h"
#include "engine_record.h"

#define SLOT    EONE_SLOT
#define LARGEST PEEK_BYTES

static struct erig *rig = &eone.rig;
static struct erig_side *peer = &eone.peer;
static struct erig_side *dst = &eone.dst;

static int
start_session(void **state)
{
	eone_start(state);
	eone_open(ADDR_UNIXSEQ, ADDR_UNIXSEQ);
	return 0;
}

/* As large as asked for, whatever the system's limit is. */
static void
set_buffer(int fd, int bytes)
{
	assert_return_code(setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes,
			       sizeof bytes),
	    errno);
}

static void
records_keep_order_and_boundaries_both_ways(void **state)
{
	unsigned int n, sent[2] = { 0, 0 }, got[2] = { 0, 0 };
	int fd[2] = { peer->outside, dst->outside }, i;
	const unsigned int all = 600;
	struct pollfd p[2];

	(void)state;
	while (got[0] < all || got[1] < all) {
		for (i = 0; i < 2; i++) {
			p[i].fd = fd[i];
			p[i].events = sent[i] < all ? POLLIN | POLLOUT : POLLIN;
		}
		assert_true(poll(p, 2, 20000) > 0);
		for (i = 0; i < 2; i++) {
			n = 1000 * (unsigned int)i + sent[i];
			if (p[i].revents & POLLOUT)
				sent[i] += (unsigned int)erecord_give_now(fd[i],
				    erecord_sizes[n % ERECORD_SIZES], n);
			if (!(p[i].revents & POLLIN))
				continue;
			n = 1000 * (unsigned int)!i + got[!i]++;
			erecord_expect(fd[i], erecord_sizes[n % ERECORD_SIZES],
			    n);
		}
	}
	eone_finish();
}

static void
counters_tell_the_bytes(void **state)
{
	(void)state;
	erecord_give(peer->outside, 1000, 1);
	erecord_give(peer->outside, 0, 2);
	erecord_give(peer->outside, 500, 3);
	erecord_expect(dst->outside, 1000, 1);
	erecord_expect(dst->outside, 0, 2);
	erecord_expect(dst->outside, 500, 3);
	erecord_give(dst->outside, 77, 4);
	erecord_expect(peer->outside, 77, 4);
	eone_finish();
	assert_int_equal(erig_count(rig, SLOT, COUNT_BYTES_TO_DST), 1500);
	assert_int_equal(erig_count(rig, SLOT, COUNT_BYTES_TO_SRC), 77);
	assert_int_equal(erig_count(rig, SLOT, COUNT_DROP_RIGHTS), 0);
}

/* Each line is what one session carries; -1 ends it. */
static void
empty_records_arrive_wherever_they_stand(void **state)
{
	static const int lines[][6] = { { 0, -1 }, { 0, 5, 6, -1 },
		{ 5, 6, 0, -1 }, { 5, 0, 6, -1 }, { 0, 0, 0, 0, -1 },
		{ 0, 0, 5, 0, 0, -1 } };
	unsigned int n;
	size_t i;
	int at_once;

	(void)state;
	for (i = 0; i < 2 * sizeof lines / sizeof lines[0]; i++) {
		at_once = i & 1; /* or to and fro */
		eone_open(ADDR_UNIXSEQ, ADDR_UNIXSEQ);
		for (n = 0; lines[i / 2][n] != -1; n++) {
			erecord_give(peer->outside, (size_t)lines[i / 2][n], n);
			if (!at_once)
				erecord_expect(dst->outside,
				    (size_t)lines[i / 2][n], n);
		}
		for (n = 0; at_once && lines[i / 2][n] != -1; n++)
			erecord_expect(dst->outside, (size_t)lines[i / 2][n],
			    n);
		eone_finish();
	}
}

static void
empty_record_before_the_end_arrives(void **state)
{
	int before;

	(void)state;
	for (before = 0; before < 2; before++) {
		eone_pairs(ADDR_UNIXSEQ, ADDR_UNIXSEQ, 0);
		if (!before)
			erig_session(rig, SLOT, peer, dst, 0, 0);
		erecord_give(peer->outside, 0, 1);
		erecord_give(peer->outside, 0, 2);
		shutdown(peer->outside, SHUT_WR);
		if (before)
			erig_session(rig, SLOT, peer, dst, 0, 0);
		erecord_expect(dst->outside, 0, 1);
		erecord_expect(dst->outside, 0, 2);
		erig_read_end(dst->outside, 0);
		/* the other way is still open */
		erecord_give(dst->outside, 0, 3);
		erecord_expect(peer->outside, 0, 3);
		shutdown(dst->outside, SHUT_WR);
		erig_read_end(peer->outside, 0);
		eone_wait_end(END_CLEAN, 0);
	}
}

static void
largest_record_passes(void **state)
{
	(void)state;
	set_buffer(peer->outside, 2 * LARGEST);
	set_buffer(dst->inside, 2 * LARGEST);
	erecord_give(peer->outside, LARGEST, 1);
	erecord_expect(dst->outside, LARGEST, 1);
	erecord_give(peer->outside, LARGEST - 1, 2);
	erecord_expect(dst->outside, LARGEST - 1, 2);
	eone_finish();
}

/* What came before it arrives; of it, nothing. */
static void
record_larger_than_the_buffer_ends_the_session(void **state)
{
	(void)state;
	set_buffer(peer->outside, 2 * LARGEST);
	set_buffer(dst->inside, 2 * LARGEST);
	erecord_give(peer->outside, 10, 1);
	erecord_give(peer->outside, LARGEST + 1, 2);
	erecord_give(peer->outside, 10, 3);
	erecord_expect(dst->outside, 10, 1);
	assert_int_equal(erig_wait_end(rig, SLOT)->err, EMSGSIZE);
	erecord_expect_nothing(dst->outside);
	assert_int_equal(erig_count(rig, SLOT, COUNT_BYTES_TO_DST), 10);
	eone_close();
}

static void
record_larger_than_dst_takes_ends_the_session(void **state)
{
	const struct inner_end *end;
	int small = 8192;

	(void)state;
	assert_return_code(setsockopt(dst->inside, SOL_SOCKET, SO_SNDBUF,
			       &small, sizeof small),
	    errno);
	erecord_give(peer->outside, 1000, 1);
	erecord_give(peer->outside, 100000, 2);
	erecord_give(peer->outside, 10, 3);
	erecord_expect(dst->outside, 1000, 1);
	end = erig_wait_end(rig, SLOT);
	assert_int_equal(end->reason, END_RECORD);
	assert_int_equal(end->err, EMSGSIZE);
	erecord_expect_nothing(dst->outside);
	assert_int_equal(erig_count(rig, SLOT, COUNT_BYTES_TO_DST), 1000);
	eone_close();
}

/* A record with one control message of that type. */
static void
give_with(int fd, size_t len, unsigned int n, int type, const void *what,
    size_t size)
{
	union {
		struct cmsghdr align;
		char room[256];
	} control;
	struct iovec iov = { .iov_base = erecord_buf, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = CMSG_SPACE(size) };
	struct cmsghdr *c;

	erecord_fill(len, n);
	memset(&control, 0, sizeof control);
	c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(c), what, size);
	assert_int_equal(sendmsg(fd, &msg, MSG_NOSIGNAL), len);
}

static void
descriptors_are_dropped_and_counted(void **state)
{
	static const size_t lens[] = { 10, 0, 70000 };
	unsigned int before, n;
	int pair[2], i;

	(void)state;
	erecord_give(peer->outside, 1, 0);
	erecord_expect(dst->outside, 1, 0);
	before = erig_descriptors(rig);
	for (n = 0; n < 3; n++) {
		for (i = 0; i < 2; i++) {
			assert_return_code(pipe(pair), errno);
			give_with(i == 0 ? peer->outside : dst->outside,
			    lens[n], n, SCM_RIGHTS, &pair[1], sizeof pair[1]);
			close(pair[1]);
			erecord_expect(i == 0 ? dst->outside : peer->outside,
			    lens[n], n);
			erig_read_pipe_end(pair[0]);
			close(pair[0]);
		}
	}
	erig_wait_count(rig, SLOT, COUNT_DROP_RIGHTS, 6);
	assert_int_equal(erig_descriptors(rig), before);
	eone_finish();
}

/* Many on one record, and several such records one after the other. */
static void
many_descriptors_are_dropped(void **state)
{
	int fds[30], i, pair[2];
	unsigned int before;

	(void)state;
	assert_return_code(pipe(pair), errno);
	for (i = 0; i < 30; i++)
		fds[i] = pair[1];
	erecord_give(peer->outside, 1, 0);
	erecord_expect(dst->outside, 1, 0);
	before = erig_descriptors(rig);
	for (i = 0; i < 20; i++)
		give_with(peer->outside, 5, (unsigned int)i, SCM_RIGHTS, fds,
		    sizeof fds);
	for (i = 0; i < 20; i++)
		erecord_expect(dst->outside, 5, (unsigned int)i);
	erig_wait_count(rig, SLOT, COUNT_DROP_RIGHTS, 20);
	assert_int_equal(erig_descriptors(rig), before);
	close(pair[1]);
	erig_read_pipe_end(pair[0]);
	close(pair[0]);
	eone_finish();
}

/* Who asks for them is told the engine's, not what the peer claimed. */
static void
credentials_are_dropped(void **state)
{
	struct ucred forged = { .pid = 1, .uid = 4711, .gid = 4711 }, got;
	char room[CMSG_SPACE(sizeof got)];
	struct iovec iov = { .iov_base = erecord_buf,
		.iov_len = sizeof erecord_buf };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = room,
		.msg_controllen = sizeof room };
	int on = 1;

	(void)state;
	give_with(peer->outside, 10, 1, SCM_CREDENTIALS, &forged,
	    sizeof forged);
	erecord_expect(dst->outside, 10, 1);
	assert_return_code(setsockopt(dst->outside, SOL_SOCKET, SO_PASSCRED,
			       &on, sizeof on),
	    errno);
	give_with(peer->outside, 10, 2, SCM_CREDENTIALS, &forged,
	    sizeof forged);
	erig_poll(dst->outside, POLLIN);
	assert_int_equal(recvmsg(dst->outside, &msg, MSG_DONTWAIT), 10);
	assert_non_null(CMSG_FIRSTHDR(&msg));
	memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof got);
	assert_int_equal(got.pid, rig->pid);
	assert_int_equal(got.uid, getuid());
	eone_finish();
	assert_int_equal(erig_count(rig, SLOT, COUNT_DROP_RIGHTS), 0);
}

/* Its records wait where they are: the sender is held up, all arrive. */
static void
slow_reader_loses_nothing(void **state)
{
	const unsigned int all = 3000;
	unsigned int sent = 0, got = 0, n;
	struct pollfd p = { .fd = peer->outside, .events = POLLOUT };

	(void)state;
	while (got < all) {
		/* until the engine is held up, as far as a moment tells */
		while (sent < all && poll(&p, 1, 10) == 1)
			sent += (unsigned int)erecord_give_now(peer->outside,
			    erecord_sizes[sent % ERECORD_SIZES], sent);
		assert_true(sent > got);
		for (n = 0; n < 100 && got < sent; n++, got++)
			erecord_expect(dst->outside,
			    erecord_sizes[got % ERECORD_SIZES], got);
	}
	eone_finish();
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(f)    cmocka_unit_test_setup_teardown(f, eone_start, eone_stop)
#define SESSION(f) cmocka_unit_test_setup_teardown(f, start_session, eone_stop)
		SESSION(records_keep_order_and_boundaries_both_ways),
		SESSION(counters_tell_the_bytes),
		TEST(empty_records_arrive_wherever_they_stand),
		TEST(empty_record_before_the_end_arrives),
		SESSION(largest_record_passes),
		SESSION(record_larger_than_the_buffer_ends_the_session),
		SESSION(record_larger_than_dst_takes_ends_the_session),
		SESSION(descriptors_are_dropped_and_counted),
		SESSION(many_descriptors_are_dropped),
		SESSION(credentials_are_dropped),
		SESSION(slow_reader_loses_nothing),
	};

	erig_init(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
