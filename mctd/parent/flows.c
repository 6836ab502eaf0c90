/*
 * Flows of datagram bridges.
 *
 * How many there are of a bridge, and who gives way to whom, is the engine's
 * business: it sees them used.  Before it says ASKER it has ended one where
 * there is no room.  Of an engine that does not, more than there is room for
 * is refused.
 *
 * New ones a second are limited, of each bridge: a bucket that takes those
 * of one second; time fills it, each new one empties it by one.
 *
 * Between the engine's last look into a flow's sockets and their end here more
 * may come: then the flow goes on, if there is room for it beside the one that
 * it gave way to, or is counted, so that nothing is lost unseen.
 *
 * Calls: close, poll
 */

#include <sys/queue.h>

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../common/clock.h"
#include "../../common/log.h"
#include "dgram_tell.h"
#include "events.h"
#include "flow_sockets.h"
#include "flows.h"
#include "slots.h"
#include "sources.h"

/* At most one event about limits a second and bridge. */
#define LIMIT_NOTE_MS 1000

struct flow {
	TAILQ_ENTRY(flow) in_queue; /* free ones; those to be told */
	TAILQ_ENTRY(flow) in_going_on;
	uint64_t serial;   /* 0: free */
	uint32_t slot;     /* of its bridge */
	uint8_t told;      /* the engine has it */
	uint8_t recovered; /* one that died had it */
	uint8_t goes_on;   /* it was about to end once */
	int fd[2];         /* to the asker, to dst */
	struct addr asker;
};
TAILQ_HEAD(flow_queue, flow);

/* Of a bridge. */
struct asked {
	TAILQ_ENTRY(asked) in_queue; /* to be told that there is none */
	uint8_t waits;               /* ASKER is not answered yet */
	uint8_t refused;             /* and will not be by a flow */
	uint32_t flows;
	uint64_t filled_ms;
	uint64_t credit; /* thousandths of a flow */
	uint64_t note_ms;
};
TAILQ_HEAD(asked_queue, asked);

static struct {
	struct flow *table;
	uint32_t n;
	struct asked *asked; /* by slot */
	uint32_t used;
	struct flow_queue unused;
	struct flow_queue to_tell;
	struct flow_queue going_on;
	struct asked_queue to_refuse;
} flows;

size_t
flows_bytes(uint32_t bridges, uint32_t n)
{
	return n * sizeof(struct flow) +
	    ((size_t)bridges + 1) * sizeof(struct asked);
}

int
flows_init(uint32_t bridges, uint32_t n)
{
	uint32_t i;

	TAILQ_INIT(&flows.unused);
	TAILQ_INIT(&flows.to_tell);
	TAILQ_INIT(&flows.going_on);
	TAILQ_INIT(&flows.to_refuse);
	flows.table = calloc(n, sizeof *flows.table);
	flows.asked = calloc((size_t)bridges + 1, sizeof *flows.asked);
	if (flows.table == NULL || flows.asked == NULL)
		return -1;
	flows.n = n;
	for (i = 0; i < n; i++)
		TAILQ_INSERT_TAIL(&flows.unused, &flows.table[i], in_queue);
	return 0;
}

/* The bridge has one more, or one less. */
static void
publish(uint32_t slot, int more)
{
	struct asked *a = &flows.asked[slot];

	a->flows += (uint32_t)more;
	flows.used += (uint32_t)more;
	slots_begin(slot)->flows = a->flows;
	slots_end(slot);
	atomic_store_explicit(&slots_head()->flows, flows.used,
	    memory_order_relaxed);
}

static void
note_limit(const struct bridge *b, const char *which)
{
	struct event_note note = { .type = EVENT_LIMIT_REACHED };
	struct asked *a = &flows.asked[b->slot];
	uint64_t now = clock_ms();

	if (a->note_ms != 0 && now - a->note_ms < LIMIT_NOTE_MS)
		return;
	a->note_ms = now;
	note.id = note.bridge = slots_id(b->slot);
	note.text = which;
	events_add(&note);
	log_warn("bridge %u: limit reached: %s", note.id, which);
}

