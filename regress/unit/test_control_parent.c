/*
 * The control process and its parent: requests that go on, answers that come
 * back, a channel that is full, and messages that should not be.
 */
/* links: regress/unit/control_rig.c regress/unit/control_peer.c */
/* links: mctd/control/control.c mctd/control/uplink.c */
/* links: mctd/control/client.c mctd/control/dispatch.c */
/* links: mctd/control/show.c mctd/control/attach.c mctd/control/loop.c */
/* libs: -levent_core -lcap-ng -lbsd */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "../../common/bridge.h"
#include "../../mctd/control/control.h"
#include "control_rig.h"

static struct rig rig;

static void
make_spec(struct bridge_spec *spec, const char *src, const char *dst)
{
	const char *why;

	memset(spec, 0, sizeof *spec);
	strcpy(spec->name, "web");
	assert_int_equal(addr_parse(&spec->src, src, NULL, &why), 0);
	assert_int_equal(addr_parse(&spec->dst, dst, NULL, &why), 0);
	spec->options.max = 12;
	spec->options.idle_s = 34;
}

static void
send_add(int fd, uint32_t request, const struct bridge_spec *spec)
{
	uint8_t buf[1024];
	struct frame_out out;

	frame_begin(&out, buf, sizeof buf, MSG_L2C_BRIDGE_ADD, 0, request);
	proto_put_spec(&out, spec);
	peer_send(fd, &out);
}

static void
send_close(int fd, uint32_t request, uint8_t what, uint32_t id)
{
	struct proto_close m = { what, id, "" };
	uint8_t buf[1024];
	struct frame_out out;

	frame_begin(&out, buf, sizeof buf, MSG_L2C_CLOSE, 0, request);
	proto_put_close(&out, &m);
	peer_send(fd, &out);
}

/* The next packet is a request of this type, by whom. */
static void
expect_request(struct frame_in *in, uint16_t type, struct inner_client *who)
{
	rig_packet(&rig, in);
	assert_int_equal(in->type, type);
	inner_get_client(in, who);
}

static void
expect_done(int fd, uint32_t request, uint32_t id)
{
	struct frame_in in;

	peer_recv(fd, &in);
	assert_int_equal(in.type, MSG_C2L_DONE);
	assert_int_equal(in.request, request);
	assert_int_equal(proto_get_done(&in), id);
	assert_int_equal(frame_done(&in), 0);
}

static void
bridge_goes_to_the_parent_and_its_id_comes_back(void **state)
{
	struct bridge_spec spec, got;
	struct inner_client who;
	struct frame_in in;
	int fd;

	(void)state;
	fd = rig_open(&rig, 6, 77, ROLE_CONTROL);
	make_spec(&spec, "tcp:127.0.0.1:80", "tcp:[::1]:8080");
	send_add(fd, 5, &spec);
	expect_request(&in, MSG_C2P_BRIDGE_ADD, &who);
	memset(&got, 0, sizeof got);
	proto_get_spec(&in, &got);
	assert_int_equal(frame_done(&in), 0);
	assert_int_equal(who.slot, 6);
	assert_int_equal(who.generation, 77);
	assert_int_equal(who.request, 5);
	assert_string_equal(got.name, "web");
	assert_true(addr_equal(&got.src, &spec.src));
	assert_true(addr_equal(&got.dst, &spec.dst));
	assert_memory_equal(&got.options, &spec.options, sizeof got.options);
	rig_done(&rig, &who, 4242);
	expect_done(fd, 5, 4242);
	peer_alive(fd, 6);
}

static void
bridge_that_cannot_be_is_answered_at_once(void **state)
{
	struct bridge_spec spec;
	int fd;

	(void)state;
	fd = rig_open(&rig, 6, 77, ROLE_CONTROL);
	make_spec(&spec, "tcp:127.0.0.1:80", "udp:127.0.0.1:80");
	send_add(fd, 5, &spec);
	peer_error(fd, 5, EPROTOTYPE, "");
	send_close(fd, 6, 0, 1);
	peer_error(fd, 6, EINVAL, "neither");
	rig_no_packet(&rig);
	peer_alive(fd, 7);
}

static void
send_error(const struct inner_client *who, uint32_t err, const char *text)
{
	struct proto_error m = { err, "" };
	uint8_t buf[FRAME_MAX];
	struct frame_out out;

	strcpy(m.text, text);
	frame_begin(&out, buf, sizeof buf, MSG_P2C_ERROR, 0, 0);
	inner_put_client(&out, who);
	proto_put_error(&out, &m);
	rig_send(&rig, &out);
}

