/*
 * The parent's clients while one control after the other dies: who is handed
 * over again, which requests are the same, and what the kernel sends whole.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../mctd/parent/children.h"
#include "../../mctd/parent/clients.h"
#include "../../mctd/parent/events.h"
#include "../../mctd/parent/loop.h"
#include "../../mctd/parent/slots.h"
#include "../../mctd/parent/socket_file.h"
#include "../../mctd/parent/system.h"

#define CLIENTS 4
#define EVENTS  16
#define PACKETS 32

/* What control would have got. */
static struct packet {
	uint8_t data[FRAME_MAX];
	size_t len;
} packets[PACKETS];
static unsigned int npackets, taken;
static int channel_err; /* errno of the channel; 0: it takes packets */
static int whole;       /* what system_send_whole says */
static int asked_bytes;

int
children_send(enum process_kind kind, uint32_t which, const void *buf,
    size_t len, const int *fds, size_t nfds)
{
	(void)which;
	assert_int_equal(kind, PROCESS_CONTROL);
	if (channel_err != 0) {
		errno = channel_err;
		return -1;
	}
	if (nfds > 0)
		assert_true(fcntl(fds[0], F_GETFD) != -1);
	assert_true(npackets < PACKETS && len <= FRAME_MAX);
	memcpy(packets[npackets].data, buf, len);
	packets[npackets++].len = len;
	return 0;
}

int
system_peer(int fd, struct system_peer *peer)
{
	(void)fd;
	memset(peer, 0, sizeof *peer);
	return 0;
}

int
system_send_whole(int fd, size_t bytes)
{
	(void)fd;
	asked_bytes = (int)bytes;
	return whole;
}

static const char *
socket_name(void)
{
	static char name[64];

	snprintf(name, sizeof name, "mctd-test-clients-%d", (int)getpid());
	return name;
}

static int
group_setup(void **state)
{
	struct clients_rules rules = { .mode = 0600 };
	struct slots_setup s = { .engines = 1, .bridges = 1, .sessions = 1 };
	int fd;

	(void)state;
	s.registry = calloc(1, registry_bytes(1, 1));
	s.counters[0] = calloc(1, counters_bytes(2, 0));
	assert_int_equal(slots_init(&s), 0);
	assert_int_equal(loop_init(64), 0);
	events_init(calloc(1, ring_bytes(EVENTS)), EVENTS);
	assert_int_equal(clients_init(CLIENTS, &rules), 0);
	fd = socket_file_open(socket_name(), SOCK_STREAM, 0600);
	assert_int_not_equal(fd, -1);
	return clients_listen(fd);
}

static int
setup(void **state)
{
	(void)state;
	npackets = taken = 0;
	channel_err = whole = 0;
	return 0;
}

static int
come(void)
{
	struct sockaddr_un un = { .sun_family = AF_LOCAL };
	size_t len = strlen(socket_name());
	int fd = socket(AF_LOCAL, SOCK_STREAM, 0);

	assert_return_code(fd, errno);
	memcpy(un.sun_path + 1, socket_name(), len);
	len += offsetof(struct sockaddr_un, sun_path) + 1;
	assert_return_code(connect(fd, (struct sockaddr *)&un, (socklen_t)len),
	    errno);
	assert_int_equal(loop_turn(0), 0);
	return fd;
}

static void
next_packet(uint16_t type, struct frame_in *in)
{
	struct packet *p = &packets[taken++];

	assert_true(taken <= npackets);
	assert_int_equal(frame_open(in, p->data, p->len), 0);
	assert_int_equal(in->type, type);
}

/* The next packet hands a client over. */
static struct inner_client
handed(int adopted)
{
	struct inner_new_client m;
	struct frame_in in;

	next_packet(MSG_P2C_CLIENT, &in);
	inner_get_new_client(&in, &m);
	assert_int_equal(frame_done(&in), 0);
	assert_int_equal(m.adopted, adopted);
	assert_int_equal(m.role, ROLE_ADMIN);
	return m.client;
}

