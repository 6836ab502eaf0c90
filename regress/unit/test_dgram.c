/*
 * The engine's datagrams: every one whole, in order, to every dst; and what
 * is lost is counted, so that arrivals = departures + drops.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>

#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../../mctd/engine/engine.h"
#include "engine_dgram.h"

#define LARGEST 65507

static int
start(void **state)
{
	(void)state;
	erig_start(&edgram.rig, 1, 0);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	close(edgram.src);
	close(edgram.sender);
	erig_stop(&edgram.rig, 0);
	return 0;
}

static void
every_size_arrives_whole_and_in_order(void **state)
{
	static const size_t sizes[] = { 0, 1, 64, 64, 64, 10, 64, 1400, 1400,
		1400, 1399, 1400, 0, 0, LARGEST, 1, LARGEST, 64, 65, 64, 2, 1,
		1, 1, 16385, 16385, 16384, 16384, 0, 1400 };
	struct edgram_dst t;
	unsigned int i, n = sizeof sizes / sizeof sizes[0];

	(void)state;
	edgram_make_src(ADDR_UDP);
	for (i = 0; i < n; i++)
		edgram_give(sizes[i], i); /* so that they come in one batch */
	edgram_send_src(MSG_P2E_SRC, ADDR_UDP);
	edgram_open_dst(&t, 1, ADDR_UDP);
	for (i = 0; i < n; i++)
		edgram_expect(&t, sizes[i], i);
	for (i = 0; i < n; i++) {
		edgram_give(sizes[i], i); /* one by one */
		edgram_expect(&t, sizes[i], i);
	}
	edgram_wait_balance(1, 2 * n);
	assert_int_equal(edgram_drops(1), 0);
	assert_int_equal(erig_count(&edgram.rig, 1, COUNT_BYTES_IN),
	    erig_count(&edgram.rig, 1, COUNT_BYTES_TO_DST));
	edgram_close_dst(&t);
}

static void
groups_arrive_as_their_datagrams(void **state)
{
	struct edgram_dst t;
	int i;

	(void)state;
	edgram_open_src(ADDR_UDP);
	edgram_open_dst(&t, 1, ADDR_UDP);
	for (i = 0; i < 3; i++) {
		edgram_give_group(64 * 64, 64);
		edgram_expect_group(&t, 64 * 64, 64);
		edgram_give_group(46 * 1400 + 3, 1400);
		edgram_expect_group(&t, 46 * 1400 + 3, 1400);
		edgram_give_group(10 * 1000 + 999, 1000);
		edgram_expect_group(&t, 10 * 1000 + 999, 1000);
		edgram_give(1400, 5); /* larger than the last group's */
		edgram_expect(&t, 1400, 5);
		edgram_give(LARGEST, 6);
		edgram_expect(&t, LARGEST, 6);
	}
	edgram_wait_balance(1, 3 * (64 + 47 + 11 + 2));
	assert_int_equal(edgram_drops(1), 0);
	edgram_close_dst(&t);
}

static void
local_receiver_gets_every_size(void **state)
{
	static const size_t sizes[] = { 0, 1, 64, 64, 1400, LARGEST, 65536 };
	struct edgram_dst t;
	unsigned int i;

	(void)state;
	edgram_open_src(ADDR_UNIXDGRAM);
	edgram_open_dst(&t, 1, ADDR_UNIXDGRAM);
	for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		edgram_give(sizes[i], i);
		edgram_expect(&t, sizes[i], i);
	}
	edgram_wait_balance(1, i);
	assert_int_equal(edgram_drops(1), 0);
	edgram_close_dst(&t);
}

static void
datagrams_go_from_one_family_to_another(void **state)
{
	struct edgram_dst udp, local;
	unsigned int i;

	(void)state;
	edgram_open_src(ADDR_UDP);
	edgram_open_dst(&udp, 1, ADDR_UDP);
	edgram_open_dst(&local, 2, ADDR_UNIXDGRAM);
	for (i = 0; i < 50; i++) {
		edgram_give(i * 20, i);
		edgram_expect(&udp, i * 20, i);
		edgram_expect(&local, i * 20, i);
	}
	edgram_wait_balance(1, 50);
	edgram_wait_balance(2, 50);
	edgram_close_dst(&udp);
	edgram_close_dst(&local);
}

static void
too_long_is_counted_not_cut(void **state)
{
	struct edgram_dst udp, local;

	(void)state;
	edgram_open_src(ADDR_UNIXDGRAM);
	edgram_open_dst(&udp, 1, ADDR_UDP);
	edgram_open_dst(&local, 2, ADDR_UNIXDGRAM);
	edgram_give(65520, 0); /* too long for UDP */
	edgram_expect(&local, 65520, 0);
	edgram_give(65537, 1); /* too long for us */
	edgram_give(100, 2);
	edgram_expect(&udp, 100, 2);
	edgram_expect(&local, 100, 2);
	edgram_wait_balance(1, 3);
	edgram_wait_balance(2, 3);
	assert_int_equal(erig_count(&edgram.rig, 1, COUNT_DROP_TOO_LONG), 2);
	assert_int_equal(erig_count(&edgram.rig, 2, COUNT_DROP_TOO_LONG), 1);
	assert_int_equal(erig_count(&edgram.rig, 2, COUNT_BYTES_IN),
	    65520 + 65537 + 100);
	edgram_close_dst(&udp);
	edgram_close_dst(&local);
}

