/*
 * Flows in an engine: who is asked for, what goes where, who gives way, and
 * what a parent cannot mean.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "../../mctd/engine/engine.h"
#include "engine_flow.h"

static struct erig *rig = &edgram.rig;

static void
each_asker_has_its_flow(void **state)
{
	struct eflow e[3];
	uint32_t i;

	(void)state;
	eflow_begin(3, 0);
	for (i = 0; i < 3; i++)
		eflow_open(i, &e[i], 100 + i);
	for (i = 0; i < 3; i++) {
		edgram_give_by(e[i].asker, 200 + i, 0);
		eflow_expect_bytes(e[i].server, (ssize_t)(200 + i));
		eflow_answer(&e[i], 300 + i);
	}
	/* by src again: it is known there, too */
	eflow_by_src(&e[1]);
	edgram_give_by(e[1].asker, 400, 0);
	eflow_expect_bytes(e[1].server, 400);
	edgram_wait_balance(EFLOW_SLOT, 7);
	eflow_check_replies(3, 0);
	assert_int_equal(erig_count(rig, EFLOW_SLOT, COUNT_FLOWS), 3);
	for (i = 0; i < 3; i++)
		eflow_unmake(&e[i]);
	eflow_finish(0);
}

/* Only the one that was asked for is dropped; it is asked again. */
static void
each_head_is_asked_for(void **state)
{
	struct eflow e;

	(void)state;
	eflow_begin(3, 0);
	eflow_make(&e);
	eflow_by_src(&e);
	edgram_give_by(e.asker, 10, 0);
	eflow_expect_asker();
	edgram_give_by(e.asker, 11, 0);
	eflow_send_none(eflow_dst.serial);
	eflow_expect_asker();
	erig_wait_count(rig, EFLOW_SLOT, COUNT_DROP_FLOW, 1);
	eflow_send(2, &e);
	eflow_expect_bytes(e.server, 11);
	edgram_wait_balance(EFLOW_SLOT, 2);
	eflow_unmake(&e);
	eflow_finish(0);
}

/*
 * A flow's socket that is not connected, as it is for a moment, hears
 * everybody: no stranger's datagram goes by another's flow.
 */
static void
strangers_do_not_use_a_flow(void **state)
{
	struct eflow known, open, stranger;
	struct sockaddr_storage at;
	socklen_t len;

	(void)state;
	eflow_begin(3, 0);
	eflow_open(0, &known, 10);
	eflow_make(&open);
	close(open.fd[0]);
	open.fd[0] = edgram_bound(ADDR_UDP, AF_INET, &at, &len);
	eflow_get(1, &open, 11);
	eflow_make(&stranger);
	edgram_give_by(open.asker, 20, 0);
	eflow_expect_bytes(open.server, 20);
	eflow_aim(&known, &open);
	eflow_aim(&stranger, &open);
	edgram_give_by(stranger.asker, 21, 0);
	erig_wait_count(rig, EFLOW_SLOT, COUNT_DROP_FLOW, 1);
	edgram_give_by(known.asker, 22, 0);
	eflow_expect_bytes(known.server, 22);
	edgram_give_by(open.asker, 23, 0);
	eflow_expect_bytes(open.server, 23);
	edgram_wait_balance(EFLOW_SLOT, 6);
	eflow_unmake(&known);
	eflow_unmake(&open);
	eflow_unmake(&stranger);
	eflow_finish(0);
}

static void
who_was_never_answered_gives_way(void **state)
{
	struct eflow e[5];
	uint32_t i;

	(void)state;
	eflow_begin(3, 0);
	for (i = 0; i < 3; i++)
		eflow_open(i, &e[i], 10);
	eflow_answer(&e[0], 20);
	eflow_answer(&e[2], 20);
	eflow_make(&e[3]);
	eflow_by_src(&e[3]);
	edgram_give_by(e[3].asker, 10, 0);
	eflow_expect_ended(1, &e[1]); /* first, so that there is room */
	eflow_expect_asker();
	eflow_send(1, &e[3]);
	eflow_expect_bytes(e[3].server, 10);
	eflow_by_flow(&e[3]);
	eflow_answer(&e[3], 20);
	/* all were answered: the oldest use */
	eflow_make(&e[4]);
	eflow_by_src(&e[4]);
	edgram_give_by(e[4].asker, 10, 0);
	eflow_expect_ended(0, &e[0]);
	eflow_expect_asker();
	eflow_send_none(eflow_dst.serial);
	erig_wait_count(rig, EFLOW_SLOT, COUNT_DROP_FLOW, 1);
	assert_int_equal(erig_count(rig, EFLOW_SLOT, COUNT_FLOWS_DISPLACED), 2);
	for (i = 0; i < 5; i++)
		eflow_unmake(&e[i]);
	eflow_finish(0);
}

