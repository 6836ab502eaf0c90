/*
 * LIST: one page of records after the other, a cursor between them that is
 * the number of the slot to go on from.  The work for one page is bounded:
 * what is left over is for the next page.
 *
 * The counts of a connection-oriented bridge are those of its sessions, the
 * ended ones (summed up by the parent) and the living ones, which are summed
 * here in one pass for all bridges.  A session that ends during the pass may
 * be missing from the sum for that moment; none is counted twice.
 */

#include <bsd/string.h>
#include <errno.h>
#include <string.h>

#include "../../common/clock.h"
#include "../../common/record.h"
#include "show.h"

/* Slots looked at for one page: a page of free slots costs milliseconds. */
#define SLOTS_A_PAGE 65536

/* Later pages of one list use the sums of the first one this long. */
#define SUMS_MS      1000

struct sum {
	uint32_t id; /* of the bridge, 0: no bridge in this slot */
	uint64_t count[COUNTS];
};

static struct {
	const struct registry *registry;
	const struct counters *counters;
	const struct ring *ring;
	uint32_t bridges; /* slots of them; sessions follow */
	uint64_t sums_ms; /* when sums were made */
	struct sum sums[LIMIT_BRIDGES_MAX + 1];
} show;

/* One list while it is written. */
struct page {
	struct frame_out out;
	struct proto_records head;
	uint64_t now_ms;
	uint64_t wall_ns;
};

typedef void (*put_fn)(struct page *, uint32_t, const struct registry_entry *);

void
show_setup(const struct registry *registry, const struct counters *counters,
    const struct ring *ring, uint32_t bridges)
{
	uint32_t i;

	show.registry = registry;
	show.counters = counters;
	show.ring = ring;
	show.bridges = bridges;
	for (i = 0; i <= bridges; i++)
		*(volatile uint32_t *)&show.sums[i].id = 0;
}

size_t
show_bytes(void)
{
	return sizeof show.sums;
}

/* registry_read, and no text in the copy without an end. */
static int
read_slot(uint32_t slot, struct registry_entry *e)
{
	if (registry_read(show.registry, slot, e) == -1)
		return -1;
	e->spec.name[sizeof e->spec.name - 1] = '\0';
	return 0;
}

static void
add_counts(uint64_t to[COUNTS], const uint64_t from[COUNTS])
{
	int i;

	for (i = 0; i < COUNTS; i++)
		to[i] += from[i];
}

/* The slot of a bridge's id, or 0 when the id is none of a bridge. */
static uint32_t
bridge_slot(uint32_t id)
{
	uint32_t slot = id % (show.registry->nslots + 1);

	return slot <= show.bridges ? slot : 0;
}

static int
sum_bridge(uint32_t slot)
{
	struct registry_entry e;
	struct sum *s = &show.sums[slot];
	uint64_t count[COUNTS], active_ms;

	s->id = 0;
	memset(s->count, 0, sizeof s->count);
	if (read_slot(slot, &e) == -1)
		return -1;
	if (e.kind != SLOT_BRIDGE)
		return 0;
	s->id = e.id;
	add_counts(s->count, e.ended);
	if (counters_read(show.counters, slot, e.id, count, &active_ms) == 0)
		add_counts(s->count, count);
	return 0;
}

static int
sum_session(uint32_t slot)
{
	struct registry_entry e;
	struct sum *s;
	uint64_t count[COUNTS], active_ms;

	/* Most slots were never used: their counters say so in one load. */
	if (atomic_load_explicit(&show.counters->slots[slot].id,
		memory_order_relaxed) == 0)
		return 0;
	if (read_slot(slot, &e) == -1)
		return -1;
	if (e.kind != SLOT_SESSION)
		return 0;
	s = &show.sums[bridge_slot(e.bridge)];
	if (s->id == 0 || s->id != e.bridge)
		return 0;
	if (counters_read(show.counters, slot, e.id, count, &active_ms) == 0)
		add_counts(s->count, count);
	return 0;
}

/* Returns 0, or -1 when a slot is busy; the sums are then of no use. */
static int
make_sums(uint64_t now_ms)
{
	uint32_t slot;

	show.sums_ms = 0;
	for (slot = 1; slot <= show.bridges; slot++)
		if (sum_bridge(slot) == -1)
			return -1;
	for (; slot <= show.registry->nslots; slot++)
		if (sum_session(slot) == -1)
			return -1;
	show.sums_ms = now_ms;
	return 0;
}

static uint64_t
age_s(const struct page *p, uint64_t born_ns)
{
	return p->wall_ns > born_ns ? (p->wall_ns - born_ns) / 1000000000 : 0;
}