static void
dead_dst_does_not_hurt_a_live_one(void **state)
{
	struct edgram_dst dead, live;
	unsigned int i;

	(void)state;
	edgram_open_src(ADDR_UDP);
	edgram_open_dst(&live, 1, ADDR_UDP);
	edgram_open_dst(&dead, 2, ADDR_UDP);
	close(dead.receiver);
	dead.receiver = -1;
	for (i = 0; i < 100; i++) {
		edgram_give(200, i);
		edgram_expect(&live, 200, i);
	}
	edgram_wait_balance(1, 100);
	edgram_wait_balance(2, 100);
	assert_int_equal(edgram_drops(1), 0);
	edgram_close_dst(&dead);
	edgram_close_dst(&live);
}

/* The error of a datagram that was refused does not eat the next one. */
static void
receiver_that_comes_back_gets_the_next_datagram(void **state)
{
	struct sockaddr_storage at;
	socklen_t len = sizeof at;
	struct edgram_dst t;
	int on = 1;

	(void)state;
	edgram_open_src(ADDR_UDP);
	edgram_open_dst(&t, 1, ADDR_UDP);
	assert_return_code(getsockname(t.receiver, (struct sockaddr *)&at,
			       &len),
	    errno);
	close(t.receiver);
	edgram_give(10, 1);
	erig_wait_count(&edgram.rig, 1, COUNT_MESSAGES_OUT, 1);
	t.receiver = edgram_socket(AF_INET);
	assert_return_code(setsockopt(t.receiver, SOL_SOCKET, SO_REUSEADDR, &on,
			       sizeof on),
	    errno);
	assert_return_code(bind(t.receiver, (struct sockaddr *)&at, len),
	    errno);
	edgram_give(20, 2);
	edgram_expect(&t, 20, 2);
	edgram_wait_balance(1, 2);
	/* the loss is counted once, when the kernel has told of it */
	assert_int_equal(erig_count(&edgram.rig, 1, COUNT_DROP_REFUSED), 1);
	edgram_close_dst(&t);
}

static void
lost_local_receiver_is_reported(void **state)
{
	struct inner_out lost;
	struct frame_in in;
	struct edgram_dst t;

	(void)state;
	edgram_open_src(ADDR_UDP);
	edgram_open_dst(&t, 1, ADDR_UNIXDGRAM);
	close(t.receiver);
	t.receiver = -1;
	edgram_give(10, 1);
	edgram_give(10, 2); /* reported only once in so short a time */
	erig_packet(&edgram.rig, MSG_E2P_DST_LOST, &in);
	inner_get_out(&in, &lost);
	assert_int_equal(frame_done(&in), 0);
	assert_int_equal(lost.slot, 1);
	assert_int_equal(lost.serial, t.serial);
	assert_int_equal(lost.out, 0);
	edgram_wait_balance(1, 2);
	assert_int_equal(erig_count(&edgram.rig, 1, COUNT_DROP_REFUSED), 2);
	erig_close(&edgram.rig, 1, t.serial);
	assert_int_equal(erig_wait_end(&edgram.rig, 1)->serial, t.serial);
	edgram_close_dst(&t);
}

static void
full_local_receiver_is_counted(void **state)
{
	struct edgram_dst t;
	unsigned int i;

	(void)state;
	edgram_open_src(ADDR_UDP);
	edgram_open_dst(&t, 1, ADDR_UNIXDGRAM);
	for (i = 0; i < 3000; i++) {
		edgram_give(20, i);
		if (i % 50 == 49)
			erig_wait_count(&edgram.rig, 1, COUNT_MESSAGES_IN,
			    i + 1);
	}
	edgram_wait_balance(1, 3000);
	assert_int_not_equal(edgram_drops(1), 0);
	assert_int_equal(edgram_drops(1),
	    erig_count(&edgram.rig, 1, COUNT_DROP_NO_BUFFER));
	edgram_close_dst(&t);
}

static void
overflow_of_the_src_queue_is_counted(void **state)
{
	struct edgram_dst t;
	int small = 4096;
	unsigned int i;

	(void)state;
	edgram_make_src(ADDR_UDP);
	assert_return_code(setsockopt(edgram.src, SOL_SOCKET, SO_RCVBUF, &small,
			       sizeof small),
	    errno);
	for (i = 0; i < 200; i++)
		edgram_give(500, i);
	edgram_send_src(MSG_P2E_SRC, ADDR_UDP);
	edgram_open_dst(&t, 1, ADDR_UDP);
	/* once there is room again, the next one brings the news */
	erig_poll(t.receiver, POLLIN);
	edgram_expect(&t, 500, 0);
	while (recv(t.receiver, &small, 1, MSG_DONTWAIT) != -1)
		continue;
	edgram_give(500, i);
	edgram_wait_balance(1, 201);
	assert_int_not_equal(edgram_drops(1), 0);
	assert_int_equal(edgram_drops(1),
	    erig_count(&edgram.rig, 1, COUNT_DROP_OVERFLOW));
	edgram_close_dst(&t);
}

