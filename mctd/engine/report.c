/*
 * Reports to the parent.  Ends go many to a message; the others are rare
 * and go one by one.
 */

#include <errno.h>

#include "../share/inner.h"
#include "report.h"
#include "table.h"

#define PENDING_INSTALLED  0x01
#define PENDING_LOST       0x02
#define PENDING_END        0x04
#define PENDING_SRC_CLOSED 0x08

/* A place in the list: slots from 1 on, then src 0 and those after it. */
static uint32_t
place_of_src(const struct reports *r, uint32_t src)
{
	return r->slots + 1 + src;
}

size_t
report_bytes(uint32_t slots, uint32_t srcs)
{
	return ((size_t)slots + 1 + srcs) * sizeof(struct report) +
	    ((size_t)srcs + 1) * sizeof(uint64_t) + chain_bytes(slots + srcs);
}

int
report_setup(struct reports *r, int channel, uint32_t slots, uint32_t srcs)
{
	r->channel = channel;
	r->full = 0;
	r->slots = slots;
	r->at = table_new(((size_t)slots + 1 + srcs) * sizeof *r->at);
	r->lost = table_new(((size_t)srcs + 1) * sizeof *r->lost);
	if (r->at == NULL || r->lost == NULL)
		return -1;
	return chain_setup(&r->waiting, slots + srcs);
}

static void
add(struct reports *r, uint32_t place, uint8_t what, uint64_t serial)
{
	r->at[place].pending |= what;
	r->at[place].serial = serial;
	chain_push(&r->waiting, place);
}

void
report_end(struct reports *r, uint32_t slot, uint64_t serial,
    enum end_reason reason, int err)
{
	r->at[slot].reason = (uint8_t)reason;
	r->at[slot].err = err;
	if (r->at[slot].pending & PENDING_LOST) {
		r->at[slot].pending &= (uint8_t)~PENDING_LOST;
		r->lost[slot] = 0; /* of no use now */
	}
	add(r, slot, PENDING_END, serial);
}

void
report_installed(struct reports *r, uint32_t slot, uint64_t serial)
{
	add(r, slot, PENDING_INSTALLED, serial);
}

void
report_lost(struct reports *r, uint32_t slot, uint64_t serial, unsigned int out)
{
	r->lost[slot] |= UINT64_C(1) << out;
	add(r, slot, PENDING_LOST, serial);
}

void
report_src_closed(struct reports *r, uint32_t src, uint8_t kind)
{
	uint32_t place = place_of_src(r, src);

	r->at[place].reason = kind;
	add(r, place, PENDING_SRC_CLOSED, 0);
}

void
report_pong(struct reports *r)
{
	r->pong = 1;
}

int
report_waits(const struct reports *r, uint32_t slot)
{
	return r->at[slot].pending != 0;
}

int
report_src_waits(const struct reports *r, uint32_t src)
{
	return r->at[place_of_src(r, src)].pending != 0;
}

int
report_frame(struct reports *r, struct frame_out *out)
{
	size_t len = frame_end(out);

	if (frame_packet_send(r->channel, out->data, len) == 0)
		return 1;
	if (errno == EAGAIN || errno == EWOULDBLOCK) {
		r->full = 1;
		return 0;
	}
	if (errno == ENOBUFS || errno == ENOMEM)
		return 0; /* again in the next turn */
	return -1;
}

static int
send_which(struct reports *r, uint32_t slot, uint16_t type)
{
	uint8_t buf[64];
	struct frame_out out;
	struct inner_which which = { .slot = slot,
		.serial = r->at[slot].serial };

	frame_begin(&out, buf, sizeof buf, type, 0, 0);
	inner_put_which(&out, &which);
	return report_frame(r, &out);
}

/* One of the outs that are lost, the others stay. */
static int
send_lost(struct reports *r, uint32_t slot)
{
	struct inner_out m = { .slot = slot, .serial = r->at[slot].serial };
	uint8_t buf[64];
	struct frame_out out;
	int sent;

	while (!(r->lost[slot] >> m.out & 1))
		m.out++;
	frame_begin(&out, buf, sizeof buf, MSG_E2P_DST_LOST, 0, 0);
	inner_put_out(&out, &m);
	sent = report_frame(r, &out);
	if (sent == 1)
		r->lost[slot] &= r->lost[slot] - 1;
	return sent;
}

static int
send_src_closed(struct reports *r, uint32_t place)
{
	uint8_t buf[64];
	struct frame_out out;
	struct inner_src src = { .src = place - r->slots - 1,
		.kind = r->at[place].reason };

	frame_begin(&out, buf, sizeof buf, MSG_E2P_SRC_CLOSED, 0, 0);
	inner_put_src(&out, &src);
	return report_frame(r, &out);
}

/* Sends one of what waits at the place, which is not an end. */
static int
send_single(struct reports *r, uint32_t place)
{
	uint8_t what;
	int sent;

	if (r->at[place].pending & PENDING_SRC_CLOSED) {
		what = PENDING_SRC_CLOSED;
		sent = send_src_closed(r, place);
	} else if (r->at[place].pending & PENDING_INSTALLED) {
		what = PENDING_INSTALLED;
		sent = send_which(r, place, MSG_E2P_INSTALLED);
	} else {
		what = PENDING_LOST;
		sent = send_lost(r, place);
		if (sent == 1 && r->lost[place] != 0)
			return 1; /* the others are still to go */
	}
	if (sent != 1)
		return sent;
	r->at[place].pending &= (uint8_t)~what;
	if (r->at[place].pending == 0)
		(void)chain_pop(&r->waiting);
	return 1;
}

/* How many at the head of the list have an end and nothing else. */
static uint16_t
count_ends(const struct reports *r)
{
	uint32_t place = r->waiting.first;
	uint16_t n = 0;

	while (n < ENDS_A_MESSAGE && n < r->waiting.count &&
	    r->at[place].pending == PENDING_END) {
		place = r->waiting.next[place];
		n++;
	}
	return n;
}

static int
send_ends(struct reports *r, uint16_t n)
{
	static uint8_t buf[64 + ENDS_A_MESSAGE * sizeof(struct inner_end)];
	struct frame_out out;
	struct inner_end end;
	uint32_t place = r->waiting.first;
	uint16_t i;
	int sent;

	frame_begin(&out, buf, sizeof buf, MSG_E2P_ENDS, 0, 0);
	frame_put_u16(&out, n);
	for (i = 0; i < n; i++) {
		end.slot = place;
		end.serial = r->at[place].serial;
		end.reason = r->at[place].reason;
		end.err = (uint32_t)r->at[place].err;
		inner_put_end(&out, &end);
		place = r->waiting.next[place];
	}
	sent = report_frame(r, &out);
	if (sent == 1)
		for (i = 0; i < n; i++)
			r->at[chain_pop(&r->waiting)].pending = 0;
	return sent;
}

static int
send_pong(struct reports *r)
{
	uint8_t buf[FRAME_HEADER];
	struct frame_out out;
	int sent;

	frame_begin(&out, buf, sizeof buf, MSG_X2P_PONG, 0, 0);
	sent = report_frame(r, &out);
	if (sent == 1)
		r->pong = 0;
	return sent;
}

int
report_flush(struct reports *r)
{
	uint16_t ends;
	int sent = 1;

	if (r->pong && !r->full)
		sent = send_pong(r);
	while (sent == 1 && !r->full && r->waiting.first != 0) {
		ends = count_ends(r);
		if (ends > 0)
			sent = send_ends(r, ends);
		else
			sent = send_single(r, r->waiting.first);
	}
	return sent == -1 ? -1 : 0;
}
