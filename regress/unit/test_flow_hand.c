/*
 * An engine dies with a flow's datagrams or answers in its hands, at any
 * instruction from the call that read them on: each is counted once as
 * arrived, and as lost if it did not go out.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/syscall.h>

#include <poll.h>

#include "../../common/clock.h"
#include "../../mctd/engine/engine.h"
#include "engine_flow.h"
#include "engine_trace.h"

static struct erig *rig = &edgram.rig;

/* Deaths: what is given goes from one socket, and is counted as these. */
struct death {
	enum count in;
	enum count out;
	int answers;
	unsigned int n;
};

static void
tell_again(uint32_t flow, struct eflow *e)
{
	struct inner_flow m;
	uint64_t serial = e->serial;

	eflow_send_src(1);
	edgram_send_dst(&eflow_dst, EFLOW_SLOT);
	eflow_usual(&m, flow, e);
	m.flow_serial = e->serial = serial;
	m.recovered = 1;
	eflow_send_as(&m, e->fd, 2);
	erig_send_resumed(rig);
}

/* Until it has died, or all went out; then it is killed. */
static void
live(const struct death *d, uint64_t want)
{
	struct pollfd p = { .fd = rig->channel, .events = POLLIN };
	uint64_t since_ms = clock_ms();

	while (erig_count(rig, EFLOW_SLOT, d->out) < want) {
		assert_in_range(clock_ms() - since_ms, 0, 20000);
		if (poll(&p, 1, 1) == 1 && erig_hear(rig) == 0)
			break;
	}
	erig_kill(rig);
}

/* Returns how many were lost. */
static uint64_t
die_once(const struct death *d, unsigned int instructions)
{
	struct etrace *trace;
	struct eflow e;
	uint64_t was, lost;
	unsigned int i;
	int from, to;

	eflow_begin(3, 0);
	eflow_open(0, &e, 10);
	erig_wait_count(rig, EFLOW_SLOT, COUNT_MESSAGES_OUT, 1);
	was = erig_count(rig, EFLOW_SLOT, d->in);
	from = d->answers ? e.server : e.asker;
	to = d->answers ? e.asker : e.server;
	trace = etrace_begin_after(rig->pid, SYS_recvmmsg, instructions);
	for (i = 0; i < d->n; i++)
		edgram_give_by(from, 100 + i, 0);
	etrace_go(trace);
	live(d, was + d->n);
	(void)etrace_end(trace);
	erig_succeed(rig);
	tell_again(0, &e);
	edgram_give_by(from, 777, 0);
	erig_wait_count(rig, EFLOW_SLOT, d->in, was + d->n + 1);
	lost = erig_count(rig, EFLOW_SLOT,
	    d->answers ? COUNT_REPLIES_DROPPED : COUNT_DROP_ENGINE);
	erig_wait_count(rig, EFLOW_SLOT, d->out, was + d->n + 1 - lost);
	for (i = 0; i + lost < d->n; i++)
		erig_poll(to, POLLIN);
	eflow_unmake(&e);
	eflow_finish(0);
	return lost;
}

/* On the way from none counted to all sent. */
static void
die_on_the_way(const struct death *d, unsigned int stride)
{
	unsigned int at = 0;
	uint64_t lost;

#ifdef __SANITIZE_ADDRESS__
	stride *= 20;
#endif
	do {
		lost = die_once(d, at);
		if (at == 0)
			assert_int_equal(lost, d->n);
		at += stride;
	} while (lost > 0);
	assert_true(at > stride);
}

static void
datagrams_in_the_hand_are_counted(void **state)
{
	static const struct death d = { COUNT_MESSAGES_IN, COUNT_MESSAGES_OUT,
		0, 5 };

	(void)state;
	die_on_the_way(&d, 401);
}

static void
answers_in_the_hand_are_counted(void **state)
{
	static const struct death d = { COUNT_REPLIES_IN, COUNT_REPLIES_OUT, 1,
		5 };

	(void)state;
	die_on_the_way(&d, 401);
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(datagrams_in_the_hand_are_counted),
		cmocka_unit_test(answers_in_the_hand_are_counted),
	};

	erig_init(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
