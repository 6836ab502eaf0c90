/*
 * Accepting.  Where a limit is reached the listener is not watched any more,
 * and peers wait in the kernel; it is watched again when sessions end, after
 * a moment where descriptors ran out, or when connection-rate lets the next
 * one in.
 *
 * The rate is a bucket that takes the peers of one second: time fills it,
 * each peer empties it by one.
 */

#include <errno.h>
#include <string.h>

#include "../../common/clock.h"
#include "../../common/log.h"
#include "accept.h"
#include "dial.h"
#include "events.h"
#include "sessions.h"
#include "slots.h"
#include "sockets.h"

/* At most one event about limits a second and bridge. */
#define LIMIT_NOTE_MS 1000

/* Of the bucket: a peer, and the shortest wait for the next. */
#define PEER_CREDIT   1000
#define RATE_MS       10

static void acceptable(void *, unsigned int);

static uint32_t paused; /* bridges */

static void
show_state(const struct bridge *b, enum slot_state state)
{
	struct registry_entry *e = slots_begin(b->slot);

	e->state = (uint8_t)state;
	slots_end(b->slot);
}

static void
note_limit(struct bridge *b, const char *which)
{
	struct event_note note = { .type = EVENT_LIMIT_REACHED };
	uint64_t now = clock_ms();

	if (b->limit_note_ms != 0 && now - b->limit_note_ms < LIMIT_NOTE_MS)
		return;
	b->limit_note_ms = now;
	note.id = note.bridge = slots_id(b->slot);
	note.text = which;
	events_add(&note);
	log_warn("bridge %u: limit reached: %s", note.id, which);
}

/* Fills the bucket with what time has brought. */
static void
refill(struct bridge *b)
{
	uint64_t rate = bridges_spec(b)->options.connection_rate;
	uint64_t full = rate * PEER_CREDIT; /* a thousandth each ms */
	uint64_t now = clock_ms();
	uint64_t passed = now - b->rate_ms;

	b->rate_ms = now;
	b->credit += passed >= 1000 ? full : passed * rate;
	if (b->credit > full)
		b->credit = full;
}

static int
is_over_rate(struct bridge *b)
{
	if (bridges_spec(b)->options.connection_rate == 0)
		return 0;
	refill(b);
	return b->credit < PEER_CREDIT;
}

static const char RATE[] = "connection-rate";

/* The limit that forbids one more session now, or NULL. */
static const char *
limit_reached(struct bridge *b)
{
	uint32_t all = slots_head()->sessions_limit;
	uint32_t max = bridges_spec(b)->options.max;

	if (max != 0 && sessions_of(b->slot) >= max)
		return "max";
	if (slots_full(SLOT_SESSION))
		return "sessions";
	if (sessions_connecting(b->slot) >=
	    (all + CONNECTING_PART - 1) / CONNECTING_PART)
		return "connecting";
	return is_over_rate(b) ? RATE : NULL;
}

static void
watch(struct bridge *b)
{
	if (loop_is_set(&b->accept))
		loop_del(&b->accept);
	loop_set(&b->accept, b->fd, LOOP_READ, acceptable, b);
	if (loop_add(&b->accept, -1) == -1)
		log_warn("bridge %u: no memory to listen", slots_id(b->slot));
}

static void
retry(void *arg, unsigned int what)
{
	(void)what;
	/* if another limit holds now, the end of a session resumes it */
	accept_resume(arg);
}

static void
try_later(struct bridge *b, long ms)
{
	if (loop_is_set(&b->accept))
		loop_del(&b->accept);
	loop_set(&b->accept, -1, 0, retry, b);
	if (loop_add(&b->accept, ms) == -1)
		log_warn("bridge %u: no memory to listen", slots_id(b->slot));
}

/* Until the next peer may come in. */
static void
wait_for_credit(struct bridge *b)
{
	uint32_t rate = bridges_spec(b)->options.connection_rate;
	uint64_t ms = (PEER_CREDIT - b->credit + rate - 1) / rate;

	try_later(b, ms > RATE_MS ? (long)ms : RATE_MS);
}