static void
parents_error_comes_back(void **state)
{
	struct inner_client who;
	struct proto_close ask;
	struct frame_in in;
	char longest[TEXT_BYTES];
	int fd;

	(void)state;
	fd = rig_open(&rig, 6, 77, ROLE_ADMIN);
	send_close(fd, 8, CLOSE_SESSION, 991);
	expect_request(&in, MSG_C2P_CLOSE, &who);
	proto_get_close(&in, &ask);
	assert_int_equal(frame_done(&in), 0);
	assert_int_equal(ask.what, CLOSE_SESSION);
	assert_int_equal(ask.id, 991);
	send_error(&who, EINVAL, "there is no session 991");
	peer_error(fd, 8, EINVAL, "there is no session 991");
	peer_plain(fd, MSG_L2C_RELOAD, 9);
	expect_request(&in, MSG_C2P_RELOAD, &who);
	assert_int_equal(frame_done(&in), 0);
	memset(longest, 'x', sizeof longest);
	longest[sizeof longest - 1] = '\0';
	send_error(&who, EINVAL, longest);
	peer_error(fd, 9, EINVAL, longest);
	peer_plain(fd, MSG_L2C_STOP, 10);
	expect_request(&in, MSG_C2P_STOP, &who);
	assert_int_equal(frame_done(&in), 0);
	rig_done(&rig, &who, 0);
	expect_done(fd, 10, 0);
}

static void
one_request_at_a_time(void **state)
{
	struct inner_client who;
	struct frame_in in;
	int fd, other;

	(void)state;
	fd = rig_open(&rig, 6, 77, ROLE_ADMIN);
	other = rig_open(&rig, 7, 1, ROLE_ADMIN);
	send_close(fd, 2, CLOSE_ANY, 1);
	send_close(fd, 3, CLOSE_ANY, 2);
	peer_plain(fd, MSG_L2C_STOP, 4);
	expect_request(&in, MSG_C2P_CLOSE, &who);
	assert_int_equal(who.request, 2);
	peer_alive(other, 2);
	rig_no_packet(&rig);
	rig_done(&rig, &who, 1);
	expect_done(fd, 2, 1);
	expect_request(&in, MSG_C2P_CLOSE, &who);
	assert_int_equal(who.request, 3);
	peer_alive(other, 3);
	rig_no_packet(&rig);
	rig_done(&rig, &who, 2);
	expect_done(fd, 3, 2);
	expect_request(&in, MSG_C2P_STOP, &who);
}

/* An answer to one that went, or that has asked something else since. */
static void
stale_answers_are_dropped(void **state)
{
	struct inner_client who, old, stale;
	struct frame_in in;
	int fd;

	(void)state;
	fd = rig_open(&rig, 6, 77, ROLE_ADMIN);
	send_close(fd, 2, CLOSE_ANY, 1);
	expect_request(&in, MSG_C2P_CLOSE, &who);
	close(fd);
	rig_done(&rig, &who, 1);
	rig_gone(&rig, 6, 77);
	old = who;
	fd = rig_open(&rig, 6, 78, ROLE_ADMIN);
	rig_done(&rig, &old, 9);
	send_close(fd, 2, CLOSE_ANY, 5);
	expect_request(&in, MSG_C2P_CLOSE, &who);
	assert_int_equal(who.generation, 78);
	assert_int_equal(who.request, old.request);
	rig_done(&rig, &old, 9);
	stale = who;
	stale.request = 1;
	rig_done(&rig, &stale, 9);
	stale = who;
	stale.slot = 5;
	rig_done(&rig, &stale, 9);
	rig_done(&rig, &who, 5);
	rig_done(&rig, &who, 5);
	expect_done(fd, 2, 5);
	peer_alive(fd, 3);
}

static void
events_wait_beside_a_request(void **state)
{
	struct ring_event e = { .type = EVENT_BRIDGE_CREATED, .id = 5 };
	struct inner_client who;
	struct frame_in in;
	int fd;

	(void)state;
	fd = rig_open(&rig, 6, 77, ROLE_ADMIN);
	peer_events(fd, 2, EVENTS_NEXT | EVENTS_WAIT, 0);
	send_close(fd, 3, CLOSE_ANY, 1);
	expect_request(&in, MSG_C2P_CLOSE, &who);
	ring_add(&rig.ring, &e);
	rig_plain(&rig, MSG_P2C_EVENTS);
	peer_recv(fd, &in);
	assert_int_equal(in.type, MSG_C2L_RECORDS);
	assert_int_equal(in.request, 2);
	rig_done(&rig, &who, 1);
	expect_done(fd, 3, 1);
}

