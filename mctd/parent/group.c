/*
 * One group: its socket and its membership.
 *
 * Calls: close, getsockname
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "dgram_dst.h"
#include "dgram_src.h"
#include "group.h"
#include "leads.h"
#include "membership.h"
#include "network.h"
#include "one_way.h"
#include "slots.h"
#include "sockets.h"
#include "sources.h"

int
group_is_dst(const struct bridge_group *g)
{
	return g->join.end == ADDR_DST;
}

static const struct bridge_spec *
spec_of(const struct bridge_group *g)
{
	return bridges_spec(bridges_at(g->slot));
}

/* Those of a dst, for this one: an interface of its own comes first. */
static const struct bridge_options *
options_for(const struct bridge_group *g, const struct bridge_options *o)
{
	static struct bridge_options options; /* large: not on the stack */

	options = *o;
	if (g->join.device[0] == '\0')
		return &options;
	memset(options.device, 0, sizeof options.device);
	(void)network_name(g->index, options.affinity);
	return &options;
}

/* Of a link or a host alone: the address is not whole without. */
static int
needs_scope(const struct addr *a)
{
	return addr_family(a) == AF_INET6 &&
	    (IN6_IS_ADDR_MC_LINKLOCAL(&a->u.in6.sin6_addr) ||
		IN6_IS_ADDR_MC_NODELOCAL(&a->u.in6.sin6_addr));
}

static void
get_addr(const struct bridge_group *g, uint32_t index, struct addr *a)
{
	const struct bridge_spec *spec = spec_of(g);
	const struct addr *end = group_is_dst(g) ? &spec->dst : &spec->src;

	join_group(&g->join, (enum addr_kind)end->kind, addr_port(end), a);
	if (needs_scope(a))
		a->u.in6.sin6_scope_id = index;
}

int
group_find(const struct bridge_group *g, uint32_t *index)
{
	const char *device = g->join.device;
	struct addr a;
	int found;

	if (group_is_dst(g) && device[0] == '\0')
		device = spec_of(g)->options.device;
	if (group_is_dst(g) && device[0] == '\0')
		device = spec_of(g)->options.affinity;
	if (device[0] != '\0')
		return network_index(device, index);
	*index = 0;
	if (group_is_dst(g))
		return 1;
	join_group(&g->join, ADDR_UDP, 0, &a);
	found = network_way(&a, index);
	if (found != -1)
		return found;
	/* the kernel knows, and does not say */
	*index = g->state == GROUP_JOINED ? g->index : 0;
	return 1;
}

/* ---- a src ---- */

static int
has_flows(const struct source *s)
{
	const struct bridge *b = sources_user(s, 1);

	return b != NULL && bridge_has_flows(bridges_spec(b));
}

/*
 * Sources at all addresses are in the way of a group at their port.  They
 * share it for as long as it takes to bind; nobody else is let in.  One with
 * flows shares it with them for ever.
 */
static void
share(const struct addr *a, int on)
{
	const struct source *s;
	uint32_t i;

	for (i = 0; (s = sources_at(i)) != NULL; i++)
		if (s->fd != -1 && s->addr.kind == a->kind &&
		    addr_port(&s->addr) == addr_port(a) &&
		    leads_is_wildcard(&s->addr) && !has_flows(s))
			(void)membership_share(s->fd, on);
}

static int
open_src(const struct bridge_group *g, uint32_t index, const char **why)
{
	const struct bridge_options *o = &spec_of(g)->options;
	const struct dgram_src_wants new = DGRAM_SRC_NEW;
	struct dgram_src_wants now = new, wants = { 0 };
	struct local_file none;
	struct addr a;
	int fd;

	get_addr(g, index, &a);
	fd = dgram_src_open(&a, "", &none, why);
	if (fd == -1 && errno == EADDRINUSE) {
		share(&a, 1);
		fd = dgram_src_open(&a, "", &none, why);
		share(&a, 0);
	}
	if (fd == -1)
		return -1;
	dgram_src_add(&wants, o);
	(void)dgram_src_serve(fd, &a, &now, &wants);
	return fd;
}

static int
socket_of(const struct bridge_group *g)
{
	return g->own ? sources_at(g->source)->fd : g->fd;
}

