/* A daemon for tests of the library: see fake_daemon.h. */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../libmct/include/mct/mct.h"
#include "fake_daemon.h"

/* Long enough that a request on its way would have come. */
#define QUIET_MS 50

static void *
fake_run(void *arg)
{
	struct fake *fake = arg;

	fake->fd = accept(fake->listener, NULL, NULL);
	FAKE_CHECK(fake, fake->fd != -1);
	if (fake->fd != -1) {
		fake->script(fake);
		close(fake->fd);
	}
	return NULL;
}

void
fake_start(struct fake *fake, void (*script)(struct fake *))
{
	static int number;
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	socklen_t len;

	memset(fake, 0, sizeof *fake);
	fake->script = script;
	pthread_mutex_init(&fake->lock, NULL);
	pthread_cond_init(&fake->changed, NULL);
	snprintf(fake->name, sizeof fake->name, "mct-test-%d-%d", (int)getpid(),
	    number++);
	memcpy(un.sun_path + 1, fake->name, strlen(fake->name));
	len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
	    strlen(fake->name));
	fake->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_not_equal(fake->listener, -1);
	assert_int_equal(bind(fake->listener, (struct sockaddr *)&un, len), 0);
	assert_int_equal(listen(fake->listener, 5), 0);
	assert_int_equal(pthread_create(&fake->thread, NULL, fake_run, fake),
	    0);
}

void
fake_stop(struct fake *fake)
{
	assert_int_equal(pthread_join(fake->thread, NULL), 0);
	close(fake->listener);
	if (fake->line != 0)
		fail_msg("the script's check in line %d failed", fake->line);
}

struct mct *
fake_connected(struct fake *fake, void (*script)(struct fake *))
{
	struct mct *mct;

	fake_start(fake, script);
	mct = mct_init(fake->name);
	assert_non_null(mct);
	return mct;
}

void
fake_ended(struct fake *fake, struct mct *mct)
{
	assert_int_equal(mct_fini(mct), 0);
	fake_stop(fake);
}

void
fake_give(struct fake *fake, int turn)
{
	pthread_mutex_lock(&fake->lock);
	fake->turn = turn;
	pthread_cond_broadcast(&fake->changed);
	pthread_mutex_unlock(&fake->lock);
}

void
fake_wait(struct fake *fake, int turn)
{
	pthread_mutex_lock(&fake->lock);
	while (fake->turn < turn)
		pthread_cond_wait(&fake->changed, &fake->lock);
	pthread_mutex_unlock(&fake->lock);
}

uint32_t
fake_expect(struct fake *fake, uint16_t type, struct frame_in *in)
{
	struct pollfd p = { .fd = fake->fd, .events = POLLIN };
	struct frame_in frame;
	int n;

	if (in == NULL)
		in = &frame;
	while ((n = frame_next(&fake->reader, in)) == 0) {
		poll(&p, 1, 10000);
		if (frame_fill(&fake->reader, fake->fd) != 1)
			break;
	}
	FAKE_CHECK(fake, n == 1 && in->type == type);
	return n == 1 ? in->request : 0;
}

int
fake_quiet(struct fake *fake)
{
	struct pollfd p = { .fd = fake->fd, .events = POLLIN };

	return frame_partial(&fake->reader) == 0 && poll(&p, 1, QUIET_MS) == 0;
}

void
fake_expect_end(struct fake *fake)
{
	char byte;

	FAKE_CHECK(fake, frame_partial(&fake->reader) == 0);
	FAKE_CHECK(fake, recv(fake->fd, &byte, 1, 0) == 0);
}

void
fake_begin(struct fake *fake, uint16_t type, uint32_t request)
{
	frame_begin(&fake->out, fake->buf, sizeof fake->buf, type, 0, request);
}

void
fake_bytes(struct fake *fake, const void *bytes, size_t len)
{
	FAKE_CHECK(fake,
	    send(fake->fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len);
}

void
fake_send(struct fake *fake)
{
	size_t len = frame_end(&fake->out);

	FAKE_CHECK(fake, len > 0);
	fake_bytes(fake, fake->buf, len);
}

void
fake_hello(struct fake *fake)
{
	struct proto_hello hello = { PROTO_MAGIC, PROTO_VERSION, ROLE_ADMIN,
		FRAME_MAX };

	fake_begin(fake, MSG_C2L_HELLO, fake_expect(fake, MSG_L2C_HELLO, NULL));
	proto_put_hello(&fake->out, &hello);
	fake_send(fake);
}

void
fake_done(struct fake *fake, uint32_t request, uint32_t id)
{
	fake_begin(fake, MSG_C2L_DONE, request);
	proto_put_done(&fake->out, id);
	fake_send(fake);
}

void
fake_error(struct fake *fake, uint32_t request, uint32_t err, const char *text)
{
	struct proto_error m = { .err = err };

	snprintf(m.text, sizeof m.text, "%s", text);
	fake_begin(fake, MSG_C2L_ERROR, request);
	proto_put_error(&fake->out, &m);
	fake_send(fake);
}

void
fake_records(struct fake *fake, uint32_t request, uint32_t cursor)
{
	memset(&fake->head, 0, sizeof fake->head);
	fake->head.cursor = cursor;
	fake_begin(fake, MSG_C2L_RECORDS, request);
	proto_put_records(&fake->out, &fake->head);
}

void
fake_event(struct fake *fake, uint32_t seq, uint32_t id)
{
	struct record_out r;

	record_begin(&r, &fake->out);
	record_put_number(&r, FIELD_SEQ, seq);
	record_put_number(&r, FIELD_EVENT_NUMBER, EVENT_CONNECT_FAILED);
	record_put_number(&r, FIELD_ID, id);
	record_put_number(&r, FIELD_ERR, 111);
	record_end(&r);
	fake->head.count++;
}

void
fake_records_end(struct fake *fake)
{
	proto_set_records(&fake->out, &fake->head);
	fake_send(fake);
}

uint32_t
fake_expect_events(struct fake *fake, uint8_t flags, uint32_t from)
{
	struct proto_events m;
	struct frame_in in;
	uint32_t request = fake_expect(fake, MSG_L2C_EVENTS, &in);

	proto_get_events(&in, &m);
	FAKE_CHECK(fake, frame_done(&in) == 0);
	FAKE_CHECK(fake, m.flags == flags && m.from == from);
	return request;
}

void
fake_events(struct fake *fake, uint32_t request, uint32_t seq, uint32_t n)
{
	fake_records(fake, request, seq + n);
	for (; n > 0; n--)
		fake_event(fake, seq++, 42);
	fake_records_end(fake);
}

uint32_t
fake_attached(struct fake *fake, uint32_t next)
{
	fake_hello(fake);
	fake_events(fake, fake_expect_events(fake, EVENTS_NEXT, 0), next, 0);
	return fake_expect_events(fake, EVENTS_WAIT, next);
}
