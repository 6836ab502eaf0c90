/*
 * Clients that the control process gets from one that died: what they hear,
 * what they may ask twice, and where their streams go on.
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

#include <errno.h>
#include <unistd.h>

#include "control_records.h"
#include "control_rig.h"

#define SLOT 4

static struct rig first; /* the one that dies */
static struct rig rig;
static int theirs; /* the daemon's end of the client */

static int
setup(void **state)
{
	(void)state;
	rig_start(&first, 1, 0);
	rig_start(&rig, 1, 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	rig_end(&rig, 0);
	return 0;
}

/* A client of the first process, which has said HELLO there or not. */
static int
come(uint8_t role, int hello)
{
	int fd = hello ? rig_open(&first, SLOT, 1, role) :
			 rig_client(&first, SLOT, 1, role);

	theirs = dup(first.kept[first.nkept - 1]);
	assert_return_code(theirs, errno);
	return fd;
}

/* The first process has had its turn with all that was sent before. */
static void
had_its_turn(void)
{
	peer_alive(rig_open(&first, 1, 1, ROLE_OBSERVE), 2);
}

static void
take_over(int fd, const struct inner_new_client *m)
{
	struct frame_in in;

	rig_kill(&first);
	rig_hand(&rig, m, theirs);
	peer_recv(fd, &in);
	assert_int_equal(in.type, MSG_C2L_RESUMED);
	assert_int_equal(in.request, 0);
	assert_int_equal(frame_done(&in), 0);
}

static void
adopt(int fd, uint8_t role)
{
	struct inner_new_client m = { .client = { SLOT, 1, 0 },
		.role = role,
		.adopted = 1 };

	take_over(fd, &m);
}

static void
send_bytes(int fd, const void *bytes, size_t len)
{
	assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), len);
}

static void
adopted_client_is_served_at_once(void **state)
{
	int fd = come(ROLE_OBSERVE, 1);

	(void)state;
	adopt(fd, ROLE_OBSERVE);
	peer_alive(fd, 2);
	peer_plain(fd, MSG_L2C_STOP, 3);
	peer_error(fd, 3, EACCES, "role admin, yours is observe");
	close(fd);
	rig_gone(&rig, SLOT, 1);
}

static void
hello_of_an_adopted_client_is_answered_again(void **state)
{
	int fd = come(ROLE_ADMIN, 1), i;
	struct proto_hello hello;
	struct frame_in in;

	(void)state;
	adopt(fd, ROLE_ADMIN);
	for (i = 0; i < 2; i++) {
		peer_hello(fd, PROTO_VERSION);
		peer_recv(fd, &in);
		assert_int_equal(in.type, MSG_C2L_HELLO);
		proto_get_hello(&in, &hello);
		assert_int_equal(frame_done(&in), 0);
		assert_int_equal(hello.role, ROLE_ADMIN);
	}
	peer_alive(fd, 2);
	peer_hello(fd, 4711);
	peer_error(fd, 1, EINVAL, "version 4, the library 4711");
	peer_end(fd);
	rig_gone(&rig, SLOT, 1);
}

static void
adopted_client_may_be_silent(void **state)
{
	int fd = come(ROLE_ADMIN, 1), mute;

	(void)state;
	adopt(fd, ROLE_ADMIN);
	mute = rig_client(&rig, 1, 1, ROLE_ADMIN);
	peer_alive(rig_open(&rig, 2, 1, ROLE_ADMIN), 2);
	rig_skip_ms(CLIENT_STALL_S * 1000);
	peer_error(mute, 0, ETIMEDOUT, "HELLO");
	peer_end(mute);
	rig_gone(&rig, 1, 1);
	peer_alive(fd, 2);
}

/* No process takes a part of a message out of the socket. */
static void
message_begun_before_the_death_goes_on(void **state)
{
	static const uint8_t list[] = { 0, 0, 0, 17, 0, MSG_L2C_LIST, 0, 0, 0,
		0, 0, 9, LIST_SUMMARY, 0, 0, 0, 0 };
	struct frame_in in;
	int fd = come(ROLE_OBSERVE, 1);

	(void)state;
	send_bytes(fd, list, 7);
	had_its_turn();
	adopt(fd, ROLE_OBSERVE);
	send_bytes(fd, list + 7, sizeof list - 7);
	peer_recv(fd, &in);
	assert_int_equal(in.type, MSG_C2L_RECORDS);
	assert_int_equal(in.request, 9);
	peer_alive(fd, 10);
}

static void
hello_begun_before_the_death_goes_on(void **state)
{
	struct proto_hello m = { PROTO_MAGIC, PROTO_VERSION, 0, FRAME_MAX };
	uint8_t buf[64];
	struct frame_out out;
	struct frame_in in;
	size_t len;
	int fd = come(ROLE_OBSERVE, 0);

	(void)state;
	frame_begin(&out, buf, sizeof buf, MSG_L2C_HELLO, 0, 1);
	proto_put_hello(&out, &m);
	len = frame_end(&out);
	send_bytes(fd, buf, 5);
	had_its_turn();
	adopt(fd, ROLE_OBSERVE);
	send_bytes(fd, buf + 5, len - 5);
	peer_recv(fd, &in);
	assert_int_equal(in.type, MSG_C2L_HELLO);
	peer_alive(fd, 2);
}

