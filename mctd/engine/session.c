/*
 * The table of stream sessions.
 *
 * A slot is FREE, or LIVE from session_install to the end, which comes from
 * the stream, a timeout or the parent.  At the end both descriptors are
 * deregistered, then closed, and the end is reported; the connections stay
 * with the parent, which closes last.  Until that report has been sent the
 * parent cannot use the slot again.
 *
 * Calls: close
 */

#include <assert.h>
#include <errno.h>
#include <unistd.h>

#include "../../common/addr.h"
#include "../../common/clock.h"
#include "../../common/limits.h"
#include "recover.h"
#include "session.h"
#include "table.h"

enum session_state {
	SESSION_FREE,
	SESSION_LIVE
};

struct session {
	struct stream stream;
	uint64_t serial;
	uint32_t idle_ms;
	uint32_t half_closed_ms;
	uint32_t lifetime_ms;
	uint64_t born_ms;
	uint8_t state; /* enum session_state */
	uint8_t timed; /* counted in the table's */
};

static struct session *
session_at(const struct session_table *t, uint32_t slot)
{
	return &t->at[slot - t->first];
}

static int
slot_exists(const struct session_table *t, uint32_t slot)
{
	return slot >= t->first && slot - t->first < t->count;
}

static uint32_t
watch_number(const struct session_table *t, uint32_t slot, int side)
{
	return t->first_watch + 2 * (slot - t->first) + (uint32_t)side;
}

static void
session_end(struct session_table *t, uint32_t slot, enum end_reason reason,
    int err)
{
	struct session *s = session_at(t, slot);
	int i;

	assert(s->state == SESSION_LIVE);
	atomic_store_explicit(&t->counters->slots[slot].ended,
	    counters_end(reason, err), memory_order_release);
	for (i = STREAM_PEER; i <= STREAM_DST; i++) {
		watch_del(watch_number(t, slot, i));
		(void)close(s->stream.side[i].fd);
	}
	stream_release(&s->stream, t->work);
	if (s->timed)
		t->timed--;
	s->timed = 0;
	s->state = SESSION_FREE;
	report_end(t->reports, slot, s->serial, reason, err);
}

/* A sweep has to look at it from now on. */
static void
session_time(struct session_table *t, struct session *s)
{
	if (s->timed ||
	    (s->idle_ms == 0 && s->lifetime_ms == 0 &&
		stream_gathers(&s->stream) == 0 &&
		(s->half_closed_ms == 0 || !stream_half_closed(&s->stream))))
		return;
	s->timed = 1;
	t->timed++;
	watch_arm(WATCH_SWEEP, SWEEP_MS);
}

/*
 * One that is held up is not woken for more of what it cannot pass on.  0, or
 * -1 when it can be watched no more.
 */
static int
session_hear(struct session_table *t, uint32_t slot)
{
	struct stream *st = &session_at(t, slot)->stream;
	int i, deaf;

	for (i = STREAM_PEER; i <= STREAM_DST; i++) {
		deaf = stream_held_up(st, i);
		if (deaf == st->side[i].deaf)
			continue;
		st->side[i].deaf = (uint8_t)deaf;
		if (watch_hear(watch_number(t, slot, i), !deaf) == -1)
			return -1;
	}
	return 0;
}

/* Does what the stream wants. */
static void
session_wants(struct session_table *t, uint32_t slot, unsigned int wants)
{
	struct session *s = session_at(t, slot);

	if (wants & STREAM_OVER) {
		session_end(t, slot, s->stream.end, s->stream.err);
		return;
	}
	if (session_hear(t, slot) == -1) {
		session_end(t, slot, END_ERROR, ENOMEM);
		return;
	}
	if (wants & STREAM_AGAIN)
		chain_push(t->runs, slot);
	if (wants & STREAM_LOOK) {
		chain_push(&t->looks, slot - t->first + 1);
		watch_arm(WATCH_LOOK, LOOK_MS);
	}
	session_time(t, s);
}

static void
session_event(void *arg, uint32_t number, unsigned int what)
{
	struct session_table *t = arg;
	uint32_t nth = number - t->first_watch;
	uint32_t slot = t->first + nth / 2;
	struct session *s = session_at(t, slot);

	assert(s->state == SESSION_LIVE);
	session_wants(t, slot,
	    stream_event(&s->stream, (enum stream_end)(nth & 1), what));
}

static void
session_look(void *arg, uint32_t number, unsigned int what)
{
	struct session_table *t = arg;
	struct session *s;
	uint32_t n, slot;

	(void)number;
	(void)what;
	t->work->now_ms = clock_ms(); /* it slept since the last turn */
	for (n = t->looks.count; n > 0; n--) {
		slot = chain_pop(&t->looks) - 1 + t->first;
		s = session_at(t, slot);
		if (s->state == SESSION_LIVE)
			session_wants(t, slot,
			    stream_look(&s->stream, t->work));
	}
}