static int
is_over_rate(struct asked *a)
{
	const uint64_t full = (uint64_t)FLOW_RATE * 1000;
	uint64_t now = clock_ms(), passed = now - a->filled_ms;

	a->filled_ms = now;
	a->credit += passed >= 1000 ? full : passed * FLOW_RATE;
	if (a->credit > full)
		a->credit = full;
	if (a->credit < 1000)
		return 1;
	a->credit -= 1000;
	return 0;
}

/* The limit that forbids one more, or NULL. */
static const char *
limit_reached(const struct bridge *b)
{
	struct asked *a = &flows.asked[b->slot];

	if (is_over_rate(a))
		return "new flows a second";
	if (a->flows >= bridges_spec(b)->options.flows)
		return "flows";
	return TAILQ_EMPTY(&flows.unused) ? "flows of all bridges" : NULL;
}

/*
 * Who has the same address as dst, or as what was asked, would be answered
 * with its own answers.
 */
static int
is_circle(const struct bridge_spec *spec, const struct addr *local,
    const struct addr *asker)
{
	struct addr bare = spec->dst;

	bare.kind = asker->kind;
	return addr_equal(asker, &spec->src) || addr_equal(asker, local) ||
	    addr_equal(asker, &bare);
}

/*
 * What the engine says was asked, with src's port, which it does not know.
 * 0, or -1: it is no place of src's.
 */
static int
take_local(const struct inner_asker *m, const struct addr *src,
    struct addr *local)
{
	*local = m->local;
	if (local->kind == ADDR_NONE)
		return 0;
	if (local->kind != src->kind || !addr_is_ip(src) ||
	    (addr_family(local) != addr_family(src) &&
		!(src->flags & ADDR_DUAL)))
		return -1;
	if (addr_family(local) == AF_INET)
		local->u.in.sin_port = htons((uint16_t)addr_port(src));
	else
		local->u.in6.sin6_port = htons((uint16_t)addr_port(src));
	return addr_check(local, ADDR_DST, NULL);
}

/* Whether there is one for this asker: it was about to end, and goes on. */
static int
has_flow(const struct bridge *b, const struct addr *asker)
{
	const struct flow *f;

	TAILQ_FOREACH(f, &flows.going_on, in_going_on)
		if (f->slot == b->slot && addr_equal(&f->asker, asker))
			return 1;
	return 0;
}

/* Opens the sockets; 0, or -1 with errno and *why. */
static int
open_flow(struct flow *f, const struct bridge *b, const struct addr *local,
    const char **why)
{
	const struct bridge_spec *spec = bridges_spec(b);
	int saved;

	*why = NULL;
	if (flow_sockets_asker(sources_of(b)->fd, &spec->src, &f->asker) == -1)
		return -1;
	if (is_circle(spec, local, &f->asker)) {
		*why = "the asker has the address of src or of dst";
		errno = ELOOP;
		return -1;
	}
	if (has_flow(b, &f->asker)) {
		*why = "the asker has a flow";
		errno = EEXIST;
		return -1;
	}
	f->fd[1] = flow_sockets_to_dst(spec, &f->asker, why);
	if (f->fd[1] == -1)
		return -1;
	f->fd[0] = flow_sockets_to_asker(spec, &f->asker, local, why);
	if (f->fd[0] != -1)
		return 0;
	saved = errno;
	close(f->fd[1]);
	errno = saved;
	return -1;
}

static void
log_failure(const struct bridge *b, const char *why)
{
	static struct log_rate rate;

	if (why == NULL)
		why = strerror(errno);
	if (log_rate(&rate, SESSION_LOG_RATE, "flows"))
		log_info("bridge %u: no flow: %s", slots_id(b->slot), why);
}

/* A new flow for who is at the head of the src, or NULL. */
static struct flow *
make_flow(const struct bridge *b, const struct addr *local)
{
	struct flow *f = TAILQ_FIRST(&flows.unused);
	const char *why = limit_reached(b);

	if (why != NULL) {
		note_limit(b, why);
		return NULL;
	}
	if (open_flow(f, b, local, &why) == -1) {
		log_failure(b, why);
		return NULL;
	}
	TAILQ_REMOVE(&flows.unused, f, in_queue);
	f->serial = slots_serial();
	f->slot = b->slot;
	f->told = f->recovered = 0;
	TAILQ_INSERT_TAIL(&flows.to_tell, f, in_queue);
	publish(b->slot, 1);
	if (flows.asked[b->slot].flows == bridges_spec(b)->options.flows)
		note_limit(b, "flows");
	return f;
}

