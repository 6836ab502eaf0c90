/*
 * The connection to the daemon: made, asked through, ended.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/clock.h"
#include "../common/proto.h"
#include "handle.h"
#include "include/mct/event.h"
#include "include/mct/mct.h"

/* The largest errno value that a daemon may send. */
#define ERR_MAX 4095

int64_t
handle_deadline(const struct mct *mct)
{
	if (mct->timeout_ms == -1)
		return -1;
	return (int64_t)clock_ms() + mct->timeout_ms;
}

int
handle_fail(struct mct *mct, int err, const char *sentence)
{
	snprintf(mct->error, sizeof mct->error, "%s", sentence);
	errno = err;
	return -1;
}

/* The connection cannot go on.  The descriptor stays: it may be polled. */
static int
handle_die(struct mct *mct, int err, const char *sentence)
{
	if (err == ECONNRESET)
		err = EPIPE;
	mct->dead = err;
	shutdown(mct->fd, SHUT_RDWR);
	return handle_fail(mct, err, sentence);
}

static int
handle_gone(struct mct *mct, int err)
{
	return handle_die(mct, err, "the daemon closed the connection");
}

int
handle_bad_answer(struct mct *mct)
{
	return handle_die(mct, EBADMSG, "the daemon's answer makes no sense");
}

int
handle_begin(struct mct *mct, struct frame_out *out, uint8_t *buf,
    uint16_t type)
{
	if (mct == NULL) {
		errno = EINVAL;
		return -1;
	}
	if (mct->dead != 0)
		return handle_fail(mct, mct->dead,
		    "the connection to the daemon has ended");
	if (++mct->request == 0)
		mct->request = 1; /* 0 stands for no request */
	frame_begin(out, buf, HANDLE_REQUEST_BYTES, type, 0, mct->request);
	return 0;
}

/* Waits for the descriptor: 1 something to do, 0 deadline, -1 with errno. */
static int
handle_poll(struct mct *mct, int64_t deadline)
{
	struct pollfd p = { .fd = mct->fd, .events = POLLIN };
	int64_t left = -1;
	int n;

	if (mct->out.sent < mct->out.have)
		p.events |= POLLOUT;
	if (deadline >= 0) {
		left = deadline - (int64_t)clock_ms();
		if (left <= 0)
			return 0;
		if (left > INT_MAX)
			left = INT_MAX;
	}
	n = poll(&p, 1, (int)left);
	if (n == -1 && errno != EINTR)
		return handle_fail(mct, errno, "poll failed");
	return 1; /* the caller looks, and comes back with time left */
}

/*
 * Sends what the socket takes, and when that is all of it what a take-over
 * has to be sent again: there is room for it then, and it comes after what
 * was under way.  A daemon that closes may have said why before: an error
 * here is kept until nothing is left to read.
 */
static void
handle_flush(struct mct *mct)
{
	const struct frame_out *call = mct->call;
	int sent;

	if (mct->deaf)
		return;
	sent = frame_flush(&mct->out, mct->fd);
	if (sent == 1 && mct->resumed) {
		mct->resumed = 0;
		if (event_again(mct) == -1 ||
		    (call != NULL &&
			frame_queue_add(&mct->out, call->data, call->at) == -1))
			sent = -1;
		else
			sent = frame_flush(&mct->out, mct->fd);
	}
	if (sent != -1)
		return;
	mct->deaf = 1;
	frame_queue_reset(&mct->out);
}

/* One frame, or none whole yet: as frame_next. */
static int
handle_next(struct mct *mct, uint32_t want, struct frame_in *answer)
{
	struct frame_in frame;
	int n;

	while ((n = frame_next(&mct->in, &frame)) == 1) {
		if (want != 0 && frame.request == want) {
			*answer = frame;
			return 1;
		}
		if (frame.request == 0 && frame.type == MSG_C2L_ERROR)
			return handle_refused(mct, &frame);
		if (frame.request == 0 && frame.type == MSG_C2L_RESUMED) {
			mct->resumed = 1;
			continue;
		}
		if ((int32_t)(frame.request - mct->request) > 0)
			return handle_bad_answer(mct); /* never asked */
		n = event_answer(mct, &frame);
		if (n == -1 || (n == 1 && want == 0))
			return n;
	}
	if (n == -1)
		return handle_bad_answer(mct);
	return 0;
}

