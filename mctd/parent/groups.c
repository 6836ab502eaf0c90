/*
 * Groups: the table.
 */

#include <assert.h>
#include <bsd/string.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../common/clock.h"
#include "../../common/log.h"
#include "events.h"
#include "group_show.h"
#include "group_tell.h"
#include "groups.h"
#include "network.h"
#include "slots.h"
#include "sources.h"

/* What waits is tried again so often, whether or not there is news. */
#define RETRY_S 5

static struct {
	struct bridge_group *table;
	uint32_t n;
	uint32_t used;    /* places */
	uint32_t going;   /* of them, those that nobody wants */
	uint32_t lacking; /* groups without a place: until some are gone */
	unsigned int seconds;
	int dirty; /* the engine is to be told something */
} groups;

size_t
groups_bytes(uint32_t n)
{
	return n * sizeof(struct bridge_group);
}

int
groups_init(uint32_t n)
{
	groups.table = calloc(n + 1, sizeof *groups.table); /* never none */
	groups.n = n;
	return groups.table == NULL ? -1 : 0;
}

/* The next one in use, from number `from` on. */
static struct bridge_group *
next_group(uint32_t from)
{
	for (; from < groups.n; from++)
		if (groups.table[from].place != PLACE_FREE)
			return &groups.table[from];
	return NULL;
}

static uint32_t
number_of(const struct bridge_group *g)
{
	return (uint32_t)(g - groups.table);
}

static struct bridge_group *
after(const struct bridge_group *g)
{
	return next_group(number_of(g) + 1);
}

uint32_t
groups_wanted(void)
{
	return groups.used - groups.going + groups.lacking;
}

uint32_t
groups_limit(void)
{
	return groups.n;
}

static void
publish(void)
{
	atomic_store(&slots_head()->groups, groups_wanted());
}

static void
set_lacks(struct bridge *b, uint32_t n)
{
	groups.lacking += n - b->lacks;
	b->lacks = n;
	publish();
}

static struct bridge_group *
take(void)
{
	struct bridge_group *g;

	for (g = groups.table; g < groups.table + groups.n; g++)
		if (g->place == PLACE_FREE) {
			memset(g, 0, sizeof *g);
			g->place = PLACE_WANTED;
			g->fd = -1;
			groups.used++;
			publish();
			return g;
		}
	return NULL;
}

static void
give(struct bridge_group *g)
{
	assert(g->place == PLACE_GOING);
	g->place = PLACE_FREE;
	groups.used--;
	groups.going--;
}

static void
set_state(struct bridge_group *g, enum group_state state, uint32_t index,
    int err)
{
	int same = g->state == state && g->err == err &&
	    (state == GROUP_WAITING || g->index == index);

	g->state = state;
	g->index = index;
	g->err = err;
	if (same)
		return;
	g->since_ns = clock_wall_ns();
	group_show_states(g);
}

/* ---- joining ---- */

static void
wait_for(struct bridge_group *g, int err)
{
	if (g->state == GROUP_JOINED)
		group_part(g);
	groups.dirty = 1;
	set_state(g, GROUP_WAITING, 0, err);
}

/* Where its interface is now, it is joined. */
static void
look(struct bridge_group *g)
{
	uint32_t index = 0, was = g->index;
	const char *why;
	int found, err;

	found = group_find(g, &index);
	if (found == -1 && g->state != GROUP_NONE)
		return;
	if (found != 1) {
		wait_for(g, found == 0 ? 0 : EAGAIN);
		return;
	}
	if (g->state == GROUP_JOINED && was == index && !group_is_stale(g))
		return;
	if (group_join(g, index, &why) == 0) {
		groups.dirty = 1;
		set_state(g, GROUP_JOINED, index, 0);
		return;
	}
	err = errno;
	g->index = was;
	wait_for(g, err == ENODEV ? 0 : err);
}

/* ---- which there are ---- */

static struct bridge_group *
find(const struct bridge *b, const struct bridge_join *j)
{
	struct bridge_group *g;

	for (g = next_group(0); g != NULL; g = after(g))
		if (group_is_of(g, b) && !g->own && join_equal(&g->join, j))
			return g;
	return NULL;
}

const struct bridge_group *
groups_of(const struct bridge *b, const struct bridge_join *j)
{
	return find(b, j);
}

static struct bridge_group *
find_own(const struct bridge *b)
{
	struct bridge_group *g;

	for (g = next_group(0); g != NULL; g = after(g))
		if (group_is_of(g, b) && g->own)
			return g;
	return NULL;
}

void
groups_share(const struct addr *src, int on)
{
	const struct bridge_group *g;

	for (g = next_group(0); g != NULL; g = after(g))
		if (g->place == PLACE_WANTED)
			group_share(g, src, on);
}

