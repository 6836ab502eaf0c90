/*
 * The engine: its start, its turn, and what the parent says to it.
 *
 * A turn: wait until something happens (not while there is work), read the
 * clock, read the channel, give those in the run queue their go, tell the
 * parent what ended.  From READY on nothing here allocates, and no system
 * call is made but those that move data, close, and wait; and, when a standby
 * takes over, one munmap for each other engine's counters.
 *
 * Calls: poll
 */

#include <bsd/string.h>
#include <bsd/unistd.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "../../common/clock.h"
#include "../../common/limits.h"
#include "../share/arena.h"
#include "dgram.h"
#include "engine.h"
#include "flow.h"
#include "session.h"
#include "spin.h"
#include "start.h"
#include "table.h"

/* Numbers of descriptors in the event loop. */
#define WATCH_CHANNEL 0
#define WATCH_SRCS    1

#define MESSAGE_FDS   (2 * HAND_OVER_PAIRS)

static struct engine {
	int channel;
	int readable; /* the channel may be */
	int active;   /* no standby */
	int halt;     /* to be done when nothing is in hand */
	uint32_t bridges;
	uint32_t first_flow;      /* in runs */
	struct inner_start start; /* what it was told */
	struct counters counters;
	struct spin spin;
	struct chain runs; /* slots of sessions, then srcs, then flows */
	struct stream_work work;
	struct reports reports;
	struct session_table sessions;
	struct dgram_table dgram;
	struct watch_user channel_user;
	uint8_t buf[FRAME_MAX];
} engine;

static uint32_t
srcs(const struct inner_start *m)
{
	return m->bridges + m->groups;
}

static uint32_t
slots(const struct inner_start *m)
{
	return m->bridges + m->sessions;
}

/* Who can be in the run queue. */
static uint32_t
runs(const struct inner_start *m)
{
	return slots(m) + srcs(m) + m->flows;
}

static uint32_t
watches(const struct inner_start *m)
{
	return WATCH_SRCS + srcs(m) + 2 * m->sessions + 2 * m->flows;
}

static _Noreturn void
engine_fatal(const char *what)
{
	log_fatal("engine: %s: %s", what, strerror(errno));
	_exit(1);
}

/* A number only where there are several. */
static void
show_title(const struct engine *e, uint32_t which)
{
	if (e->start.engines > 1)
		setproctitle("engine %u", which);
	else
		setproctitle("engine");
}

/* What the parent says.  Each returns 0, or -1: it cannot mean that. */

static int
take_activate(struct engine *e, struct frame_in *in, const int *fds,
    size_t nfds)
{
	uint32_t which;

	(void)fds;
	which = frame_get_u32(in);
	if (frame_done(in) == -1 || nfds != 0 || e->active ||
	    start_region(&e->start, &e->counters, which) == -1)
		return -1;
	e->active = 1;
	e->work.pipes.owner = e->counters.pipes;
	show_title(e, which);
	return 0;
}

static int
take_pipes(struct engine *e, struct frame_in *in, const int *fds, size_t nfds)
{
	struct pipes *p = &e->work.pipes;
	struct inner_pipes m;
	uint16_t i;

	inner_get_pipes(in, &m);
	if (frame_done(in) == -1 || nfds != 2 * (size_t)m.count ||
	    m.first != p->count || m.first + m.count > e->start.pipes)
		return -1;
	p->bytes = m.bytes;
	for (i = 0; i < m.count; i++)
		if (pipes_add(p, fds[2 * i], fds[2 * i + 1], e->work.buf,
			PEEK_BYTES) == -1)
			return -1;
	return 0;
}

static int
take_sessions(struct engine *e, struct frame_in *in, const int *fds,
    size_t nfds)
{
	struct inner_session m[HAND_OVER_PAIRS];
	uint16_t count, i;

	count = frame_get_u16(in);
	if (count > HAND_OVER_PAIRS || nfds != 2 * (size_t)count)
		return -1;
	for (i = 0; i < count; i++)
		inner_get_session(in, &m[i]);
	if (frame_done(in) == -1)
		return -1;
	for (i = 0; i < count; i++)
		if (session_install(&e->sessions, &m[i], &fds[2 * i]) == -1)
			return -1;
	return 0;
}

static int
take_src(struct engine *e, struct frame_in *in, const int *fds, size_t nfds)
{
	struct inner_src m;

	inner_get_src(in, &m);
	if (frame_done(in) == -1 || nfds != 1)
		return -1;
	return dgram_src(&e->dgram, &m, fds[0]);
}

