/*
 * Dialling dst: non-blocking, with a time limit for each.
 *
 * First those that are not left out (hold.c), in order; if none of these
 * stands the others, in order: better than a refusal.  Each is tried once.
 * Meanwhile the peer is watched: if it resets, nobody needs a dst any more.
 * An end of file is no such reason, it may have sent all it had.
 *
 * A local dst whose queue is full says EAGAIN instead of being on its way.
 * Who is told so waits in line, one for each dst of a bridge; the first asks
 * again after a moment, and when it gets through the others follow.
 *
 * A dial has its place in a table only while it lasts; the place that was
 * freed last is taken first, so that a full house of silent sessions costs
 * little memory.
 *
 * Calls: close
 */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../common/clock.h"
#include "../../common/log.h"
#include "accept.h"
#include "dial.h"
#include "hold.h"
#include "slots.h"
#include "sockets.h"

/* The first in line asks again so soon, later while it is in vain. */
#define RETRY_LEAST_MS 1
#define RETRY_MOST_MS  20

/* So many in the lines of a bridge ask before others have a turn. */
#define DIALS_A_TURN   32

/* At most one such line in the log in this time. */
#define NOTE_MS        1000

struct dial {
	struct dial *next_free;
	struct session *session;
	struct loop_event answer; /* of fd[1]; in line: the time is over */
	struct loop_event peer;
	uint64_t deadline_ms; /* of this dst */
	unsigned int number;  /* of it */
	unsigned int tried;   /* bit n: dst n was */
	int err;              /* of the last one */
	int ours;             /* and that is no fault of it */
	int waits;            /* in line at the dst */
	TAILQ_ENTRY(dial) in_line;
};

static struct {
	struct dial *table;
	struct dial *free; /* that were in use */
	uint32_t size;
	uint32_t fresh; /* the first that never was */
	uint64_t noted_ms;
} dials;

size_t
dial_bytes(uint32_t sessions)
{
	return sessions * sizeof(struct dial);
}

int
dial_init(uint32_t sessions)
{
	dials.table = calloc(sessions, sizeof *dials.table);
	dials.size = sessions;
	return dials.table == NULL ? -1 : 0;
}

/* There is one for every session. */
static struct dial *
take(void)
{
	struct dial *d = dials.free;

	if (d == NULL) {
		assert(dials.fresh < dials.size);
		return &dials.table[dials.fresh++];
	}
	dials.free = d->next_free;
	return d;
}

static struct bridge *
bridge_of(const struct dial *d)
{
	return bridges_at(d->session->bridge);
}

static void
quiet(struct loop_event *e)
{
	if (loop_is_set(e))
		loop_del(e);
	e->fn = NULL;
}

static void
leave_line(struct dial *d)
{
	struct bridge *b = bridge_of(d);

	if (!d->waits)
		return;
	d->waits = 0;
	TAILQ_REMOVE(&b->line[d->number], d, in_line);
	if (--b->in_line == 0)
		quiet(&b->retry);
}

void
dial_stop(struct session *s)
{
	struct dial *d = s->dial;

	if (d == NULL)
		return;
	leave_line(d);
	quiet(&d->answer);
	quiet(&d->peer);
	s->dial = NULL;
	d->session = NULL;
	d->next_free = dials.free;
	dials.free = d;
}

/* The number of the next one to try, or -1 when all were. */
static int
choose(const struct dial *d)
{
	const struct bridge *b = bridge_of(d);
	const struct bridge_spec *spec = bridges_spec(b);
	unsigned int i;
	int held;

	for (held = 0; held <= 1; held++)
		for (i = 0; bridge_dst(spec, i) != NULL; i++)
			if (!((d->tried >> i) & 1) && hold_is(b, i) <= held)
				return (int)i;
	return -1;
}

static void
stands(struct dial *d)
{
	struct session *s = d->session;

	hold_up(bridge_of(d), d->number);
	dial_stop(s);
	sessions_ready(s);
}

