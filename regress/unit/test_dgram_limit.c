/*
 * What a bridge of datagrams lets through: sizes, rates, hops; in groups as
 * well as one by one.  And kinds that have no groups.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "../../mctd/engine/engine.h"
#include "engine_bridge.h"
#include "engine_spy.h"

#define USUAL 64 /* hops of what is sent without a word */

static struct erig *rig = &edgram.rig;

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
	close(edgram.src);
	close(edgram.sender);
	erig_stop(rig, 0);
	return 0;
}

static void
open_tuned(struct edgram_dst *t, uint32_t slot, const struct inner_tune *tune)
{
	edgram_make_dst(t, ADDR_UDP, AF_INET);
	t->tune = *tune;
	edgram_attach(t, slot);
}

static void
expect_count(uint32_t slot, enum count c, uint64_t n)
{
	assert_int_equal(erig_count(rig, slot, c), n);
}

static void
expect_length(const struct edgram_dst *t, ssize_t len)
{
	char byte;

	erig_poll(t->receiver, POLLIN);
	assert_int_equal(recv(t->receiver, &byte, 1, MSG_TRUNC), len);
}

static void
expect_nothing(const struct edgram_dst *t)
{
	char byte;

	assert_int_equal(recv(t->receiver, &byte, 1, MSG_DONTWAIT), -1);
}

/* Each end of the range passes; of a group its last may, or all but it. */
static void
sizes_out_of_range_are_dropped(void **state)
{
	struct inner_tune small = { .max = 999 }, large = { .min = 1000 };
	struct inner_tune one = { .min = 999, .max = 999 };
	struct edgram_dst t[3];

	(void)state;
	edgram_open_src(ADDR_UDP);
	open_tuned(&t[0], 1, &small);
	open_tuned(&t[1], 2, &large);
	open_tuned(&t[2], 3, &one);
	edgram_give_group(10 * 1000 + 999, 1000);
	expect_length(&t[0], 999);
	edgram_expect_group(&t[1], 10 * 1000, 1000);
	expect_length(&t[2], 999);
	edgram_give(0, 1);
	expect_length(&t[0], 0);
	edgram_give(1000, 2);
	edgram_expect(&t[1], 1000, 2);
	edgram_give_group(5 * 999, 999);
	edgram_expect_group(&t[0], 5 * 999, 999);
	edgram_expect_group(&t[2], 5 * 999, 999);
	edgram_wait_balance(1, 18);
	edgram_wait_balance(2, 18);
	edgram_wait_balance(3, 18);
	expect_count(1, COUNT_DROP_SIZE, 11);
	expect_count(2, COUNT_DROP_SIZE, 1 + 1 + 5);
	expect_count(3, COUNT_DROP_SIZE, 10 + 1 + 1);
	assert_int_equal(edgram_drops(1) + edgram_drops(2) + edgram_drops(3),
	    11 + 7 + 12);
	edgram_close_dst(&t[0]);
	edgram_close_dst(&t[1]);
	edgram_close_dst(&t[2]);
}

/* So many datagrams, so many bytes: a group is cut at what is left. */
static void
rates_cut_a_group(void **state)
{
	struct inner_tune five = { .datagram_rate = 5 },
			  bytes = { .rate = 250 };
	struct edgram_dst t[2];

	(void)state;
	edgram_open_src(ADDR_UDP);
	open_tuned(&t[0], 1, &five);
	open_tuned(&t[1], 2, &bytes);
	edgram_give_group(20 * 100, 100);
	edgram_expect_group(&t[0], 5 * 100, 100);
	edgram_expect_group(&t[1], 3 * 100, 100); /* the third owes 50 */
	edgram_wait_balance(1, 20);
	edgram_wait_balance(2, 20);
	expect_count(1, COUNT_DROP_RATE, 15);
	expect_count(2, COUNT_DROP_RATE, 17);
	espy->ahead_ms = 10000; /* brings a second's, no more */
	edgram_give_group(20 * 100, 100);
	edgram_wait_balance(1, 40);
	edgram_wait_balance(2, 40);
	expect_count(1, COUNT_DROP_RATE, 30);
	expect_count(2, COUNT_DROP_RATE, 17 + 18);
	edgram_expect_group(&t[0], 5 * 100, 100);
	edgram_expect_group(&t[1], 2 * 100, 100);
	expect_nothing(&t[0]);
	expect_nothing(&t[1]);
	edgram_close_dst(&t[0]);
	edgram_close_dst(&t[1]);
}

