/*
 * Events to clients.  They are pulled: nothing is stored for a client but
 * the number it wants next, so a slow one costs nothing and is told what
 * has left the ring meanwhile.
 */

#include <assert.h>
#include <string.h>

#include "../../common/record.h"
#include "attach.h"

static const struct ring *ring;

void
attach_setup(const struct ring *r)
{
	ring = r;
}

/* "peer-reset", or for dropped packets what they are counted as. */
static const char *
reason_word(const struct ring_event *e)
{
	if (e->type == EVENT_DROPPED_PACKET)
		return name_count(e->reason);
	return name_end_reason(e->reason);
}

static int
has_reason(const struct ring_event *e)
{
	if (e->type == EVENT_ONE_WAY)
		return 0; /* it is said as the list of bridges has it */
	return e->type == EVENT_DROPPED_PACKET ||
	    e->type == EVENT_SESSION_CLOSED || e->reason != END_NONE;
}

static void
put_event(struct frame_out *out, const struct ring_event *e)
{
	struct record_out r;
	unsigned int i;

	record_begin(&r, out);
	record_put_number(&r, FIELD_SEQ, e->seq);
	record_put_number(&r, FIELD_TIME, e->time_ns);
	record_put_text(&r, FIELD_EVENT, name_event(e->type));
	record_put_number(&r, FIELD_EVENT_NUMBER, e->type);
	record_put_number(&r, FIELD_ID, e->id);
	record_put_number(&r, FIELD_BRIDGE, e->bridge);
	record_put_number(&r, FIELD_ERR, e->err);
	if (has_reason(e))
		record_put_text(&r, FIELD_REASON, reason_word(e));
	if (e->type == EVENT_ONE_WAY)
		record_put_text(&r, FIELD_ONE_WAY, name_one_way(e->reason));
	if (e->text[0] != '\0')
		record_put_text(&r, FIELD_TEXT, e->text);
	for (i = 0; i < COUNTS; i++)
		if (e->count[i] != 0)
			record_put_number(&r, FIELD_COUNT + i, e->count[i]);
	record_end(&r);
}

/*
 * Where to begin, and how many events before it are lost.  A number from
 * beyond the next one is from another life of the daemon: it means now.
 */
static uint32_t
first_of(uint32_t from, uint32_t next, uint32_t *lost)
{
	uint32_t oldest = ring_oldest(ring);

	*lost = 0;
	if ((int32_t)(from - next) > 0)
		return next;
	if ((int32_t)(from - oldest) >= 0)
		return from;
	/* A ring that is not full yet has lost nothing. */
	if (next - oldest == ring->size)
		*lost = oldest - from;
	return oldest;
}

/*
 * A RECORDS frame with the events from `from` on, as many as fit.  Returns
 * its length; *head says what is in it.
 */
static size_t
page(uint32_t from, uint32_t request, void *buf, size_t size,
    struct proto_records *head)
{
	struct frame_out out, before;
	struct ring_event e;
	uint32_t next = ring_next(ring);

	memset(head, 0, sizeof *head);
	head->cursor = first_of(from, next, &head->lost);
	frame_begin(&out, buf, size, MSG_C2L_RECORDS, 0, request);
	proto_put_records(&out, head);
	for (; head->cursor != next; head->cursor++) {
		if (ring_read(ring, head->cursor, &e) == -1) {
			head->lost++; /* written over just now */
			continue;
		}
		e.text[sizeof e.text - 1] = '\0';
		before = out;
		put_event(&out, &e);
		if (out.bad) {
			out = before;
			break;
		}
		head->count++;
	}
	proto_set_records(&out, head);
	return frame_end(&out);
}

size_t
attach_ask(struct attach *a, const struct proto_events *ask, uint32_t request,
    void *buf, size_t size)
{
	struct proto_records head;
	uint32_t from;
	size_t len;

	from = ask->flags & EVENTS_NEXT ? ring_next(ring) : ask->from;
	len = page(from, request, buf, size, &head);
	if (head.count > 0 || head.lost > 0 || !(ask->flags & EVENTS_WAIT))
		return len;
	assert(!a->waiting);
	a->waiting = 1;
	a->request = request;
	a->from = head.cursor;
	return 0;
}

size_t
attach_news(struct attach *a, void *buf, size_t size)
{
	struct proto_records head;
	size_t len;

	if (!a->waiting || ring_next(ring) == a->from)
		return 0;
	len = page(a->from, a->request, buf, size, &head);
	if (head.count == 0 && head.lost == 0)
		return 0;
	a->waiting = 0;
	return len;
}
