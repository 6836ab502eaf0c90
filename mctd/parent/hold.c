/*
 * Dsts that are left out.
 *
 *	up -> down     a connect to it failed
 *	down, held     for as long as the option says: others are tried
 *	down           the next session tries it; if that fails, held again
 *	down -> up     a connect to it stands
 *
 * One that comes and goes is told of once a second: "up" follows each "down"
 * that was told.
 */

#include <errno.h>
#include <string.h>

#include "../../common/clock.h"
#include "../../common/limits.h"
#include "../../common/log.h"
#include "events.h"
#include "hold.h"
#include "slots.h"

#define NOTE_MS 1000

int
hold_is(const struct bridge *b, unsigned int number)
{
	return (b->held >> number) & 1;
}

static void expired(void *, unsigned int);

/* Shows who is held, and waits for the first of them to be so no more. */
static void
publish(struct bridge *b)
{
	struct registry_entry *e = slots_begin(b->slot);
	uint64_t now = clock_ms(), first = UINT64_MAX;
	unsigned int i;

	e->held = b->held;
	slots_end(b->slot);
	if (loop_is_set(&b->hold))
		loop_del(&b->hold);
	for (i = 0; i < DSTS_MAX; i++)
		if (hold_is(b, i) && b->held_until_ms[i] < first)
			first = b->held_until_ms[i];
	if (first == UINT64_MAX)
		return;
	loop_set(&b->hold, -1, 0, expired, b);
	if (loop_add(&b->hold, first > now ? (long)(first - now) : 0) == 0)
		return;
	b->held = 0; /* better tried than left out for ever */
}

static void
expired(void *arg, unsigned int what)
{
	struct bridge *b = arg;
	uint64_t now = clock_ms();
	unsigned int i;

	(void)what;
	for (i = 0; i < DSTS_MAX; i++)
		if (hold_is(b, i) && b->held_until_ms[i] <= now)
			b->held &= (uint8_t) ~(1U << i);
	publish(b);
}

static void
note(const struct bridge *b, enum event_type type, unsigned int number, int err)
{
	static struct log_rate rate;
	struct event_note n = { .type = type, .err = err };
	char text[ADDR_TEXT_BYTES];

	n.id = n.bridge = slots_id(b->slot);
	n.text =
	    addr_print(bridge_dst(bridges_spec(b), number), text, sizeof text);
	if (err != 0)
		n.reason = err == ETIMEDOUT ? END_CONNECT_TIMEOUT :
					      END_CONNECT_REFUSED;
	events_add(&n);
	if (!log_rate(&rate, SESSION_LOG_RATE, "dsts"))
		return;
	if (type == EVENT_DST_UP)
		log_info("bridge %u: dst %s is up again", n.id, text);
	else
		log_warn("bridge %u: dst %s is down: %s", n.id, text,
		    strerror(err));
}

void
hold_down(struct bridge *b, unsigned int number, int err)
{
	const struct bridge_spec *spec = bridges_spec(b);
	uint8_t bit = (uint8_t)(1U << number);
	uint64_t now = clock_ms();

	if (bridge_dst(spec, 1) == NULL)
		return;
	b->down |= bit;
	if (!(b->noted & bit) &&
	    (b->noted_ms[number] == 0 ||
		now - b->noted_ms[number] >= NOTE_MS)) {
		note(b, EVENT_DST_DOWN, number, err);
		b->noted |= bit;
		b->noted_ms[number] = now;
	}
	if (spec->options.hold_s == 0)
		return;
	b->held |= bit;
	b->held_until_ms[number] = now + (uint64_t)spec->options.hold_s * 1000;
	publish(b);
}

void
hold_up(struct bridge *b, unsigned int number)
{
	uint8_t bit = (uint8_t)(1U << number);

	if (!(b->down & bit))
		return;
	b->down &= (uint8_t)~bit;
	b->held &= (uint8_t)~bit;
	publish(b);
	if (b->noted & bit)
		note(b, EVENT_DST_UP, number, 0);
	b->noted &= (uint8_t)~bit;
}

void
hold_stop(struct bridge *b)
{
	if (loop_is_set(&b->hold))
		loop_del(&b->hold);
	b->down = b->held = b->noted = 0;
}

void
hold_adopt(struct bridge *b)
{
	publish(b);
}
