/*
 * The limits of a connectionless bridge.
 *
 * A run is of one size but for its last, and of what has the right size a
 * rate lets the first so many pass: what is left of a run is in one piece.
 * The last that passes may be larger than what the rate has left; that is
 * owed then, so that a datagram larger than a second's bytes passes too.
 */

#include "limit.h"

static void
set_rate(struct limit_rate *r, uint32_t rate)
{
	r->rate = rate;
	if (r->credit > (int64_t)rate)
		r->credit = (int64_t)rate;
}

void
limit_change(struct limit *l, const struct inner_tune *m)
{
	l->hops = m->hops != 0;
	l->ttl = m->ttl;
	l->min = m->min;
	l->max = m->max == 0 ? UINT32_MAX : m->max;
	set_rate(&l->bytes, m->rate);
	set_rate(&l->datagrams, m->datagram_rate);
	l->any = l->hops || l->min > 0 || l->max < UINT32_MAX || m->rate != 0 ||
	    m->datagram_rate != 0;
}

void
limit_start(struct limit *l, const struct inner_tune *m, uint64_t now_ms)
{
	l->paid_ms = now_ms;
	l->bytes.rest = 0;
	l->bytes.credit = (int64_t)m->rate;
	l->datagrams.rest = 0;
	l->datagrams.credit = (int64_t)m->datagram_rate;
	limit_change(l, m);
}

static void
pay(struct limit_rate *r, uint64_t ms)
{
	uint64_t owed = r->rate * ms + r->rest;

	r->rest = (uint16_t)(owed % 1000);
	r->credit += (int64_t)(owed / 1000);
	if (r->credit > (int64_t)r->rate)
		r->credit = (int64_t)r->rate;
}

/* What the time since the last look has brought. */
static void
pay_both(struct limit *l, uint64_t now_ms)
{
	uint64_t ms = now_ms - l->paid_ms;

	if (ms == 0)
		return;
	l->paid_ms = now_ms;
	pay(&l->bytes, ms < 1000 ? ms : 1000);
	pay(&l->datagrams, ms < 1000 ? ms : 1000);
}

/* Of count that cost so much each: how many while there is something left. */
static uint32_t
affordable(const struct limit_rate *r, uint32_t count, uint32_t each)
{
	uint64_t most;

	if (r->rate == 0)
		return count;
	if (r->credit <= 0)
		return 0;
	if (each == 0)
		return count;
	most = ((uint64_t)r->credit + each - 1) / each;
	return most < count ? (uint32_t)most : count;
}

static int
is_size(const struct limit *l, uint32_t bytes)
{
	return bytes >= l->min && bytes <= l->max;
}

/* Returns how many of the run have the right size, and leaves these. */
static uint32_t
cut_size(const struct limit *l, struct run *run)
{
	uint32_t last = run->len - (run->count - 1) * run->seg;
	int has_last = is_size(l, last);

	if (run->count == 1 || last == run->seg)
		return has_last ? run->count : 0;
	if (!is_size(l, run->seg)) {
		if (!has_last)
			return 0;
		group_last(run);
	} else if (!has_last)
		group_first(run, run->count - 1);
	return run->count;
}

static uint32_t
cut_rate(struct limit *l, struct run *run)
{
	uint32_t n;

	n = affordable(&l->bytes, run->count, run->seg);
	n = affordable(&l->datagrams, n, 1);
	if (n == 0)
		return 0;
	group_first(run, n);
	l->bytes.credit -= run->len;
	l->datagrams.credit -= n;
	return n;
}

/* Whether the run may go on, and with how many hops. */
static int
has_hops(const struct limit *l, struct run *run)
{
	if (!l->hops || run->hops == -1) {
		run->hops = -1;
		return 1;
	}
	if (run->hops <= 1)
		return 0;
	run->hops--;
	if (l->ttl != 0 && run->hops > l->ttl)
		run->hops = l->ttl;
	return 1;
}

static void
count_drop(struct counters_slot *c, enum count reason, uint32_t n)
{
	if (n > 0)
		counters_add(c, reason, n);
}

int
limit_admit(struct limit *l, struct counters_slot *c, uint64_t now_ms,
    struct run *run)
{
	uint32_t came = run->count, sized, left;

	sized = cut_size(l, run);
	count_drop(c, COUNT_DROP_SIZE, came - sized);
	if (sized == 0)
		return 0;
	if (!has_hops(l, run)) {
		count_drop(c, COUNT_DROP_HOPS, sized);
		return 0;
	}
	pay_both(l, now_ms);
	left = cut_rate(l, run);
	count_drop(c, COUNT_DROP_RATE, sized - left);
	return left > 0;
}