static void
pause_for(struct bridge *b, const char *which)
{
	b->paused = 1;
	paused++;
	loop_del(&b->accept);
	slots_count(b->slot, PARENT_PAUSED);
	show_state(b, STATE_PAUSED);
	note_limit(b, which);
	if (which == RATE)
		wait_for_credit(b);
}

void
accept_short(struct bridge *b)
{
	if (b->paused || b->fd == -1)
		return;
	pause_for(b, "descriptors");
	try_later(b, ACCEPT_RETRY_MS);
}

/* It has come and could not be used. */
static void
refuse(const struct bridge *b, const char *why)
{
	static struct log_rate rate;

	slots_count(b->slot, PARENT_REFUSED);
	if (log_rate(&rate, SESSION_LOG_RATE, "peers"))
		log_warn("bridge %u: a peer is refused: %s", slots_id(b->slot),
		    why);
}

/* One peer.  0 to go on, -1 when there is none or none may come now. */
static int
accept_one(struct bridge *b)
{
	const struct registry_entry *e = slots_entry(b->slot);
	const struct bridge_spec *spec = bridges_spec(b);
	struct session_rules rules;
	struct session *s;
	struct addr peer;
	const char *why;
	int fd;

	fd = sockets_accept(b->fd, &spec->src, &spec->options, &peer, &why);
	if (fd == -1) {
		if (why != NULL)
			refuse(b, why);
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
		    errno == ENOMEM)
			accept_short(b);
		/* a peer that went away meanwhile is not the last one */
		return errno == ECONNABORTED || errno == EINTR ? 0 : -1;
	}
	if (spec->options.connection_rate != 0)
		b->credit -= PEER_CREDIT;
	if (spec->options.max_per_source != 0 &&
	    sessions_of_host(b->slot, &peer) >= spec->options.max_per_source) {
		sockets_reset(fd);
		slots_count(b->slot, PARENT_REFUSED);
		note_limit(b, "max-per-source");
		return 0;
	}
	rules.dst = spec->dst;
	rules.owner = e->owner;
	s = sessions_new(b->slot, fd, &peer, &rules);
	if (s == NULL) {
		sockets_reset(fd);
		return -1;
	}
	dial_start(s);
	return b->paused ? -1 : 0;
}

static void
acceptable(void *arg, unsigned int what)
{
	struct bridge *b = arg;
	const char *limit;
	int i;

	(void)what;
	for (i = 0; i < ACCEPTS_A_TURN; i++) {
		limit = limit_reached(b);
		if (limit == RATE && i > 0)
			return; /* it may be that nobody waits */
		if (limit != NULL) {
			pause_for(b, limit);
			return;
		}
		if (accept_one(b) == -1)
			return;
	}
}

int
accept_start(struct bridge *b)
{
	b->paused = 0;
	loop_set(&b->accept, b->fd, LOOP_READ, acceptable, b);
	return loop_add(&b->accept, -1);
}

void
accept_stop(struct bridge *b)
{
	loop_del(&b->accept);
	paused -= (uint32_t)b->paused;
	b->paused = 0;
}

uint32_t
accept_paused(void)
{
	return paused;
}

void
accept_resume(struct bridge *b)
{
	const char *limit;

	if (!b->paused)
		return;
	if ((limit = limit_reached(b)) != NULL) {
		if (limit == RATE)
			wait_for_credit(b);
		return;
	}
	b->paused = 0;
	paused--;
	show_state(b, STATE_LISTENING);
	watch(b);
}

/* Whether the limit holds still is looked at in the first moment. */
int
accept_adopt(struct bridge *b)
{
	if (!b->paused)
		return accept_start(b);
	paused++;
	loop_set(&b->accept, -1, 0, retry, b);
	return loop_add(&b->accept, RATE_MS);
}
