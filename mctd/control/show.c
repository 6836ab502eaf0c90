/*
 * LIST: one page of records after the other, a cursor between them that is
 * the number of the slot to go on from.  The work for one page is bounded:
 * what is left over is for the next page.
 */

#include <bsd/string.h>
#include <errno.h>
#include <string.h>

#include "../../common/clock.h"
#include "../../common/record.h"
#include "../sandbox/sandbox.h"
#include "../share/processes.h"
#include "show.h"
#include "show_bridge.h"
#include "show_groups.h"
#include "sums.h"

/* Slots looked at for one page: a page of free slots costs milliseconds. */
#define SLOTS_A_PAGE 65536

/* Later pages of one list use the sums of the first one this long. */
#define SUMS_MS      1000

static struct {
	const struct registry *registry;
	const struct ring *ring;
	uint32_t bridges; /* slots of them; sessions follow */
} show;

/* One list while it is written. */
struct page {
	struct frame_out out;
	struct proto_records head;
	uint64_t now_ms;
};

/* spec: of a bridge, else NULL */
typedef void (*put_fn)(struct page *, uint32_t, const struct registry_entry *,
    const struct bridge_spec *spec);

void
show_setup(const struct registry *registry, const struct counters *counters,
    uint32_t engines, const struct ring *ring, uint32_t bridges)
{
	show.registry = registry;
	show.ring = ring;
	show.bridges = bridges;
	sums_setup(registry, counters, engines);
}

size_t
show_bytes(void)
{
	return sums_bytes();
}

static int
read_slot(uint32_t slot, struct registry_entry *e)
{
	return registry_read(show.registry, slot, e);
}

/* A bridge's, and no text in the copy without an end. */
static int
read_bridge(uint32_t slot, struct registry_entry *e, struct bridge_spec *spec)
{
	if (registry_read_bridge(show.registry, slot, e, spec) == -1)
		return -1;
	spec->name[sizeof spec->name - 1] = '\0';
	spec->options.device[DEVICE_BYTES - 1] = '\0';
	spec->options.in_device[DEVICE_BYTES - 1] = '\0';
	spec->options.affinity[DEVICE_BYTES - 1] = '\0';
	return 0;
}

static uint64_t
age_s(const struct page *p, uint64_t born_ms)
{
	return p->now_ms > born_ms ? (p->now_ms - born_ms) / 1000 : 0;
}

static void
put_silent(struct record_out *r, const struct page *p, uint64_t active_ms)
{
	record_put_number(r, FIELD_SILENT,
	    p->now_ms > active_ms ? p->now_ms - active_ms : 0);
}

/* What only a bridge with sessions has. */
static void
put_connected(struct record_out *r, const struct registry_entry *e,
    const struct bridge_spec *spec)
{
	unsigned int i;

	record_put_number(r, FIELD_SESSIONS, e->sessions);
	record_put_number(r, FIELD_CONNECTING, e->connecting);
	show_options(r, spec);
	for (i = 0; i < PARENT_UNREAD; i++) /* that is of flows */
		record_put_number(r, FIELD_PARENT + i, e->parent_count[i]);
}

/* And what only a connectionless one. */
static void
put_connectionless(struct page *p, struct record_out *r, uint32_t slot,
    const struct registry_entry *e, const struct bridge_spec *spec)
{
	uint64_t count[COUNTS], active_ms;

	record_put_number(r, FIELD_SRC_SHARED, e->shared);
	record_put_text(r, FIELD_ONE_WAY, name_one_way(e->one_way));
	record_put_number(r, FIELD_RECEIVE_BUFFER, e->receive_buffer);
	record_put_number(r, FIELD_SEND_BUFFER, e->send_buffer);
	if (bridge_has_flows(spec)) {
		record_put_number(r, FIELD_FLOWS, e->flows);
		record_put_number(r, FIELD_PARENT + PARENT_UNREAD,
		    e->parent_count[PARENT_UNREAD]);
	}
	show_options(r, spec);
	if (sums_read(slot, e, count, &active_ms) == 0)
		put_silent(r, p, active_ms);
}

static void
put_bridge(struct page *p, uint32_t slot, const struct registry_entry *e,
    const struct bridge_spec *spec)
{
	const uint64_t *sum = sums_of(slot, e->id);
	struct record_out r;
	int connected = addr_is_connected_type(&spec->src);

	record_begin(&r, &p->out);
	record_put_number(&r, FIELD_ID, e->id);
	record_put_text(&r, FIELD_NAME, spec->name);
	record_put_text(&r, FIELD_KIND, "bridge");
	record_put_text(&r, FIELD_STATE, name_state(e->state));
	record_put_addr(&r, FIELD_SRC, &spec->src);
	record_put_addr(&r, FIELD_DST, &spec->dst);
	if (connected)
		show_dsts(&r, e, spec);
	record_put_number(&r, FIELD_OWNER, e->owner);
	record_put_number(&r, FIELD_BORN, e->born_ns);
	record_put_number(&r, FIELD_AGE, age_s(p, e->born_ms));
	if (connected)
		put_connected(&r, e, spec);
	else
		put_connectionless(p, &r, slot, e, spec);
	/* A bridge made since the sums were has moved nothing by then. */
	show_counts(&r, sum != NULL ? sum : e->ended, spec);
	record_end(&r);
}

