/*
 * The control process: its clients, what they may ask, what becomes of them
 * when they misbehave, and what the parent hears.
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
#include <string.h>
#include <unistd.h>

#include "../../common/bridge.h"
#include "control_rig.h"

static struct rig rig;

static void
send_bytes(int fd, const void *bytes, size_t len)
{
	assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), len);
}

static void
hello_is_answered_with_the_role(void **state)
{
	int a, b;

	(void)state;
	a = rig_open(&rig, 0, 7, ROLE_OBSERVE);
	b = rig_open(&rig, RIG_CLIENTS - 1, 1, ROLE_ADMIN);
	peer_alive(a, 2);
	peer_alive(b, 2);
	close(a);
	rig_gone(&rig, 0, 7);
	a = rig_open(&rig, 0, 8, ROLE_CONTROL);
	peer_alive(a, 3);
	close(a);
	rig_gone(&rig, 0, 8);
	close(b);
	rig_gone(&rig, RIG_CLIENTS - 1, 1);
}

static void
other_version_hears_both_versions(void **state)
{
	int fd;

	(void)state;
	fd = rig_client(&rig, 3, 1, ROLE_ADMIN);
	peer_hello(fd, 4711);
	peer_error(fd, 1, EINVAL, "version 4, the library 4711");
	peer_end(fd);
	rig_gone(&rig, 3, 1);
}

static void
other_magic_is_told(void **state)
{
	struct proto_hello m = { 0x12345678, PROTO_VERSION, 0, FRAME_MAX };
	uint8_t buf[64];
	struct frame_out out;
	int fd;

	(void)state;
	fd = rig_client(&rig, 3, 1, ROLE_ADMIN);
	frame_begin(&out, buf, sizeof buf, MSG_L2C_HELLO, 0, 9);
	proto_put_hello(&out, &m);
	peer_send(fd, &out);
	peer_error(fd, 9, EINVAL, "something else");
	peer_end(fd);
	rig_gone(&rig, 3, 1);
}

/* Sends bytes as a client that said HELLO, or as one that did not. */
static void
bad_bytes(int hello, const void *bytes, size_t len, uint32_t request,
    const char *words)
{
	int good = rig_open(&rig, 1, 1, ROLE_OBSERVE);
	int fd = hello ? rig_open(&rig, 2, 5, ROLE_ADMIN) :
			 rig_client(&rig, 2, 5, ROLE_ADMIN);

	send_bytes(fd, bytes, len);
	peer_error(fd, request, EBADMSG, words);
	peer_end(fd);
	rig_gone(&rig, 2, 5);
	peer_alive(good, 2);
	close(good);
	rig_gone(&rig, 1, 1);
}

static void
garbage_closes_that_client_alone(void **state)
{
	static const char garbage[] = "GET / HTTP/1.1\r\nHost: mctd\r\n\r\n";

	(void)state;
	bad_bytes(0, garbage, sizeof garbage - 1, 0, "impossible length");
	bad_bytes(1, garbage, sizeof garbage - 1, 0, "impossible length");
	assert_string_not_equal(rig.log, "");
}

static void
impossible_lengths_close_the_client(void **state)
{
	static const uint8_t none[FRAME_HEADER] = { 0, 0, 0, 0 };
	static const uint8_t less[FRAME_HEADER] = { 0, 0, 0, 11, 0, 7 };
	static const uint8_t more[FRAME_HEADER] = { 0, 0, 0x40, 1, 0, 7 };

	(void)state;
	bad_bytes(1, none, sizeof none, 0, "impossible length");
	bad_bytes(1, less, sizeof less, 0, "impossible length");
	bad_bytes(1, more, sizeof more, 0, "impossible length");
	bad_bytes(0, more, sizeof more, 0, "impossible length");
}

