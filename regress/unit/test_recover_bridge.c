/*
 * An engine dies with datagrams in its hands, of a bridge that has several
 * srcs and outs, and of one that shares a src with it: each datagram is
 * counted once as arrived, also those that the kernel dropped at a src that
 * overflows, and each copy has one end.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>
#include <sys/syscall.h>

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "../../common/clock.h"
#include "../../mctd/engine/engine.h"
#include "engine_bridge.h"
#include "engine_trace.h"

#ifdef __SANITIZE_ADDRESS__
#define SLOWER 20 /* strides are so much longer */
#define STEPS  16
#else
#define SLOWER 1
#define STEPS  50
#endif

/* Bridge 1 reads SRC and OWN, and has OUTS, the last one mute; 2 reads SRC. */
#define OWN    (ERIG_BRIDGES + 1)
#define OUTS   3
#define SHARED 6  /* datagrams given to SRC */
#define ALONE  40 /* and to OWN, which has not room for all */

static struct erig *rig = &edgram.rig;
static struct edgram_dst outs[OUTS], other;
static struct ebridge_src own;

static void
tell_outs(void)
{
	uint16_t i;

	for (i = 1; i < OUTS; i++)
		ebridge_out(MSG_P2E_OUT, 1, outs[0].serial, i, &outs[i]);
}

static void
begin(void)
{
	int i, small = 2304;

	erig_start(rig, 1, 0);
	edgram_open_src(ADDR_UDP);
	ebridge_make_src(&own, OWN, ADDR_UDP, AF_INET);
	assert_return_code(setsockopt(own.inside, SOL_SOCKET, SO_RCVBUF, &small,
			       sizeof small),
	    errno);
	ebridge_send_src(&own, MSG_P2E_SRC);
	for (i = 0; i < OUTS; i++)
		edgram_make_dst(&outs[i], ADDR_UDP, AF_INET);
	outs[OUTS - 1].mute = 1;
	edgram_attach(&outs[0], 1);
	tell_outs();
	ebridge_attach(1, outs[0].serial, OWN);
	edgram_make_dst(&other, ADDR_UDP, AF_INET);
	other.tune.max = 102;
	edgram_attach(&other, 2);
}

/* The parent's part: in which order the rest comes does not matter. */
static void
tell_all(int closing)
{
	edgram_send_src(MSG_P2E_SRC, ADDR_UDP);
	ebridge_send_src(&own, MSG_P2E_SRC);
	edgram_send_dst(&outs[0], 1);
	tell_outs();
	if (closing)
		erig_close(rig, 1, outs[0].serial);
	ebridge_attach(1, outs[0].serial, OWN);
	edgram_send_dst(&other, 2);
	erig_send_resumed(rig);
}

static void
give(void)
{
	unsigned int i;

	for (i = 0; i < ALONE; i++)
		edgram_give_by(own.sender, 500, i);
	for (i = 0; i < SHARED; i++)
		edgram_give(100 + i, i);
}

/* Until it has died, or done() holds; then it is killed. */
static void
live(int (*done)(void))
{
	struct pollfd p = { .fd = rig->channel, .events = POLLIN };
	uint64_t since_ms = clock_ms();

	while (!done()) {
		assert_in_range(clock_ms() - since_ms, 0, 20000);
		if (poll(&p, 1, 1) == 1 && erig_hear(rig) == 0)
			break;
	}
	erig_kill(rig);
}

/* Nothing lies in a src any more, and the last of it has been sent. */
static int
all_went(void)
{
	struct pollfd p[2] = { { .fd = edgram.src, .events = POLLIN },
		{ .fd = own.inside, .events = POLLIN } };

	return poll(p, 2, 0) == 0 &&
	    erig_count(rig, 2, COUNT_MESSAGES_IN) >= SHARED &&
	    erig_count(rig, 2, COUNT_MESSAGES_OUT) + edgram_drops(2) >= SHARED;
}

static int
hand_is_empty(void)
{
	return atomic_load(&rig->counters.hand->src) == 0;
}

static void
end(void)
{
	int i;

	for (i = 0; i < OUTS; i++)
		edgram_close_dst(&outs[i]);
	edgram_close_dst(&other);
	ebridge_close_src(&own);
	close(edgram.src);
	close(edgram.sender);
	erig_stop(rig, 0);
}