static void
put_bridge_name(struct record_out *r, uint32_t id)
{
	struct registry_entry e;
	struct bridge_spec spec;
	uint32_t slot = sums_bridge_slot(id);

	if (slot != 0 && read_bridge(slot, &e, &spec) == 0 && e.id == id)
		record_put_text(r, FIELD_BRIDGE_NAME, spec.name);
}

/* What living sessions and those that were have alike. */
static void
begin_session(struct page *p, struct record_out *r,
    const struct registry_entry *e, const char *state)
{
	record_begin(r, &p->out);
	record_put_number(r, FIELD_ID, e->id);
	record_put_text(r, FIELD_KIND, "session");
	record_put_text(r, FIELD_STATE, state);
	record_put_number(r, FIELD_BRIDGE, e->bridge);
	put_bridge_name(r, e->bridge);
	record_put_addr(r, FIELD_PEER, &e->peer);
	record_put_addr(r, FIELD_DST, &e->dst);
	record_put_number(r, FIELD_BORN, e->born_ns);
}

static void
put_end(struct record_out *r, const struct registry_entry *e)
{
	record_put_text(r, FIELD_REASON, name_end_reason(e->reason));
	record_put_number(r, FIELD_ERR, e->err);
}

static void
put_session(struct page *p, uint32_t slot, const struct registry_entry *e,
    const struct bridge_spec *spec)
{
	struct record_out r;
	uint64_t count[COUNTS], active_ms;

	(void)spec;
	begin_session(p, &r, e, name_state(e->state));
	record_put_number(&r, FIELD_AGE, age_s(p, e->born_ms));
	if (e->state != STATE_CONNECTING)
		record_put_number(&r, FIELD_ENGINE, e->engine);
	if (e->state == STATE_CLOSING)
		put_end(&r, e);
	if (sums_read(slot, e, count, &active_ms) == 0)
		put_silent(&r, p, active_ms);
	show_counts(&r, count, NULL);
	record_end(&r);
}