/* What is larger than a second's bytes passes, and is paid for after it. */
static void
large_datagram_is_owed(void **state)
{
	struct inner_tune tune = { .rate = 1000 };
	struct edgram_dst t;
	unsigned int i;

	(void)state;
	edgram_open_src(ADDR_UDP);
	open_tuned(&t, 1, &tune);
	edgram_give(5000, 0);
	edgram_expect(&t, 5000, 0);
	espy->ahead_ms = 1000;
	edgram_give(1, 1);
	edgram_wait_balance(1, 2);
	espy->ahead_ms = 2000;
	edgram_give(2, 2);
	edgram_wait_balance(1, 3);
	expect_count(1, COUNT_DROP_RATE, 2);
	/* each look brings the time since the last, a second's at most */
	for (i = 3; i < 6; i++) {
		espy->ahead_ms = 1000 * i;
		edgram_give(0, i);
		edgram_wait_balance(1, i + 1);
	}
	edgram_give(3, 7);
	expect_length(&t, 0);
	edgram_expect(&t, 3, 7);
	edgram_close_dst(&t);
}

/* Changed while traffic flows; what was used up stays used up. */
static void
limits_change(void **state)
{
	struct inner_tune tune = { .rate = 1 };
	struct edgram_dst t;

	(void)state;
	edgram_open_src(ADDR_UDP);
	edgram_open_dst(&t, 1, ADDR_UDP);
	edgram_give_group(20 * 100, 100);
	edgram_expect_group(&t, 20 * 100, 100);
	espy->ahead_ms = 1000000;
	ebridge_tune(1, t.serial, &tune);
	erig_wait_taken(rig);
	edgram_give_group(20 * 100, 100);
	edgram_expect_group(&t, 100, 100); /* and it owes 99 */
	tune.rate = 2;
	ebridge_tune(1, t.serial, &tune);
	erig_wait_taken(rig);
	edgram_give_group(20 * 100, 100);
	edgram_wait_balance(1, 60);
	expect_count(1, COUNT_DROP_RATE, 39);
	tune.rate = 0;
	ebridge_tune(1, t.serial, &tune);
	erig_wait_taken(rig);
	edgram_give_group(20 * 100, 100);
	edgram_expect_group(&t, 20 * 100, 100);
	edgram_wait_balance(1, 80);
	expect_count(1, COUNT_DROP_RATE, 39);
	edgram_close_dst(&t);
}

/* What a limit drops is dropped once, however many outs there are. */
static void
drop_of_a_bridge_is_no_copy(void **state)
{
	struct inner_tune tune = { .max = 999 };
	struct edgram_dst t[2];

	(void)state;
	edgram_open_src(ADDR_UDP);
	open_tuned(&t[0], 1, &tune);
	edgram_make_dst(&t[1], ADDR_UDP, AF_INET);
	ebridge_out(MSG_P2E_OUT, 1, t[0].serial, 1, &t[1]);
	erig_wait_taken(rig);
	edgram_give_group(10 * 1000 + 999, 1000);
	expect_length(&t[0], 999);
	expect_length(&t[1], 999);
	edgram_wait_balance(1, 11);
	expect_count(1, COUNT_DROP_SIZE, 10);
	expect_count(1, COUNT_COPIES, 1);
	expect_count(1, COUNT_MESSAGES_OUT, 2);
	edgram_close_dst(&t[0]);
	edgram_close_dst(&t[1]);
}

static void
set(int fd, int level, int option, int value)
{
	assert_return_code(setsockopt(fd, level, option, &value, sizeof value),
	    errno);
}

static int
get(int fd, int level, int option)
{
	socklen_t len = sizeof(int);
	int value;

	assert_return_code(getsockopt(fd, level, option, &value, &len), errno);
	return value;
}

/* The next datagram, and how many hops it had left. */
static int
take_hops(const struct edgram_dst *t, ssize_t len)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof control.room };
	int hops;

	erig_poll(t->receiver, POLLIN);
	assert_int_equal(recvmsg(t->receiver, &msg, MSG_TRUNC), len);
	assert_non_null(CMSG_FIRSTHDR(&msg));
	memcpy(&hops, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof hops);
	return hops;
}

static void
give_hops(const struct ebridge_src *s, int family, int hops, size_t len)
{
	if (family == AF_INET)
		set(s->sender, IPPROTO_IP, IP_TTL, hops);
	else
		set(s->sender, IPPROTO_IPV6, IPV6_UNICAST_HOPS, hops);
	edgram_give_by(s->sender, len, 0);
}

