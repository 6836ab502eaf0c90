/*
 * The library's handle, requests and lists, against a daemon that does
 * everything wrong that a daemon can.
 */
/* links: common/clock.c */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../libmct/include/mct/event.h"
#include "../../libmct/include/mct/list.h"
#include "../../libmct/include/mct/mct.h"
#include "../../libmct/include/mct/session.h"
#include "fake_daemon.h"

#define SRC      "tcp:127.0.0.1:7001"
#define DST      "tcp:127.0.0.1:7002"

/* An abrupt answer is not worth 30 seconds of a test. */
#define SHORT_MS 50

static void
init_fails(void (*script)(struct fake *), int err)
{
	struct fake fake;

	fake_start(&fake, script);
	errno = 0;
	assert_null(mct_init(fake.name));
	assert_int_equal(errno, err);
	fake_stop(&fake);
}

/* ---- mct_init ---- */

static void
script_hello(struct fake *fake)
{
	fake_hello(fake);
}

static void
test_init_makes_a_private_descriptor(void **state)
{
	struct fake fake;
	struct mct *mct = fake_connected(&fake, script_hello);

	(void)state;
	assert_string_equal(mct_role(mct), "admin");
	assert_string_equal(mct_error(mct), "");
	assert_true(fcntl(mct_fd(mct), F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(mct_fd(mct), F_GETFL) & O_NONBLOCK);
	fake_ended(&fake, mct);
}

static void
script_other_version(struct fake *fake)
{
	struct proto_hello hello = { PROTO_MAGIC, PROTO_VERSION + 1, ROLE_ADMIN,
		FRAME_MAX };

	fake_begin(fake, MSG_C2L_HELLO, fake_expect(fake, MSG_L2C_HELLO, NULL));
	proto_put_hello(&fake->out, &hello);
	frame_put_u64(&fake->out, 1); /* what it has more than ours */
	fake_send(fake);
}

static void
script_version_refused(struct fake *fake)
{
	fake_error(fake, fake_expect(fake, MSG_L2C_HELLO, NULL), EINVAL,
	    "another version");
}

static void
script_too_many(struct fake *fake)
{
	fake_error(fake, fake_expect(fake, MSG_L2C_HELLO, NULL), EAGAIN,
	    "too many clients");
}

static void
script_garbage(struct fake *fake)
{
	static const char garbage[] = "HTTP/1.1 400 Bad Request\r\n\r\n";

	fake_expect(fake, MSG_L2C_HELLO, NULL);
	fake_bytes(fake, garbage, sizeof garbage);
}

static void
script_half_hello(struct fake *fake)
{
	static const uint8_t half[] = { 0, 0, 0, 24, 0, 2, 0 };

	fake_expect(fake, MSG_L2C_HELLO, NULL);
	fake_bytes(fake, half, sizeof half);
}

static void
script_close(struct fake *fake)
{
	(void)fake; /* without even reading the HELLO */
}

static void
script_wrong_type(struct fake *fake)
{
	fake_done(fake, fake_expect(fake, MSG_L2C_HELLO, NULL), 1);
}

static void
test_init_fails_with_the_reason(void **state)
{
	(void)state;
	init_fails(script_other_version, EINVAL);
	init_fails(script_version_refused, EINVAL);
	init_fails(script_too_many, EAGAIN);
	init_fails(script_garbage, EBADMSG);
	init_fails(script_wrong_type, EBADMSG);
	init_fails(script_half_hello, EPIPE);
	init_fails(script_close, EPIPE);
}

static void
test_init_checks_the_path(void **state)
{
	char path[200];

	(void)state;
	memset(path, 'x', sizeof path);
	path[sizeof path - 1] = '\0';
	assert_null(mct_init(path));
	assert_int_equal(errno, ENAMETOOLONG);
	path[0] = '/';
	assert_null(mct_init(path));
	assert_int_equal(errno, ENAMETOOLONG);
	assert_null(mct_init("/nonexistent/mctd.sock"));
	assert_int_equal(errno, ENOENT);
	assert_null(mct_init(""));
	assert_int_equal(errno, ENOENT);
	assert_null(mct_init("mct-test-nobody-listens"));
	assert_int_equal(errno, ECONNREFUSED);
}

/* ---- requests ---- */

static void
script_ids(struct fake *fake)
{
	static const uint32_t ids[] = { 0, (uint32_t)INT_MAX + 1, INT_MAX };
	struct bridge_spec spec;
	struct frame_in in;
	uint32_t request;
	size_t i;

	fake_hello(fake);
	for (i = 0; i < 3; i++) {
		memset(&spec, 0, sizeof spec);
		request = fake_expect(fake, MSG_L2C_BRIDGE_ADD, &in);
		proto_get_spec(&in, &spec);
		FAKE_CHECK(fake, frame_done(&in) == 0);
		FAKE_CHECK(fake, spec.src.kind == ADDR_TCP);
		FAKE_CHECK(fake, addr_port(&spec.dst) == 7002);
		fake_done(fake, request, ids[i]);
	}
	fake_expect_end(fake);
}

static void
test_bridge_takes_only_a_valid_id(void **state)
{
	struct fake fake;
	struct mct *mct = fake_connected(&fake, script_ids);

	(void)state;
	assert_int_equal(mct_bridge_text(mct, SRC, DST, NULL), -1);
	assert_int_equal(errno, EBADMSG);
	assert_int_equal(mct_bridge_text(mct, SRC, DST, NULL), -1);
	assert_int_equal(errno, EBADMSG);
	assert_int_equal(mct_bridge_text(mct, SRC, DST, NULL), INT_MAX);
	/* What is wrong by itself is not asked for. */
	assert_int_equal(mct_bridge_text(mct, SRC, "udp:127.0.0.1:1", NULL),
	    -1);
	assert_int_equal(errno, EPROTOTYPE);
	assert_int_equal(mct_bridge_text(mct, SRC, "tcp:host:1", NULL), -1);
	assert_int_equal(errno, EINVAL);
	assert_non_null(strstr(mct_error(mct), "dst: "));
	assert_int_equal(mct_session_close(mct, 0), -1);
	assert_int_equal(errno, EINVAL);
	fake_ended(&fake, mct);
}

static void
script_options(struct fake *fake)
{
	struct bridge_spec spec;
	struct frame_in in;
	uint32_t request;

	fake_hello(fake);
	request = fake_expect(fake, MSG_L2C_BRIDGE_ADD, &in);
	memset(&spec, 0, sizeof spec);
	proto_get_spec(&in, &spec);
	FAKE_CHECK(fake, frame_done(&in) == 0);
	FAKE_CHECK(fake, strcmp(spec.name, "web") == 0);
	FAKE_CHECK(fake, spec.options.max == 12);
	FAKE_CHECK(fake, spec.options.idle_s == 300);
	FAKE_CHECK(fake, spec.options.half_closed_s == OPTION_NEVER);
	FAKE_CHECK(fake, spec.options.connect_s == 0);
	fake_done(fake, request, 5);
}

static void
test_options_reach_the_daemon(void **state)
{
	struct mct_options *options = mct_options_new();
	struct sockaddr_in src = { .sin_family = AF_INET }, dst;
	struct fake fake;
	struct mct *mct = fake_connected(&fake, script_options);

	(void)state;
	src.sin_port = htons(7001);
	src.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	dst = src;
	dst.sin_port = htons(7002);
	assert_int_equal(mct_options_set(options, "name", "web"), 0);
	assert_int_equal(mct_options_set(options, "max", "12"), 0);
	assert_int_equal(mct_options_set(options, "idle", "5m"), 0);
	assert_int_equal(mct_options_set(options, "half-closed", "0"), 0);
	assert_int_equal(mct_options_set(options, "max", "5m"), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(mct_options_set(options, "idle", "999d"), -1);
	assert_int_equal(errno, ERANGE);
	assert_int_equal(mct_options_set(options, "minimum", "1"), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(mct_bridge_options(mct, SOCK_STREAM,
			     (struct sockaddr *)&src, sizeof src,
			     (struct sockaddr *)&dst, sizeof dst, options),
	    5);
	mct_options_free(options);
	fake_ended(&fake, mct);
}

static void
script_refuses(struct fake *fake)
{
	fake_hello(fake);
	fake_error(fake, fake_expect(fake, MSG_L2C_STOP, NULL), EACCES,
	    "this needs the role admin");
	fake_done(fake, fake_expect(fake, MSG_L2C_RELOAD, NULL), 0);
}

static void
test_refusal_has_errno_and_sentence(void **state)
{
	struct fake fake;
	struct mct *mct = fake_connected(&fake, script_refuses);

	(void)state;
	assert_int_equal(mct_stop(mct), -1);
	assert_int_equal(errno, EACCES);
	assert_string_equal(mct_error(mct), "this needs the role admin");
	assert_int_equal(mct_reload(mct), 0);
	fake_ended(&fake, mct);
}

/* Half an answer in time, the rest too late; then all is in step again. */
static void
script_late(struct fake *fake)
{
	uint32_t first, second;
	size_t len;

	fake_hello(fake);
	first = fake_expect(fake, MSG_L2C_BRIDGE_ADD, NULL);
	fake_begin(fake, MSG_C2L_DONE, first);
	proto_put_done(&fake->out, 77);
	len = frame_end(&fake->out);
	fake_bytes(fake, fake->buf, 5);
	second = fake_expect(fake, MSG_L2C_CLOSE, NULL);
	fake_bytes(fake, fake->buf + 5, len - 5);
	fake_done(fake, second, 0);
}

static void
test_late_answer_is_dropped(void **state)
{
	struct fake fake;
	struct mct *mct = fake_connected(&fake, script_late);

	(void)state;
	assert_int_equal(mct_timeout(mct, -2), -1);
	assert_int_equal(mct_timeout(mct, SHORT_MS), 0);
	assert_int_equal(mct_bridge_text(mct, SRC, DST, NULL), -1);
	assert_int_equal(errno, ETIMEDOUT);
	assert_int_equal(mct_timeout(mct, 30000), 0);
	assert_int_equal(mct_session_close(mct, 77), 0);
	fake_ended(&fake, mct);
}

static void
script_never_asked(struct fake *fake)
{
	fake_hello(fake);
	fake_done(fake, fake_expect(fake, MSG_L2C_STOP, NULL) + 1, 0);
	fake_wait(fake, 1);
}

static void
test_answer_never_asked_for_ends_the_handle(void **state)
{
	struct fake fake;
	struct mct *mct = fake_connected(&fake, script_never_asked);

	(void)state;
	assert_int_equal(mct_stop(mct), -1);
	assert_int_equal(errno, EBADMSG);
	assert_int_equal(mct_reload(mct), -1);
	assert_int_equal(errno, EBADMSG);
	fake_give(&fake, 1);
	fake_ended(&fake, mct);
}

static void
script_closes_in_answer(struct fake *fake)
{
	static const uint8_t half[] = { 0, 0, 0, 16, 0, 4, 0, 0, 0 };

	fake_hello(fake);
	fake_expect(fake, MSG_L2C_STOP, NULL);
	fake_bytes(fake, half, sizeof half);
}

static void
test_close_in_the_middle_of_an_answer(void **state)
{
	struct fake fake;
	struct mct *mct = fake_connected(&fake, script_closes_in_answer);

	(void)state;
	assert_int_equal(mct_stop(mct), -1);
	assert_int_equal(errno, EPIPE);
	/* A signal would end the test here. */
	assert_int_equal(mct_stop(mct), -1);
	assert_int_equal(errno, EPIPE);
	assert_string_not_equal(mct_error(mct), "");
	fake_ended(&fake, mct);
}

static volatile sig_atomic_t alarms;

static void
on_alarm(int sig)
{
	(void)sig;
	alarms++;
}

static void
script_slow(struct fake *fake)
{
	uint32_t request;

	fake_hello(fake);
	request = fake_expect(fake, MSG_L2C_STOP, NULL);
	while (alarms < 3 && fake_quiet(fake))
		;
	fake_done(fake, request, 0);
}

static void
test_signals_do_not_end_a_call(void **state)
{
	struct sigaction action = { .sa_handler = on_alarm }, before;
	struct itimerval often = { { 0, 10000 }, { 0, 10000 } };
	struct itimerval never = { { 0, 0 }, { 0, 0 } };
	struct fake fake;
	sigset_t block;
	struct mct *mct;

	(void)state;
	/* The script's thread inherits the mask: alarms come to this one. */
	sigemptyset(&block);
	sigaddset(&block, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &block, NULL);
	mct = fake_connected(&fake, script_slow);
	sigaction(SIGALRM, &action, &before);
	pthread_sigmask(SIG_UNBLOCK, &block, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	assert_int_equal(mct_stop(mct), 0);
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &before, NULL);
	fake_ended(&fake, mct);
}

static void
script_after_fork(struct fake *fake)
{
	fake_hello(fake);
	fake_done(fake, fake_expect(fake, MSG_L2C_RELOAD, NULL), 0);
}

static void
test_fini_after_fork_leaves_the_connection_alone(void **state)
{
	struct fake fake;
	struct mct *mct = fake_connected(&fake, script_after_fork);
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0)
		_exit(mct_fini(mct) == 0 ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(mct_reload(mct), 0);
	fake_ended(&fake, mct);
}

static void
test_no_handle_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(mct_fini(NULL), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(mct_stop(NULL), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(mct_bridge_text(NULL, SRC, DST, NULL), -1);
	assert_int_equal(errno, EINVAL);
	assert_non_null(mct_error(NULL));
	assert_string_equal(mct_role(NULL), "none");
	assert_int_equal(mct_has("list"), 1);
	assert_int_equal(mct_has("ended"), 1);
	assert_int_equal(mct_has("groups"), 1);
	assert_int_equal(mct_has("session-add"), 1);
	assert_int_equal(mct_has("convenience"), 1);
	assert_int_equal(mct_has("tcp"), 1);
	assert_int_equal(mct_has("mptcp"), 1);
	assert_int_equal(mct_has("seqtipc"), 1);
	assert_int_equal(mct_has("udplite"), 1);
	assert_int_equal(mct_has("tipc"), 1);
	assert_int_equal(mct_has("none"), 0);
	assert_int_equal(mct_has(""), 0);
	assert_int_equal(mct_has("teleport"), 0);
	assert_string_equal(mct_version(), MCTD_VERSION);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_init_makes_a_private_descriptor),
		cmocka_unit_test(test_init_fails_with_the_reason),
		cmocka_unit_test(test_init_checks_the_path),
		cmocka_unit_test(test_bridge_takes_only_a_valid_id),
		cmocka_unit_test(test_options_reach_the_daemon),
		cmocka_unit_test(test_refusal_has_errno_and_sentence),
		cmocka_unit_test(test_late_answer_is_dropped),
		cmocka_unit_test(test_answer_never_asked_for_ends_the_handle),
		cmocka_unit_test(test_close_in_the_middle_of_an_answer),
		cmocka_unit_test(test_signals_do_not_end_a_call),
		cmocka_unit_test(
		    test_fini_after_fork_leaves_the_connection_alone),
		cmocka_unit_test(test_no_handle_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
