/*
 * Many sessions of all kinds at once, over engines that are killed at any
 * moment: every byte is there once, in order, every end is the right one,
 * and nobody waits for ever.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../mctd/engine/engine.h"
#include "engine_one.h"

#define MANY 12 /* at a time */
#define ALL  90 /* one after the other */
#ifdef __SANITIZE_ADDRESS__
#define KILLS 20
#else
#define KILLS 60
#endif

/* Both sides write and read; a session in a slot of its own. */
struct flow {
	uint32_t slot;
	uint32_t id; /* 0: none here */
	struct erig_side side[2];
	size_t want[2];
	size_t written[2];
	size_t taken[2];
	int finished[2];
	int at_end[2];
};

static struct erig rig;
static struct flow flows[MANY];
static uint32_t begun;
static unsigned int doubts, cleans;

static void
flow_hand_over(struct flow *f, int recovered)
{
	struct inner_session m = { .slot = f->slot,
		.id = f->id,
		.recovered = (uint8_t)recovered };

	erig_session_as(&rig, &m, &f->side[0], &f->side[1]);
}

/* Sizes from none to some hundred pipes, most of them small. */
static size_t
some_bytes(void)
{
	static const size_t most[] = { 1, 100, 10000, 100000, 600000 };

	return (size_t)random() % most[random() % 5];
}

static void
flow_begin(struct flow *f)
{
	const enum addr_kind *kind = eone_kinds[random() % EONE_KINDS];
	int bytes = random() % 2 == 0 ? 8192 : 0, i;

	memset(f, 0, sizeof *f);
	f->slot = ERIG_FIRST + (uint32_t)(f - flows);
	f->id = 1000 + ++begun;
	erig_pair(&f->side[0], kind[0], bytes);
	erig_dst_pair(&f->side[1], kind[1], bytes);
	for (i = 0; i < 2; i++)
		f->want[i] = some_bytes();
	flow_hand_over(f, 0);
}

/* What the parent does when it has heard of the end. */
static void
flow_end(struct flow *f)
{
	struct inner_end *end = &rig.ended[f->slot];
	size_t n;
	int i;

	if (end->reason == END_ENGINE_DIED) {
		/* copied into a local socket, as no pipe was free */
		assert_true(f->side[0].kind == ADDR_UNIX ||
		    f->side[1].kind == ADDR_UNIX);
		doubts++;
	} else {
		assert_int_equal(end->reason, END_CLEAN);
		cleans++;
	}
	for (i = 0; i < 2; i++) {
		close(f->side[i].inside);
		while (end->reason == END_CLEAN && !f->at_end[i]) {
			erig_poll(f->side[i].outside, POLLIN);
			if (erig_take(f->side[i].outside, f->taken[i], 65536,
				&n) == ERIG_END)
				f->at_end[i] = 1;
			f->taken[i] += n;
		}
		if (end->reason == END_CLEAN)
			assert_int_equal(f->taken[i], f->want[!i]);
		close(f->side[i].outside);
	}
	memset(end, 0, sizeof *end);
	f->id = 0;
}

static void
flow_step(struct flow *f, int i, short what)
{
	int fd = f->side[i].outside;
	size_t n;

	if (f->written[i] < f->want[i] && (what & POLLOUT))
		f->written[i] += erig_write_some(fd, f->written[i],
		    f->want[i] - f->written[i], 0);
	if (f->written[i] == f->want[i] && !f->finished[i]) {
		shutdown(fd, SHUT_WR);
		f->finished[i] = 1;
	}
	if (f->at_end[i] || !(what & ~POLLOUT))
		return;
	switch (erig_take(fd, f->taken[i], 1 + (size_t)random() % 20000, &n)) {
	case ERIG_END:
		assert_int_equal(f->taken[i], f->want[!i]);
		assert_true(f->finished[!i]);
		f->at_end[i] = 1;
		break;
	case ERIG_RESET:
		fail_msg("reset");
		break;
	default:
		f->taken[i] += n;
	}
}

static int
any_left(void)
{
	struct flow *f;

	for (f = flows; f < flows + MANY; f++)
		if (f->id != 0)
			return 1;
	return 0;
}

/* All that can move moves, for some rounds. */
static void
carry_on(int rounds)
{
	struct pollfd p[2 * MANY + 1];
	struct flow *f;
	int i, k;

	while (rounds-- > 0 && any_left()) {
		for (k = 0; k < 2 * MANY; k++) {
			f = &flows[k / 2];
			i = k & 1;
			p[k].fd = f->id == 0 ? -1 : f->side[i].outside;
			p[k].events = f->at_end[i] ? 0 : POLLIN;
			if (!f->finished[i])
				p[k].events |= POLLOUT;
			if (p[k].events == 0)
				p[k].fd = -1;
		}
		p[k].fd = rig.channel;
		p[k].events = POLLIN;
		assert_true(poll(p, 2 * MANY + 1, 20000) > 0);
		for (k = 0; k < 2 * MANY; k++)
			if (p[k].fd != -1 && p[k].revents != 0)
				flow_step(&flows[k / 2], k & 1, p[k].revents);
		if (p[k].revents != 0)
			assert_int_equal(erig_hear(&rig), 1);
		for (f = flows; f < flows + MANY; f++)
			if (f->id != 0 && rig.ended[f->slot].serial != 0)
				flow_end(f);
	}
}

static void
take_over(void)
{
	struct flow *f;

	erig_kill(&rig);
	erig_succeed(&rig);
	for (f = flows; f < flows + MANY; f++) {
		if (f->id == 0)
			continue;
		if (rig.ended[f->slot].serial != 0)
			flow_end(f);
		else
			flow_hand_over(f, 1);
	}
	erig_send_resumed(&rig);
}

static void
sessions_outlive_engines(void **state)
{
	struct flow *f;
	int kills = 0;

	(void)state;
	srandom((unsigned int)getpid());
	erig_start(&rig, 1, 0);
	do {
		for (f = flows; f < flows + MANY; f++)
			if (f->id == 0 && (begun < ALL || kills < KILLS))
				flow_begin(f);
		carry_on(1 + (int)(random() % 30));
		if (kills < KILLS) {
			take_over();
			kills++;
		}
	} while (any_left());
	assert_true(cleans > doubts);
	erig_wait_pipes_back(&rig);
	erig_stop(&rig, 0);
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sessions_outlive_engines),
	};

	erig_init(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