int
handle_receive(struct mct *mct, uint32_t want, int64_t deadline,
    struct frame_in *answer)
{
	int n;

	for (;;) {
		n = handle_next(mct, want, answer);
		if (n != 0)
			return n;
		handle_flush(mct);
		n = frame_fill(&mct->in, mct->fd);
		if (n == 1)
			continue;
		if (n == -1)
			return handle_gone(mct, errno);
		if (mct->deaf)
			return handle_gone(mct, EPIPE);
		n = handle_poll(mct, deadline);
		if (n != 1)
			return n;
	}
}

uint32_t
handle_send(struct mct *mct, struct frame_out *out)
{
	uint32_t request = mct->request;
	size_t len = frame_end(out);

	if (len == 0) {
		handle_fail(mct, EMSGSIZE, "the request is too long");
		return 0;
	}
	if (frame_queue_add(&mct->out, out->data, len) == -1) {
		handle_fail(mct, ETIMEDOUT, "the daemon takes no requests");
		return 0;
	}
	handle_flush(mct);
	return request;
}

int
handle_refused(struct mct *mct, struct frame_in *frame)
{
	struct proto_error m;

	proto_get_error(frame, &m);
	if (frame_done(frame) == -1 || m.err == 0 || m.err > ERR_MAX)
		return handle_bad_answer(mct);
	return handle_fail(mct, (int)m.err,
	    m.text[0] != '\0' ? m.text : "the daemon refused");
}

int
handle_call(struct mct *mct, struct frame_out *out, uint16_t answer_type,
    struct frame_in *answer)
{
	int64_t deadline = handle_deadline(mct);
	uint32_t request = handle_send(mct, out);
	int n;

	if (request == 0)
		return -1;
	mct->call = out;
	n = handle_receive(mct, request, deadline, answer);
	mct->call = NULL;
	if (n == 0)
		return handle_fail(mct, ETIMEDOUT,
		    "the daemon did not answer in time");
	if (n == -1)
		return -1;
	if (answer->type == MSG_C2L_ERROR)
		return handle_refused(mct, answer);
	if (answer->type != answer_type)
		return handle_bad_answer(mct);
	return 0;
}

int
handle_order(struct mct *mct, struct frame_out *out, uint32_t *id)
{
	struct frame_in answer;

	if (handle_call(mct, out, MSG_C2L_DONE, &answer) == -1)
		return -1;
	*id = proto_get_done(&answer);
	if (frame_done(&answer) == -1)
		return handle_bad_answer(mct);
	return 0;
}

/* An order without a body. */
static int
handle_plain_order(struct mct *mct, uint16_t type)
{
	uint8_t buf[HANDLE_REQUEST_BYTES];
	struct frame_out out;
	uint32_t id;

	if (handle_begin(mct, &out, buf, type) == -1)
		return -1;
	return handle_order(mct, &out, &id);
}

int
mct_fini(struct mct *mct)
{
	if (mct == NULL) {
		errno = EINVAL;
		return -1;
	}
	if (mct->events.attached)
		return handle_fail(mct, EISCONN, "still attached to events");
	if (mct->lists > 0)
		return handle_fail(mct, EBUSY, "a list is still open");
	close(mct->fd);
	free(mct);
	return 0;
}

const char *
mct_error(const struct mct *mct)
{
	return mct == NULL ? "no handle" : mct->error;
}

int
mct_timeout(struct mct *mct, int ms)
{
	if (mct == NULL || ms < -1) {
		errno = EINVAL;
		return -1;
	}
	mct->timeout_ms = ms;
	return 0;
}

const char *
mct_role(const struct mct *mct)
{
	return name_role(mct == NULL ? ROLE_NONE : mct->role);
}

int
mct_fd(const struct mct *mct)
{
	if (mct == NULL) {
		errno = EINVAL;
		return -1;
	}
	return mct->fd;
}

int
mct_stop(struct mct *mct)
{
	return handle_plain_order(mct, MSG_L2C_STOP);
}

int
mct_reload(struct mct *mct)
{
	return handle_plain_order(mct, MSG_L2C_RELOAD);
}