static void
bodies_must_decode_whole(void **state)
{
	static const uint8_t shorter[] = { 0, 0, 0, 16, 0, MSG_L2C_LIST, 0, 0,
		0, 0, 0, 9, LIST_SUMMARY, 0, 0, 0 };
	static const uint8_t longer[] = { 0, 0, 0, 18, 0, MSG_L2C_LIST, 0, 0, 0,
		0, 0, 9, LIST_SUMMARY, 0, 0, 0, 0, 0 };
	static const uint8_t stop[] = { 0, 0, 0, 13, 0, MSG_L2C_STOP, 0, 0, 0,
		0, 0, 9, 0 };
	static const uint8_t hello[] = { 0, 0, 0, 13, 0, MSG_L2C_HELLO, 0, 0, 0,
		0, 0, 9, 0 };
	static const uint8_t add[] = { 0, 0, 0, 14, 0, MSG_L2C_BRIDGE_ADD, 0, 0,
		0, 0, 0, 9, 0xff, 0xff };
	static const uint8_t dump[] = { 0, 0, 0, 14, 0, MSG_L2C_CLOSE, 0, 0, 0,
		0, 0, 9, 1, 0 };
	static const uint8_t change[] = { 0, 0, 0, 14, 0, MSG_L2C_CHANGE, 0, 0,
		0, 0, 0, 9, 3, 0 };
	static const uint8_t events[] = { 0, 0, 0, 12, 0, MSG_L2C_EVENTS, 0, 0,
		0, 0, 0, 9 };

	(void)state;
	bad_bytes(1, shorter, sizeof shorter, 9, "list that does not decode");
	bad_bytes(1, longer, sizeof longer, 9, "list that does not decode");
	bad_bytes(1, stop, sizeof stop, 9, "a body where there is none");
	bad_bytes(0, hello, sizeof hello, 9, "HELLO that does not decode");
	bad_bytes(1, add, sizeof add, 9, "bridge that does not decode");
	bad_bytes(1, dump, sizeof dump, 9, "close that does not decode");
	bad_bytes(1, change, sizeof change, 9, "change that does not decode");
	bad_bytes(1, events, sizeof events, 9, "does not decode");
}

static void
messages_out_of_place_close_the_client(void **state)
{
	static const uint8_t done[] = { 0, 0, 0, 16, 0, MSG_C2L_DONE, 0, 0, 0,
		0, 0, 9, 0, 0, 0, 0 };
	static const uint8_t none[] = { 0, 0, 0, 12, 0x7f, 0xff, 0, 0, 0, 0, 0,
		9 };
	static const uint8_t stop[] = { 0, 0, 0, 12, 0, MSG_L2C_STOP, 0, 0, 0,
		0, 0, 9 };
	int fd;

	(void)state;
	bad_bytes(1, done, sizeof done, 9, "no request");
	bad_bytes(1, none, sizeof none, 9, "no request");
	bad_bytes(0, stop, sizeof stop, 9, "before HELLO");
	fd = rig_open(&rig, 4, 1, ROLE_ADMIN);
	peer_hello(fd, PROTO_VERSION);
	peer_error(fd, 1, EBADMSG, "no request");
	peer_end(fd);
	rig_gone(&rig, 4, 1);
}

static void
second_waiting_events_closes_the_client(void **state)
{
	int fd;

	(void)state;
	fd = rig_open(&rig, 4, 1, ROLE_OBSERVE);
	peer_events(fd, 2, EVENTS_NEXT | EVENTS_WAIT, 0);
	peer_events(fd, 3, EVENTS_NEXT | EVENTS_WAIT, 0);
	peer_error(fd, 3, EBADMSG, "second request that waits");
	peer_end(fd);
	rig_gone(&rig, 4, 1);
}

static void
refused_client_gets_its_text(void **state)
{
	int fd;

	(void)state;
	fd = rig_refuse(&rig, RIG_CLIENTS, 3, EAGAIN, "30 clients are here");
	peer_hello(fd, PROTO_VERSION);
	peer_error(fd, 1, EAGAIN, "30 clients are here");
	peer_end(fd);
	rig_gone(&rig, RIG_CLIENTS, 3);
	fd = rig_refuse(&rig, RIG_CLIENTS, 4, EACCES, "you may not");
	send_bytes(fd, "GET / HTTP/1.1\r\n\r\n", 18);
	peer_error(fd, 0, EACCES, "you may not");
	peer_end(fd);
	rig_gone(&rig, RIG_CLIENTS, 4);
	fd = rig_refuse(&rig, RIG_CLIENTS, 5, EACCES, "you may not");
	close(fd);
	rig_gone(&rig, RIG_CLIENTS, 5);
}

