/*
 * The end of a child, and the heartbeat; in place of the programs are
 * processes that do as they are told.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>
#include <sys/wait.h>

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../common/log.h"
#include "../../mctd/parent/children.h"
#include "../../mctd/parent/events.h"
#include "../../mctd/parent/loop.h"
#include "../../mctd/parent/slots.h"
#include "../../mctd/parent/spawn.h"

#define EVENTS        64
#define STANDBY       8
#define LIMIT_MS      (HEARTBEAT_S * 1000)

/* A message that the parent's user does not take. */
#define MSG_UNDEFINED 4711

/* What a child is to do, as the request id of a message. */
enum command {
	DO_LAST_WORDS = 1, /* say 1, 2, 3, and end with a message unread */
	DO_BAD_WORDS,      /* say 1, what is not defined, 2, and end so */
	DO_NOTHING,        /* from now on */
	DO_FLOOD           /* say all that the channel takes; then nothing */
};

/* In the order of their start: engine, control, then standbys by turns. */
static struct {
	pid_t pid;
	int channel;
} children[LIMIT_CHILDREN];
static unsigned int nchildren;
#define CONTROL 1

static int flooded[2]; /* a byte when a channel is full */

/* What the parent's users were called with. */
static struct {
	uint32_t said[LIMIT_CHILDREN];
	unsigned int nsaid;
	unsigned int said_at_death;
	unsigned int died;
	unsigned int took_over;
} seen;

static void
say(int channel, uint16_t type, uint32_t request)
{
	uint8_t buf[FRAME_HEADER];
	struct frame_out out;

	frame_begin(&out, buf, sizeof buf, type, 0, request);
	if (frame_packet_send(channel, buf, frame_end(&out)) == -1)
		_exit(1);
}

static _Noreturn void
do_nothing(void)
{
	for (;;)
		(void)pause();
}

static void
do_flood(int channel)
{
	uint8_t buf[FRAME_HEADER];
	struct frame_out out;

	frame_begin(&out, buf, sizeof buf, MSG_E2P_ENDS, 0, 1);
	(void)frame_end(&out);
	while (frame_packet_send(channel, buf, sizeof buf) == 0)
		;
	(void)!write(flooded[1], "", 1);
	do_nothing();
}

/* The next message is there, and stays unread. */
static _Noreturn void
end_unread(int channel)
{
	char byte;

	(void)recv(channel, &byte, 1, MSG_PEEK);
	_exit(0);
}

static void
obey(int channel, uint32_t command)
{
	switch (command) {
	case DO_LAST_WORDS:
		say(channel, MSG_E2P_ENDS, 1);
		say(channel, MSG_E2P_ENDS, 2);
		say(channel, MSG_E2P_ENDS, 3);
		end_unread(channel);
	case DO_BAD_WORDS:
		say(channel, MSG_E2P_ENDS, 1);
		say(channel, MSG_UNDEFINED, 0);
		say(channel, MSG_E2P_ENDS, 2);
		end_unread(channel);
	case DO_FLOOD:
		do_flood(channel);
		break;
	default:
		do_nothing();
	}
}

static _Noreturn void
child(int channel)
{
	uint8_t buf[FRAME_MAX];
	struct frame_in in;
	size_t nfds;
	long n;

	for (;;) {
		n = frame_packet_recv(channel, buf, sizeof buf, NULL, 0, &nfds);
		if (n <= 0 || frame_open(&in, buf, (size_t)n) == -1)
			_exit(0);
		if (in.type == MSG_P2X_START)
			say(channel, MSG_X2P_READY, 0);
		else if (in.type == MSG_P2X_PING)
			say(channel, MSG_X2P_PONG, 0);
		else if (in.type == MSG_P2E_CLOSE)
			obey(channel, in.request);
	}
}

