/*
 * Events, pulled.
 *
 * While a handle is attached, either records of a batch are left to be
 * handed out, or a request for more is out.  The request waits in the
 * daemon until there is an event, so the descriptor becomes readable then.
 *
 * The daemon keeps one waiting request a client, and it cannot be taken
 * back.  One that is out when the handle detaches becomes `stale`: its
 * answer is dropped whenever it comes.  A handle attached again before that
 * asks without waiting until it has caught up; the event after that is the
 * one that answers the stale request, and then it asks anew from `next`,
 * so none is lost.
 */

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "../common/proto.h"
#include "fields.h"
#include "handle.h"
#include "include/mct/event.h"
#include "include/mct/list.h"

/*
 * After a take-over: each as it was, also its number to ask from.  Of one
 * that was answered already the second answer is dropped then, and it does
 * not wait in the daemon, where only one may.
 */
int
event_again(struct mct *mct)
{
	const struct handle_events *ev = &mct->events;
	const struct {
		uint32_t request;
		struct proto_events m;
	} out[] = {
		{ ev->stale, { EVENTS_WAIT, ev->stale_from } },
		{ ev->asked, { ev->asked_waits ? EVENTS_WAIT : 0, ev->next } },
	};
	uint8_t buf[HANDLE_REQUEST_BYTES];
	struct frame_out frame;
	size_t i;

	for (i = 0; i < sizeof out / sizeof out[0]; i++) {
		if (out[i].request == 0)
			continue;
		frame_begin(&frame, buf, sizeof buf, MSG_L2C_EVENTS, 0,
		    out[i].request);
		proto_put_events(&frame, &out[i].m);
		if (frame_queue_add(&mct->out, buf, frame_end(&frame)) == -1)
			return -1;
	}
	return 0;
}

/* Sends a request for the events from next on; its id, or 0 with errno. */
static uint32_t
event_request(struct mct *mct, uint8_t flags)
{
	struct proto_events m = { .flags = flags, .from = mct->events.next };
	uint8_t buf[HANDLE_REQUEST_BYTES];
	struct frame_out out;

	if (handle_begin(mct, &out, buf, MSG_L2C_EVENTS) == -1)
		return 0;
	proto_put_events(&out, &m);
	return handle_send(mct, &out);
}

/* Makes sure that something is out which brings the next events. */
static int
event_ask(struct mct *mct)
{
	struct handle_events *ev = &mct->events;

	if (!ev->attached || ev->asked != 0 || ev->left > 0 || ev->err != 0)
		return 0;
	if (ev->stale != 0 && ev->caught_up)
		return 0;
	ev->asked_waits = ev->stale == 0;
	ev->asked = event_request(mct, ev->asked_waits ? EVENTS_WAIT : 0);
	return ev->asked == 0 ? -1 : 0;
}

/* The answer to what was asked: 1 records or an error, 0 none, -1. */
static int
event_batch(struct mct *mct, struct frame_in *frame)
{
	struct handle_events *ev = &mct->events;
	struct proto_records m;

	ev->asked = 0;
	if (frame->type == MSG_C2L_ERROR) {
		handle_refused(mct, frame);
		if (mct->dead != 0)
			return -1;
		ev->err = errno;
		memcpy(ev->why, mct->error, sizeof ev->why);
		return 1;
	}
	proto_get_records(frame, &m);
	if (frame->type != MSG_C2L_RECORDS || frame->bad ||
	    (m.count == 0 && frame_done(frame) == -1))
		return handle_bad_answer(mct);
	ev->next = m.cursor;
	ev->left = m.count;
	ev->caught_up = m.count == 0;
	if (m.count == 0)
		return event_ask(mct);
	memcpy(ev->data, frame->data, frame->size);
	ev->batch = *frame;
	ev->batch.data = ev->data;
	return 1;
}

int
event_answer(struct mct *mct, struct frame_in *frame)
{
	struct handle_events *ev = &mct->events;

	if (ev->stale != 0 && frame->request == ev->stale) {
		ev->stale = 0;
		return event_ask(mct);
	}
	if (ev->asked != 0 && frame->request == ev->asked)
		return event_batch(mct, frame);
	return 0;
}