static int
take_dst(struct engine *e, struct frame_in *in, const int *fds, size_t nfds)
{
	struct inner_dst m;

	inner_get_dst(in, &m);
	if (frame_done(in) == -1 || nfds != 1)
		return -1;
	return dgram_dst(&e->dgram, &m, fds[0]);
}

static int
take_tune(struct engine *e, struct frame_in *in, const int *fds, size_t nfds)
{
	struct inner_tune m;

	(void)fds;
	inner_get_tune(in, &m);
	if (frame_done(in) == -1 || nfds != 0)
		return -1;
	return dgram_tune(&e->dgram, &m);
}

static int
take_out(struct engine *e, struct frame_in *in, const int *fds, size_t nfds)
{
	struct inner_out m;

	inner_get_out(in, &m);
	if (frame_done(in) == -1 || nfds != 1)
		return -1;
	return dgram_out(&e->dgram, &m, fds[0]);
}

static int
take_out_change(struct engine *e, struct frame_in *in, const int *fds,
    size_t nfds)
{
	struct inner_out m;

	(void)fds;
	inner_get_out(in, &m);
	if (frame_done(in) == -1 || nfds != 0)
		return -1;
	return dgram_out_change(&e->dgram, &m);
}

static int
take_out_close(struct engine *e, struct frame_in *in, const int *fds,
    size_t nfds)
{
	struct inner_out m;

	(void)fds;
	inner_get_out(in, &m);
	if (frame_done(in) == -1 || nfds != 0)
		return -1;
	return dgram_out_close(&e->dgram, &m);
}

static int
take_attach(struct engine *e, struct frame_in *in, const int *fds, size_t nfds)
{
	struct inner_attach m;

	(void)fds;
	inner_get_attach(in, &m);
	if (frame_done(in) == -1 || nfds != 0)
		return -1;
	return dgram_attach(&e->dgram, &m);
}

static int
take_flow(struct engine *e, struct frame_in *in, const int *fds, size_t nfds)
{
	struct inner_flow m;

	inner_get_flow(in, &m);
	if (frame_done(in) == -1 || nfds != 2)
		return -1;
	return flow_install(&e->dgram, &m, fds);
}

static int
take_flow_no(struct engine *e, struct frame_in *in, const int *fds, size_t nfds)
{
	struct inner_attach m;

	(void)fds;
	inner_get_attach(in, &m);
	if (frame_done(in) == -1 || nfds != 0)
		return -1;
	return flow_none(&e->dgram, &m);
}

static int
take_close(struct engine *e, struct frame_in *in, const int *fds, size_t nfds)
{
	struct inner_which m;

	(void)fds;
	inner_get_which(in, &m);
	if (frame_done(in) == -1 || nfds != 0 || m.slot == 0 ||
	    m.slot > e->reports.slots)
		return -1;
	if (m.slot <= e->bridges)
		dgram_close(&e->dgram, m.slot, m.serial);
	else
		session_close(&e->sessions, m.slot, m.serial);
	return 0;
}

static int
take_src_close(struct engine *e, struct frame_in *in, const int *fds,
    size_t nfds)
{
	struct inner_src m;

	(void)fds;
	inner_get_src(in, &m);
	if (frame_done(in) == -1 || nfds != 0)
		return -1;
	return dgram_src_close(&e->dgram, &m);
}

static int
take_resumed(struct engine *e, struct frame_in *in, const int *fds, size_t nfds)
{
	(void)fds;
	if (frame_done(in) == -1 || nfds != 0)
		return -1;
	pipes_drain_left(&e->work.pipes, e->work.buf, PEEK_BYTES);
	dgram_resumed(&e->dgram);
	return 0;
}

static int
take_ping(struct engine *e, struct frame_in *in, const int *fds, size_t nfds)
{
	(void)fds;
	if (frame_done(in) == -1 || nfds != 0)
		return -1;
	report_pong(&e->reports);
	return 0;
}

static int
take_halt(struct engine *e, struct frame_in *in, const int *fds, size_t nfds)
{
	(void)fds;
	if (frame_done(in) == -1 || nfds != 0)
		return -1;
	e->halt = 1;
	return 0;
}

static int
take_go_on(struct engine *e, struct frame_in *in, const int *fds, size_t nfds)
{
	(void)fds;
	if (frame_done(in) == -1 || nfds != 0)
		return -1;
	e->halt = 0;
	return 0;
}

