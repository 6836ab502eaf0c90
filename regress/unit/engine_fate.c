/* See engine_fate.h. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/ioctl.h>
#include <sys/socket.h>

#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "engine_fate.h"
#include "engine_spy.h"
#include "engine_trace.h"

unsigned int efate_doubts;

static struct erig rig;

/* The session as it stands. */
struct run {
	const struct efate *f;
	struct erig_side side[2];
	size_t written[2];
	size_t taken[2];
	unsigned int chunks[2];
	int finished[2]; /* has written all, and said so */
	int at_end[2];   /* gave end of file */
	const unsigned int *stops;
	unsigned int engines;
	unsigned int nth;
	unsigned int died;
	struct etrace *trace;
};

static void
run_session(struct run *r, int recovered)
{
	struct inner_session m = { .slot = EFATE_SLOT,
		.rate = r->f->rate,
		.recovered = (uint8_t)recovered };

	r->trace = NULL;
	if (r->nth < r->engines && r->stops[r->nth] != 0)
		r->trace = etrace_begin(rig.pid, r->stops[r->nth]);
	r->nth++;
	erig_session_as(&rig, &m, &r->side[0], &r->side[1]);
	if (recovered)
		erig_send_resumed(&rig);
	if (r->trace != NULL)
		etrace_go(r->trace);
}

static void
run_begin(struct run *r, const struct efate *f, const unsigned int *stops,
    unsigned int n)
{
	struct erig_setup s;

	memset(r, 0, sizeof *r);
	r->f = f;
	r->stops = stops;
	r->engines = n;
	erig_as_usual(&s);
	s.start.pipes = f->pipes;
	erig_start_as(&rig, &s);
	espy->roomy = f->roomy;
	erig_pair(&r->side[0], f->kind[0], f->buffer_bytes);
	erig_dst_pair(&r->side[1], f->kind[1], f->buffer_bytes);
	run_session(r, 0);
}

static const struct inner_end *
end_of(void)
{
	const struct inner_end *end = &rig.ended[EFATE_SLOT];

	return end->serial == 0 ? NULL : end;
}

/* The engine has gone. */
static void
run_death(struct run *r)
{
	assert_non_null(r->trace); /* nobody else would kill it */
	erig_bury(&rig);
	assert_true(etrace_end(r->trace));
	r->trace = NULL;
	r->died++;
	erig_succeed(&rig);
	if (end_of() == NULL)
		run_session(r, 1);
}

static void
run_write(struct run *r, int i)
{
	const struct efate *f = r->f;
	size_t left = f->bytes[i] - r->written[i];
	int flags = 0;

	if (left > f->chunk)
		left = f->chunk;
	if (f->urgent != 0 && r->chunks[i] % f->urgent == f->urgent - 1)
		flags = MSG_OOB;
	left = erig_write_some(r->side[i].outside, r->written[i], left, flags);
	r->written[i] += left;
	r->chunks[i] += left > 0;
}

/* All is written: what comes then. */
static void
run_finish(struct run *r, int i)
{
	struct erig_side *side = &r->side[i];
	int unsent = 0;

	if (r->f->end == EFATE_CLOSE || i == 1) {
		shutdown(side->outside, SHUT_WR);
		r->finished[i] = 1;
		return;
	}
	(void)ioctl(side->outside, SIOCOUTQ, &unsent);
	if ((side->kind == ADDR_TCP && unsent > 0) ||
	    (r->f->end == EFATE_RESET_LAST && !r->at_end[0]))
		return;
	erig_reset(side->outside);
	side->outside = -1;
	r->finished[i] = 1;
}

static void
run_read(struct run *r, int i)
{
	size_t n;

	switch (erig_take(r->side[i].outside, r->taken[i], r->f->reads, &n)) {
	case ERIG_NOTHING:
		break;
	case ERIG_BYTES:
		if (r->side[i].kind == ADDR_UNIXSEQ)
			assert_int_equal(n, r->f->chunk);
		r->taken[i] += n;
		break;
	case ERIG_END:
		assert_int_equal(r->taken[i], r->f->bytes[!i]);
		assert_true(r->finished[!i]);
		r->at_end[i] = 1;
		break;
	default:
		fail_msg("side %d was reset", i);
	}
}

/* What it waits for on side i. */
static struct pollfd
run_events(const struct run *r, int i)
{
	struct pollfd p = { .fd = r->side[i].outside };

	if (r->written[i] < r->f->bytes[i] && end_of() == NULL)
		p.events |= POLLOUT;
	if (!r->at_end[i])
		p.events |= POLLIN;
	if (p.events == 0)
		p.fd = -1;
	return p;
}

