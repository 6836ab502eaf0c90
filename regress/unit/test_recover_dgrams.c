/*
 * An engine dies with datagrams in its hands, at any instruction from the
 * call that read them on, and so does the next one: each is counted once as
 * arrived, at each bridge of the src, and as lost if it did not go out.
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
#include <stdlib.h>
#include <unistd.h>

#include "../../common/clock.h"
#include "../../mctd/engine/engine.h"
#include "engine_dgram.h"
#include "engine_trace.h"

#ifdef __SANITIZE_ADDRESS__
#define SLOWER 50 /* strides are so much longer */
#else
#define SLOWER 1
#endif

#define DSTS 2

/* What is given before the engine looks. */
struct gift {
	enum addr_kind kind;
	unsigned int single;  /* datagrams, the nth of 100 + n bytes */
	unsigned int grouped; /* in one message, of 300 bytes each */
};

static const struct gift single_udp = { ADDR_UDP, 5, 0 };
static const struct gift grouped_udp = { ADDR_UDP, 2, 20 };
static const struct gift local = { ADDR_UNIXDGRAM, 5, 0 };
static const struct gift full_batch = { ADDR_UDP, 64, 0 };

static struct erig *rig = &edgram.rig;
static struct edgram_dst dsts[DSTS];

static unsigned int
count_of(const struct gift *g)
{
	return g->single + g->grouped;
}

static size_t
bytes_of(const struct gift *g)
{
	size_t bytes = 300 * (size_t)g->grouped;
	unsigned int i;

	for (i = 0; i < g->single; i++)
		bytes += 100 + i;
	return bytes;
}

/* The engine stands, and all of the gift lies there. */
static void
give(const struct gift *g)
{
	unsigned int i;

	for (i = 0; i < g->single; i++)
		edgram_give(100 + i, i);
	if (g->grouped > 0)
		edgram_give_group(300 * (size_t)g->grouped, 300);
}

static void
begin(const struct gift *g)
{
	uint32_t i;

	erig_start(rig, 1, 0);
	edgram_open_src(g->kind);
	for (i = 0; i < DSTS; i++)
		edgram_open_dst(&dsts[i], i + 1, g->kind);
}

/* Until it has died, or done() holds; then it is killed. */
static void
live(int (*done)(const struct gift *), const struct gift *g)
{
	struct pollfd p = { .fd = rig->channel, .events = POLLIN };
	uint64_t since_ms = clock_ms();

	while (!done(g)) {
		assert_in_range(clock_ms() - since_ms, 0, 20000);
		if (poll(&p, 1, 1) == 1 && erig_hear(rig) == 0)
			break;
	}
	erig_kill(rig);
}

static int
all_went(const struct gift *g)
{
	uint32_t slot;

	for (slot = 1; slot <= DSTS; slot++)
		if (erig_count(rig, slot, COUNT_MESSAGES_OUT) < count_of(g))
			return 0;
	return 1;
}

static int
hand_is_empty(const struct gift *g)
{
	(void)g;
	return atomic_load(&rig->counters.hand->src) == 0;
}

static void
tell_all(const struct gift *g)
{
	uint32_t i;

	edgram_send_src(MSG_P2E_SRC, g->kind);
	for (i = 0; i < DSTS; i++)
		edgram_send_dst(&dsts[i], i + 1);
	erig_send_resumed(rig);
}

/* What a bridge says, and what its dst has, then one more that comes. */
static uint64_t
check(const struct gift *g, uint32_t slot)
{
	struct edgram_dst *t = &dsts[slot - 1];
	uint64_t died, got = 0, n = count_of(g);
	uint8_t byte;

	edgram_wait_balance(slot, n + 1);
	died = erig_count(rig, slot, COUNT_DROP_ENGINE);
	assert_int_equal(edgram_drops(slot), died);
	assert_int_equal(erig_count(rig, slot, COUNT_BYTES_IN),
	    bytes_of(g) + 777);
	do {
		erig_poll(t->receiver, POLLIN);
		got++;
	} while (recv(t->receiver, &byte, 1, MSG_TRUNC) != 777);
	/* what was sent may not be counted so any more, by one call */
	assert_in_range(got, n + 1 - died, n + 1);
	return died;
}