/* Whether a count says something of this kind of bridge. */
static int
count_applies(enum count c, int connected)
{
	if (c == COUNT_BYTES_TO_DST)
		return 1;
	return connected ? c == COUNT_BYTES_TO_SRC : c != COUNT_BYTES_TO_SRC;
}

static void
put_counts(struct record_out *r, const uint64_t count[COUNTS], int connected)
{
	unsigned int i;

	for (i = 0; i < COUNTS; i++)
		if (count_applies(i, connected))
			record_put_number(r, FIELD_COUNT + i, count[i]);
}

static void
put_silent(struct record_out *r, const struct page *p, uint64_t active_ms)
{
	record_put_number(r, FIELD_SILENT,
	    p->now_ms > active_ms ? p->now_ms - active_ms : 0);
}

static void
put_options(struct record_out *r, const struct bridge_options *options)
{
	unsigned int i;

	for (i = 0; bridge_options[i].name != NULL; i++)
		record_put_number(r, FIELD_OPTIONS + i,
		    bridge_option_get(options, &bridge_options[i]));
}

/* What only a bridge with sessions has. */
static void
put_connected(struct record_out *r, const struct registry_entry *e)
{
	unsigned int i;

	record_put_number(r, FIELD_SESSIONS, e->sessions);
	record_put_number(r, FIELD_CONNECTING, e->connecting);
	put_options(r, &e->spec.options);
	for (i = 0; i < PARENT_COUNTS; i++)
		record_put_number(r, FIELD_PARENT + i, e->parent_count[i]);
}

static void
put_bridge(struct page *p, uint32_t slot, const struct registry_entry *e)
{
	const struct sum *s = &show.sums[slot];
	struct record_out r;
	uint64_t count[COUNTS], active_ms;
	int connected = addr_is_connected_type(&e->spec.src);

	record_begin(&r, &p->out);
	record_put_number(&r, FIELD_ID, e->id);
	record_put_text(&r, FIELD_NAME, e->spec.name);
	record_put_text(&r, FIELD_KIND, "bridge");
	record_put_text(&r, FIELD_STATE, name_state(e->state));
	record_put_addr(&r, FIELD_SRC, &e->spec.src);
	record_put_addr(&r, FIELD_DST, &e->spec.dst);
	record_put_number(&r, FIELD_OWNER, e->owner);
	record_put_number(&r, FIELD_BORN, e->born_ns);
	record_put_number(&r, FIELD_AGE, age_s(p, e->born_ns));
	if (connected)
		put_connected(&r, e);
	else {
		record_put_number(&r, FIELD_SRC_SHARED, e->shared);
		if (counters_read(show.counters, slot, e->id, count,
			&active_ms) == 0)
			put_silent(&r, p, active_ms);
	}
	/* A bridge made since the sums were has moved nothing by then. */
	put_counts(&r, s->id == e->id ? s->count : e->ended, connected);
	record_end(&r);
}

static void
put_bridge_name(struct record_out *r, uint32_t id)
{
	struct registry_entry e;
	uint32_t slot = bridge_slot(id);

	if (slot != 0 && read_slot(slot, &e) == 0 && e.id == id)
		record_put_text(r, FIELD_BRIDGE_NAME, e.spec.name);
}

static void
put_session(struct page *p, uint32_t slot, const struct registry_entry *e)
{
	struct record_out r;
	uint64_t count[COUNTS], active_ms;

	record_begin(&r, &p->out);
	record_put_number(&r, FIELD_ID, e->id);
	record_put_text(&r, FIELD_KIND, "session");
	record_put_text(&r, FIELD_STATE, name_state(e->state));
	record_put_number(&r, FIELD_BRIDGE, e->bridge);
	put_bridge_name(&r, e->bridge);
	record_put_addr(&r, FIELD_PEER, &e->spec.src);
	record_put_addr(&r, FIELD_DST, &e->spec.dst);
	record_put_number(&r, FIELD_BORN, e->born_ns);
	record_put_number(&r, FIELD_AGE, age_s(p, e->born_ns));
	if (counters_read(show.counters, slot, e->id, count, &active_ms) == 0)
		put_silent(&r, p, active_ms);
	put_counts(&r, count, 1);
	record_end(&r);
}

/*
 * The slots first..last of one kind, as far as the page goes.  Returns 0, or
 * -1 when the first slot in question is busy.
 */
static int
put_slots(struct page *p, uint32_t first, uint32_t last, enum slot_kind kind,
    put_fn put)
{
	struct registry_entry e;
	struct frame_out before;
	uint32_t slot, left = SLOTS_A_PAGE;

	for (slot = first; slot <= last; slot++) {
		p->head.cursor = slot;
		if (left-- == 0)
			return 0;
		if (read_slot(slot, &e) == -1)
			return p->head.count > 0 ? 0 : -1;
		if (e.kind != kind)
			continue;
		before = p->out;
		put(p, slot, &e);
		if (!p->out.bad) {
			p->head.count++;
			continue;
		}
		/* No room; but what fits no page at all is left out. */
		p->out = before;
		if (p->head.count > 0)
			return 0;
	}
	p->head.cursor = 0;
	return 0;
}