static void
closed_dst_ends_and_others_go_on(void **state)
{
	struct edgram_dst t[3];
	unsigned int i;

	(void)state;
	edgram_open_src(ADDR_UDP);
	for (i = 0; i < 3; i++)
		edgram_open_dst(&t[i], i + 1, ADDR_UDP);
	edgram_give(100, 0);
	for (i = 0; i < 3; i++)
		edgram_expect(&t[i], 100, 0);
	erig_close(&edgram.rig, 2, t[1].serial + 100); /* not this one */
	erig_close(&edgram.rig, 2, t[1].serial);
	assert_int_equal(erig_wait_end(&edgram.rig, 2)->reason, END_REQUESTED);
	edgram_give(100, 1);
	edgram_expect(&t[0], 100, 1);
	edgram_expect(&t[2], 100, 1);
	assert_int_equal(erig_count(&edgram.rig, 2, COUNT_MESSAGES_IN), 1);
	edgram_attach(&t[1], 2); /* the slot can be used again */
	edgram_give(100, 2);
	for (i = 0; i < 3; i++)
		edgram_expect(&t[i], 100, 2);
	for (i = 0; i < 3; i++)
		edgram_close_dst(&t[i]);
}

static void
src_closes_and_opens_again(void **state)
{
	struct inner_src m;
	struct frame_in in;
	struct edgram_dst t;

	(void)state;
	edgram_open_src(ADDR_UDP);
	edgram_open_dst(&t, 1, ADDR_UDP);
	erig_close(&edgram.rig, 1, t.serial);
	edgram_send_src(MSG_P2E_SRC_CLOSE, ADDR_UDP);
	assert_int_equal(erig_wait_end(&edgram.rig, 1)->serial, t.serial);
	erig_packet(&edgram.rig, MSG_E2P_SRC_CLOSED, &in);
	inner_get_src(&in, &m);
	assert_int_equal(frame_done(&in), 0);
	assert_int_equal(m.src, SRC);
	close(edgram.src);
	close(edgram.sender);
	edgram_close_dst(&t);
	edgram_open_src(ADDR_UNIXDGRAM);
	edgram_open_dst(&t, 1, ADDR_UDP);
	edgram_give(100, 1);
	edgram_expect(&t, 100, 1);
	edgram_close_dst(&t);
}

/* An engine that takes over goes on with the figures of the one before. */
static void
figures_go_on_after_a_take_over(void **state)
{
	struct counters_slot *c = &edgram.rig.counters.slots[1];
	struct edgram_dst t;

	(void)state;
	atomic_store(&c->id, 501);
	atomic_store(&c->count[COUNT_MESSAGES_IN], 10);
	atomic_store(&c->count[COUNT_MESSAGES_OUT], 10);
	edgram_open_src(ADDR_UDP);
	edgram_open_dst(&t, 1, ADDR_UDP);
	edgram_give(100, 1);
	edgram_expect(&t, 100, 1);
	edgram_wait_balance(1, 11);
	edgram_close_dst(&t);
}

static unsigned int
engine_fds(void)
{
	char path[64];
	unsigned int n = 0;
	DIR *dir;

	(void)snprintf(path, sizeof path, "/proc/%d/fd", (int)edgram.rig.pid);
	dir = opendir(path);
	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

/* They are dropped, and never become the engine's. */
static void
descriptors_on_messages_are_not_taken(void **state)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = (char[1]){ 0 }, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof control.room };
	struct edgram_dst t;
	struct cmsghdr *c;
	unsigned int before;

	(void)state;
	edgram_open_src(ADDR_UNIXDGRAM);
	edgram_open_dst(&t, 1, ADDR_UDP);
	before = engine_fds();
	memset(&control, 0, sizeof control);
	c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &t.receiver, sizeof t.receiver);
	assert_int_equal(sendmsg(edgram.sender, &msg, 0), 1);
	edgram_expect(&t, 1, 0);
	assert_int_equal(engine_fds(), before);
	edgram_close_dst(&t);
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)
		TEST(every_size_arrives_whole_and_in_order),
		TEST(groups_arrive_as_their_datagrams),
		TEST(local_receiver_gets_every_size),
		TEST(datagrams_go_from_one_family_to_another),
		TEST(too_long_is_counted_not_cut),
		TEST(dead_dst_does_not_hurt_a_live_one),
		TEST(receiver_that_comes_back_gets_the_next_datagram),
		TEST(lost_local_receiver_is_reported),
		TEST(full_local_receiver_is_counted),
		TEST(overflow_of_the_src_queue_is_counted),
		TEST(closed_dst_ends_and_others_go_on),
		TEST(src_closes_and_opens_again),
		TEST(figures_go_on_after_a_take_over),
		TEST(descriptors_on_messages_are_not_taken),
	};

	erig_init(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