int
flows_asker(const struct inner_asker *m)
{
	struct bridge *b = bridges_at(m->slot);
	struct addr local;
	struct asked *a;

	if (b == NULL || b->state == BRIDGE_FREE || bridges_is_stream(b) ||
	    b->serial != m->serial || !b->told || b->source != m->src ||
	    !bridge_has_flows(bridges_spec(b)) ||
	    take_local(m, &bridges_spec(b)->src, &local) == -1)
		return -1;
	a = &flows.asked[b->slot];
	if (a->waits)
		return -1;
	if (b->state == BRIDGE_CLOSING)
		return 0; /* it is answered with its end */
	a->waits = 1;
	if (make_flow(b, &local) != NULL)
		return 0;
	a->refused = 1;
	TAILQ_INSERT_TAIL(&flows.to_refuse, a, in_queue);
	return 0;
}

static void
end_flow(struct flow *f)
{
	if (!f->told)
		TAILQ_REMOVE(&flows.to_tell, f, in_queue);
	if (f->goes_on)
		TAILQ_REMOVE(&flows.going_on, f, in_going_on);
	f->goes_on = 0;
	close(f->fd[0]);
	close(f->fd[1]);
	f->serial = 0;
	publish(f->slot, -1);
	TAILQ_INSERT_TAIL(&flows.unused, f, in_queue);
}

static int
is_unread(const struct flow *f)
{
	struct pollfd p[2] = { { .fd = f->fd[0], .events = POLLIN },
		{ .fd = f->fd[1], .events = POLLIN } };

	return poll(p, 2, 0) > 0 && ((p[0].revents | p[1].revents) & POLLIN);
}

/* One in which something is unread. */
static int
goes_on(const struct flow *f)
{
	const struct bridge *b = bridges_at(f->slot);

	if (b->state == BRIDGE_CLOSING)
		return 0;
	if (flows.asked[f->slot].flows < bridges_spec(b)->options.flows &&
	    !TAILQ_EMPTY(&flows.unused))
		return 1;
	slots_count(f->slot, PARENT_UNREAD);
	return 0;
}

int
flows_ended(const struct inner_flow *m)
{
	struct flow *f;

	if (m->flow >= flows.n)
		return -1;
	f = &flows.table[m->flow];
	if (f->serial != m->flow_serial || !f->told)
		return -1;
	if (!is_unread(f) || !goes_on(f)) {
		end_flow(f);
		return 0;
	}
	f->serial = slots_serial();
	f->told = 0;
	f->recovered = 1; /* nobody asked for it */
	if (!f->goes_on)
		TAILQ_INSERT_TAIL(&flows.going_on, f, in_going_on);
	f->goes_on = 1;
	TAILQ_INSERT_TAIL(&flows.to_tell, f, in_queue);
	return 0;
}

static int
tell_flow(struct flow *f)
{
	const struct bridge *b = bridges_at(f->slot);
	const struct bridge_spec *spec = bridges_spec(b);
	struct inner_flow m = { .replies = spec->options.reply == FLAG_YES };
	struct frame_out out;
	uint8_t buf[256];

	m.flow = (uint32_t)(f - flows.table);
	m.flow_serial = f->serial;
	m.slot = b->slot;
	m.serial = b->serial;
	m.kind = spec->src.kind;
	m.dst_kind = spec->dst.kind;
	m.recovered = f->recovered;
	m.asker = f->asker;
	frame_begin(&out, buf, sizeof buf, MSG_P2E_FLOW, 0, 0);
	inner_put_flow(&out, &m);
	if (dgram_tell(&out, f->fd, 2) == -1)
		return -1;
	TAILQ_REMOVE(&flows.to_tell, f, in_queue);
	f->told = 1;
	if (!f->recovered)
		flows.asked[f->slot].waits = 0;
	return 0;
}