/* A bridge with hops from a src that reads to outs of IPv4 and of IPv6. */
static void
open_hops(struct edgram_dst *t, uint32_t slot, const struct ebridge_src *s,
    uint8_t ttl)
{
	struct frame_in in;
	int i;

	edgram_make_dst(&t[0], ADDR_UDP, AF_INET);
	edgram_make_dst(&t[1], ADDR_UDP, AF_INET6);
	for (i = 0; i < 2; i++)
		ebridge_tell_hops(t[i].receiver);
	t[0].tune.hops = 1;
	t[0].tune.ttl = ttl;
	ebridge_send_src(s, MSG_P2E_SRC);
	edgram_send_dst_on(&t[0], slot, s->number);
	erig_packet(rig, MSG_E2P_INSTALLED, &in);
	ebridge_out(MSG_P2E_OUT, slot, t[0].serial, 1, &t[1]);
	erig_wait_taken(rig);
}

static void
check_hops(uint32_t slot, int family, uint8_t ttl, int most)
{
	static const int came[] = { 10, 10, 10, 1, 2, 10, 255, 1, USUAL };
	struct inner_tune none = { .min = 0 };
	struct ebridge_src s;
	struct edgram_dst t[2];
	unsigned int i, k;
	int left;

	ebridge_make_src(&s, 1, ADDR_UDP, family);
	ebridge_tell_hops(s.inside);
	open_hops(t, slot, &s, ttl);
	for (i = 0; i < sizeof came / sizeof came[0]; i++)
		give_hops(&s, family, came[i], 100);
	for (i = 0; i < sizeof came / sizeof came[0]; i++) {
		left = came[i] - 1 < most ? came[i] - 1 : most;
		for (k = 0; k < 2 && left > 0; k++)
			assert_int_equal(take_hops(&t[k], 100), left);
	}
	edgram_wait_balance(slot, 9);
	expect_count(slot, COUNT_DROP_HOPS, 2);
	expect_count(slot, COUNT_COPIES, 7);
	/* to groups as well, for a dst may be one */
	give_hops(&s, family, 20, 100);
	for (k = 0; k < 2; k++)
		(void)take_hops(&t[k], 100);
	left = 19 < most ? 19 : most;
	assert_int_equal(get(t[0].inside, IPPROTO_IP, IP_MULTICAST_TTL), left);
	assert_int_equal(get(t[1].inside, IPPROTO_IPV6, IPV6_MULTICAST_HOPS),
	    left);
	/* without hops it is as it was */
	ebridge_tune(slot, t[0].serial, &none);
	erig_wait_taken(rig);
	give_hops(&s, family, 1, 50);
	for (k = 0; k < 2; k++) {
		assert_int_equal(take_hops(&t[k], 50), USUAL);
		edgram_close_dst(&t[k]);
	}
	erig_close(rig, slot, t[0].serial);
	assert_int_equal(erig_wait_end(rig, slot)->serial, t[0].serial);
	ebridge_send_src(&s, MSG_P2E_SRC_CLOSE);
	ebridge_wait_src_closed(1);
	ebridge_close_src(&s);
}

static void
each_bridge_takes_one_hop(void **state)
{
	(void)state;
	edgram_open_src(ADDR_UDP);
	check_hops(1, AF_INET, 0, 255);
	check_hops(2, AF_INET6, 0, 255);
	check_hops(3, AF_INET, 100, 100);
	check_hops(4, AF_INET6, 3, 3);
}

/* In one batch: only what has as many hops shares a group. */
static void
hops_part_a_group(void **state)
{
	struct ebridge_src s;
	struct edgram_dst t[2];
	int i, k;

	(void)state;
	edgram_open_src(ADDR_UDP);
	ebridge_make_src(&s, 1, ADDR_UDP, AF_INET);
	ebridge_tell_hops(s.inside);
	for (i = 0; i < 12; i++) /* they lie there before the engine looks */
		give_hops(&s, AF_INET, 10 * (1 + i / 4), 100);
	open_hops(t, 1, &s, 0);
	for (i = 0; i < 12; i++)
		assert_int_equal(take_hops(&t[0], 100), 10 * (1 + i / 4) - 1);
	for (i = 0; i < 3; i++) { /* and grouped by the sender */
		set(s.sender, IPPROTO_IP, IP_TTL, 30 - i);
		set(s.sender, IPPROTO_UDP, UDP_SEGMENT, 100);
		edgram_give_by(s.sender, 1000, 0);
		for (k = 0; k < 10; k++)
			assert_int_equal(take_hops(&t[0], 100), 29 - i);
	}
	edgram_close_dst(&t[0]);
	edgram_close_dst(&t[1]);
	ebridge_close_src(&s);
}

