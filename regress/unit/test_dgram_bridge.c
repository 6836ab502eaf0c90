/*
 * A bridge of datagrams with several srcs and several outs; and what the
 * parent cannot mean of these.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>

#include <string.h>
#include <unistd.h>

#include "../../mctd/engine/engine.h"
#include "engine_bridge.h"

#define OUTS 4
#define MANY 64

static struct erig *rig = &edgram.rig;

static int
start(void **state)
{
	(void)state;
	erig_start(rig, 1, 0);
	return 0;
}

/* As many bridges as the table of slots has room for. */
static int
start_many(void **state)
{
	struct erig_setup s;

	(void)state;
	erig_as_usual(&s);
	s.start.bridges = MANY;
	s.start.sessions = ERIG_BRIDGES + ERIG_SESSIONS - MANY;
	erig_start_as(rig, &s);
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

/* Bridge 1 with its dst, and further outs. */
static void
open_outs(struct edgram_dst *t, uint16_t n)
{
	uint16_t i;

	edgram_open_dst(&t[0], 1, ADDR_UDP);
	for (i = 1; i < n; i++) {
		edgram_make_dst(&t[i], ADDR_UDP, AF_INET);
		ebridge_out(MSG_P2E_OUT, 1, t[0].serial, i, &t[i]);
	}
	erig_wait_taken(rig);
}

static void
close_outs(struct edgram_dst *t, int n)
{
	int i;

	for (i = 0; i < n; i++)
		edgram_close_dst(&t[i]);
}

static void
expect_count(enum count c, uint64_t n)
{
	assert_int_equal(erig_count(rig, 1, c), n);
}

/* Whatever is told after this comes behind all that was told before. */
static void
pass_the_engine(void)
{
	uint8_t buf[FRAME_HEADER];
	struct frame_out out;
	struct frame_in in;

	frame_begin(&out, buf, sizeof buf, MSG_P2X_PING, 0, 0);
	erig_send(rig, &out, NULL, 0);
	erig_packet(rig, MSG_X2P_PONG, &in);
}

static void
every_out_gets_every_datagram(void **state)
{
	struct edgram_dst t[OUTS];
	unsigned int i, k;

	(void)state;
	edgram_open_src(ADDR_UDP);
	open_outs(t, OUTS);
	for (i = 0; i < 40; i++) {
		edgram_give(i * 31 % 900, i);
		for (k = 0; k < OUTS; k++)
			edgram_expect(&t[k], i * 31 % 900, i);
	}
	edgram_give_group(20 * 64, 64);
	for (k = 0; k < OUTS; k++)
		edgram_expect_group(&t[k], 20 * 64, 64);
	edgram_wait_balance(1, 60);
	expect_count(COUNT_COPIES, 60 * (OUTS - 1));
	expect_count(COUNT_MESSAGES_OUT, 60 * OUTS);
	assert_int_equal(erig_count(rig, 1, COUNT_BYTES_TO_DST),
	    OUTS * erig_count(rig, 1, COUNT_BYTES_IN));
	close_outs(t, OUTS);
}

static void
mute_out_sends_nothing_and_counts(void **state)
{
	struct edgram_dst t[2];
	unsigned int i;

	(void)state;
	edgram_open_src(ADDR_UDP);
	open_outs(t, 2);
	t[1].mute = 1;
	ebridge_out(MSG_P2E_OUT_CHANGE, 1, t[0].serial, 1, &t[1]);
	pass_the_engine();
	for (i = 0; i < 10; i++)
		edgram_give(100, i);
	edgram_wait_balance(1, 10);
	expect_count(COUNT_DROP_NO_TTL, 10);
	t[0].mute = 1; /* the first one can be as well */
	t[1].mute = 0;
	ebridge_out(MSG_P2E_OUT_CHANGE, 1, t[0].serial, 0, &t[0]);
	ebridge_out(MSG_P2E_OUT_CHANGE, 1, t[0].serial, 1, &t[1]);
	pass_the_engine();
	edgram_give(200, i);
	edgram_expect(&t[1], 200, i); /* nothing came before it */
	edgram_wait_balance(1, 11);
	expect_count(COUNT_DROP_NO_TTL, 11);
	for (i = 0; i < 10; i++)
		edgram_expect(&t[0], 100, i);
	assert_int_equal(recv(t[0].receiver, &i, 1, MSG_DONTWAIT), -1);
	close_outs(t, 2);
}

/* A bridge with one dst that is mute from the start. */
static void
mute_dst_drops_all(void **state)
{
	struct edgram_dst t;

	(void)state;
	edgram_open_src(ADDR_UDP);
	edgram_make_dst(&t, ADDR_UDP, AF_INET);
	t.mute = 1;
	edgram_attach(&t, 1);
	edgram_give_group(20 * 64, 64);
	edgram_wait_balance(1, 20);
	expect_count(COUNT_DROP_NO_TTL, 20);
	edgram_close_dst(&t);
}

static void
out_that_closes_takes_nothing_from_others(void **state)
{
	struct edgram_dst t[OUTS];
	unsigned int i, before, k;

	(void)state;
	edgram_open_src(ADDR_UDP);
	pass_the_engine();
	before = erig_descriptors(rig);
	open_outs(t, OUTS);
	edgram_give(100, 0);
	edgram_wait_balance(1, 1);
	ebridge_out(MSG_P2E_OUT_CLOSE, 1, t[0].serial, 2, &t[2]);
	pass_the_engine();
	for (i = 1; i < 10; i++)
		edgram_give(100, i);
	for (k = 0; k < OUTS; k++)
		for (i = 0; i < (k == 2 ? 1U : 10U); i++)
			edgram_expect(&t[k], 100, i);
	edgram_wait_balance(1, 10);
	expect_count(COUNT_MESSAGES_OUT, OUTS + 9 * (OUTS - 1));
	/* its number and place are free */
	ebridge_out(MSG_P2E_OUT, 1, t[0].serial, 2, &t[2]);
	pass_the_engine();
	edgram_give(300, i);
	edgram_expect(&t[2], 300, i);
	edgram_wait_balance(1, 11);
	erig_close(rig, 1, t[0].serial);
	assert_int_equal(erig_wait_end(rig, 1)->reason, END_REQUESTED);
	assert_int_equal(erig_descriptors(rig), before);
	close_outs(t, OUTS);
}

static void
bridge_reads_each_of_its_srcs(void **state)
{
	struct ebridge_src s[2];
	struct edgram_dst t;
	unsigned int i, k;

	(void)state;
	edgram_open_src(ADDR_UDP);
	edgram_open_dst(&t, 1, ADDR_UDP);
	/* one whose datagrams wait for it to be attached, one of IPv6 */
	for (k = 0; k < 2; k++) {
		ebridge_make_src(&s[k], ERIG_BRIDGES + ERIG_GROUPS - 1 - k,
		    ADDR_UDP, k == 0 ? AF_INET : AF_INET6);
		ebridge_send_src(&s[k], MSG_P2E_SRC);
		edgram_give_by(s[k].sender, 50 + k, k);
		pass_the_engine();
		ebridge_attach(1, t.serial, s[k].number);
		edgram_expect(&t, 50 + k, k);
	}
	for (i = 0; i < 20; i++) {
		edgram_give(100 + i, i);
		edgram_expect(&t, 100 + i, i);
		for (k = 0; k < 2; k++) {
			edgram_give_by(s[k].sender, 200 + i, i);
			edgram_expect(&t, 200 + i, i);
		}
	}
	edgram_wait_balance(1, 62);
	/* one leaves; the bridge stands */
	ebridge_send_src(&s[0], MSG_P2E_SRC_CLOSE);
	ebridge_wait_src_closed(s[0].number);
	edgram_give_by(s[0].sender, 5, 0);
	edgram_give_by(s[1].sender, 300, 0);
	edgram_expect(&t, 300, 0);
	edgram_wait_balance(1, 63);
	/* its number is free for another */
	close(s[0].sender);
	close(s[0].inside);
	ebridge_make_src(&s[0], s[0].number, ADDR_UNIXDGRAM, AF_UNIX);
	ebridge_send_src(&s[0], MSG_P2E_SRC);
	ebridge_attach(1, t.serial, s[0].number);
	edgram_give_by(s[0].sender, 400, 0);
	edgram_expect(&t, 400, 0);
	assert_int_equal(edgram_drops(1), 0);
	edgram_close_dst(&t);
	ebridge_close_src(&s[0]);
	ebridge_close_src(&s[1]);
}

/* Its other srcs wait for their own close, and what comes lies there. */
static void
bridge_ends_with_its_first_src(void **state)
{
	struct ebridge_src s;
	struct edgram_dst t[2];
	unsigned int before;

	(void)state;
	pass_the_engine();
	before = erig_descriptors(rig);
	edgram_open_src(ADDR_UDP);
	ebridge_make_src(&s, 3, ADDR_UDP, AF_INET);
	ebridge_send_src(&s, MSG_P2E_SRC);
	open_outs(t, 2);
	ebridge_attach(1, t[0].serial, 3);
	edgram_send_src(MSG_P2E_SRC_CLOSE, ADDR_UDP);
	assert_int_equal(erig_wait_end(rig, 1)->reason, END_BRIDGE_CLOSED);
	ebridge_wait_src_closed(SRC);
	edgram_give_by(s.sender, 10, 0);
	pass_the_engine();
	ebridge_send_src(&s, MSG_P2E_SRC_CLOSE);
	ebridge_wait_src_closed(3);
	assert_int_equal(erig_descriptors(rig), before);
	expect_count(COUNT_MESSAGES_IN, 0);
	ebridge_close_src(&s);
	close_outs(t, 2);
}

/* Each lost out is told of by its number, however many there are. */
static void
lost_outs_are_told_by_number(void **state)
{
	struct edgram_dst t[OUTS];
	struct inner_out lost;
	struct frame_in in;
	unsigned int seen = 0;
	uint16_t i;

	(void)state;
	edgram_open_src(ADDR_UDP);
	edgram_open_dst(&t[0], 1, ADDR_UDP);
	for (i = 1; i < OUTS; i++) {
		edgram_make_dst(&t[i], ADDR_UNIXDGRAM, AF_UNIX);
		ebridge_out(MSG_P2E_OUT, 1, t[0].serial, i, &t[i]);
		close(t[i].receiver);
		t[i].receiver = -1;
	}
	pass_the_engine();
	edgram_give(10, 0);
	for (i = 1; i < OUTS; i++) {
		erig_packet(rig, MSG_E2P_DST_LOST, &in);
		inner_get_out(&in, &lost);
		assert_int_equal(frame_done(&in), 0);
		assert_int_equal(lost.slot, 1);
		assert_int_equal(lost.serial, t[0].serial);
		seen |= 1U << lost.out;
	}
	assert_int_equal(seen, 0xe);
	edgram_expect(&t[0], 10, 0);
	edgram_wait_balance(1, 1);
	expect_count(COUNT_DROP_REFUSED, OUTS - 1);
	close_outs(t, OUTS);
}

/* Dead, gone and full ones among many: the others have all, in order. */
static void
bad_dsts_take_nothing_from_others(void **state)
{
	static struct edgram_dst t[MANY];
	enum {
		DEAD = 10,
		GONE = 20,
		FULL = 30
	};
	unsigned int i, n = 600;
	uint32_t k;

	(void)state;
	edgram_open_src(ADDR_UDP);
	for (k = 0; k < MANY; k++)
		edgram_open_dst(&t[k], k + 1,
		    k == GONE || k == FULL ? ADDR_UNIXDGRAM : ADDR_UDP);
	close(t[DEAD].receiver);
	close(t[GONE].receiver);
	t[DEAD].receiver = t[GONE].receiver = -1;
	for (i = 0; i < n; i++) {
		edgram_give(100 + i % 3, i);
		edgram_expect(&t[0], 100 + i % 3, i);
	}
	for (k = 0; k < MANY; k++) {
		edgram_wait_balance(k + 1, n);
		if (k == DEAD || k == GONE || k == FULL) {
			assert_int_not_equal(edgram_drops(k + 1), 0);
			continue;
		}
		assert_int_equal(edgram_drops(k + 1), 0);
		for (i = 0; k > 0 && i < n; i++)
			edgram_expect(&t[k], 100 + i % 3, i);
	}
	close_outs(t, MANY);
}

/* A bridge may be gone when the parent's word of it comes. */
static void
word_of_a_closed_bridge_is_no_error(void **state)
{
	struct inner_tune tune = { .min = 1 };
	struct ebridge_src s;
	struct edgram_dst t;
	unsigned int before;

	(void)state;
	edgram_open_src(ADDR_UDP);
	ebridge_make_src(&s, 3, ADDR_UDP, AF_INET);
	ebridge_send_src(&s, MSG_P2E_SRC);
	pass_the_engine();
	before = erig_descriptors(rig);
	edgram_open_dst(&t, 1, ADDR_UDP);
	erig_close(rig, 1, t.serial);
	assert_int_equal(erig_wait_end(rig, 1)->serial, t.serial);
	ebridge_out(MSG_P2E_OUT, 1, t.serial, 1, &t);
	ebridge_out(MSG_P2E_OUT_CHANGE, 1, t.serial, 1, &t);
	ebridge_out(MSG_P2E_OUT_CLOSE, 1, t.serial, 1, &t);
	ebridge_attach(1, t.serial, 3);
	ebridge_tune(1, t.serial, &tune);
	pass_the_engine();
	assert_int_equal(erig_descriptors(rig), before);
	rig->ended[1].serial = 0;
	edgram_attach(&t, 1);
	ebridge_attach(1, t.serial, 3);
	edgram_give_by(s.sender, 10, 1);
	edgram_expect(&t, 10, 1);
	ebridge_close_src(&s);
	edgram_close_dst(&t);
}

/* One of the messages that the parent cannot mean; a bridge stands. */
static void
say_nonsense(int which, struct edgram_dst *t, const struct ebridge_src *s)
{
	struct inner_tune tune = { .min = 1 };
	struct edgram_dst stream = *t;
	uint64_t serial = t->serial;

	stream.kind = ADDR_TCP;
	switch (which) {
	case 0: /* no src has that number */
		ebridge_attach(1, serial, ERIG_BRIDGES + ERIG_GROUPS);
		break;
	case 1: /* there is none of that number */
		ebridge_attach(1, serial, 5);
		break;
	case 2: /* somebody reads it */
		ebridge_attach(1, serial, SRC);
		break;
	case 3: /* the bridge does already */
		ebridge_attach(1, serial, s->number);
		break;
	case 4: /* a bridge's own is no first src */
		edgram_send_dst_on(t, 2, s->number);
		break;
	case 5:
		ebridge_attach(ERIG_BRIDGES + 1, serial, s->number);
		break;
	case 6:
		ebridge_tune(0, serial, &tune);
		break;
	case 7:
		ebridge_out(MSG_P2E_OUT, 1, serial, JOINS_MAX + 1, t);
		break;
	case 8: /* in use */
		ebridge_out(MSG_P2E_OUT, 1, serial, 0, t);
		break;
	case 9:
		ebridge_out(MSG_P2E_OUT, 1, serial, 1, &stream);
		break;
	case 10:
		ebridge_out(MSG_P2E_OUT_CHANGE, 1, serial, 1, t);
		break;
	case 11:
		ebridge_out(MSG_P2E_OUT_CLOSE, 1, serial, 1, t);
		break;
	case 12: /* a bridge has its first for ever */
		ebridge_out(MSG_P2E_OUT_CLOSE, 1, serial, 0, t);
		break;
	case 13:
		ebridge_out(MSG_P2E_OUT, UINT32_MAX, serial, 1, t);
		break;
	default:
		ebridge_send_src(s, MSG_P2E_SRC);
		break;
	}
}

static void
what_the_parent_cannot_mean_is_fatal(void **state)
{
	struct ebridge_src s;
	struct edgram_dst t;
	int which;

	(void)state;
	for (which = 0; which <= 14; which++) {
		erig_start(rig, 1, 0);
		edgram_open_src(ADDR_UDP);
		ebridge_make_src(&s, 3, ADDR_UDP, AF_INET);
		ebridge_send_src(&s, MSG_P2E_SRC);
		edgram_open_dst(&t, 1, ADDR_UDP);
		ebridge_attach(1, t.serial, 3);
		pass_the_engine();
		say_nonsense(which, &t, &s);
		erig_wait_stop(rig, 1);
		close(edgram.src);
		close(edgram.sender);
		ebridge_close_src(&s);
		edgram_close_dst(&t);
	}
}

/* More outs than there is room for cannot be meant, and no place leaks. */
static void
outs_have_as_many_places_as_srcs(void **state)
{
	struct edgram_dst t;
	uint16_t i, round;

	(void)state;
	erig_start(rig, 1, 0);
	edgram_open_src(ADDR_UDP);
	edgram_open_dst(&t, 1, ADDR_UDP);
	for (round = 0; round < 3; round++) {
		for (i = 1; i < ERIG_BRIDGES + ERIG_GROUPS; i++)
			ebridge_out(MSG_P2E_OUT, 1, t.serial, i, &t);
		for (i = 1; i < ERIG_BRIDGES + ERIG_GROUPS && round < 2; i++)
			ebridge_out(MSG_P2E_OUT_CLOSE, 1, t.serial, i, &t);
		pass_the_engine();
	}
	ebridge_out(MSG_P2E_OUT, 1, t.serial, i, &t);
	erig_wait_stop(rig, 1);
	close(edgram.src);
	close(edgram.sender);
	edgram_close_dst(&t);
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
#define TEST(f)  cmocka_unit_test_setup_teardown(f, start, stop)
#define LARGE(f) cmocka_unit_test_setup_teardown(f, start_many, stop)
		TEST(every_out_gets_every_datagram),
		TEST(mute_out_sends_nothing_and_counts),
		TEST(mute_dst_drops_all),
		TEST(out_that_closes_takes_nothing_from_others),
		TEST(bridge_reads_each_of_its_srcs),
		TEST(bridge_ends_with_its_first_src),
		TEST(lost_outs_are_told_by_number),
		LARGE(bad_dsts_take_nothing_from_others),
		TEST(word_of_a_closed_bridge_is_no_error),
		cmocka_unit_test(what_the_parent_cannot_mean_is_fatal),
		cmocka_unit_test(outs_have_as_many_places_as_srcs),
	};

	erig_init(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