/* Half a message, and the end after it: nobody waits for the rest. */
static void
client_that_went_with_a_message_begun_is_gone(void **state)
{
	static const uint8_t half[] = { 0, 0, 0, 17, 0 };
	int fd = come(ROLE_OBSERVE, 1);

	(void)state;
	send_bytes(fd, half, sizeof half);
	had_its_turn();
	adopt(fd, ROLE_OBSERVE);
	close(fd);
	rig_gone(&rig, SLOT, 1);
	assert_int_equal(rig.logs, 0); /* as it would when its time is over */
}

/* What it had asked before it sent no more is answered all the same. */
static void
last_requests_of_a_client_are_answered(void **state)
{
	struct frame_in in;
	uint32_t i;
	int fd = come(ROLE_OBSERVE, 1);

	(void)state;
	adopt(fd, ROLE_OBSERVE);
	for (i = 10; i < 15; i++)
		peer_list(fd, i, LIST_SUMMARY, 0);
	assert_return_code(shutdown(fd, SHUT_WR), errno);
	for (i = 10; i < 15; i++) {
		peer_recv(fd, &in);
		assert_int_equal(in.type, MSG_C2L_RECORDS);
		assert_int_equal(in.request, i);
	}
	peer_end(fd);
	rig_gone(&rig, SLOT, 1);
}

static void
events_asked_again_wait_once(void **state)
{
	struct ring_event e = { .type = EVENT_BRIDGE_CREATED, .id = 5 };
	struct proto_records head;
	struct frame_in in;
	int fd = come(ROLE_OBSERVE, 1);

	(void)state;
	adopt(fd, ROLE_OBSERVE);
	peer_events(fd, 5, EVENTS_WAIT, 1);
	peer_events(fd, 5, EVENTS_WAIT, 1);
	peer_alive(fd, 6);
	ring_add(&rig.ring, &e);
	rig_plain(&rig, MSG_P2C_EVENTS);
	expect_records(fd, 5, &in, &head);
	assert_int_equal(head.count, 1);
	/* One that was answered does not wait either: there is its event. */
	peer_events(fd, 5, EVENTS_WAIT, 1);
	expect_records(fd, 5, &in, &head);
	assert_int_equal(head.count, 1);
	peer_events(fd, 7, EVENTS_WAIT, 2);
	peer_alive(fd, 8);
	ring_add(&rig.ring, &e);
	rig_plain(&rig, MSG_P2C_EVENTS);
	expect_records(fd, 7, &in, &head);
	assert_int_equal(head.cursor, 3);
}

/* An answer to what the one before had asked is not this one's to give. */
static void
answer_to_the_dead_is_dropped(void **state)
{
	struct inner_client who = { SLOT, 1, 5 }, asked;
	struct frame_in in;
	int fd = come(ROLE_ADMIN, 1);

	(void)state;
	adopt(fd, ROLE_ADMIN);
	rig_done(&rig, &who, 42);
	peer_alive(fd, 6);
	peer_plain(fd, MSG_L2C_RELOAD, 5);
	rig_packet(&rig, &in);
	assert_int_equal(in.type, MSG_C2P_RELOAD);
	inner_get_client(&in, &asked);
	assert_int_equal(asked.request, 5);
	rig_done(&rig, &asked, 42);
	peer_recv(fd, &in);
	assert_int_equal(in.type, MSG_C2L_DONE);
	assert_int_equal(in.request, 5);
	peer_alive(fd, 7);
}

static void
refused_client_gets_its_text_from_the_next(void **state)
{
	struct inner_new_client m = { .client = { RIG_CLIENTS, 1, 0 },
		.role = ROLE_NONE,
		.adopted = 1,
		.err = EACCES,
		.text = "you may not" };
	int fd = come(ROLE_OBSERVE, 0);

	(void)state;
	take_over(fd, &m);
	peer_hello(fd, PROTO_VERSION);
	peer_error(fd, 1, EACCES, "you may not");
	peer_end(fd);
	rig_gone(&rig, RIG_CLIENTS, 1);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(adopted_client_is_served_at_once),
		T(hello_of_an_adopted_client_is_answered_again),
		T(adopted_client_may_be_silent),
		T(message_begun_before_the_death_goes_on),
		T(hello_begun_before_the_death_goes_on),
		T(client_that_went_with_a_message_begun_is_gone),
		T(last_requests_of_a_client_are_answered),
		T(events_asked_again_wait_once),
		T(answer_to_the_dead_is_dropped),
		T(refused_client_gets_its_text_from_the_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