/* Returns how many the engine lost, of both bridges. */
static uint64_t
check(void)
{
	uint64_t lost = 0, drops;
	uint32_t slot;

	/* the news of what overflowed comes with the next */
	edgram_give_by(own.sender, 500, 0);
	edgram_give(100, 0);
	edgram_wait_balance(1, SHARED + ALONE + 2);
	edgram_wait_balance(2, SHARED + 1);
	for (slot = 1; slot <= 2; slot++) {
		drops = erig_count(rig, slot, COUNT_DROP_ENGINE);
		lost += drops;
		drops += erig_count(rig, slot, COUNT_DROP_OVERFLOW) +
		    erig_count(rig, slot, COUNT_DROP_NO_TTL) +
		    erig_count(rig, slot, COUNT_DROP_SIZE);
		assert_int_equal(edgram_drops(slot), drops);
	}
	assert_int_not_equal(erig_count(rig, 1, COUNT_DROP_OVERFLOW), 0);
	assert_int_equal(erig_count(rig, 2, COUNT_DROP_OVERFLOW), 0);
	end();
	return lost;
}

static void
first_dies(unsigned int instructions)
{
	struct etrace *trace;

	begin();
	erig_wait_taken(rig);
	trace = etrace_begin_after(rig->pid, SYS_recvmmsg, instructions);
	give();
	etrace_go(trace);
	live(all_went);
	(void)etrace_end(trace);
}

/* At each stride of the counting, and in the midst of the sending. */
static void
hand_of_several_srcs_is_counted(void **state)
{
	unsigned int at = 0, stride = 293 * SLOWER;
	uint64_t lost;

	(void)state;
	do {
		first_dies(at);
		erig_succeed(rig);
		tell_all(0);
		lost = check();
		if (at == 0)
			assert_int_not_equal(lost, 0);
		at += at < 8 * stride ? stride : at / 2;
	} while (at < STEPS * stride);
}

/* The next one dies as well while it counts. */
static void
dying_twice_counts_once(void **state)
{
	unsigned int at = 0, stride = 2003 * SLOWER;
	struct etrace *trace;
	int died;

	(void)state;
	do {
		first_dies(0);
		erig_succeed(rig);
		trace = etrace_begin_after(rig->pid, SYS_recvmsg, at);
		tell_all(0);
		etrace_go(trace);
		live(hand_is_empty);
		died = etrace_end(trace);
		erig_succeed(rig);
		tell_all(0);
		(void)check();
		at += stride;
	} while (died);
	assert_true(at > stride);
}

/* One that was closing when its engine died is told of, and closed then. */
static void
closing_bridge_is_counted_too(void **state)
{
	struct etrace *trace;
	unsigned int i;

	(void)state;
	begin();
	erig_wait_taken(rig);
	trace = etrace_begin_after(rig->pid, SYS_recvmmsg, 0);
	for (i = 0; i < SHARED; i++)
		edgram_give(100 + i, i);
	etrace_go(trace);
	live(all_went);
	assert_true(etrace_end(trace));
	erig_succeed(rig);
	tell_all(1);
	assert_int_equal(erig_wait_end(rig, 1)->reason, END_REQUESTED);
	assert_int_equal(erig_count(rig, 1, COUNT_MESSAGES_IN), SHARED);
	assert_int_equal(erig_count(rig, 1, COUNT_DROP_ENGINE), SHARED);
	assert_int_equal(edgram_drops(1), SHARED);
	edgram_give(100, 0);
	edgram_wait_balance(2, SHARED + 1);
	assert_int_equal(erig_count(rig, 2, COUNT_DROP_ENGINE), SHARED);
	edgram_expect(&other, 100, 0);
	end();
}

/* What the engine has of it outlives none that has its number. */
static void
new_src_of_an_old_number_begins_anew(void **state)
{
	unsigned int i;

	(void)state;
	begin();
	give();
	edgram_wait_balance(2, SHARED);
	edgram_give_by(own.sender, 500, 0);
	edgram_wait_balance(1, SHARED + ALONE + 1);
	ebridge_send_src(&own, MSG_P2E_SRC_CLOSE);
	ebridge_wait_src_closed(OWN);
	ebridge_close_src(&own);
	ebridge_make_src(&own, OWN, ADDR_UDP, AF_INET);
	ebridge_send_src(&own, MSG_P2E_SRC);
	ebridge_attach(1, outs[0].serial, OWN);
	for (i = 0; i < 5; i++)
		edgram_give_by(own.sender, 500, i);
	edgram_wait_balance(1, SHARED + ALONE + 6);
	end();
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hand_of_several_srcs_is_counted),
		cmocka_unit_test(dying_twice_counts_once),
		cmocka_unit_test(closing_bridge_is_counted_too),
		cmocka_unit_test(new_src_of_an_old_number_begins_anew),
	};

	erig_init(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