/* Returns how many were lost in all. */
static uint64_t
end(const struct gift *g)
{
	uint64_t lost = 0;
	uint32_t i;

	edgram_give(777, 0);
	for (i = 0; i < DSTS; i++) {
		lost += check(g, i + 1);
		edgram_close_dst(&dsts[i]);
	}
	close(edgram.src);
	close(edgram.sender);
	erig_stop(rig, 0);
	return lost;
}

static void
first_dies(const struct gift *g, unsigned int instructions)
{
	struct etrace *trace;

	begin(g);
	trace = etrace_begin_after(rig->pid, SYS_recvmmsg, instructions);
	give(g);
	etrace_go(trace);
	live(all_went, g);
	(void)etrace_end(trace);
}

/* On the way from none counted to all sent, at each stride of the counting. */
static void
die_on_the_way(const struct gift *g, unsigned int stride)
{
	unsigned int at = 0, counting = 8 * stride * SLOWER;
	uint64_t lost;

	do {
		first_dies(g, at);
		erig_succeed(rig);
		tell_all(g);
		lost = end(g);
		if (at == 0)
			assert_int_equal(lost, DSTS * (uint64_t)count_of(g));
		at += (at < counting ? stride : 5 * stride) * SLOWER;
	} while (lost > 0);
	assert_true(at > stride * SLOWER);
}

static void
datagrams_in_the_hand_are_counted(void **state)
{
	(void)state;
	die_on_the_way(&single_udp, 97);
	die_on_the_way(&full_batch, 2003);
}

static void
grouped_ones_are_counted(void **state)
{
	(void)state;
	die_on_the_way(&grouped_udp, 97);
}

static void
local_ones_are_counted(void **state)
{
	(void)state;
	die_on_the_way(&local, 97);
}

/*
 * The one that takes over dies as well, anywhere on its way, and so may the
 * one after it.
 */
static void
die_twice(const struct gift *g, unsigned int first, unsigned int stride)
{
	struct etrace *trace;
	unsigned int at = 0;
	uint64_t lost;
	int died, n;

	do {
		first_dies(g, first);
		for (n = died = 0; n < 2; n++) {
			erig_succeed(rig);
			trace = etrace_begin_after(rig->pid, SYS_recvmsg, at);
			tell_all(g);
			etrace_go(trace);
			live(hand_is_empty, g);
			died += etrace_end(trace);
		}
		erig_succeed(rig);
		tell_all(g);
		lost = end(g);
		if (first == 0)
			assert_int_equal(lost, DSTS * (uint64_t)count_of(g));
		at += stride * SLOWER;
	} while (died > 0);
	assert_true(at > stride * SLOWER);
}

static void
dying_twice_counts_once(void **state)
{
	(void)state;
	die_twice(&grouped_udp, 0, 701);
	die_twice(&local, 0, 607);
	/* and amid the counting */
	die_twice(&local, 420, 1009);
}

/* Whatever stands there are figures; the next engine lives and carries. */
static void
forged_hands_are_figures(void **state)
{
	static const uint8_t bytes[] = { 0, 1, 20, 0x7f, 0xff };
	struct counters_hand *hand;
	struct gift none = { ADDR_UDP, 0, 0 };
	uint32_t i;
	size_t k, n;

	(void)state;
	for (k = 0; k <= sizeof bytes; k++) {
		begin(&none);
		hand = rig->counters.hand;
		erig_kill(rig);
		for (n = 0; n < sizeof hand->calls; n++)
			hand->calls[n] =
			    k < sizeof bytes ? bytes[k] : (uint8_t)random();
		atomic_store(&hand->src, SRC + 1);
		atomic_store(&hand->turn, UINT64_MAX - 1);
		atomic_store(&hand->slot, UINT32_MAX - (uint32_t)k);
		erig_succeed(rig);
		tell_all(&none);
		edgram_give(777, 0);
		for (i = 0; i < DSTS; i++) {
			edgram_expect(&dsts[i], 777, 0);
			edgram_close_dst(&dsts[i]);
		}
		close(edgram.src);
		close(edgram.sender);
		erig_stop(rig, 0);
	}
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(datagrams_in_the_hand_are_counted),
		cmocka_unit_test(grouped_ones_are_counted),
		cmocka_unit_test(local_ones_are_counted),
		cmocka_unit_test(dying_twice_counts_once),
		cmocka_unit_test(forged_hands_are_figures),
	};

	erig_init(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