pid_t
spawn(const char *kind, int foreground, int *channel)
{
	unsigned int i;
	int pair[2];
	pid_t pid;

	(void)kind;
	(void)foreground;
	if (socketpair(AF_LOCAL, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
		return -1;
	pid = fork();
	if (pid == 0) {
		for (i = 0; i < nchildren; i++)
			close(children[i].channel);
		close(pair[0]);
		child(pair[1]);
	}
	close(pair[1]);
	*channel = pair[0];
	children[nchildren].pid = pid;
	children[nchildren++].channel = pair[0];
	return pid;
}

static int
on_message(uint32_t which, struct frame_in *in)
{
	(void)which;
	if (in->type != MSG_E2P_ENDS)
		return -1;
	if (seen.nsaid < LIMIT_CHILDREN)
		seen.said[seen.nsaid++] = in->request;
	return 0;
}

static void
on_writable(uint32_t which)
{
	(void)which;
	seen.took_over++;
}

static void
on_died(uint32_t which)
{
	(void)which;
	seen.died++;
	seen.said_at_death = seen.nsaid;
}

static void *
zeros(size_t bytes)
{
	void *mem = calloc(1, bytes);

	assert_non_null(mem);
	return mem;
}

static int
set_up(void **state)
{
	static const struct children_user user = { on_message, on_writable,
		on_died };
	struct children_setup setup = { .standby = STANDBY };
	struct slots_setup s = { .engines = 1, .bridges = 1, .sessions = 1 };

	(void)state;
	log_set(NULL, LOG_LEVEL_FATAL);
	s.registry = zeros(registry_bytes(1, 1));
	s.counters[0] = zeros(counters_bytes(2, 0));
	assert_int_equal(loop_init(64), 0);
	assert_int_equal(slots_init(&s), 0);
	events_init(zeros(ring_bytes(EVENTS)), EVENTS);
	assert_int_equal(pipe(flooded), 0);
	setup.start.engines = 1;
	assert_int_equal(children_start(&setup), 0);
	return children_watch(&user, &user);
}

static int
tear_down(void **state)
{
	(void)state;
	children_stop();
	return 0;
}

static int
begin(void **state)
{
	(void)state;
	memset(&seen, 0, sizeof seen);
	return 0;
}

/* The number of the engine at work: nearly each test uses one up. */
static unsigned int
engine(void)
{
	return 2 * (STANDBY - atomic_load(&slots_head()->standby_engines));
}

/* Its answer is there; the parent has not heard it yet. */
static void
answers(unsigned int number)
{
	struct pollfd p = { .fd = children[number].channel, .events = POLLIN };

	assert_int_equal(poll(&p, 1, -1), 1);
}

static void
command(enum command what)
{
	uint8_t buf[FRAME_HEADER];
	struct frame_out out;

	frame_begin(&out, buf, sizeof buf, MSG_P2E_CLOSE, 0, what);
	assert_int_equal(children_send(PROCESS_ENGINE, 0, buf, frame_end(&out),
			     NULL, 0),
	    0);
}

/* Its end, of which the parent has learnt when this returns. */
static void
ends(unsigned int number)
{
	siginfo_t info;

	if (seen.died == 0) {
		assert_int_equal(waitid(P_PID, (id_t)children[number].pid,
				     &info, WEXITED | WNOWAIT),
		    0);
		children_reap();
	}
	assert_int_equal(seen.died, 1);
	assert_int_equal(seen.took_over, 1);
	assert_int_equal(engine(), number + 2);
}

static void
last_words_are_heard_before_the_death(void **state)
{
	static const uint32_t words[] = { 1, 2, 3 };

	(void)state;
	command(DO_LAST_WORDS);
	command(DO_LAST_WORDS);
	ends(engine());
	assert_int_equal(seen.said_at_death, 3);
	assert_memory_equal(seen.said, words, sizeof words);
	assert_int_equal(seen.nsaid, 3);
}

static void
nothing_is_heard_after_what_is_not_defined(void **state)
{
	(void)state;
	command(DO_BAD_WORDS);
	command(DO_BAD_WORDS);
	ends(engine());
	assert_int_equal(seen.said_at_death, 1);
	assert_int_equal(seen.nsaid, 1);
}

static void
who_says_what_is_not_defined_is_heard_no_more(void **state)
{
	unsigned int number = engine();

	(void)state;
	command(DO_BAD_WORDS); /* it waits for another, which never comes */
	while (seen.died == 0) {
		assert_int_not_equal(loop_turn(1), -1);
		children_reap();
	}
	ends(number);
	assert_int_equal(seen.nsaid, 1);
}

/* Engine and control have answered; both answers are not heard yet. */
static void
both_answer(uint64_t now_ms, int late)
{
	children_beat(now_ms, late);
	answers(engine());
	answers(CONTROL);
}

static void
who_does_not_answer_is_killed(void **state)
{
	uint64_t now_ms = 1000000;
	unsigned int number = engine();

	(void)state;
	both_answer(now_ms, 1);
	command(DO_NOTHING);
	now_ms += LIMIT_MS;
	children_beat(now_ms, 0); /* hears that answer, and asks again */
	answers(CONTROL);
	children_beat(now_ms + LIMIT_MS - 1, 0);
	assert_int_equal(seen.died, 0);
	children_beat(now_ms + LIMIT_MS, 0);
	ends(number);
}

/* Who was late is the parent: the answers lie in the channels. */
static void
answers_are_heard_before_judgement(void **state)
{
	uint64_t now_ms = 2000000;
	unsigned int number = engine();
	int i;

	(void)state;
	for (i = 0; i < 5; i++, now_ms += 2 * LIMIT_MS)
		both_answer(now_ms, i == 0);
	assert_int_equal(seen.died, 0);
	assert_int_equal(engine(), number);
}

static void
time_that_the_parent_slept_kills_nobody(void **state)
{
	uint64_t now_ms = 3000000;
	unsigned int number = engine();

	(void)state;
	both_answer(now_ms, 1);
	command(DO_NOTHING);
	now_ms += LIMIT_MS;
	children_beat(now_ms, 0);
	now_ms += 10 * LIMIT_MS;
	answers(CONTROL);
	children_beat(now_ms, 1);
	answers(CONTROL);
	children_beat(now_ms + LIMIT_MS - 1, 0);
	assert_int_equal(seen.died, 0);
	answers(CONTROL);
	children_beat(now_ms + LIMIT_MS, 0);
	ends(number);
}

/* What one says otherwise is no answer. */
static void
who_talks_and_does_not_answer_is_killed(void **state)
{
	uint64_t now_ms = 4000000;
	unsigned int number = engine();
	char byte;

	(void)state;
	both_answer(now_ms, 1);
	command(DO_FLOOD);
	assert_int_equal(read(flooded[0], &byte, 1), 1);
	now_ms += LIMIT_MS;
	children_beat(now_ms, 0);
	assert_int_not_equal(seen.nsaid, 0);
	answers(CONTROL);
	children_beat(now_ms + LIMIT_MS, 0);
	ends(number);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup(f, begin)
	const struct CMUnitTest tests[] = {
		T(last_words_are_heard_before_the_death),
		T(nothing_is_heard_after_what_is_not_defined),
		T(who_says_what_is_not_defined_is_heard_no_more),
		T(who_does_not_answer_is_killed),
		T(answers_are_heard_before_judgement),
		T(time_that_the_parent_slept_kills_nobody),
		T(who_talks_and_does_not_answer_is_killed),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