/* As if it were joined, by the interface that src is of. */
static void
describe_own(const struct source *s, struct bridge_join *j)
{
	uint32_t scope = 0;

	memset(j, 0, sizeof *j);
	j->end = ADDR_SRC;
	j->family = (uint16_t)addr_family(&s->addr);
	if (j->family == AF_INET6) {
		memcpy(j->group, &s->addr.u.in6.sin6_addr, 16);
		scope = s->addr.u.in6.sin6_scope_id;
	} else
		memcpy(j->group, &s->addr.u.in.sin_addr, 4);
	if (s->device[0] != '\0')
		(void)strlcpy(j->device, s->device, sizeof j->device);
	else if (scope != 0 && network_name(scope, j->device) == -1)
		(void)snprintf(j->device, sizeof j->device, "%u", scope);
}

/* The lowest number that no dst of the bridge has. */
static uint16_t
free_out(const struct bridge *b)
{
	const struct bridge_group *g;
	uint64_t taken = 1; /* its own dst */
	uint16_t out = 1;

	for (g = next_group(0); g != NULL; g = after(g))
		if (group_is_of(g, b) && !g->own)
			taken |= (uint64_t)1 << g->out;
	while (taken >> out & 1)
		out++;
	assert(out <= JOINS_MAX);
	return out;
}

static void
lack(struct bridge *b, const struct bridge_group *like)
{
	struct bridge_group none = *like;

	set_lacks(b, b->lacks + 1);
	none.place = PLACE_WANTED;
	none.state = GROUP_WAITING;
	none.err = ENOSPC;
	none.since_ns = clock_wall_ns();
	group_show(b, &none);
}

static void
add(struct bridge *b, const struct bridge_join *j, int own)
{
	struct bridge_group like = { .own = own, .join = *j };
	struct bridge_group *g = take();

	if (g == NULL) {
		lack(b, &like);
		return;
	}
	g->own = own;
	g->join = *j;
	g->seen = 1;
	g->source = b->source;
	g->slot = own ? 0 : b->slot;
	if (group_is_dst(g))
		g->out = free_out(b);
	look(g);
}

static void
drop(struct bridge_group *g)
{
	group_close(g);
	g->place = PLACE_GOING;
	groups.going++;
	publish();
	groups.dirty = 1;
	if (!g->old)
		give(g);
}

/* Those not seen are not wanted any more. */
static void
drop_unseen(const struct bridge *b)
{
	struct bridge_group *g;

	for (g = next_group(0); g != NULL; g = after(g))
		if (group_is_of(g, b) && !g->own && !g->seen) {
			group_show_event(b, g, EVENT_GROUP_LEFT);
			drop(g);
		}
}

static void
mark(const struct bridge *b)
{
	const struct bridge_options *o = &bridges_spec(b)->options;
	struct bridge_group *g;
	uint32_t i;

	for (g = next_group(0); g != NULL; g = after(g))
		g->seen = 0;
	for (i = 0; i < o->njoins; i++)
		if ((g = find(b, &o->joins[i])) != NULL)
			g->seen = 1;
}

static void
clear_shown(const struct bridge *b)
{
	unsigned int i;

	(void)slots_begin(b->slot);
	for (i = 0; i < REGISTRY_GROUPS; i++)
		memset(slots_group(b->slot, i), 0,
		    sizeof(struct registry_group));
	slots_end(b->slot);
}

/* Those that stay, with the bridge's options as they are now. */
static void
keep(struct bridge *b, const struct bridge_options *was)
{
	struct bridge_group *g;

	for (g = next_group(0); g != NULL; g = after(g)) {
		if (!group_is_of(g, b))
			continue;
		group_show(b, g);
		if (g->own || was == NULL || group_change(g, was) == 0)
			continue;
		if (g->state == GROUP_JOINED)
			g->state = GROUP_NONE;
		look(g);
		if (g->state != GROUP_JOINED)
			group_part(g);
	}
}

void
groups_changed(struct bridge *b, const struct bridge_options *was)
{
	const struct bridge_spec *spec = bridges_spec(b);
	const struct bridge_options *o = &spec->options;
	struct bridge_join own;
	const struct bridge_group *g;
	uint32_t i;

	set_lacks(b, 0);
	mark(b);
	drop_unseen(b);
	clear_shown(b);
	keep(b, was);
	if (join_is_group(&spec->src) && (g = find_own(b)) != NULL) {
		if (was == NULL) /* it is new to this bridge */
			group_show_state(b, g);
	} else if (join_is_group(&spec->src)) {
		describe_own(sources_of(b), &own);
		add(b, &own, 1);
	}
	for (i = 0; i < o->njoins; i++)
		if (find(b, &o->joins[i]) == NULL)
			add(b, &o->joins[i], 0);
	groups.dirty = 1;
}

