/*
 * Changes of a running bridge.  Each is one of its options, so that it is
 * shown, saved, compared at a reload and handed on as all options are.
 */

#include <bsd/string.h>
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
		if (like.device[0] != '\0' &&
		    join_equal(&o->joins[i], &like) &&
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
	memmove(at, at + 1,
	    (size_t)(&o->joins[o->njoins] - at) * sizeof *at);
	memset(&o->joins[o->njoins], 0, sizeof *at);
	return 0;
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
		o->ttl = m->ttl;
		return 0;
	case CHANGE_AFFINITY:
		memset(o->affinity, 0, sizeof o->affinity);
		(void)strlcpy(o->affinity, m->join.device, sizeof o->affinity);
		return 0;
	default:
		return refuse(EINVAL, "no such change", why);
	}
}

/* One that waits for an interface is joined; of another error it is not. */
static int
is_refused(const struct bridge *b, const struct bridge_join *j)
{
	const struct bridge_group *g = groups_of(b, j);

	if (g == NULL)
		return ENOSPC;
	if (g->state == GROUP_JOINED || g->err == EADDRNOTAVAIL ||
	    g->err == ENETUNREACH || g->err == EAGAIN)
		return 0;
	return g->err;
}

int
change_bridge(struct bridge *b, const struct proto_change *m, const char **why)
{
	static struct bridge_spec was, spec; /* large: not on the stack */
	int err;

	was = spec = *bridges_spec(b);
	if (bridges_is_stream(b))
		return refuse(EINVAL, "a bridge of sessions has no groups",
		    why);
	if (edit(&spec.options, m, why) == -1 ||
	    bridge_check(&spec, why) == -1 ||
	    life_try_change(b, &spec.options, why) == -1)
		return -1;
	life_change(b, &spec, &spec.options);
	if (m->what != CHANGE_JOIN || (err = is_refused(b, &m->join)) == 0)
		return 0;
	life_change(b, &was, &was.options);
	return refuse(err, strerror(err), why);
}