static const struct {
	uint16_t type;
	int standby; /* a standby may be told so */
	int (*take)(struct engine *, struct frame_in *, const int *, size_t);
} messages[] = {
	{ MSG_P2X_ACTIVATE, 1, take_activate },
	{ MSG_P2E_SESSIONS, 0, take_sessions },
	{ MSG_P2E_CLOSE, 0, take_close },
	{ MSG_P2E_SRC, 0, take_src },
	{ MSG_P2E_DST, 0, take_dst },
	{ MSG_P2E_TUNE, 0, take_tune },
	{ MSG_P2E_OUT, 0, take_out },
	{ MSG_P2E_OUT_CHANGE, 0, take_out_change },
	{ MSG_P2E_OUT_CLOSE, 0, take_out_close },
	{ MSG_P2E_ATTACH, 0, take_attach },
	{ MSG_P2E_FLOW, 0, take_flow },
	{ MSG_P2E_FLOW_NO, 0, take_flow_no },
	{ MSG_P2E_SRC_CLOSE, 0, take_src_close },
	{ MSG_P2E_PIPES, 0, take_pipes },
	{ MSG_P2E_RESUMED, 0, take_resumed },
	{ MSG_P2X_PING, 1, take_ping },
	{ MSG_P2X_HALT, 0, take_halt },
	{ MSG_P2X_GO_ON, 0, take_go_on },
};

static void
take_message(struct engine *e, size_t len, const int *fds, size_t nfds)
{
	struct frame_in in;
	size_t i;

	errno = EBADMSG;
	if (frame_open(&in, e->buf, len) == -1)
		engine_fatal("frame from parent");
	for (i = 0; i < sizeof messages / sizeof messages[0]; i++)
		if (messages[i].type == in.type &&
		    (e->active || messages[i].standby))
			break;
	errno = EBADMSG;
	if (i == sizeof messages / sizeof messages[0] ||
	    messages[i].take(e, &in, fds, nfds) == -1) {
		log_fatal("engine: message %u from parent", in.type);
		_exit(1);
	}
}

static void
read_channel(struct engine *e)
{
	int fds[MESSAGE_FDS];
	size_t nfds;
	long len;
	int i;

	for (i = 0; i < PACKETS_A_TURN; i++) {
		len = frame_packet_recv(e->channel, e->buf, sizeof e->buf, fds,
		    MESSAGE_FDS, &nfds);
		if (len == -1 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			e->readable = 0;
			return;
		}
		if (len == 0 || (len == -1 && errno == ECONNRESET))
			_exit(0); /* the parent has gone */
		if (len == -1)
			engine_fatal("channel");
		take_message(e, (size_t)len, fds, nfds);
	}
}

static void
channel_event(void *arg, uint32_t number, unsigned int what)
{
	struct engine *e = arg;

	(void)number;
	if (what & (WATCH_READ | WATCH_CLOSED))
		e->readable = 1;
	if (what & WATCH_WRITE)
		e->reports.full = 0;
}

static void
engine_runs(struct engine *e)
{
	uint64_t until = e->work.moved + MOVED_A_TURN;
	uint32_t n, number;

	n = e->runs.count < RUNS_A_TURN ? e->runs.count : RUNS_A_TURN;
	for (; n > 0 && e->work.moved < until; n--) {
		number = chain_pop(&e->runs);
		if (number < e->dgram.first_run)
			session_run(&e->sessions, number);
		else if (number < e->first_flow)
			dgram_run(&e->dgram, number - e->dgram.first_run);
		else
			flow_run(&e->dgram, number - e->first_flow);
	}
}

/*
 * Between two turns nothing is in hand: no datagram, no record, no byte that
 * was sent and not discarded.  Stands until the parent says anything.
 */
static void
engine_stand(struct engine *e)
{
	struct pollfd p = { .fd = e->channel, .events = POLLIN };
	uint8_t buf[FRAME_HEADER];
	struct frame_out out;

	frame_begin(&out, buf, sizeof buf, MSG_X2P_HALTED, 0, 0);
	if (frame_packet_send(e->channel, buf, frame_end(&out)) == -1)
		return; /* full: after the next turn */
	e->halt = 0;
	while (poll(&p, 1, -1) == -1 && errno == EINTR)
		;
	e->readable = 1;
}

static void
engine_turn(struct engine *e)
{
	int busy = e->readable || e->halt || e->runs.count > 0 ||
	    ((e->reports.waiting.count > 0 || e->reports.pong ||
		 flow_has_report(&e->dgram)) &&
		!e->reports.full);

	if ((busy ? watch_turn(0) : spin_wait(&e->spin)) == -1)
		engine_fatal("event loop");
	e->work.now_ms = clock_ms();
	if (e->readable)
		read_channel(e);
	engine_runs(e);
	/* ends of flows before those of their bridges */
	if ((flow_report(&e->dgram) == -1 ||
		(!flow_has_report(&e->dgram) &&
		    report_flush(&e->reports) == -1)) &&
	    errno != EPIPE && errno != ECONNRESET)
		engine_fatal("report to parent");
	if (e->halt) {
		dgram_settle(&e->dgram);
		engine_stand(e);
	}
}