static void
run_step(struct run *r)
{
	struct pollfd p[3] = { { .fd = rig.channel, .events = POLLIN } };
	int i, waits = 20000;

	for (i = 0; i < 2; i++) {
		p[i] = run_events(r, i);
		if (r->finished[i] || r->written[i] < r->f->bytes[i])
			continue;
		run_finish(r, i);
		p[i] = run_events(r, i);
		if (!r->finished[i]) /* there is no event for that */
			waits = 1;
	}
	p[2].fd = rig.channel;
	p[2].events = POLLIN;
	if (poll(p, 3, waits) <= 0 && waits != 1)
		fail_msg("nothing moves; %u engines of %u died, at %u first",
		    r->died, r->engines, r->stops[0]);
	for (i = 0; i < 2; i++) {
		if (p[i].fd != -1 && (p[i].revents & POLLOUT))
			run_write(r, i);
		if (p[i].fd != -1 && (p[i].revents & ~POLLOUT))
			run_read(r, i);
	}
	if (p[2].revents != 0 && !erig_hear(&rig))
		run_death(r);
}

/* The parent's part after a clean end: everything has been carried over. */
static void
run_clean(struct run *r)
{
	int i;

	assert_int_equal(r->f->end, EFATE_CLOSE);
	assert_true(r->finished[0] && r->finished[1]);
	for (i = 0; i < 2; i++) {
		close(r->side[i].inside);
		while (!r->at_end[i]) {
			erig_poll(r->side[i].outside, POLLIN);
			run_read(r, i);
		}
		close(r->side[i].outside);
	}
	assert_int_equal(erig_count(&rig, EFATE_SLOT, COUNT_BYTES_TO_DST),
	    r->f->bytes[0]);
	assert_int_equal(erig_count(&rig, EFATE_SLOT, COUNT_BYTES_TO_SRC),
	    r->f->bytes[1]);
}

/* And after a reset of the peer: dst has all that it sent, then the reset. */
static void
run_reset(struct run *r)
{
	struct erig_side *dst = &r->side[1];
	size_t n;

	close(r->side[0].inside);
	while (r->taken[1] < r->f->bytes[0]) {
		erig_poll(dst->outside, POLLIN);
		run_read(r, 1);
	}
	erig_reset(dst->inside);
	erig_poll(dst->outside, POLLIN);
	if (erig_take(dst->outside, 0, 1, &n) != ERIG_RESET)
		assert_int_not_equal(dst->kind, ADDR_TCP);
	close(dst->outside);
}

static void
run_doubt(struct run *r)
{
	int i;

	assert_true(r->f->doubt && r->died > 0);
	efate_doubts++;
	for (i = 0; i < 2; i++) {
		close(r->side[i].inside);
		if (r->side[i].outside != -1)
			close(r->side[i].outside);
	}
}

/* The engine is not needed any more; it may die on its way out. */
static void
run_stop(struct run *r)
{
	struct etrace *trace = r->trace;

	erig_wait_pipes_back(&rig);
	if (trace == NULL) {
		erig_stop(&rig, 0);
		return;
	}
	shutdown(rig.channel, SHUT_WR);
	while (erig_hear(&rig))
		continue;
	if (etrace_end(trace)) {
		erig_bury(&rig);
		erig_succeed(&rig);
		erig_stop(&rig, 0);
	} else
		erig_wait_stop(&rig, 0);
}

unsigned int
efate_run(const struct efate *f, const unsigned int *stops, unsigned int n)
{
	struct run r;

	run_begin(&r, f, stops, n);
	while (end_of() == NULL)
		run_step(&r);
	switch (end_of()->reason) {
	case END_CLEAN:
		run_clean(&r);
		break;
	case END_PEER_RESET:
		assert_int_not_equal(f->end, EFATE_CLOSE);
		run_reset(&r);
		break;
	case END_ENGINE_DIED:
		run_doubt(&r);
		break;
	default:
		fail_msg("end %u, %s", end_of()->reason,
		    strerror((int)end_of()->err));
	}
	run_stop(&r);
	return r.died;
}

unsigned int
efate_at_each_stop(const struct efate *f, unsigned int stride)
{
	unsigned int stop = 1;

	while (efate_run(f, &stop, 1) > 0)
		stop += stride * EFATE_SLOWER;
	return stop;
}

struct efate
efate_of(size_t k, size_t bytes, size_t chunk)
{
	struct efate f = { .kind = { eone_kinds[k][0], eone_kinds[k][1] },
		.bytes = { bytes, bytes / 2 },
		.chunk = chunk,
		.reads = 65536,
		.pipes = ERIG_PIPES };

	return f;
}

struct efate
efate_held_up(size_t k, size_t bytes)
{
	struct efate f = efate_of(k, bytes, 65536);

	f.buffer_bytes = 8192;
	f.reads = 3000;
	f.roomy = 1;
	return f;
}