/* The next packet is the answer to this request. */
static void
answered(uint32_t request, uint32_t id)
{
	struct inner_client who;
	struct frame_in in;

	next_packet(MSG_P2C_DONE, &in);
	inner_get_client(&in, &who);
	assert_int_equal(who.request, request);
	assert_int_equal(proto_get_done(&in), id);
	assert_int_equal(frame_done(&in), 0);
}

static void
nothing_more(void)
{
	clients_flush();
	assert_int_equal(taken, npackets);
}

/* One control dies and the next gets its clients. */
static void
die(void)
{
	channel_err = EPIPE;
	clients_flush();
	clients_control_died();
	channel_err = 0;
	clients_flush();
}

static int
ask(struct inner_client *who, uint32_t request)
{
	who->request = request;
	return clients_ask(who);
}

static void
gone(struct inner_client *who, int fd)
{
	assert_int_equal(clients_gone(who), 0);
	close(fd);
	assert_int_equal(atomic_load(&slots_head()->clients), 0);
}

static void
client_is_handed_to_each_control(void **state)
{
	struct inner_client who, same;
	uid_t uid;
	int fd = come(), i;

	(void)state;
	assert_int_equal(asked_bytes, FRAME_MAX);
	who = handed(0);
	for (i = 0; i < 3; i++) {
		die();
		same = handed(1);
		assert_int_equal(same.slot, who.slot);
		assert_int_equal(same.generation, who.generation);
		assert_int_equal(clients_role(&who, &uid), ROLE_ADMIN);
	}
	assert_int_equal(atomic_load(&slots_head()->clients), 1);
	nothing_more();
	gone(&who, fd);
	die();
	nothing_more();
}

static void
client_that_no_control_got_is_new_to_the_next(void **state)
{
	struct inner_client who;
	int fd;

	(void)state;
	channel_err = EPIPE;
	fd = come();
	die();
	who = handed(0);
	gone(&who, fd);
}

/* The channel is full: some are handed over, the others a little later. */
static void
hand_over_goes_on_when_there_is_room(void **state)
{
	struct inner_client who[2];
	int fd[2] = { come(), come() };

	(void)state;
	who[0] = handed(0);
	who[1] = handed(0);
	channel_err = EPIPE;
	clients_control_died();
	channel_err = EAGAIN;
	clients_flush();
	channel_err = 0;
	clients_flush();
	assert_int_equal(handed(1).slot, who[0].slot);
	assert_int_equal(handed(1).slot, who[1].slot);
	assert_int_equal(clients_gone(&who[0]), 0);
	close(fd[0]);
	gone(&who[1], fd[1]);
}

static void
request_is_done_once_and_answered_again(void **state)
{
	struct inner_client who;
	int fd = come(), i;

	(void)state;
	who = handed(0);
	assert_int_equal(ask(&who, 7), 0);
	clients_done(&who, 42);
	clients_flush();
	answered(7, 42);
	for (i = 0; i < 2; i++) {
		die();
		(void)handed(1);
		assert_int_equal(ask(&who, 7), 1);
		clients_flush();
		answered(7, 42);
	}
	assert_int_equal(ask(&who, 7), 1); /* it had two in its socket */
	clients_flush();
	answered(7, 42);
	assert_int_equal(ask(&who, 8), 0);
	clients_done(&who, 43);
	clients_flush();
	answered(8, 43);
	nothing_more();
	gone(&who, fd);
}

static void
request_under_way_is_answered_when_it_is_done(void **state)
{
	struct inner_client who;
	int fd = come();

	(void)state;
	who = handed(0);
	assert_int_equal(ask(&who, 7), 0);
	die();
	(void)handed(1);
	assert_int_equal(ask(&who, 7), 1);
	nothing_more();
	assert_int_equal(ask(&who, 7), -1); /* one control does not ask twice */
	clients_done(&who, 42);
	clients_flush();
	answered(7, 42);
	nothing_more();
	gone(&who, fd);
}