/* A log line is a message to the parent; dropped when the channel is full. */
static void
engine_log(void *arg, enum log_level level, const char *line)
{
	const struct engine *e = arg;
	uint8_t buf[TEXT_BYTES + 64];
	struct frame_out out;
	struct inner_log m;
	size_t len;

	m.level = (uint8_t)level;
	strlcpy(m.text, line, sizeof m.text);
	frame_begin(&out, buf, sizeof buf, MSG_X2P_LOG, 0, 0);
	inner_put_log(&out, &m);
	len = frame_end(&out);
	(void)frame_packet_send(e->channel, buf, len);
}

static void
set_log(struct engine *e, uint8_t level)
{
	struct log_sink sink = { .write = engine_log, .arg = e };

	log_set(&sink, (enum log_level)level);
}

/* Makes every table.  Returns 0, or -1 with errno. */
static int
engine_tables(struct engine *e, const struct inner_start *m)
{
	struct session_table *s = &e->sessions;
	struct dgram_table *d = &e->dgram;
	struct flow_setup flows = { .flows = m->flows };

	flows.first_watch = WATCH_SRCS + srcs(m) + 2 * m->sessions;
	flows.first_run = slots(m) + 1 + srcs(m);
	e->bridges = m->bridges;
	d->bridges = m->bridges;
	d->srcs = srcs(m);
	d->first_watch = WATCH_SRCS;
	d->first_run = slots(m) + 1;
	d->resumed = m->active && !m->upgrade; /* it takes over from nobody */
	s->first = m->bridges + 1;
	s->count = m->sessions;
	s->first_watch = WATCH_SRCS + srcs(m);
	s->counters = d->counters = &e->counters;
	s->reports = d->reports = &e->reports;
	s->runs = d->runs = &e->runs;
	s->work = d->work = &e->work;
	e->work.now_ms = clock_ms();
	e->work.buf = table_new(PEEK_BYTES);
	if (e->work.buf == NULL || gather_setup(&e->work.gathers) == -1 ||
	    watch_setup(watches(m), m->fds) == -1 ||
	    chain_setup(&e->runs, runs(m)) == -1 ||
	    report_setup(&e->reports, e->channel, slots(m), srcs(m)) == -1)
		return -1;
	e->first_flow = flows.first_run;
	return session_setup(s) == -1 || dgram_setup(d) == -1 ||
		flow_setup(d, &flows) == -1 ?
	    -1 :
	    0;
}

void
engine_budget(const struct inner_start *m,
    void (*add)(void *arg, const char *what, size_t bytes), void *arg)
{
	add(arg, "sessions", session_bytes(m->sessions));
	add(arg, "event registrations", watch_bytes(watches(m)));
	add(arg, "event loop", arena_bytes(m->fds));
	add(arg, "run queue", chain_bytes(runs(m)));
	add(arg, "reports", report_bytes(slots(m), srcs(m)));
	add(arg, "datagram srcs and dsts", dgram_bytes(m->bridges, srcs(m)));
	add(arg, "flows", flow_bytes(m->bridges, m->flows));
	add(arg, "datagram batch", dgram_batch_bytes());
	add(arg, "peek buffer", PEEK_BYTES);
	add(arg, "records in pieces", gather_bytes());
}

int
engine_main(int channel)
{
	struct engine *e = &engine;
	const struct inner_start *m = &e->start;

	e->channel = channel;
	if (start_receive(channel, &e->start) == -1 ||
	    (m->active && start_region(m, &e->counters, m->engine) == -1))
		return 1;
	e->work.pipes.owner = e->counters.pipes;
	e->spin.us = m->spin_us;
	set_log(e, m->level);
	if (engine_tables(e, m) == -1) {
		log_fatal("engine: tables: %s", strerror(errno));
		return 1;
	}
	e->channel_user.fn = channel_event;
	e->channel_user.arg = e;
	if (m->active)
		show_title(e, m->engine);
	else
		setproctitle("standby");
	if (watch_add(WATCH_CHANNEL, channel, &e->channel_user) == -1 ||
	    start_confine(m) == -1 || start_ready(channel) == -1) {
		log_fatal("engine: start: %s", strerror(errno));
		return 1;
	}
	e->readable = 1;
	e->active = m->active;
	for (;;)
		engine_turn(e);
}