static int
tell_none(struct asked *a)
{
	struct bridge *b = bridges_at((uint32_t)(a - flows.asked));
	struct inner_attach m = { .slot = b->slot, .serial = b->serial };
	struct frame_out out;
	uint8_t buf[64];

	m.src = b->source;
	frame_begin(&out, buf, sizeof buf, MSG_P2E_FLOW_NO, 0, 0);
	inner_put_attach(&out, &m);
	if (dgram_tell(&out, NULL, 0) == -1)
		return -1;
	TAILQ_REMOVE(&flows.to_refuse, a, in_queue);
	a->waits = a->refused = 0;
	return 0;
}

/* Those of a bridge that the engine was not told of, or has lost, wait. */
int
flows_flush(void)
{
	struct flow *f, *next;
	struct asked *a;

	for (f = TAILQ_FIRST(&flows.to_tell); f != NULL; f = next) {
		next = TAILQ_NEXT(f, in_queue);
		if (bridges_at(f->slot)->told &&
		    !bridges_at(f->slot)->close_told && tell_flow(f) == -1)
			return -1;
	}
	while ((a = TAILQ_FIRST(&flows.to_refuse)) != NULL)
		if (tell_none(a) == -1)
			return -1;
	return 0;
}

/* Nothing that it asked counts any more. */
static void
forget(struct asked *a)
{
	if (a->refused)
		TAILQ_REMOVE(&flows.to_refuse, a, in_queue);
	a->waits = a->refused = 0;
}

void
flows_engine_died(void)
{
	struct asked *a;
	struct flow *f;
	uint32_t i;

	while ((a = TAILQ_FIRST(&flows.to_refuse)) != NULL)
		forget(a);
	for (i = 0; i < flows.n; i++) {
		f = &flows.table[i];
		if (f->serial == 0)
			continue;
		/* who waits for the answer is asked for again, or known */
		flows.asked[f->slot].waits = 0;
		f->recovered = 1;
		if (f->told)
			TAILQ_INSERT_TAIL(&flows.to_tell, f, in_queue);
		f->told = 0;
	}
}

void
flows_close(uint32_t slot)
{
	struct asked *a = &flows.asked[slot];
	uint32_t i;

	forget(a);
	for (i = 0; i < flows.n && a->flows > 0; i++)
		if (flows.table[i].serial != 0 && flows.table[i].slot == slot)
			end_flow(&flows.table[i]);
	assert(a->flows == 0);
}

void
flows_changed(const struct bridge *b, const struct bridge_options *was)
{
	uint32_t i, left = flows.asked[b->slot].flows;
	const struct flow *f;

	for (i = 0; i < flows.n && left > 0; i++) {
		f = &flows.table[i];
		if (f->serial == 0 || f->slot != b->slot)
			continue;
		flow_sockets_change(f->fd, bridges_spec(b), was);
		left--;
	}
}

int
flows_keep(struct flows_kept *kept)
{
	const struct flow *f;

	for (; kept->flow < flows.n; kept->flow++) {
		f = &flows.table[kept->flow];
		if (f->serial == 0)
			continue;
		kept->serial = f->serial;
		kept->slot = f->slot;
		kept->asker = f->asker;
		kept->fd[0] = f->fd[0];
		kept->fd[1] = f->fd[1];
		return 1;
	}
	return 0;
}

int
flows_adopt(const struct flows_kept *kept)
{
	const struct bridge *b = bridges_at(kept->slot);
	struct flow *f;

	if (kept->flow >= flows.n || kept->serial == 0 || b == NULL ||
	    b->state == BRIDGE_FREE || bridges_is_stream(b))
		return -1;
	f = &flows.table[kept->flow];
	if (f->serial != 0)
		return -1;
	TAILQ_REMOVE(&flows.unused, f, in_queue);
	f->serial = kept->serial;
	f->slot = kept->slot;
	f->asker = kept->asker;
	f->fd[0] = kept->fd[0];
	f->fd[1] = kept->fd[1];
	f->told = 1; /* as one that an engine had */
	f->recovered = 0;
	publish(f->slot, 1);
	return 0;
}
