/*
 * Connectionless bridges: their sockets, and what the engine is told.
 *
 * Calls: close
 */

#include <bsd/string.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../../common/clock.h"
#include "../../common/log.h"
#include "clients.h"
#include "datagrams.h"
#include "dgram_dst.h"
#include "dgram_tell.h"
#include "events.h"
#include "flow_sockets.h"
#include "flows.h"
#include "groups.h"
#include "leads.h"
#include "local.h"
#include "slots.h"
#include "sources.h"

/* A dst that is lost is dialled again this often. */
#define RECONNECT_MS 50

static struct {
	int dirty; /* the engine is to be told something */
	struct loop_event again;
	int again_waits;
} datagrams;

size_t
datagrams_bytes(uint32_t n)
{
	return sources_bytes(n);
}

static int
is_ours(const struct bridge *b)
{
	return !addr_is_connected_type(&bridges_spec(b)->src);
}

/* Bridges that waited for the engine to let go of their src are over. */
static void
finish_waiting(const struct source *s)
{
	struct bridge *b, *next;

	for (b = sources_user(s, 1); b != NULL; b = next) {
		next = sources_user(s, b->slot + 1);
		if (b->fd == -1 && b->state == BRIDGE_CLOSING)
			bridges_finished(b);
	}
}

/* What was found out when the dst socket was made. */
static void
publish_dst(const struct bridge *b, const struct bridge_options *o,
    const struct dgram_dst *d)
{
	struct registry_entry *e = slots_begin(b->slot);

	e->one_way =
	    (uint8_t)(o->reply == FLAG_YES ? ONE_WAY_NONE : d->one_way);
	e->send_buffer = d->send_buffer;
	slots_end(b->slot);
}

/* Groups at its port are in the way of a src at all addresses. */
static struct source *
open_source(const struct bridge_spec *spec,
    const struct bridge_options *options, const char **why)
{
	struct source *s = sources_open(spec, options, why);

	if (s != NULL || errno != EADDRINUSE || !leads_is_wildcard(&spec->src))
		return s;
	groups_share(&spec->src, 1);
	s = sources_open(spec, options, why);
	groups_share(&spec->src, 0);
	return s;
}

int
datagrams_open(struct bridge *b, const struct bridge_spec *spec,
    const struct bridge_options *options, const char **why)
{
	struct dgram_dst d;
	struct source *s;
	int saved;

	if (flow_sockets_try(&spec->dst, options, why) == -1 ||
	    (s = open_source(spec, options, why)) == NULL)
		return -1;
	b->fd = dgram_dst_open(&spec->dst, options, &d, why);
	if (b->fd == -1) {
		saved = errno;
		if (s->users == 0 && !s->told)
			sources_close(s);
		errno = saved;
		return -1;
	}
	/* the engine was not asked yet to give it up, and will not be */
	if (s->users == 0 && s->told && !s->close_told)
		finish_waiting(s);
	s->users++;
	b->source = sources_number(s);
	b->serial = slots_serial();
	publish_dst(b, options, &d);
	return 0;
}

void
datagrams_begin(struct bridge *b)
{
	struct event_note note = { .type = EVENT_ONE_WAY };

	sources_serve(sources_of(b));
	datagrams.dirty = 1;
	note.id = note.bridge = slots_id(b->slot);
	note.reason = slots_entry(b->slot)->one_way;
	if (note.reason != ONE_WAY_NONE)
		events_add(&note);
}

int
datagrams_is_other(const struct bridge *b, const struct bridge_options *o)
{
	const struct bridge_options *now = &bridges_spec(b)->options;

	return is_ours(b) &&
	    (dgram_dst_is_other(now, o) ||
		strcmp(now->in_device, o->in_device) != 0 ||
		(now->reply == FLAG_YES) != (o->reply == FLAG_YES) ||
		now->source_client != o->source_client);
}

int
datagrams_try_change(const struct bridge *b, const struct bridge_options *o,
    const char **why)
{
	if (!datagrams_is_other(b, o))
		return dgram_dst_try(&bridges_spec(b)->dst, o, why);
	*why = "such a change takes other sockets: close the bridge first";
	errno = EBUSY;
	return -1;
}

static void
dial_lost(void *arg, unsigned int what)
{
	static struct log_rate rate;
	const struct bridge_spec *spec;
	struct bridge *b;

	(void)arg;
	(void)what;
	datagrams.again_waits = 0;
	for (b = bridges_next(1); b != NULL; b = bridges_next(b->slot + 1)) {
		if (!b->lost || !is_ours(b) || b->fd == -1)
			continue;
		spec = bridges_spec(b);
		if (dgram_dst_again(b->fd, &spec->dst, &spec->options) == -1) {
			datagrams.again_waits = 1;
			continue;
		}
		b->lost = 0;
		if (log_rate(&rate, SESSION_LOG_RATE, "dsts"))
			log_info("bridge %u: dst is reached again",
			    slots_id(b->slot));
	}
	if (datagrams.again_waits)
		(void)loop_add(&datagrams.again, RECONNECT_MS);
	else
		loop_del(&datagrams.again); /* it was not what called */
}