/* Although the process has news for the parent, and the parent had some. */
static void
last_answer_of_a_parent_arrives(void **state)
{
	struct inner_client who;
	struct frame_in in;
	int fd, other, status;

	(void)state;
	rig_start(&rig, 1, 0);
	fd = rig_open(&rig, 6, 77, ROLE_ADMIN);
	other = rig_open(&rig, 7, 1, ROLE_ADMIN);
	peer_plain(fd, MSG_L2C_STOP, 2);
	expect_request(&in, MSG_C2P_STOP, &who);
	close(rig_client(&rig, 8, 1, ROLE_ADMIN));
	assert_int_equal(recv(rig.channel, rig.packet, 1, MSG_PEEK), 1);
	assert_return_code(kill(rig.pid, SIGSTOP), errno);
	assert_int_equal(waitpid(rig.pid, &status, WUNTRACED), rig.pid);
	peer_plain(other, MSG_L2C_RELOAD, 2);
	rig_done(&rig, &who, 0);
	close(rig.channel);
	assert_return_code(kill(rig.pid, SIGCONT), errno);
	expect_done(fd, 2, 0);
	close(other);
	assert_int_equal(waitpid(rig.pid, &status, 0), rig.pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Requests and ends wait for room, and each arrives once. */
static void
full_channel_loses_nothing(void **state)
{
	struct inner_client who;
	struct frame_in in;
	uint32_t asked = 0, gone = 0;
	uint16_t slot;
	int fd[RIG_CLIENTS];

	(void)state;
	rig_start(&rig, 1, 1); /* the least that the kernel allows */
	for (slot = 0; slot < RIG_CLIENTS; slot++)
		fd[slot] = rig_open(&rig, slot, slot, ROLE_ADMIN);
	for (slot = 1; slot < RIG_CLIENTS; slot++)
		peer_plain(fd[slot], MSG_L2C_RELOAD, 100U + slot);
	peer_alive(fd[0], 2); /* the others have had their turn */
	peer_alive(fd[0], 3);
	while (asked != (1U << RIG_CLIENTS) - 2) {
		expect_request(&in, MSG_C2P_RELOAD, &who);
		assert_int_equal(who.request, 100 + who.slot);
		assert_int_equal(asked & 1U << who.slot, 0);
		asked |= 1U << who.slot;
		rig_done(&rig, &who, 0);
		expect_done(fd[who.slot], who.request, 0);
	}
	for (slot = 1; slot < RIG_CLIENTS; slot++)
		close(fd[slot]);
	peer_alive(fd[0], 4);
	peer_alive(fd[0], 5);
	while (gone != (1U << RIG_CLIENTS) - 2) {
		expect_request(&in, MSG_C2P_CLIENT_GONE, &who);
		assert_int_equal(who.generation, who.slot);
		assert_int_equal(gone & 1U << who.slot, 0);
		gone |= 1U << who.slot;
	}
	peer_alive(fd[0], 6);
	rig_no_packet(&rig);
	rig_end(&rig, 0);
}

/* Also while the channel is full: the answer waits for room. */
static void
ping_is_answered_once(void **state)
{
	struct frame_in in;
	unsigned int pongs = 0;
	uint16_t slot;
	int fd[RIG_CLIENTS];

	(void)state;
	rig_start(&rig, 1, 1);
	rig_plain(&rig, MSG_P2X_PING);
	rig_packet(&rig, &in);
	assert_int_equal(in.type, MSG_X2P_PONG);
	assert_int_equal(frame_done(&in), 0);
	for (slot = 0; slot < RIG_CLIENTS; slot++)
		fd[slot] = rig_open(&rig, slot, slot, ROLE_ADMIN);
	for (slot = 1; slot < RIG_CLIENTS; slot++)
		peer_plain(fd[slot], MSG_L2C_RELOAD, 100U + slot);
	peer_alive(fd[0], 2); /* the others have had their turn */
	rig_plain(&rig, MSG_P2X_PING);
	peer_alive(fd[0], 3);
	for (slot = 0; slot < RIG_CLIENTS; slot++) {
		rig_packet(&rig, &in);
		pongs += in.type == MSG_X2P_PONG;
	}
	assert_int_equal(pongs, 1);
	rig_no_packet(&rig);
	rig_end(&rig, 0);
}

/* Told to halt it says so and serves nobody, until it is told to go on. */
static void
halted_control_serves_nobody(void **state)
{
	struct frame_in in;
	int fd;

	(void)state;
	rig_start(&rig, 1, 1);
	fd = rig_open(&rig, 0, 0, ROLE_ADMIN);
	rig_plain(&rig, MSG_P2X_HALT);
	rig_packet(&rig, &in);
	assert_int_equal(in.type, MSG_X2P_HALTED);
	assert_int_equal(frame_done(&in), 0);
	peer_plain(fd, MSG_L2C_RELOAD, 100);
	rig_no_packet(&rig);
	rig_plain(&rig, MSG_P2X_GO_ON);
	rig_packet(&rig, &in);
	assert_int_equal(in.type, MSG_C2P_RELOAD);
	rig_end(&rig, 0);
}

static void
standby_takes_over_when_told(void **state)
{
	int fd;

	(void)state;
	rig_start(&rig, 0, 0);
	rig_activate(&rig);
	fd = rig_open(&rig, 0, 1, ROLE_OBSERVE);
	peer_alive(fd, 2);
	close(fd);
	rig_end(&rig, 0);
}

static void
standby_takes_nothing_else(void **state)
{
	(void)state;
	rig_start(&rig, 0, 0);
	rig_plain(&rig, MSG_P2C_EVENTS);
	rig_wait_end(&rig, 1);
	assert_string_equal(rig.log,
	    "control: the parent's message is out of place");
}

static void
broken_parent_is_fatal(void **state)
{
	static const uint16_t types[] = { MSG_P2C_DONE, MSG_P2C_ERROR,
		MSG_P2C_CLIENT, MSG_P2X_START, MSG_P2E_SRC_CLOSE, 4711 };
	struct inner_client who = { RIG_CLIENTS + 1, 1, 1 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof types / sizeof types[0]; i++) {
		rig_start(&rig, 1, 0);
		rig_plain(&rig, types[i]);
		rig_wait_end(&rig, 1);
		assert_string_not_equal(rig.log, "");
	}
	rig_start(&rig, 1, 0);
	rig_done(&rig, &who, 1);
	rig_wait_end(&rig, 1);
	rig_start(&rig, 1, 0);
	close(rig_open(&rig, 3, 1, ROLE_ADMIN));
	rig_gone(&rig, 3, 1);
	(void)rig_open(&rig, 3, 2, ROLE_ADMIN);
	(void)rig_client(&rig, 3, 3, ROLE_ADMIN); /* taken */
	rig_wait_end(&rig, 1);
	assert_string_equal(rig.log, "control: the parent's CLIENT is broken");
}

static void
descriptors_come_where_they_belong_only(void **state)
{
	struct inner_new_client m = { .client = { 1, 1, 0 },
		.role = ROLE_ADMIN };
	uint8_t buf[64];
	struct frame_out out;

	(void)state;
	rig_start(&rig, 1, 0);
	frame_begin(&out, buf, sizeof buf, MSG_P2C_EVENTS, 0, 0);
	rig_send_fd(&rig, &out, 0);
	rig_wait_end(&rig, 1);
	rig_start(&rig, 1, 0);
	frame_begin(&out, buf, sizeof buf, MSG_P2C_CLIENT, 0, 0);
	inner_put_new_client(&out, &m);
	rig_send(&rig, &out);
	rig_wait_end(&rig, 1);
	assert_string_equal(rig.log,
	    "control: the parent's message is out of place");
}

static void
add_up(void *arg, const char *what, size_t bytes)
{
	assert_string_not_equal(what, "");
	*(size_t *)arg += bytes;
}

static void
budget_grows_with_the_clients(void **state)
{
	size_t small = 0, large = 0;

	(void)state;
	control_budget(1, 64, add_up, &small);
	control_budget(101, 164, add_up, &large);
	assert_true(large - small >= 200 * (size_t)FRAME_MAX);
	assert_true(large - small < 250 * (size_t)FRAME_MAX);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(f) RIG_TEST(f, &rig)
		T(bridge_goes_to_the_parent_and_its_id_comes_back),
		T(bridge_that_cannot_be_is_answered_at_once),
		T(parents_error_comes_back),
		T(one_request_at_a_time),
		T(stale_answers_are_dropped),
		T(events_wait_beside_a_request),
		cmocka_unit_test(last_answer_of_a_parent_arrives),
		cmocka_unit_test(full_channel_loses_nothing),
		cmocka_unit_test(ping_is_answered_once),
		cmocka_unit_test(halted_control_serves_nobody),
		cmocka_unit_test(standby_takes_over_when_told),
		cmocka_unit_test(standby_takes_nothing_else),
		cmocka_unit_test(broken_parent_is_fatal),
		cmocka_unit_test(descriptors_come_where_they_belong_only),
		cmocka_unit_test(budget_grows_with_the_clients),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