/* What lies in its sockets is carried first. */
static void
who_gives_way_loses_nothing(void **state)
{
	struct eflow e[3];
	uint32_t i;

	(void)state;
	eflow_begin(2, 0);
	for (i = 0; i < 2; i++)
		eflow_open(i, &e[i], 10);
	eflow_make(&e[2]);
	eflow_by_src(&e[2]);
	edgram_wait_balance(EFLOW_SLOT, 2);
	assert_return_code(kill(rig->pid, SIGSTOP), errno);
	edgram_give_by(e[2].asker, 10, 0); /* the engine sees this first */
	for (i = 0; i < 5; i++) {
		edgram_give_by(e[0].asker, 20 + i, 0);
		edgram_give_by(e[0].server, 30 + i, 0);
	}
	assert_return_code(kill(rig->pid, SIGCONT), errno);
	eflow_expect_ended(0, &e[0]);
	eflow_expect_asker();
	eflow_send(0, &e[2]);
	eflow_expect_bytes(e[2].server, 10);
	for (i = 0; i < 5; i++) {
		eflow_expect_bytes(e[0].server, 20 + (ssize_t)i);
		eflow_expect_bytes(e[0].asker, 30 + (ssize_t)i);
	}
	edgram_wait_balance(EFLOW_SLOT, 8);
	eflow_check_replies(5, 0);
	for (i = 0; i < 3; i++)
		eflow_unmake(&e[i]);
	eflow_finish(0);
}

static void
fewer_may_be_asked_for(void **state)
{
	struct eflow e[3];
	struct frame_out out;
	uint8_t buf[128];
	uint32_t i;

	(void)state;
	eflow_begin(3, 0);
	for (i = 0; i < 3; i++)
		eflow_open(i, &e[i], 10);
	eflow_dst.tune.slot = EFLOW_SLOT;
	eflow_dst.tune.serial = eflow_dst.serial;
	eflow_dst.tune.flows = 1;
	frame_begin(&out, buf, sizeof buf, MSG_P2E_TUNE, 0, 0);
	inner_put_tune(&out, &eflow_dst.tune);
	erig_send(rig, &out, NULL, 0);
	eflow_expect_ended(0, &e[0]);
	eflow_expect_ended(1, &e[1]);
	eflow_answer(&e[2], 20);
	for (i = 0; i < 3; i++)
		eflow_unmake(&e[i]);
	eflow_finish(0);
}

static void
silent_ones_end(void **state)
{
	struct eflow e;
	unsigned int before;

	(void)state;
	eflow_begin(3, 300);
	before = erig_descriptors(rig);
	eflow_open(0, &e, 10);
	eflow_answer(&e, 20);
	eflow_expect_ended(0, &e);
	assert_int_equal(erig_descriptors(rig), before);
	eflow_unmake(&e);
	eflow_finish(0);
}

/* With its bridge, without a word; and what comes for it then is closed. */
static void
flows_end_with_their_bridge(void **state)
{
	struct eflow e, late;
	unsigned int before;

	(void)state;
	eflow_begin(3, 0);
	before = erig_descriptors(rig);
	eflow_open(0, &e, 10);
	eflow_make(&late);
	eflow_by_src(&late);
	edgram_give_by(late.asker, 10, 0);
	eflow_expect_asker();
	erig_close(rig, EFLOW_SLOT, eflow_dst.serial);
	eflow_send(1, &late);
	eflow_send_none(eflow_dst.serial);
	(void)erig_wait_end(rig, EFLOW_SLOT);
	erig_wait_taken(rig);
	/* its dst's as well */
	assert_int_equal(erig_descriptors(rig), before - 1);
	eflow_unmake(&e);
	eflow_unmake(&late);
	eflow_finish(0);
}