int
datagrams_init(uint32_t n)
{
	loop_set(&datagrams.again, -1, 0, dial_lost, NULL);
	return sources_init(n);
}

static void
set_lost(struct bridge *b)
{
	b->lost = 1;
	if (!datagrams.again_waits)
		dial_lost(NULL, 0);
}

void
datagrams_changed(struct bridge *b, const struct bridge_options *was)
{
	const struct bridge_spec *spec = bridges_spec(b);
	const struct bridge_options *now = &spec->options;
	struct dgram_dst d = { .one_way = slots_entry(b->slot)->one_way };
	const char *why;

	if (b->fd == -1)
		return;
	if (dgram_dst_change(b->fd, &spec->dst, was, now, &d, &why) == -1) {
		log_warn("bridge %u: options of its dst: %s", slots_id(b->slot),
		    why != NULL ? why : strerror(errno));
		set_lost(b);
	}
	publish_dst(b, now, &d);
	sources_serve(sources_of(b));
	flows_changed(b, was);
	b->retune = 1;
	datagrams.dirty = 1;
}

/* The dst socket is closed; the bridge is over when nobody has its src. */
static void
release(struct bridge *b)
{
	struct source *s = sources_of(b);

	close(b->fd);
	flows_close(b->slot);
	b->fd = -1;
	b->told = 0;
	s->users--;
	datagrams.dirty = 1; /* SRC_CLOSE, or others waited for this one */
	sources_serve(s);
	if (s->users > 0)
		bridges_finished(b);
	else if (!s->told) {
		sources_close(s);
		bridges_finished(b);
	} /* else it is over with SRC_CLOSED */
}

void
datagrams_close(struct bridge *b)
{
	if (!b->told)
		release(b);
	else
		datagrams.dirty = 1;
}

/* A source is told anew where it is to be with flows, or without. */
static int
is_other_source(const struct source *s, const struct bridge *b)
{
	return s->told && s->flows != bridge_has_flows(bridges_spec(b));
}

/* Its source first; or later, after SRC_CLOSED. */
static int
tell_dst(struct bridge *b)
{
	struct source *s = sources_of(b);

	if (s->close_told || is_other_source(s, b))
		return 0;
	if (!s->told &&
	    sources_tell(s, bridge_has_flows(bridges_spec(b))) == -1)
		return -1;
	return dgram_tell_dst(b);
}

/*
 * One that is closing is told to an engine that has it not, when another that
 * had it died: what that one had in hand is counted then.
 */
static int
tell_bridge(struct bridge *b)
{
	int closing = b->state == BRIDGE_CLOSING && b->fd != -1;

	if (!b->told && b->state != BRIDGE_HELD && b->fd != -1 &&
	    tell_dst(b) == -1)
		return -1;
	if (b->told && closing && !b->close_told)
		return dgram_tell_close(b);
	if (b->told && !closing && b->retune)
		return dgram_tell_tune(b);
	return 0;
}

/* Whether the engine has it as it is not to be any more. */
static int
is_over(const struct source *s)
{
	const struct bridge *b;
	int other = 0;

	if (!s->told || s->close_told)
		return 0;
	for (b = sources_user(s, 1); b != NULL;
	     b = sources_user(s, b->slot + 1)) {
		if (b->told)
			return 0;
		other |= b->fd != -1 && is_other_source(s, b);
	}
	return s->users == 0 || other;
}

static int
tell_bridges(void)
{
	struct source *s;
	struct bridge *b;
	uint32_t i;

	for (b = bridges_next(1); b != NULL; b = bridges_next(b->slot + 1))
		if (is_ours(b) && tell_bridge(b) == -1)
			return -1;
	for (i = 0; (s = sources_at(i)) != NULL; i++)
		if (is_over(s) && sources_tell_close(s) == -1)
			return -1;
	datagrams.dirty = 0;
	dgram_tell_takes();
	return 0;
}

int
datagrams_flush(void)
{
	if (datagrams.dirty && tell_bridges() == -1)
		return -1;
	return groups_flush() == -1 ? -1 : flows_flush();
}

/* The bridge an engine speaks of, or NULL. */
static struct bridge *
named(uint32_t slot, uint64_t serial)
{
	struct bridge *b = bridges_at(slot);

	if (b == NULL || b->state == BRIDGE_FREE || !is_ours(b) ||
	    b->serial != serial || !b->told)
		return NULL;
	return b;
}

int
datagrams_installed(const struct inner_which *m)
{
	struct bridge *b = named(m->slot, m->serial);

	if (b == NULL)
		return -1;
	if (b->state != BRIDGE_INSTALLING)
		return 0; /* a standby has it again, or it is closing */
	b->state = BRIDGE_OPEN;
	if (b->has_waiter)
		clients_done(&b->waiter, slots_id(b->slot));
	b->has_waiter = 0;
	return 0;
}