static int
list_bridges(struct page *p, uint32_t cursor)
{
	if (cursor > show.bridges) {
		errno = EINVAL;
		return -1;
	}
	if ((cursor == 0 || p->now_ms - show.sums_ms >= SUMS_MS) &&
	    make_sums(p->now_ms) == -1)
		return -1;
	return put_slots(p, cursor == 0 ? 1 : cursor, show.bridges, SLOT_BRIDGE,
	    put_bridge);
}

static int
list_sessions(struct page *p, uint32_t cursor)
{
	if (cursor != 0 &&
	    (cursor <= show.bridges || cursor > show.registry->nslots)) {
		errno = EINVAL;
		return -1;
	}
	return put_slots(p, cursor == 0 ? show.bridges + 1 : cursor,
	    show.registry->nslots, SLOT_SESSION, put_session);
}

static void
put_now(struct record_out *r, const struct registry_head *h)
{
	unsigned int i;

	record_put_number(r, FIELD_BRIDGES, atomic_load(&h->bridges));
	record_put_number(r, FIELD_BRIDGES_LIMIT, h->bridges_limit);
	record_put_number(r, FIELD_SESSIONS, atomic_load(&h->sessions));
	record_put_number(r, FIELD_SESSIONS_LIMIT, h->sessions_limit);
	record_put_number(r, FIELD_CONNECTING, atomic_load(&h->connecting));
	record_put_number(r, FIELD_CLIENTS, atomic_load(&h->clients));
	record_put_number(r, FIELD_CLIENTS_LIMIT, h->clients_limit);
	record_put_number(r, FIELD_LIMIT_FD, h->fd_limit);
	record_put_number(r, FIELD_STANDBY_ENGINES,
	    atomic_load(&h->standby_engines));
	record_put_number(r, FIELD_STANDBY_CONTROLS,
	    atomic_load(&h->standby_controls));
	record_put_number(r, FIELD_EVENTS, ring_next(show.ring));
	record_put_number(r, FIELD_EVENTS_LIMIT, h->events_limit);
	for (i = 0; i < PARENT_COUNTS; i++)
		record_put_number(r, FIELD_PARENT + i,
		    atomic_load(&h->parent_count[i]));
}

static int
list_summary(struct page *p, uint32_t cursor)
{
	struct record_out r;
	uint64_t count[COUNTS] = { 0 };
	uint32_t slot;
	unsigned int i;

	if (cursor != 0) {
		errno = EINVAL;
		return -1;
	}
	if (make_sums(p->now_ms) == -1)
		return -1;
	for (slot = 1; slot <= show.bridges; slot++)
		if (show.sums[slot].id != 0)
			add_counts(count, show.sums[slot].count);
	record_begin(&r, &p->out);
	record_put_text(&r, FIELD_VERSION, MCTD_VERSION);
	record_put_number(&r, FIELD_UPTIME,
	    age_s(p, show.registry->head->born_ns));
	put_now(&r, show.registry->head);
	for (i = 0; i < COUNTS; i++)
		record_put_number(&r, FIELD_COUNT + i, count[i]);
	record_end(&r);
	p->head.count = 1;
	return 0;
}

static int (*const lists[])(struct page *, uint32_t cursor) = {
	[LIST_SUMMARY] = list_summary,
	[LIST_BRIDGES] = list_bridges,
	[LIST_SESSIONS] = list_sessions,
};

static size_t
list_error(struct proto_error *error, int err, const char *text)
{
	error->err = (uint32_t)err;
	strlcpy(error->text, text, sizeof error->text);
	return 0;
}

size_t
show_list(const struct proto_list *ask, uint32_t request, void *buf,
    size_t size, struct proto_error *error)
{
	struct page p;

	if (ask->what >= sizeof lists / sizeof lists[0] ||
	    lists[ask->what] == NULL)
		return list_error(error, EINVAL, "there is no such list");
	memset(&p, 0, sizeof p);
	p.now_ms = clock_ms();
	p.wall_ns = clock_wall_ns();
	frame_begin(&p.out, buf, size, MSG_C2L_RECORDS, 0, request);
	proto_put_records(&p.out, &p.head);
	if (lists[ask->what](&p, ask->cursor) == -1)
		return errno == EINVAL ?
		    list_error(error, EINVAL, "the cursor is out of range") :
		    list_error(error, EAGAIN, "busy, try again");
	proto_set_records(&p.out, &p.head);
	return frame_end(&p.out);
}
