/*
 * What the engine is told of groups: of a src as of any source, under a
 * number behind those of the bridges, and that its bridge reads it as well;
 * of a dst as a further one of its bridge, which ends with that.
 */

#include "../../common/clock.h"
#include "dgram_dst.h"
#include "dgram_tell.h"
#include "group_tell.h"

static uint8_t
kind_of(const struct bridge_group *g)
{
	const struct bridge_spec *spec = bridges_spec(bridges_at(g->slot));

	return group_is_dst(g) ? spec->dst.kind : spec->src.kind;
}

static int
is_mute(const struct bridge_group *g)
{
	struct addr a;

	join_group(&g->join, ADDR_UDP, 0, &a);
	return dgram_dst_is_mute(&a,
	    &bridges_spec(bridges_at(g->slot))->options);
}

static int
tell_src(const struct bridge_group *g, uint32_t number, enum inner_type type)
{
	struct inner_src m = { .src = bridges_limit() + number };
	struct frame_out out;
	uint8_t buf[64];

	/* the bridge of one that is given up may be over */
	m.kind = type == MSG_P2E_SRC ? kind_of(g) : ADDR_UDP;
	frame_begin(&out, buf, sizeof buf, (uint16_t)type, 0, 0);
	inner_put_src(&out, &m);
	return dgram_tell(&out, &g->fd, type == MSG_P2E_SRC ? 1 : 0);
}

static int
tell_attach(const struct bridge_group *g, uint32_t number)
{
	struct inner_attach m = { .slot = g->slot, .serial = g->serial };
	struct frame_out out;
	uint8_t buf[64];

	m.src = bridges_limit() + number;
	frame_begin(&out, buf, sizeof buf, MSG_P2E_ATTACH, 0, 0);
	inner_put_attach(&out, &m);
	return dgram_tell(&out, NULL, 0);
}

static int
tell_out(const struct bridge_group *g, enum inner_type type, int mute)
{
	struct inner_out m = { .slot = g->slot, .serial = g->serial };
	struct frame_out out;
	uint8_t buf[64];

	m.out = g->out;
	m.kind = kind_of(g);
	m.mute = (uint8_t)mute;
	frame_begin(&out, buf, sizeof buf, (uint16_t)type, 0, 0);
	inner_put_out(&out, &m);
	return dgram_tell(&out, &g->fd, type == MSG_P2E_OUT ? 1 : 0);
}

static int
tell_close(struct bridge_group *g, uint32_t number)
{
	if (group_is_dst(g)) {
		if (tell_out(g, MSG_P2E_OUT_CLOSE, 0) == -1)
			return -1;
		g->old = 0;
		return 0;
	}
	if (tell_src(g, number, MSG_P2E_SRC_CLOSE) == -1)
		return -1;
	g->waits = 1;
	g->deadline_ms = clock_ms() + END_WAIT_S * 1000;
	return 0;
}

static int
tell_dst(struct bridge_group *g)
{
	int mute = is_mute(g);

	if (g->told && g->mute == mute)
		return 0;
	if (tell_out(g, g->told ? MSG_P2E_OUT_CHANGE : MSG_P2E_OUT, mute) == -1)
		return -1;
	g->told = 1;
	g->mute = mute;
	return 0;
}

static int
tell_socket(struct bridge_group *g, uint32_t number)
{
	if (!g->told && tell_src(g, number, MSG_P2E_SRC) == -1)
		return -1;
	g->told = 1;
	if (!g->attached && tell_attach(g, number) == -1)
		return -1;
	g->attached = 1;
	return 0;
}

int
group_tell_end(struct bridge_group *g, uint32_t number)
{
	return g->old && !g->waits ? tell_close(g, number) : 0;
}

int
group_tell(struct bridge_group *g, uint32_t number)
{
	const struct bridge *b = bridges_at(g->slot);

	if (g->place != PLACE_WANTED || g->own || g->fd == -1 || g->old)
		return 1;
	if (b->state == BRIDGE_CLOSING || !b->told)
		return 0; /* first the bridge */
	g->serial = b->serial;
	if ((group_is_dst(g) ? tell_dst(g) : tell_socket(g, number)) == -1)
		return -1;
	return 1;
}

int
group_tell_closed(struct bridge_group *g)
{
	if (!g->waits)
		return -1;
	g->old = g->waits = 0;
	return 0;
}

void
group_tell_anew(struct bridge_group *g)
{
	g->told = g->attached = g->old = g->waits = 0;
}

int
group_tell_overdue(const struct bridge_group *g, uint64_t now_ms)
{
	return g->waits && now_ms >= g->deadline_ms;
}