void
group_share(const struct bridge_group *g, const struct addr *a, int on)
{
	int fd = socket_of(g);
	struct addr own;

	if (group_is_dst(g) || fd == -1)
		return;
	if (g->own)
		own = sources_at(g->source)->addr;
	else
		get_addr(g, g->index, &own);
	if (own.kind == a->kind && addr_port(&own) == addr_port(a))
		(void)membership_share(fd, on);
}

/* What hears a group wherever anybody joined it hears one interface alone. */
static int
bind_device(const struct bridge_group *g, int fd, uint32_t index)
{
	char name[DEVICE_BYTES];

	if (index == 0 || g->join.family != AF_INET6)
		return 0;
	if (network_name(index, name) == -1)
		return -1;
	return membership_bind(fd, name);
}

/* The new membership comes before the old one goes. */
static int
join_src(struct bridge_group *g, uint32_t index, const char **why)
{
	int fd;

	if (!g->own && g->fd == -1 && (g->fd = open_src(g, index, why)) == -1)
		return -1;
	fd = socket_of(g);
	if (bind_device(g, fd, index) == -1)
		return -1;
	if (membership_join(fd, &g->join, index) == -1 && errno != EADDRINUSE)
		return -1;
	if (g->state == GROUP_JOINED && g->index != index)
		(void)membership_leave(fd, &g->join, g->index);
	return 0;
}

/* ---- a dst ---- */

static void
close_dst(struct bridge_group *g)
{
	if (g->fd != -1)
		close(g->fd);
	g->fd = -1;
	g->old |= g->told;
	g->told = 0;
}

static void
show_one_way(const struct bridge_group *g, enum one_way one_way)
{
	struct registry_entry *e = slots_begin(g->slot);

	e->one_way = (uint8_t)one_way_weaker((enum one_way)e->one_way, one_way);
	slots_end(g->slot);
}

static int
join_dst(struct bridge_group *g, uint32_t index, const char **why)
{
	struct dgram_dst d;
	struct addr a;
	int fd;

	get_addr(g, index, &a);
	g->index = index;
	fd = dgram_dst_open(&a, options_for(g, &spec_of(g)->options), &d, why);
	if (fd == -1)
		return -1;
	close_dst(g);
	g->fd = fd;
	if (slots_entry(g->slot)->one_way != ONE_WAY_NONE)
		show_one_way(g, d.one_way);
	return 0;
}

int
group_is_stale(const struct bridge_group *g)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof ss;
	struct addr a;

	if (!group_is_dst(g) ||
	    getsockname(g->fd, (struct sockaddr *)&ss, &len) == -1)
		return 0;
	addr_from_kernel(&a, ADDR_UDP, (struct sockaddr *)&ss, len);
	return !sockets_is_local(&a);
}

/* ---- either ---- */

int
group_join(struct bridge_group *g, uint32_t index, const char **why)
{
	*why = NULL;
	return group_is_dst(g) ? join_dst(g, index, why) :
				 join_src(g, index, why);
}

void
group_part(struct bridge_group *g)
{
	if (group_is_dst(g))
		close_dst(g);
	else if (g->state == GROUP_JOINED && socket_of(g) != -1)
		(void)membership_leave(socket_of(g), &g->join, g->index);
}

static void
change_src(const struct bridge_group *g, const struct bridge_options *was,
    const struct bridge_options *o)
{
	struct dgram_src_wants now = { 0 }, wants = { 0 };
	struct addr a;

	dgram_src_add(&now, was);
	dgram_src_add(&wants, o);
	get_addr(g, g->index, &a);
	(void)dgram_src_serve(g->fd, &a, &now, &wants);
}

int
group_change(struct bridge_group *g, const struct bridge_options *was)
{
	static struct bridge_options before;
	const struct bridge_options *o = &spec_of(g)->options;
	struct dgram_dst d;
	const char *why;
	struct addr a;

	if (!group_is_dst(g)) {
		if (g->fd != -1)
			change_src(g, was, o);
		return 0;
	}
	if (g->join.device[0] == '\0' &&
	    strcmp(o->affinity, was->affinity) != 0)
		return -1;
	if (g->fd == -1)
		return 0;
	before = *options_for(g, was);
	get_addr(g, g->index, &a);
	return dgram_dst_change(g->fd, &a, &before, options_for(g, o), &d,
	    &why);
}

void
group_close(struct bridge_group *g)
{
	group_part(g);
	if (!group_is_dst(g) && g->fd != -1) {
		close(g->fd);
		g->fd = -1;
		g->old = g->told;
		g->told = 0;
	}
	g->attached = 0;
}