/* Another that goes on with the same source. */
static int
is_shared(const struct bridge *b)
{
	const struct bridge *other = sources_user(sources_of(b), 1);

	for (; other != NULL;
	     other = sources_user(sources_of(b), other->slot + 1))
		if (other != b && other->state != BRIDGE_CLOSING)
			return 1;
	return 0;
}

void
groups_close(struct bridge *b)
{
	struct bridge_group *g;

	for (g = next_group(0); g != NULL; g = after(g)) {
		if (!group_is_of(g, b))
			continue;
		group_show_event(b, g, EVENT_GROUP_LEFT);
		if (g->own && is_shared(b))
			continue;
		if (group_is_dst(g))
			g->told = g->old = 0; /* they end with the bridge */
		drop(g);
	}
	set_lacks(b, 0);
	clear_shown(b);
}

/* ---- what happens ---- */

void
groups_look(void)
{
	struct bridge_group *g;

	for (g = next_group(0); g != NULL; g = after(g))
		if (g->place == PLACE_WANTED)
			look(g);
}

/* Those that lack a place have one where others have gone. */
static void
look_for_room(void)
{
	struct bridge *b;

	if (groups.lacking == 0 || groups.lacking > groups.n - groups.used)
		return;
	for (b = bridges_next(1); b != NULL; b = bridges_next(b->slot + 1))
		if (b->lacks > 0)
			groups_changed(b, &bridges_spec(b)->options);
}

void
groups_tick(void)
{
	struct bridge_group *g;

	if (groups.used == 0 || ++groups.seconds < RETRY_S)
		return;
	groups.seconds = 0;
	for (g = next_group(0); g != NULL; g = after(g))
		if (g->place == PLACE_WANTED && g->state == GROUP_WAITING)
			look(g);
}

/* What ends comes first: another may have the same number of a dst. */
static int
tell_ends(void)
{
	struct bridge_group *g;

	for (g = next_group(0); g != NULL; g = after(g)) {
		if (group_tell_end(g, number_of(g)) == -1)
			return -1;
		if (g->place == PLACE_GOING && !g->old)
			give(g);
	}
	return 0;
}

int
groups_flush(void)
{
	struct bridge_group *g;
	int later = 0, told;

	if (!groups.dirty)
		return 0;
	if (tell_ends() == -1)
		return -1;
	look_for_room();
	for (g = next_group(0); g != NULL; g = after(g)) {
		if ((told = group_tell(g, number_of(g))) == -1)
			return -1;
		later |= told == 0;
	}
	groups.dirty = later;
	return 0;
}

int
groups_source_closed(const struct inner_src *m)
{
	uint32_t number = m->src - bridges_limit();
	struct bridge_group *g;

	if (m->src < bridges_limit() || number >= groups.n)
		return -1;
	g = &groups.table[number];
	if (g->place == PLACE_FREE || group_tell_closed(g) == -1)
		return -1;
	if (g->place == PLACE_GOING)
		give(g);
	groups.dirty = 1;
	return 0;
}

void
groups_engine_died(void)
{
	struct bridge_group *g;

	for (g = next_group(0); g != NULL; g = after(g)) {
		group_tell_anew(g);
		if (g->place == PLACE_GOING)
			give(g);
	}
	groups.dirty = 1;
}

int
groups_overdue(uint64_t now_ms)
{
	const struct bridge_group *g;

	for (g = next_group(0); g != NULL; g = after(g))
		if (group_tell_overdue(g, now_ms))
			return 1;
	return 0;
}

const struct bridge_group *
groups_keep(uint32_t *from)
{
	const struct bridge_group *g;

	for (g = next_group(*from); g != NULL; g = after(g))
		if (g->place == PLACE_WANTED) {
			*from = number_of(g);
			return g;
		}
	return NULL;
}

/* Whether such a group can be of that bridge, or source. */
static int
fits(const struct bridge_group *from)
{
	const struct bridge *b = bridges_at(from->slot);

	if (from->own)
		return from->slot == 0 && from->fd == -1 &&
		    sources_at(from->source) != NULL &&
		    sources_at(from->source)->fd != -1;
	return b != NULL && b->state != BRIDGE_FREE && !bridges_is_stream(b) &&
	    group_place_of(b, from) != 0 && from->out <= JOINS_MAX &&
	    group_is_dst(from) == (from->out != 0);
}

int
groups_adopt(uint32_t number, const struct bridge_group *from)
{
	struct bridge *b;
	struct bridge_group *g;

	if (number >= groups.n || groups.table[number].place != PLACE_FREE ||
	    !fits(from))
		return -1;
	g = &groups.table[number];
	*g = *from;
	g->place = PLACE_WANTED;
	groups.used++;
	publish();
	groups.dirty = 1;
	for (b = bridges_next(1); b != NULL; b = bridges_next(b->slot + 1))
		if (group_is_of(g, b))
			group_show(b, g);
	return 0;
}