/* Whether its record has a place for too long that others wait for. */
static int
session_hoards(const struct session_table *t, const struct session *s)
{
	uint64_t since_ms = stream_gathers(&s->stream);

	return since_ms > 0 && gather_scarce(&t->work->gathers) &&
	    t->work->now_ms - since_ms >= GATHER_S * 1000;
}

/* Ends the session when its time is over, or nothing moved for too long. */
static void
session_check(struct session_table *t, uint32_t slot)
{
	struct session *s = session_at(t, slot);
	uint64_t silent_ms, now_ms = t->work->now_ms;
	enum end_reason end;
	int err;

	if (!s->timed || now_ms < s->stream.moved_ms || now_ms < s->born_ms)
		return;
	if (session_hoards(t, s)) {
		session_end(t, slot, END_RECORD, ETIMEDOUT);
		return;
	}
	silent_ms = now_ms - s->stream.moved_ms;
	if (s->lifetime_ms > 0 && now_ms - s->born_ms >= s->lifetime_ms)
		end = END_LIFETIME;
	else if (s->half_closed_ms > 0 && silent_ms >= s->half_closed_ms &&
	    stream_half_closed(&s->stream))
		end = END_HALF_CLOSED;
	else if (s->idle_ms > 0 && silent_ms >= s->idle_ms)
		end = END_IDLE;
	else
		return;
	err = stream_given_up(&s->stream, &end);
	session_end(t, slot, end, err);
}

static void
session_sweep(void *arg, uint32_t number, unsigned int what)
{
	struct session_table *t = arg;
	uint32_t n;

	(void)number;
	(void)what;
	t->work->now_ms = clock_ms();
	for (n = t->count / SWEEP_PARTS + 1; n > 0 && t->timed > 0; n--) {
		session_check(t, t->first + t->swept);
		t->swept = t->swept + 1 < t->count ? t->swept + 1 : 0;
	}
	if (t->timed > 0)
		watch_arm(WATCH_SWEEP, SWEEP_MS);
}

size_t
session_bytes(uint32_t count)
{
	return count * sizeof(struct session) + chain_bytes(count);
}

int
session_setup(struct session_table *t)
{
	t->timed = 0;
	t->swept = 0;
	t->at = table_new(t->count * sizeof *t->at);
	if (t->at == NULL || chain_setup(&t->looks, t->count) == -1)
		return -1;
	t->events.fn = session_event;
	t->look.fn = session_look;
	t->sweep.fn = session_sweep;
	t->events.arg = t->look.arg = t->sweep.arg = t;
	watch_set_timer(WATCH_LOOK, &t->look);
	watch_set_timer(WATCH_SWEEP, &t->sweep);
	return 0;
}

/* An engine that died had it; else it died before that. */
static int
is_known(const struct session_table *t, const struct inner_session *m)
{
	return atomic_load_explicit(&t->counters->slots[m->slot].id,
		   memory_order_acquire) == m->id;
}

int
session_install(struct session_table *t, const struct inner_session *m,
    const int fd[2])
{
	struct stream_start start = { .fd = { fd[0], fd[1] },
		.kind = { m->peer_kind, m->dst_kind } };
	struct session *s;
	int i, recovered;

	if (!slot_exists(t, m->slot) || !stream_kinds_match(start.kind))
		return -1;
	s = session_at(t, m->slot);
	if (s->state != SESSION_FREE || report_waits(t->reports, m->slot))
		return -1;
	recovered = m->recovered && is_known(t, m);
	if (!recovered)
		counters_reset(t->counters, m->slot, m->id, t->work->now_ms);
	start.id = m->id;
	start.rate = m->rate;
	stream_start(&s->stream, &start, &t->counters->slots[m->slot], t->work);
	s->serial = m->serial;
	s->born_ms =
	    t->work->now_ms > m->age_ms ? t->work->now_ms - m->age_ms : 0;
	s->lifetime_ms = m->lifetime_ms;
	s->idle_ms = m->idle_ms;
	s->half_closed_ms = m->half_closed_ms;
	s->state = SESSION_LIVE;
	for (i = STREAM_PEER; i <= STREAM_DST; i++) {
		if (watch_add(watch_number(t, m->slot, i), fd[i], &t->events) ==
		    -1) {
			session_end(t, m->slot, END_ERROR, ENOMEM);
			return 0;
		}
	}
	if (recovered)
		session_wants(t, m->slot, recover_stream(&s->stream, t->work));
	else {
		session_time(t, s);
		chain_push(t->runs, m->slot);
	}
	return 0;
}

void
session_close(struct session_table *t, uint32_t slot, uint64_t serial)
{
	struct session *s = session_at(t, slot);

	if (s->state == SESSION_LIVE && s->serial == serial)
		session_end(t, slot, END_REQUESTED, 0);
}

void
session_run(struct session_table *t, uint32_t slot)
{
	struct session *s = session_at(t, slot);

	if (s->state == SESSION_LIVE)
		session_wants(t, slot, stream_run(&s->stream, t->work));
}
