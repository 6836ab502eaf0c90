/*
 * What the engine that has all datagrams is told of bridges.
 */

#include <errno.h>
#include <string.h>

#include "../../common/clock.h"
#include "../../common/limits.h"
#include "children.h"
#include "dgram_dst.h"
#include "dgram_tell.h"
#include "slots.h"

static uint64_t full_ms; /* since when it takes nothing; 0: it does */

int
dgram_tell(struct frame_out *out, const int *fds, size_t nfds)
{
	if (children_send(PROCESS_ENGINE, DATAGRAM_ENGINE, out->data,
		frame_end(out), fds, nfds) == 0) {
		full_ms = 0;
		return 0;
	}
	if (errno == EAGAIN && full_ms == 0)
		full_ms = clock_ms();
	return -1;
}

void
dgram_tell_takes(void)
{
	full_ms = 0;
}

int
dgram_tell_overdue(uint64_t now_ms)
{
	return full_ms != 0 && now_ms >= full_ms + END_WAIT_S * 1000;
}

static void
get_tune(const struct bridge *b, struct inner_tune *m)
{
	const struct bridge_options *o = &bridges_spec(b)->options;

	memset(m, 0, sizeof *m);
	m->slot = b->slot;
	m->serial = b->serial;
	m->min = o->min;
	m->max = o->max;
	m->rate = o->rate;
	m->datagram_rate = o->datagram_rate;
	m->hops = o->hops == FLAG_YES;
	m->ttl = (uint8_t)o->ttl;
	m->idle_ms = o->idle_s * 1000;
	m->flows = o->flows;
}

int
dgram_tell_dst(struct bridge *b)
{
	const struct bridge_spec *spec = bridges_spec(b);
	struct inner_dst m;
	struct frame_out out;
	uint8_t buf[128];

	m.slot = b->slot;
	m.id = slots_entry(b->slot)->id;
	m.serial = b->serial;
	m.src = b->source;
	m.kind = spec->dst.kind;
	m.mute = (uint8_t)dgram_dst_is_mute(&spec->dst, &spec->options);
	get_tune(b, &m.tune);
	frame_begin(&out, buf, sizeof buf, MSG_P2E_DST, 0, 0);
	inner_put_dst(&out, &m);
	if (dgram_tell(&out, &b->fd, 1) == -1)
		return -1;
	b->told = 1;
	b->retune = 0;
	b->deadline_ms = clock_ms() + END_WAIT_S * 1000;
	return 0;
}

int
dgram_tell_tune(struct bridge *b)
{
	const struct bridge_spec *spec = bridges_spec(b);
	struct inner_out change = { .slot = b->slot, .serial = b->serial };
	struct inner_tune m;
	struct frame_out out;
	uint8_t buf[128];

	get_tune(b, &m);
	frame_begin(&out, buf, sizeof buf, MSG_P2E_TUNE, 0, 0);
	inner_put_tune(&out, &m);
	if (dgram_tell(&out, NULL, 0) == -1)
		return -1;
	change.kind = spec->dst.kind;
	change.mute = (uint8_t)dgram_dst_is_mute(&spec->dst, &spec->options);
	frame_begin(&out, buf, sizeof buf, MSG_P2E_OUT_CHANGE, 0, 0);
	inner_put_out(&out, &change);
	if (dgram_tell(&out, NULL, 0) == -1)
		return -1;
	b->retune = 0;
	return 0;
}

int
dgram_tell_close(struct bridge *b)
{
	struct inner_which m = { .slot = b->slot, .serial = b->serial };
	struct frame_out out;
	uint8_t buf[64];

	frame_begin(&out, buf, sizeof buf, MSG_P2E_CLOSE, 0, 0);
	inner_put_which(&out, &m);
	if (dgram_tell(&out, NULL, 0) == -1)
		return -1;
	b->close_told = 1;
	b->deadline_ms = clock_ms() + END_WAIT_S * 1000;
	return 0;
}
