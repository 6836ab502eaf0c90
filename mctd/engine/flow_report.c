/*
 * What the parent is told of flows: who asks, and which have ended.  It waits
 * in a chain with a place for each bridge and each flow, so that it has room.
 */

#include "flow_table.h"

int
flow_has_report(const struct dgram_table *t)
{
	return t->flows->reports.count > 0;
}

/* 1: sent; 0: not now; -1: broken. */
static int
send_asker(struct dgram_table *t, uint32_t slot)
{
	const struct inner_asker *m = &t->flows->bridge[slot].asking;
	uint8_t buf[256];
	struct frame_out out;

	if (m->serial == 0)
		return 1; /* its bridge is gone */
	frame_begin(&out, buf, sizeof buf, MSG_E2P_ASKER, 0, 0);
	inner_put_asker(&out, m);
	return report_frame(t->reports, &out);
}

static int
send_ended(struct dgram_table *t, uint32_t number)
{
	struct inner_flow m = { .flow = number };
	struct flow *f = &t->flows->flow[number];
	uint8_t buf[256];
	struct frame_out out;
	int sent;

	m.flow_serial = f->ended;
	frame_begin(&out, buf, sizeof buf, MSG_E2P_FLOW_ENDED, 0, 0);
	inner_put_flow(&out, &m);
	sent = report_frame(t->reports, &out);
	if (sent == 1)
		f->ended = 0;
	return sent;
}

int
flow_report(struct dgram_table *t)
{
	struct flow_table *all = t->flows;
	uint32_t place;
	int sent = 1;

	while (sent == 1 && !t->reports->full && all->reports.first != 0) {
		place = all->reports.first;
		if (place <= all->bridges)
			sent = send_asker(t, place);
		else
			sent = send_ended(t, place - all->bridges - 1);
		if (sent == 1)
			(void)chain_pop(&all->reports);
	}
	return sent == -1 ? -1 : 0;
}