static void
put_ended(struct page *p, uint32_t slot, const struct registry_entry *e,
    const struct bridge_spec *spec)
{
	struct record_out r;

	(void)slot;
	(void)spec;
	begin_session(p, &r, e, "ended");
	record_put_number(&r, FIELD_ENDED, e->ended_ns);
	record_put_number(&r, FIELD_LASTED,
	    e->ended_ms > e->born_ms ? e->ended_ms - e->born_ms : 0);
	record_put_number(&r, FIELD_AGO, age_s(p, e->ended_ms));
	put_end(&r, e);
	show_counts(&r, e->ended, NULL);
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
	struct bridge_spec spec;
	struct frame_out before;
	uint32_t slot, left = SLOTS_A_PAGE;

	for (slot = first; slot <= last; slot++) {
		p->head.cursor = slot;
		if (left-- == 0)
			return 0;
		if ((kind == SLOT_BRIDGE ? read_bridge(slot, &e, &spec) :
					   read_slot(slot, &e)) == -1)
			return p->head.count > 0 ? 0 : -1;
		if (e.kind != kind)
			continue;
		before = p->out;
		put(p, slot, &e, kind == SLOT_BRIDGE ? &spec : NULL);
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
	if (sums_make(p->now_ms, cursor == 0 ? 0 : SUMS_MS) == -1)
		return -1;
	return put_slots(p, cursor == 0 ? 1 : cursor, show.bridges, SLOT_BRIDGE,
	    put_bridge);
}

/* Sessions of one kind: those that live, or those that were. */
static int
list_kind(struct page *p, uint32_t cursor, enum slot_kind kind, put_fn put)
{
	if (cursor != 0 &&
	    (cursor <= show.bridges || cursor > show.registry->nslots)) {
		errno = EINVAL;
		return -1;
	}
	return put_slots(p, cursor == 0 ? show.bridges + 1 : cursor,
	    show.registry->nslots, kind, put);
}

/* All groups of a bridge are on one page. */
static int
list_groups(struct page *p, uint32_t cursor)
{
	struct frame_out before;
	uint32_t slot;
	int n;

	if (cursor > show.bridges) {
		errno = EINVAL;
		return -1;
	}
	for (slot = cursor == 0 ? 1 : cursor; slot <= show.bridges; slot++) {
		p->head.cursor = slot;
		before = p->out;
		n = show_groups(show.registry, slot, &p->out);
		if (n == -1)
			return p->head.count > 0 ? 0 : -1;
		if (p->out.bad) {
			p->out = before;
			if (p->head.count > 0)
				return 0;
			continue;
		}
		p->head.count = (uint16_t)(p->head.count + n);
	}
	p->head.cursor = 0;
	return 0;
}

static int
list_sessions(struct page *p, uint32_t cursor)
{
	return list_kind(p, cursor, SLOT_SESSION, put_session);
}

static int
list_ended(struct page *p, uint32_t cursor)
{
	return list_kind(p, cursor, SLOT_ENDED, put_ended);
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
	record_put_number(r, FIELD_GROUPS, atomic_load(&h->groups));
	record_put_number(r, FIELD_GROUPS_LIMIT, h->groups_limit);
	record_put_number(r, FIELD_FLOWS, atomic_load(&h->flows));
	record_put_number(r, FIELD_FLOWS_LIMIT, h->flows_limit);
	record_put_number(r, FIELD_LIMIT_FD, h->fd_limit);
	record_put_number(r, FIELD_ENGINES, h->engines);
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
	unsigned int i;

	if (cursor != 0) {
		errno = EINVAL;
		return -1;
	}
	if (sums_make(p->now_ms, 0) == -1)
		return -1;
	sums_all(count);
	record_begin(&r, &p->out);
	record_put_text(&r, FIELD_VERSION, MCTD_VERSION);
	record_put_number(&r, FIELD_UPTIME,
	    age_s(p, show.registry->head->born_ms));
	put_now(&r, show.registry->head);
	for (i = 0; i < COUNTS; i++)
		record_put_number(&r, FIELD_COUNT + i, count[i]);
	record_end(&r);
	p->head.count = 1;
	return 0;
}

/* A process of the daemon, and what it is to be. */
static void
put_process(struct page *p, const struct process *process)
{
	const struct registry_head *h = show.registry->head;
	char chroot[sizeof h->chroot];
	struct record_out r;

	memcpy(chroot, h->chroot, sizeof chroot - 1);
	chroot[sizeof chroot - 1] = '\0';
	record_begin(&r, &p->out);
	record_put_number(&r, FIELD_PID, process->pid);
	record_put_text(&r, FIELD_KIND, processes_kind(process->kind));
	record_put_text(&r, FIELD_STATE, processes_state(process->state));
	if (process->kind == PROCESS_ENGINE &&
	    process->state == PROCESS_WORKING)
		record_put_number(&r, FIELD_ENGINE, process->which);
	record_put_number(&r, FIELD_PRIVILEGED, h->privileged);
	record_put_number(&r, FIELD_UID, h->uid);
	record_put_number(&r, FIELD_GID, h->gid);
	record_put_text(&r, FIELD_CAPABILITIES,
	    sandbox_powers_text(
		process->kind == PROCESS_PARENT ? h->powers : 0));
	record_put_text(&r, FIELD_CHROOT, chroot);
	record_put_number(&r, FIELD_CHROOT_DEVICE, h->chroot_device);
	record_put_number(&r, FIELD_CHROOT_INODE, h->chroot_inode);
	record_end(&r);
}

static int
list_processes(struct page *p, uint32_t cursor)
{
	struct process process;
	struct frame_out before;
	uint32_t place;

	if (cursor >= REGISTRY_PROCESSES) {
		errno = EINVAL;
		return -1;
	}
	for (place = cursor; place < REGISTRY_PROCESSES; place++) {
		if (processes_get(show.registry->head, place, &process) == -1)
			continue;
		before = p->out;
		put_process(p, &process);
		if (p->out.bad) {
			p->out = before;
			p->head.cursor = place;
			return 0;
		}
		p->head.count++;
	}
	p->head.cursor = 0;
	return 0;
}

static int (*const lists[])(struct page *, uint32_t cursor) = {
	[LIST_SUMMARY] = list_summary,
	[LIST_BRIDGES] = list_bridges,
	[LIST_SESSIONS] = list_sessions,
	[LIST_ENDED] = list_ended,
	[LIST_PROCESSES] = list_processes,
	[LIST_GROUPS] = list_groups,
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
	frame_begin(&p.out, buf, size, MSG_C2L_RECORDS, 0, request);
	proto_put_records(&p.out, &p.head);
	if (lists[ask->what](&p, ask->cursor) == -1)
		return errno == EINVAL ?
		    list_error(error, EINVAL, "the cursor is out of range") :
		    list_error(error, EAGAIN, "busy, try again");
	proto_set_records(&p.out, &p.head);
	return frame_end(&p.out);
}