static void
thousand_requests_are_answered_as_they_are_read(void **state)
{
	uint8_t buf[32];
	struct frame_out out;
	struct frame_in in;
	struct proto_list m = { LIST_SUMMARY, 0 };
	uint32_t i;
	int fd, other;

	(void)state;
	fd = rig_open(&rig, 4, 1, ROLE_OBSERVE);
	other = rig_open(&rig, 5, 1, ROLE_OBSERVE);
	for (i = 0; i < 1000; i++) {
		frame_begin(&out, buf, sizeof buf, MSG_L2C_LIST, 0, i);
		proto_put_list(&out, &m);
		if (send(fd, buf, frame_end(&out), MSG_NOSIGNAL) == -1)
			break;
	}
	assert_true(i > 100);
	peer_alive(other, 2);
	for (uint32_t k = 0; k < i; k++) {
		peer_recv(fd, &in);
		assert_int_equal(in.type, MSG_C2L_RECORDS);
		assert_int_equal(in.request, k);
	}
	peer_alive(fd, 5000);
	close(fd);
	rig_gone(&rig, 4, 1);
	close(other);
	rig_gone(&rig, 5, 1);
}

/* In one write, so that all of it lies in the socket at once. */
static void
ask_and_do_not_listen(int fd)
{
	static uint8_t many[1000 * 32];
	struct proto_list m = { LIST_SUMMARY, 0 };
	struct frame_out out;
	size_t at = 0;
	int i;

	for (i = 0; i < 1000; i++) {
		frame_begin(&out, many + at, 32, MSG_L2C_LIST, 0, 2);
		proto_put_list(&out, &m);
		at += frame_end(&out);
	}
	assert_int_equal(send(fd, many, at, MSG_NOSIGNAL), at);
}

/*
 * Who owes something is dropped when its time is over, whoever does not may
 * be silent.  The clock jumps until the parent has heard of all four: a
 * client that had not yet come so far needs another jump, and the two good
 * ones have to live through each of them.
 */
static void
stalled_clients_are_dropped_and_silent_ones_not(void **state)
{
	static const uint8_t half[] = { 0, 0, 0, 17, 0, MSG_L2C_LIST, 0 };
	struct inner_client who;
	struct frame_in in;
	unsigned int gone = 0;
	int silent, begun, deaf, slow, quiet, attached;

	(void)state;
	quiet = rig_open(&rig, 0, 1, ROLE_OBSERVE);
	attached = rig_open(&rig, 1, 1, ROLE_OBSERVE);
	peer_events(attached, 2, EVENTS_NEXT | EVENTS_WAIT, 0);
	silent = rig_client(&rig, 2, 1, ROLE_OBSERVE);
	begun = rig_open(&rig, 3, 1, ROLE_OBSERVE);
	send_bytes(begun, half, sizeof half);
	deaf = rig_open(&rig, 4, 1, ROLE_OBSERVE);
	ask_and_do_not_listen(deaf);
	slow = rig_refuse(&rig, RIG_CLIENTS, 1, EAGAIN, "too many");
	peer_alive(quiet, 2);
	while (gone != (1 << 2 | 1 << 3 | 1 << 4 | 1 << RIG_CLIENTS)) {
		rig_skip_ms(CLIENT_STALL_S * 1000);
		rig_packet(&rig, &in);
		assert_int_equal(in.type, MSG_C2P_CLIENT_GONE);
		inner_get_client(&in, &who);
		assert_true(who.slot > 1);
		assert_int_equal(gone & 1U << who.slot, 0);
		gone |= 1U << who.slot;
	}
	peer_error(silent, 0, ETIMEDOUT, "HELLO");
	peer_end(silent);
	peer_error(begun, 0, ETIMEDOUT, "rest of a message");
	peer_end(begun);
	peer_error(slow, 0, EAGAIN, "too many");
	peer_end(slow);
	close(deaf);
	peer_alive(quiet, 3);
	peer_alive(attached, 3);
	close(quiet);
	rig_gone(&rig, 0, 1);
	close(attached);
	rig_gone(&rig, 1, 1);
	assert_true(rig.logs > 0);
}