/* Learns the number that the next event will have. */
static int
event_now(struct mct *mct, uint8_t flags, uint32_t from, uint32_t *next)
{
	struct proto_events m = { .flags = flags, .from = from };
	uint8_t buf[HANDLE_REQUEST_BYTES];
	struct proto_records records;
	struct frame_out out;
	struct frame_in answer;

	if (handle_begin(mct, &out, buf, MSG_L2C_EVENTS) == -1)
		return -1;
	proto_put_events(&out, &m);
	if (handle_call(mct, &out, MSG_C2L_RECORDS, &answer) == -1)
		return -1;
	proto_get_records(&answer, &records);
	if (answer.bad)
		return handle_bad_answer(mct);
	*next = records.cursor;
	return 0;
}

/* Attaches from the number on, or with since 0 from now on. */
static int
event_attach(struct mct *mct, int blocking, int since, uint32_t from)
{
	struct handle_events *ev;
	uint32_t next;

	if (mct == NULL) {
		errno = EINVAL;
		return -1;
	}
	ev = &mct->events;
	if (ev->attached)
		return handle_fail(mct, EISCONN, "already attached");
	/* Also when the number is known: it tells whether we may. */
	if (event_now(mct, EVENTS_NEXT, 0, &next) == -1)
		return -1;
	ev->next = since ? from : next;
	ev->caught_up = !since;
	ev->blocking = blocking;
	ev->left = 0;
	ev->err = 0;
	ev->attached = 1;
	if (event_ask(mct) == -1) {
		ev->attached = 0;
		return -1;
	}
	return 0;
}

int
mct_event_attach(struct mct *mct, int blocking)
{
	return event_attach(mct, blocking, 0, 0);
}

int
mct_event_attach_since(struct mct *mct, int blocking, uint32_t seq)
{
	return event_attach(mct, blocking, 1, seq);
}

int
mct_event_detach(struct mct *mct)
{
	struct handle_events *ev;

	if (mct == NULL) {
		errno = EINVAL;
		return -1;
	}
	ev = &mct->events;
	if (!ev->attached)
		return handle_fail(mct, ENOTCONN, "not attached");
	if (ev->asked != 0 && ev->asked_waits) {
		ev->stale = ev->asked;
		ev->stale_from = ev->next;
	}
	ev->asked = 0;
	ev->left = 0;
	ev->attached = 0;
	return 0;
}

/* Waits until records are left; 0, or -1 with errno. */
static int
event_wait(struct mct *mct)
{
	struct handle_events *ev = &mct->events;
	int err, n;

	if (ev->left > 0)
		return 0;
	if (mct->dead != 0)
		return handle_fail(mct, mct->dead,
		    "the connection to the daemon has ended");
	if (ev->err == 0) {
		if (event_ask(mct) == -1)
			return -1;
		n = handle_receive(mct, 0, ev->blocking ? -1 : 0, NULL);
		if (n == -1)
			return -1;
		if (n == 0)
			return handle_fail(mct, EWOULDBLOCK, "no event now");
	}
	if (ev->err != 0) {
		err = ev->err;
		ev->err = 0;
		return handle_fail(mct, err, ev->why);
	}
	return 0;
}

int
mct_event_next(struct mct *mct, const struct mct_record **record)
{
	struct handle_events *ev;

	if (mct == NULL || record == NULL) {
		errno = EINVAL;
		return -1;
	}
	*record = NULL;
	ev = &mct->events;
	if (!ev->attached)
		return handle_fail(mct, ENOTCONN, "not attached");
	if (event_wait(mct) == -1)
		return -1;
	ev->left--;
	if (fields_take(&ev->record, &ev->batch) == -1 ||
	    (ev->left == 0 && frame_done(&ev->batch) == -1)) {
		ev->left = 0;
		return handle_bad_answer(mct);
	}
	*record = &ev->record;
	if (ev->left == 0)
		event_ask(mct); /* the next call tells when that failed */
	return 0;
}

int
mct_event_read(struct mct *mct, enum mct_event *e, unsigned int *id, int *s,
    int *err)
{
	const struct mct_record *record;
	uint64_t number, seq, about = 0, why = 0;

	if (mct_event_next(mct, &record) == -1)
		return -1;
	if (mct_record_number(record, "event-number", &number) == -1 ||
	    mct_record_number(record, "seq", &seq) == -1 || number > INT_MAX ||
	    seq > UINT32_MAX)
		return handle_bad_answer(mct);
	mct_record_number(record, "id", &about);
	mct_record_number(record, "err", &why);
	if (about > INT_MAX || why > INT_MAX)
		return handle_bad_answer(mct);
	if (e != NULL)
		*e = (enum mct_event)number;
	if (id != NULL)
		*id = (unsigned int)seq;
	if (s != NULL)
		*s = (int)about;
	if (err != NULL)
		*err = (int)why;
	return 0;
}