static void
give_up(struct dial *d)
{
	struct session *s = d->session;
	struct bridge *b = bridge_of(d);
	int err = d->err;

	dial_stop(s);
	sessions_failed(s,
	    err == ETIMEDOUT ? END_CONNECT_TIMEOUT : END_CONNECT_REFUSED, err);
	if (err == EMFILE || err == ENFILE)
		accept_short(b);
}

/* Readable or not is not asked: only a reset ends it. */
static void
peer_stirs(void *arg, unsigned int what)
{
	struct dial *d = arg;
	struct session *s = d->session;

	(void)what;
	if (!sockets_is_reset(s->fd[0]))
		return;
	dial_stop(s);
	sessions_failed(s, END_PEER_GONE, ECONNRESET);
}

static void answered(void *, unsigned int);
static void ask_again(void *, unsigned int);

/*
 * Until the fd is connected, or without one until the time is over.  0, or
 * -1 with errno.
 */
static int
await(struct dial *d, int fd)
{
	struct session *s = d->session;
	uint64_t now = clock_ms();
	long ms = d->deadline_ms > now ? (long)(d->deadline_ms - now) : 0;

	loop_set(&d->answer, fd, fd == -1 ? 0 : LOOP_WRITE, answered, d);
	if (loop_add(&d->answer, ms) == -1) {
		quiet(&d->answer);
		errno = ENOMEM;
		return -1;
	}
	if (loop_is_set(&d->peer))
		return 0;
	loop_set(&d->peer, s->fd[0], LOOP_WRITE | LOOP_EDGE, peer_stirs, d);
	if (loop_add(&d->peer, -1) == -1)
		quiet(&d->peer); /* then its reset is noticed later */
	return 0;
}

static int
retry_later(struct bridge *b)
{
	if (loop_is_set(&b->retry))
		loop_del(&b->retry);
	loop_set(&b->retry, -1, 0, ask_again, b);
	return loop_add(&b->retry, (long)b->retry_ms);
}

/* The line of the dst in hand. */
static struct dial_line *
line_of(const struct dial *d)
{
	struct dial_line *line = &bridge_of(d)->line[d->number];

	if (line->tqh_last == NULL) /* a new bridge is all zero */
		TAILQ_INIT(line);
	return line;
}

/* At its end, unless it stands there already.  0, or -1 with errno. */
static int
join_line(struct dial *d)
{
	struct bridge *b = bridge_of(d);

	if (d->waits)
		return 0;
	if (await(d, -1) == -1)
		return -1;
	TAILQ_INSERT_TAIL(line_of(d), d, in_line);
	d->waits = 1;
	if (b->in_line++ > 0)
		return 0;
	b->retry_ms = RETRY_LEAST_MS;
	if (retry_later(b) == 0)
		return 0;
	leave_line(d);
	errno = ENOMEM;
	return -1;
}

/* What an administrator can put right is said in the log. */
static void
complain(const struct dial *d, const struct sockets_dial *how)
{
	uint64_t now = clock_ms();

	if (how->why == NULL ||
	    (dials.noted_ms != 0 && now - dials.noted_ms < NOTE_MS))
		return;
	dials.noted_ms = now;
	log_warn("bridge %u: dst: %s", slots_id(d->session->bridge), how->why);
}

/* 1: in line, on its way or standing; 0: it failed, d->err says how. */
static int
try_one(struct dial *d)
{
	struct session *s = d->session;
	const struct bridge_spec *spec = slots_spec(s->bridge);
	struct sockets_dial how = { .ours = 1 };
	int err;

	if (!d->waits && !TAILQ_EMPTY(line_of(d)))
		errno = EAGAIN; /* others were there first */
	else
		s->fd[1] = sockets_dial(bridge_dst(spec, d->number),
		    &spec->options, &how);
	if (s->fd[1] != -1 && how.standing) {
		stands(d);
		return 1;
	}
	if (s->fd[1] == -1 && errno == EAGAIN && join_line(d) == 0)
		return 1;
	err = errno;
	leave_line(d);
	if (s->fd[1] != -1) {
		quiet(&d->answer);
		if (await(d, s->fd[1]) == 0)
			return 1;
		err = errno;
	}
	d->err = err;
	d->ours = how.ours || d->err == ENOMEM;
	complain(d, &how);
	return 0;
}