/* The bridge stands in the moment in which no control has the client. */
static void
answer_between_two_controls_is_kept(void **state)
{
	struct inner_client who;
	int fd = come();

	(void)state;
	who = handed(0);
	assert_int_equal(ask(&who, 7), 0);
	channel_err = EPIPE;
	clients_control_died();
	clients_done(&who, 42);
	channel_err = 0;
	clients_flush();
	(void)handed(1);
	answered(7, 42);
	assert_int_equal(ask(&who, 7), 1);
	clients_flush();
	answered(7, 42);
	gone(&who, fd);
}

static void
error_is_given_again_with_its_words(void **state)
{
	struct inner_client who, got;
	struct proto_error error;
	struct frame_in in;
	int fd = come(), i;

	(void)state;
	who = handed(0);
	assert_int_equal(ask(&who, 7), 0);
	clients_error(&who, EADDRINUSE, "somebody listens there");
	for (i = 0; i < 2; i++) {
		die();
		(void)handed(1);
		if (i > 0)
			assert_int_equal(ask(&who, 7), 1);
		clients_flush();
		next_packet(MSG_P2C_ERROR, &in);
		inner_get_client(&in, &got);
		proto_get_error(&in, &error);
		assert_int_equal(frame_done(&in), 0);
		assert_int_equal(got.request, 7);
		assert_int_equal(error.err, EADDRINUSE);
		assert_string_equal(error.text, "somebody listens there");
	}
	gone(&who, fd);
}

/* Its caller waited no longer: the answer is nobody's. */
static void
request_given_up_makes_way_for_another(void **state)
{
	struct inner_client who, old;
	int fd = come();

	(void)state;
	who = handed(0);
	assert_int_equal(ask(&who, 7), 0);
	old = who;
	assert_int_equal(ask(&who, 8), -1);
	die();
	(void)handed(1);
	assert_int_equal(ask(&who, 8), 0);
	clients_done(&old, 42);
	nothing_more();
	assert_int_equal(ask(&who, 9), -1);
	who.request = 8;
	clients_done(&who, 43);
	clients_flush();
	answered(8, 43);
	gone(&who, fd);
}

/* While no control has died, every request is one of its own. */
static void
same_number_twice_is_two_requests(void **state)
{
	struct inner_client who;
	uint32_t i;
	int fd = come();

	(void)state;
	who = handed(0);
	for (i = 0; i < 2; i++) {
		assert_int_equal(ask(&who, 7), 0);
		clients_done(&who, 42 + i);
		clients_flush();
		answered(7, 42 + i);
	}
	gone(&who, fd);
	/* nor has the next one in the place asked anything yet */
	fd = come();
	who = handed(0);
	die();
	(void)handed(1);
	assert_int_equal(ask(&who, 7), 0);
	gone(&who, fd);
}

static void
client_that_may_have_half_an_answer_is_closed(void **state)
{
	struct inner_client who;
	char byte;
	int fd, other;

	(void)state;
	whole = -1;
	fd = come();
	whole = 0;
	other = come();
	(void)handed(0);
	(void)handed(0);
	die();
	who = handed(1);
	nothing_more();
	assert_int_equal(recv(fd, &byte, 1, 0), 0);
	close(fd);
	gone(&who, other);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup(f, setup)
		T(client_is_handed_to_each_control),
		T(client_that_no_control_got_is_new_to_the_next),
		T(hand_over_goes_on_when_there_is_room),
		T(request_is_done_once_and_answered_again),
		T(request_under_way_is_answered_when_it_is_done),
		T(answer_between_two_controls_is_kept),
		T(error_is_given_again_with_its_words),
		T(request_given_up_makes_way_for_another),
		T(same_number_twice_is_two_requests),
		T(client_that_may_have_half_an_answer_is_closed),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