int
datagrams_ended(const struct inner_end *m)
{
	struct bridge *b = named(m->slot, m->serial);

	if (b == NULL || b->state != BRIDGE_CLOSING)
		return -1;
	release(b);
	return 0;
}

/* The engine has let go of a source: it is closed, or told anew. */
static void
source_free(struct source *s)
{
	s->told = s->close_told = 0;
	if (s->users == 0)
		sources_close(s);
	datagrams.dirty = 1;
	finish_waiting(s);
}

int
datagrams_source_closed(const struct inner_src *m)
{
	struct source *s = sources_at(m->src);

	if (s == NULL)
		return groups_source_closed(m);
	if (!s->close_told)
		return -1;
	source_free(s);
	return 0;
}

int
datagrams_lost(const struct inner_out *m)
{
	struct bridge *b = named(m->slot, m->serial);

	if (b == NULL || m->out > JOINS_MAX)
		return -1;
	if (m->out != 0)
		return 0; /* of a group: there is nobody to be connected to */
	set_lost(b);
	return 0;
}

void
datagrams_network_changed(void)
{
	if (datagrams.again_waits)
		dial_lost(NULL, 0);
}

/* Sources that nobody uses any more go with the engine. */
static void
free_sources(void)
{
	struct source *s;
	uint32_t i;

	for (i = 0; (s = sources_at(i)) != NULL; i++) {
		s->told = s->close_told = 0;
		if (s->fd == -1)
			continue;
		if (s->users == 0)
			source_free(s);
		else
			finish_waiting(s);
	}
}

void
datagrams_engine_died(void)
{
	struct bridge *b;

	for (b = bridges_next(1); b != NULL; b = bridges_next(b->slot + 1))
		if (is_ours(b))
			b->told = b->close_told = 0;
	free_sources();
	groups_engine_died();
	datagrams.dirty = 1;
	dgram_tell_takes();
}

void
datagrams_stop(void)
{
	struct bridge *b, *next;

	datagrams_engine_died();
	for (b = bridges_next(1); b != NULL; b = next) {
		next = bridges_next(b->slot + 1);
		if (is_ours(b) && b->state == BRIDGE_CLOSING && b->fd != -1)
			release(b);
	}
}

static void
note_drop(struct bridge *b, int reason, uint64_t more)
{
	struct event_note note = { .type = EVENT_DROPPED_PACKET };
	uint64_t count[COUNTS];

	memset(count, 0, sizeof count);
	count[reason] = more;
	note.id = note.bridge = slots_id(b->slot);
	note.reason = (unsigned int)reason;
	note.count = count;
	events_add(&note);
}

void
datagrams_note_drops(void)
{
	uint64_t count[COUNTS];
	struct bridge *b;
	int i;

	for (b = bridges_next(1); b != NULL; b = bridges_next(b->slot + 1)) {
		if (!is_ours(b) || !b->told)
			continue;
		slots_counters(b->slot, count);
		for (i = COUNT_DROP_FIRST; i < COUNTS; i++) {
			if (count[i] > b->dropped[i])
				note_drop(b, i, count[i] - b->dropped[i]);
			b->dropped[i] = count[i];
		}
	}
}

int
datagrams_overdue(uint64_t now_ms)
{
	const struct bridge *b;

	if (dgram_tell_overdue(now_ms))
		return 1;
	for (b = bridges_next(1); b != NULL; b = bridges_next(b->slot + 1))
		if (is_ours(b) && b->told && now_ms >= b->deadline_ms &&
		    (b->state == BRIDGE_INSTALLING || b->close_told))
			return 1;
	return sources_overdue(now_ms) || groups_overdue(now_ms);
}

int
datagrams_keep(uint32_t *from, struct local_file *file)
{
	const struct source *s;

	for (; (s = sources_at(*from)) != NULL; ++*from) {
		if (s->fd == -1)
			continue;
		*file = s->file;
		return s->fd;
	}
	return -1;
}

int
datagrams_adopt_source(uint32_t number, int fd, const struct local_file *file)
{
	struct source *s = sources_at(number);

	if (s == NULL || s->fd != -1)
		return -1;
	memset(s, 0, sizeof *s);
	s->fd = fd;
	s->file = *file;
	s->told = 1;
	return 0;
}

int
datagrams_adopt(struct bridge *b)
{
	const struct bridge_spec *spec = bridges_spec(b);
	struct source *s = sources_at(b->source);

	if (s == NULL || s->fd == -1 ||
	    (b->fd == -1 && b->state != BRIDGE_CLOSING))
		return -1;
	s->addr = spec->src;
	(void)strlcpy(s->device, spec->options.in_device, sizeof s->device);
	s->granted = slots_entry(b->slot)->receive_buffer;
	if (b->fd != -1)
		dgram_src_add(&s->wants, &spec->options);
	s->users += b->fd != -1;
	if (b->lost && !datagrams.again_waits) {
		datagrams.again_waits = 1;
		return loop_add(&datagrams.again, RECONNECT_MS);
	}
	return 0;
}