/* The parent sets the TTL that is asked for; hops are lessened all the same. */
static void
hops_outlive_a_change(void **state)
{
	struct inner_tune tune = { .hops = 1, .ttl = 50 };
	struct ebridge_src s;
	struct edgram_dst t[2];
	int i, k;

	(void)state;
	edgram_open_src(ADDR_UDP);
	ebridge_make_src(&s, 1, ADDR_UDP, AF_INET);
	ebridge_tell_hops(s.inside);
	open_hops(t, 1, &s, 0);
	for (i = 0; i < 2; i++) {
		give_hops(&s, AF_INET, 10, 100);
		for (k = 0; k < 2; k++)
			assert_int_equal(take_hops(&t[k], 100), 9);
		set(t[0].inside, IPPROTO_IP, IP_TTL, 50);
		set(t[1].inside, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 50);
		ebridge_tune(1, t[0].serial, &tune);
		erig_wait_taken(rig);
	}
	edgram_close_dst(&t[0]);
	edgram_close_dst(&t[1]);
	ebridge_close_src(&s);
}

/* A src of both families gives the hops of either. */
static void
dual_src_tells_hops_of_both(void **state)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6 };
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct ebridge_src s;
	struct edgram_dst t[2];
	socklen_t len = sizeof at;

	(void)state;
	edgram_open_src(ADDR_UDP);
	ebridge_make_src(&s, 1, ADDR_UDP, AF_INET6);
	ebridge_close_src(&s);
	s.inside = edgram_socket(AF_INET6);
	set(s.inside, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	assert_return_code(bind(s.inside, (struct sockaddr *)&at, len), errno);
	assert_return_code(getsockname(s.inside, (struct sockaddr *)&at, &len),
	    errno);
	ebridge_tell_hops(s.inside);
	open_hops(t, 1, &s, 0);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = at.sin6_port;
	s.sender = edgram_socket(AF_INET);
	assert_return_code(connect(s.sender, (struct sockaddr *)&to, sizeof to),
	    errno);
	give_hops(&s, AF_INET, 7, 10);
	assert_int_equal(take_hops(&t[0], 10), 6);
	close(s.sender);
	at.sin6_addr = in6addr_loopback;
	s.sender = edgram_socket(AF_INET6);
	assert_return_code(connect(s.sender, (struct sockaddr *)&at, len),
	    errno);
	give_hops(&s, AF_INET6, 9, 10);
	assert_int_equal(take_hops(&t[0], 10), 8);
	edgram_close_dst(&t[0]);
	edgram_close_dst(&t[1]);
	ebridge_close_src(&s);
}

static void
lite_datagrams_go_to_and_fro(void **state)
{
	struct ebridge_src s;
	struct edgram_dst t[2];
	struct frame_in in;
	unsigned int i;

	(void)state;
	edgram_open_src(ADDR_UDP);
	ebridge_make_src(&s, 1, ADDR_UDPLITE, AF_INET);
	ebridge_send_src(&s, MSG_P2E_SRC);
	edgram_make_dst(&t[0], ADDR_UDPLITE, AF_INET);
	edgram_attach(&t[0], 1); /* from UDP, where there are groups */
	edgram_make_dst(&t[1], ADDR_UDPLITE, AF_INET6);
	edgram_send_dst_on(&t[1], 2, 1);
	erig_packet(rig, MSG_E2P_INSTALLED, &in);
	edgram_give_group(20 * 64 + 1, 64);
	edgram_expect_group(&t[0], 20 * 64 + 1, 64);
	for (i = 0; i < 64; i++)
		edgram_give_by(s.sender, 100, i);
	for (i = 0; i < 64; i++)
		edgram_expect(&t[1], 100, i);
	edgram_give_by(s.sender, 0, 0);
	edgram_expect(&t[1], 0, 0);
	edgram_give_by(s.sender, 60000, 1);
	edgram_expect(&t[1], 60000, 1);
	/* a port that is closed is no lost dst */
	close(t[1].receiver);
	for (i = 1; i <= 4; i++) {
		edgram_give_by(s.sender, 10, 0);
		edgram_wait_balance(2, 66 + i);
	}
	expect_count(2, COUNT_DROP_REFUSED, 3);
	edgram_wait_balance(1, 21);
	assert_int_equal(edgram_drops(1), 0);
	edgram_make_dst(&t[1], ADDR_UDP, AF_INET);
	edgram_attach(&t[1], 3); /* what comes next is the answer to that */
	edgram_close_dst(&t[0]);
	edgram_close_dst(&t[1]);
	ebridge_close_src(&s);
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)
		TEST(sizes_out_of_range_are_dropped),
		TEST(rates_cut_a_group),
		TEST(large_datagram_is_owed),
		TEST(limits_change),
		TEST(drop_of_a_bridge_is_no_copy),
		TEST(each_bridge_takes_one_hop),
		TEST(hops_part_a_group),
		TEST(hops_outlive_a_change),
		TEST(dual_src_tells_hops_of_both),
		TEST(lite_datagrams_go_to_and_fro),
	};

	erig_init(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
