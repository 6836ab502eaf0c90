/*
 * Sources: the src sockets of connectionless bridges.
 *
 * Calls: close
 */

#include <assert.h>
#include <bsd/string.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../common/clock.h"
#include "dgram_tell.h"
#include "flow_sockets.h"
#include "network.h"
#include "slots.h"
#include "sources.h"

static struct {
	struct source *table;
	uint32_t n;
} sources;

size_t
sources_bytes(uint32_t n)
{
	return n * sizeof(struct source);
}

int
sources_init(uint32_t n)
{
	uint32_t i;

	sources.table = calloc(n, sizeof *sources.table);
	if (sources.table == NULL)
		return -1;
	sources.n = n;
	for (i = 0; i < n; i++)
		sources.table[i].fd = -1;
	return 0;
}

struct source *
sources_at(uint32_t number)
{
	return number < sources.n ? &sources.table[number] : NULL;
}

uint32_t
sources_number(const struct source *s)
{
	return (uint32_t)(s - sources.table);
}

struct source *
sources_of(const struct bridge *b)
{
	return &sources.table[b->source];
}

struct bridge *
sources_user(const struct source *s, uint32_t from)
{
	struct bridge *b;

	for (b = bridges_next(from); b != NULL; b = bridges_next(b->slot + 1))
		if (b->source == sources_number(s) && !bridges_is_stream(b))
			return b;
	return NULL;
}

/*
 * The source of that address, or a free one; NULL when there is none.  One
 * whose path was removed is found by nobody, and so not here.
 */
static struct source *
find(const struct addr *src, const char *device)
{
	struct source *s, *free_one = NULL;

	for (s = sources.table; s < sources.table + sources.n; s++) {
		if (s->fd == -1) {
			if (free_one == NULL)
				free_one = s;
		} else if (addr_equal(&s->addr, src) &&
		    strcmp(s->device, device) == 0 && !local_is_gone(src))
			return s;
	}
	return free_one;
}

/* Of the same address, for another interface; the kernel tells them apart. */
static int
is_elsewhere(const struct addr *src)
{
	const struct source *s;

	for (s = sources.table; s < sources.table + sources.n; s++)
		if (s->fd != -1 && addr_equal(&s->addr, src))
			return 1;
	return 0;
}

/* Flows can be beside it, if the bridge has such.  It, or NULL. */
static struct source *
serve_flows(struct source *s, const struct bridge_spec *spec)
{
	int saved;

	if (!bridge_has_flows(spec) ||
	    flow_sockets_src(s->fd, &s->addr, s->device) == 0)
		return s;
	saved = errno;
	if (s->users == 0 && !s->told)
		sources_close(s);
	errno = saved;
	return NULL;
}

struct source *
sources_open(const struct bridge_spec *spec, const struct bridge_options *o,
    const char **why)
{
	const struct dgram_src_wants new = DGRAM_SRC_NEW;
	struct dgram_src_wants wants = { 0 };
	struct source *s = find(&spec->src, o->in_device);

	if (s == NULL) { /* as many sources as bridges: cannot be */
		errno = ENOSPC;
		return NULL;
	}
	if (s->fd != -1)
		return serve_flows(s, spec);
	memset(s, 0, sizeof *s);
	s->addr = spec->src;
	(void)strlcpy(s->device, o->in_device, sizeof s->device);
	if (s->device[0] != '\0')
		(void)network_index(s->device, &s->index);
	s->fd = dgram_src_open(&spec->src, o->in_device, &s->file, why);
	if (s->fd == -1) {
		if (errno == EADDRINUSE && is_elsewhere(&spec->src))
			*why = "src is in use by a bridge with another "
			       "in-interface, or without: close that first";
		return NULL;
	}
	s->wants = new;
	dgram_src_add(&wants, o);
	s->granted = dgram_src_serve(s->fd, &s->addr, &s->wants, &wants);
	return serve_flows(s, spec);
}

void
sources_close(struct source *s)
{
	assert(s->users == 0 && !s->told);
	close(s->fd);
	s->fd = -1;
	local_unlink(&s->addr, &s->file);
}

/* All bridges on a source show how many they are. */
static void
publish(const struct source *s)
{
	struct registry_entry *e;
	struct bridge *b;

	for (b = sources_user(s, 1); b != NULL;
	     b = sources_user(s, b->slot + 1)) {
		e = slots_begin(b->slot);
		e->shared = (uint16_t)s->users;
		e->receive_buffer = s->granted;
		slots_end(b->slot);
	}
}

void
sources_serve(struct source *s)
{
	struct dgram_src_wants wants = { 0 };
	struct bridge *b;
	uint32_t granted;

	for (b = sources_user(s, 1); b != NULL;
	     b = sources_user(s, b->slot + 1))
		if (b->fd != -1)
			dgram_src_add(&wants, &bridges_spec(b)->options);
	if (s->users > 0) {
		granted = dgram_src_serve(s->fd, &s->addr, &s->wants, &wants);
		if (granted != 0)
			s->granted = granted;
	}
	publish(s);
}

/* The kernel binds to a number, which the next one of that name has not. */
void
sources_look(void)
{
	struct source *s;
	uint32_t index;

	for (s = sources.table; s < sources.table + sources.n; s++) {
		if (s->fd == -1 || s->device[0] == '\0' ||
		    join_is_group(&s->addr) ||
		    network_index(s->device, &index) != 1 || index == s->index)
			continue;
		if (dgram_src_bind(s->fd, s->device, &s->wants) == 0)
			s->index = index;
	}
}

int
sources_tell(struct source *s, int flows)
{
	struct inner_src m = { .kind = s->addr.kind };
	struct frame_out out;
	uint8_t buf[64];

	m.src = sources_number(s);
	m.flows = (uint8_t)flows;
	frame_begin(&out, buf, sizeof buf, MSG_P2E_SRC, 0, 0);
	inner_put_src(&out, &m);
	if (dgram_tell(&out, &s->fd, 1) == -1)
		return -1;
	s->told = 1;
	s->flows = flows;
	return 0;
}

int
sources_tell_close(struct source *s)
{
	struct inner_src m = { .kind = s->addr.kind };
	struct frame_out out;
	uint8_t buf[64];

	m.src = sources_number(s);
	frame_begin(&out, buf, sizeof buf, MSG_P2E_SRC_CLOSE, 0, 0);
	inner_put_src(&out, &m);
	if (dgram_tell(&out, NULL, 0) == -1)
		return -1;
	s->close_told = 1;
	s->deadline_ms = clock_ms() + END_WAIT_S * 1000;
	return 0;
}

int
sources_overdue(uint64_t now_ms)
{
	const struct source *s;

	for (s = sources.table; s < sources.table + sources.n; s++)
		if (s->close_told && now_ms >= s->deadline_ms)
			return 1;
	return 0;
}