/* The dst in hand failed: the next one, or the end. */
static void
go_on(struct dial *d)
{
	struct session *s = d->session;
	const struct bridge_spec *spec = slots_spec(s->bridge);
	uint32_t connect_s = spec->options.connect_s;
	int next;

	if (connect_s == 0) /* no limit: that of the kernel is shorter */
		connect_s = TIMEOUT_S_MAX;
	do {
		leave_line(d);
		quiet(&d->answer);
		if (s->fd[1] != -1)
			close(s->fd[1]);
		s->fd[1] = -1;
		if (d->tried != 0 && !d->ours)
			hold_down(bridge_of(d), d->number, d->err);
		next = choose(d);
		if (next == -1 || d->err == EMFILE || d->err == ENFILE) {
			give_up(d);
			return;
		}
		d->number = (unsigned int)next;
		d->tried |= 1U << next;
		d->deadline_ms = clock_ms() + (uint64_t)connect_s * 1000;
		d->ours = 0;
		slots_begin(s->slot)->dst = *bridge_dst(spec, d->number);
		slots_end(s->slot);
	} while (!try_one(d));
}

static void
answered(void *arg, unsigned int what)
{
	struct dial *d = arg;
	struct session *s = d->session;

	d->err = ETIMEDOUT;
	if (what & LOOP_WRITE)
		d->err = sockets_dialled(s->fd[1], &slots_entry(s->slot)->dst);
	if (d->err == 0)
		stands(d);
	else
		go_on(d);
}

/* The first in each line, and who follows it while dst has room. */
static void
ask_again(void *arg, unsigned int what)
{
	struct bridge *b = arg;
	unsigned int i, n = 0;
	struct dial *d;

	(void)what;
	b->retry_ms *= 2;
	if (b->retry_ms > RETRY_MOST_MS)
		b->retry_ms = RETRY_MOST_MS;
	for (i = 0; i < DSTS_MAX; i++)
		while (n < DIALS_A_TURN &&
		    (d = TAILQ_FIRST(&b->line[i])) != NULL) {
			if (!try_one(d))
				go_on(d);
			if (TAILQ_FIRST(&b->line[i]) == d)
				break;
			b->retry_ms = RETRY_LEAST_MS;
			n++;
		}
	if (b->in_line > 0 && retry_later(b) == -1)
		log_warn("bridge %u: no memory to dial again",
		    slots_id(b->slot));
}

void
dial_start(struct session *s)
{
	struct dial *d = take();

	assert(s->dial == NULL);
	memset(d, 0, sizeof *d);
	d->session = s;
	s->dial = d;
	go_on(d);
}

void
dial_keep(const struct session *s, struct dial_kept *k)
{
	const struct dial *d = s->dial;

	memset(k, 0, sizeof *k);
	if (d == NULL)
		return;
	k->deadline_ms = d->deadline_ms;
	k->number = d->number;
	k->tried = d->tried;
	k->err = d->err;
	k->ours = d->ours;
	k->waits = d->waits;
}

int
dial_adopt(struct session *s, const struct dial_kept *k)
{
	struct dial *d = take();

	assert(s->dial == NULL);
	memset(d, 0, sizeof *d);
	d->session = s;
	s->dial = d;
	d->deadline_ms = k->deadline_ms;
	d->number = k->number;
	d->tried = k->tried;
	d->err = k->err;
	d->ours = k->ours;
	if (s->fd[1] != -1)
		return await(d, s->fd[1]);
	return join_line(d);
}