static void
message_in_pieces_is_one(void **state)
{
	static const uint8_t list[] = { 0, 0, 0, 17, 0, MSG_L2C_LIST, 0, 0, 0,
		0, 0, 9, LIST_SUMMARY, 0, 0, 0, 0 };
	struct frame_in in;
	size_t i;
	int fd;

	(void)state;
	fd = rig_open(&rig, 3, 1, ROLE_OBSERVE);
	for (i = 0; i < sizeof list; i++) {
		peer_alive(rig_open(&rig, (uint16_t)(4 + i), 1, ROLE_OBSERVE),
		    2);
		send_bytes(fd, list + i, 1);
	}
	peer_recv(fd, &in);
	assert_int_equal(in.type, MSG_C2L_RECORDS);
	assert_int_equal(in.request, 9);
}

static void
client_that_goes_in_the_middle_is_reported(void **state)
{
	static const uint8_t half[] = { 0, 0, 0, 17, 0, MSG_L2C_LIST, 0 };
	int fd;

	(void)state;
	fd = rig_client(&rig, 3, 1, ROLE_OBSERVE);
	close(fd);
	rig_gone(&rig, 3, 1);
	fd = rig_open(&rig, 3, 2, ROLE_OBSERVE);
	send_bytes(fd, half, sizeof half);
	close(fd);
	rig_gone(&rig, 3, 2);
	fd = rig_open(&rig, 3, 3, ROLE_OBSERVE);
	peer_events(fd, 2, EVENTS_NEXT | EVENTS_WAIT, 0);
	close(fd);
	rig_gone(&rig, 3, 3);
	fd = rig_open(&rig, 3, 4, ROLE_OBSERVE);
	ask_and_do_not_listen(fd);
	close(fd);
	rig_gone(&rig, 3, 4);
}

static void
roles_are_held(void **state)
{
	struct frame_in in;
	int observer, controller;

	(void)state;
	observer = rig_open(&rig, 0, 1, ROLE_OBSERVE);
	controller = rig_open(&rig, 1, 1, ROLE_CONTROL);
	peer_plain(observer, MSG_L2C_BRIDGE_ADD, 2);
	peer_error(observer, 2, EACCES, "role control, yours is observe");
	peer_plain(observer, MSG_L2C_CLOSE, 3);
	peer_error(observer, 3, EACCES, "role control");
	peer_plain(observer, MSG_L2C_STOP, 4);
	peer_error(observer, 4, EACCES, "role admin");
	peer_plain(controller, MSG_L2C_STOP, 5);
	peer_error(controller, 5, EACCES, "role admin, yours is control");
	peer_plain(controller, MSG_L2C_RELOAD, 6);
	peer_error(controller, 6, EACCES, "role admin");
	rig_no_packet(&rig);
	peer_events(observer, 7, 0, 0);
	peer_recv(observer, &in);
	assert_int_equal(in.type, MSG_C2L_RECORDS);
	peer_alive(controller, 8);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(f) RIG_TEST(f, &rig)
		T(hello_is_answered_with_the_role),
		T(other_version_hears_both_versions),
		T(other_magic_is_told),
		T(garbage_closes_that_client_alone),
		T(impossible_lengths_close_the_client),
		T(bodies_must_decode_whole),
		T(messages_out_of_place_close_the_client),
		T(second_waiting_events_closes_the_client),
		T(refused_client_gets_its_text),
		T(thousand_requests_are_answered_as_they_are_read),
		T(stalled_clients_are_dropped_and_silent_ones_not),
		T(message_in_pieces_is_one),
		T(client_that_goes_in_the_middle_is_reported),
		T(roles_are_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
