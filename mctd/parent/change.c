/*
 * Changes of a running bridge.  Each is one of its options, so that it is
 * shown, saved, compared at a reload and handed on as all options are.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "change.h"
#include "groups.h"
#include "life.h"
#include "network.h"

static int
refuse(int err, const char *sentence, const char **why)
{
	*why = sentence;
	errno = err;
	return -1;
}

static struct bridge_join *
find(struct bridge_options *o, const struct bridge_join *j)
{
	uint32_t i;

	for (i = 0; i < o->njoins; i++)
		if (join_equal(&o->joins[i], j))
			return &o->joins[i];
	return NULL;
}

static int
join(struct bridge_options *o, const struct bridge_join *j, const char **why)
{
	static char text[TEXT_BYTES];

	if (join_check(j, why) == -1)
		return -1;
	if (find(o, j) != NULL)
		return refuse(EEXIST, "it is joined to this group", why);
	if (o->njoins == JOINS_MAX) {
		(void)snprintf(text, sizeof text,
		    "a bridge is joined to at most %d groups", JOINS_MAX);
		return refuse(ENOSPC, text, why);
	}
	o->joins[o->njoins++] = *j;
	return 0;
}

/*
 * Who joined by number may leave by name, and the other way, where there is
 * one such.
 */
static struct bridge_join *
find_alike(struct bridge_options *o, const struct bridge_join *j)
{
	struct bridge_join like = *j;
	uint32_t index, other, i;

	if (j->device[0] == '\0' || network_index(j->device, &index) != 1)
		return NULL;
	for (i = 0; i < o->njoins; i++) {
		memcpy(like.device, o->joins[i].device, sizeof like.device);
		if (like.device[0] != '\0' && join_equal(&o->joins[i], &like) &&
		    network_index(like.device, &other) == 1 && other == index)
			return &o->joins[i];
	}
	return NULL;
}

static int
leave(struct bridge_options *o, const struct bridge_join *j, const char **why)
{
	struct bridge_join *at = find(o, j);

	if (at == NULL && (at = find_alike(o, j)) == NULL)
		return refuse(ENOENT, "it is not joined to this group", why);
	o->njoins--;
	memmove(at, at + 1, (size_t)(&o->joins[o->njoins] - at) * sizeof *at);
	memset(&o->joins[o->njoins], 0, sizeof *at);
	return 0;
}

/* By number it is the interface that has the number now. */
static int
affinity(struct bridge_options *o, const char *device, const char **why)
{
	const struct bridge_option *option = bridge_option_find("affinity");
	char name[DEVICE_BYTES];
	uint32_t index;

	if (device[0] != '\0' && network_index(device, &index) == 1 &&
	    network_name(index, name) == 0)
		device = name;
	bridge_option_clear(o, option);
	if (device[0] == '\0')
		return 0;
	return bridge_option_set(o, option, device, NULL, why);
}

static int
edit(struct bridge_options *o, const struct proto_change *m, const char **why)
{
	switch (m->what) {
	case CHANGE_JOIN:
		return join(o, &m->join, why);
	case CHANGE_LEAVE:
		return leave(o, &m->join, why);
	case CHANGE_TTL:
		if (m->ttl > UINT8_MAX)
			return refuse(EINVAL, "a TTL is 1 to 255", why);
		o->ttl = m->ttl;
		return 0;
	case CHANGE_AFFINITY:
		return affinity(o, m->join.device, why);
	default:
		return refuse(EINVAL, "no such change", why);
	}
}

/*
 * One that waits for an interface is joined, or for a place, which another is
 * about to leave; of another error it is not.
 */
static int
is_refused(const struct bridge *b, const struct bridge_join *j)
{
	const struct bridge_group *g = groups_of(b, j);

	if (g == NULL)
		return 0;
	if (g->state == GROUP_JOINED || g->err == EADDRNOTAVAIL ||
	    g->err == ENETUNREACH || g->err == EAGAIN)
		return 0;
	return g->err;
}

static const struct addr *
end_of(const struct bridge_spec *spec, const struct proto_change *m)
{
	if (m->what == CHANGE_TTL || m->what == CHANGE_AFFINITY)
		return &spec->dst;
	return m->join.end == ADDR_SRC ? &spec->src : &spec->dst;
}

int
change_bridge(struct bridge *b, const struct proto_change *m, const char **why)
{
	static struct bridge_spec was, spec; /* large: not on the stack */
	int err;

	was = spec = *bridges_spec(b);
	if (!addr_is_ip(end_of(&spec, m)) || bridges_is_stream(b))
		return refuse(EINVAL, "this end of the bridge has no groups",
		    why);
	if (m->what == CHANGE_JOIN && bridge_has_flows(&spec))
		return refuse(EINVAL,
		    "a bridge with reply or source client joins no groups",
		    why);
	if (edit(&spec.options, m, why) == -1 ||
	    life_try_change(b, &spec.options, why) == -1)
		return -1;
	life_change(b, &spec, &spec.options);
	if (m->what != CHANGE_JOIN || (err = is_refused(b, &m->join)) == 0)
		return 0;
	life_change(b, &was, &was.options);
	return refuse(err, strerror(err), why);
}
