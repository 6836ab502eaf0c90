/*
 * The hand-over.  Order matters to nobody but the engine: a CLOSE is queued
 * behind the session it closes, because a session that was not sent yet is
 * ended by the parent alone.  One that takes the place of a dead one is told
 * of that one's sessions and bridges of datagrams, then RESUMED, then of new
 * sessions.
 *
 * An engine is taken for dead when an END is owed for too long, or when its
 * channel has been full for as long: then it may owe more than it was told.
 */

#include <errno.h>

#include "../../common/clock.h"
#include "children.h"
#include "datagrams.h"
#include "handover.h"
#include "sessions.h"
#include "slots.h"

/* Since when nothing goes to an engine; 0: something does. */
static uint64_t full_ms[LIMIT_ENGINES_MAX];

/* It took the place of another, and was not told RESUMED yet. */
static int resumes[LIMIT_ENGINES_MAX];

static int
tell(uint32_t engine, struct frame_out *out, const int *fds, size_t nfds)
{
	if (children_send(PROCESS_ENGINE, engine, out->data, frame_end(out),
		fds, nfds) == 0) {
		full_ms[engine] = 0;
		if (engine == DATAGRAM_ENGINE)
			dgram_tell_takes();
		return 0;
	}
	if (errno == EAGAIN && full_ms[engine] == 0)
		full_ms[engine] = clock_ms();
	return -1;
}

/* It is to be told of, as its bridge is now. */
static void
open_session(struct session *s, uint64_t now_ms)
{
	const struct bridge_options *o = &slots_spec(s->bridge)->options;

	s->opened_ms = now_ms;
	s->idle_ms = o->idle_s * 1000;
	s->half_closed_ms = o->half_closed_s * 1000;
	s->lifetime_ms = o->lifetime_s * 1000;
	s->rate = o->rate;
}

static void
put_session(struct frame_out *out, struct session *s, uint64_t now_ms)
{
	const struct registry_entry *e = slots_entry(s->slot);
	struct inner_session m;

	if (!s->orphan)
		open_session(s, now_ms);
	m.slot = s->slot;
	m.id = e->id;
	m.serial = s->serial;
	m.idle_ms = s->idle_ms;
	m.half_closed_ms = s->half_closed_ms;
	m.lifetime_ms = s->lifetime_ms;
	m.rate = s->rate;
	m.peer_kind = e->peer.kind;
	m.dst_kind = e->dst.kind;
	m.recovered = (uint8_t)s->orphan;
	m.age_ms = (uint32_t)(now_ms - s->opened_ms);
	inner_put_session(out, &m);
}

static int
is_to_hand(const struct session *s)
{
	return s->state == SESSION_READY || s->orphan;
}

/* As many sessions as follow each other in the queue.  0, or -1. */
static int
send_sessions(uint32_t engine, struct session_queue *q)
{
	uint64_t now_ms = clock_ms();
	int fds[2 * HAND_OVER_PAIRS];
	uint8_t buf[FRAME_MAX];
	struct session *s;
	struct frame_out out;
	uint16_t n = 0;

	TAILQ_FOREACH(s, q, in_queue)
		if (!is_to_hand(s) || ++n == HAND_OVER_PAIRS)
			break;
	frame_begin(&out, buf, sizeof buf, MSG_P2E_SESSIONS, 0, 0);
	frame_put_u16(&out, n);
	n = 0;
	TAILQ_FOREACH(s, q, in_queue) {
		if (!is_to_hand(s) || n == HAND_OVER_PAIRS)
			break;
		put_session(&out, s, now_ms);
		fds[2 * n] = s->fd[0];
		fds[2 * n + 1] = s->fd[1];
		n++;
	}
	if (tell(engine, &out, fds, 2 * (size_t)n) == -1)
		return -1;
	for (; n > 0; n--) {
		s = TAILQ_FIRST(q);
		s->state = SESSION_OPEN;
		sessions_told(s);
	}
	return 0;
}

static int
send_resumed(uint32_t engine)
{
	struct frame_out out;
	uint8_t buf[FRAME_HEADER];

	frame_begin(&out, buf, sizeof buf, MSG_P2E_RESUMED, 0, 0);
	if (tell(engine, &out, NULL, 0) == -1)
		return -1;
	resumes[engine] = 0;
	return 0;
}

static int
send_close(struct session *s)
{
	struct inner_which m = { .slot = s->slot, .serial = s->serial };
	struct frame_out out;
	uint8_t buf[64];

	frame_begin(&out, buf, sizeof buf, MSG_P2E_CLOSE, 0, 0);
	inner_put_which(&out, &m);
	if (tell(s->engine, &out, NULL, 0) == -1)
		return -1;
	s->deadline_ms = clock_ms() + END_WAIT_S * 1000;
	sessions_told(s);
	return 0;
}

void
handover_flush(uint32_t engine)
{
	struct session_queue *q = sessions_queue(engine);
	struct session_queue *orphans = sessions_orphans(engine);
	struct session *s;

	while (!TAILQ_EMPTY(orphans))
		if (send_sessions(engine, orphans) == -1)
			return;
	if (resumes[engine] && engine == DATAGRAM_ENGINE &&
	    datagrams_flush() == -1)
		return;
	if (resumes[engine] && send_resumed(engine) == -1)
		return;
	while ((s = TAILQ_FIRST(q)) != NULL)
		if ((is_to_hand(s) ? send_sessions(engine, q) :
				     send_close(s)) == -1)
			return;
	full_ms[engine] = 0; /* it may be another than the one before */
}

void
handover_engine_died(uint32_t engine)
{
	full_ms[engine] = 0;
	resumes[engine] = 1;
}

static int
is_stuck(uint32_t engine, uint64_t now_ms)
{
	return full_ms[engine] != 0 &&
	    now_ms >= full_ms[engine] + END_WAIT_S * 1000;
}

void
handover_check(void)
{
	static const char why[] = "does not do what it is told";
	uint64_t now_ms = clock_ms();
	uint32_t engine;

	for (engine = 0; engine < LIMIT_ENGINES_MAX; engine++) {
		if (!is_stuck(engine, now_ms))
			continue;
		handover_flush(engine); /* it may be the parent that slept */
		if (is_stuck(engine, now_ms))
			children_kill(PROCESS_ENGINE, engine, why);
	}
	(void)datagrams_flush();
	if (datagrams_overdue(now_ms))
		children_kill(PROCESS_ENGINE, DATAGRAM_ENGINE, why);
	if (sessions_overdue(now_ms, &engine))
		children_kill(PROCESS_ENGINE, engine, why);
}