/* One thing that is wrong, each time; the engine ends. */
static void
refuse(void (*spoil)(struct inner_flow *), int asked, size_t nfds)
{
	struct inner_flow m;
	struct eflow e;

	eflow_begin(3, 0);
	eflow_make(&e);
	eflow_by_src(&e);
	if (asked) {
		edgram_give_by(e.asker, 10, 0);
		eflow_expect_asker();
	}
	eflow_usual(&m, 0, &e);
	if (spoil != NULL)
		spoil(&m);
	eflow_send_as(&m, e.fd, nfds);
	eflow_unmake(&e);
	eflow_finish(1);
}

static void
spoil_number(struct inner_flow *m)
{
	m->flow = EFLOW_FLOWS;
}

static void
spoil_serial(struct inner_flow *m)
{
	m->flow_serial = 0;
}

static void
spoil_slot(struct inner_flow *m)
{
	m->slot = ERIG_BRIDGES + 1;
}

static void
spoil_kind(struct inner_flow *m)
{
	m->kind = ADDR_UDPLITE;
}

static void
spoil_dst_kind(struct inner_flow *m)
{
	m->dst_kind = ADDR_TCP;
}

static void
spoil_asker(struct inner_flow *m)
{
	m->asker.kind = ADDR_UNIXDGRAM;
}

static void
what_a_parent_cannot_mean(void **state)
{
	(void)state;
	refuse(spoil_number, 1, 2);
	refuse(spoil_serial, 1, 2);
	refuse(spoil_slot, 1, 2);
	refuse(spoil_kind, 1, 2);
	refuse(spoil_dst_kind, 1, 2);
	refuse(spoil_asker, 1, 2);
	refuse(NULL, 1, 1);
	refuse(NULL, 0, 2); /* nobody was asked for */
}

/* The same number, or the same asker, twice; none where none was asked for. */
static void
what_it_cannot_mean_again(void **state)
{
	struct inner_flow m;
	struct eflow e;
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		eflow_begin(3, 0);
		eflow_open(0, &e, 10);
		eflow_usual(&m, i == 0 ? 0 : 1, &e);
		m.recovered = 1;
		if (i == 0)
			m.asker.u.in.sin_port ^= 1;
		if (i < 2)
			eflow_send_as(&m, e.fd, 2);
		else
			eflow_send_none(eflow_dst.serial);
		eflow_unmake(&e);
		eflow_finish(1);
	}
}

/* A src without flows has none; one with them has one bridge. */
static void
flows_are_where_they_were_told(void **state)
{
	struct edgram_dst second;
	struct eflow e;

	(void)state;
	erig_start(rig, 1, 0);
	edgram_open_src(ADDR_UDP);
	edgram_open_dst(&eflow_dst, EFLOW_SLOT, ADDR_UDP);
	eflow_make(&e);
	eflow_send(0, &e);
	eflow_unmake(&e);
	eflow_finish(1);
	eflow_begin(3, 0);
	edgram_make_dst(&second, ADDR_UDP, AF_INET);
	edgram_send_dst(&second, 2);
	edgram_close_dst(&second);
	eflow_finish(1);
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_asker_has_its_flow),
		cmocka_unit_test(each_head_is_asked_for),
		cmocka_unit_test(strangers_do_not_use_a_flow),
		cmocka_unit_test(who_was_never_answered_gives_way),
		cmocka_unit_test(who_gives_way_loses_nothing),
		cmocka_unit_test(fewer_may_be_asked_for),
		cmocka_unit_test(silent_ones_end),
		cmocka_unit_test(flows_end_with_their_bridge),
		cmocka_unit_test(what_a_parent_cannot_mean),
		cmocka_unit_test(what_it_cannot_mean_again),
		cmocka_unit_test(flows_are_where_they_were_told),
	};

	erig_init(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
