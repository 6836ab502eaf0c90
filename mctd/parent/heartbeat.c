/*
 * The heartbeat of a child, as times and answers; children.c sends and
 * receives, and ends who hangs.
 */

#include <errno.h>

#include "../../common/limits.h"
#include "heartbeat.h"

int
heartbeat_due(const struct heartbeat *h)
{
	return !h->asked;
}

void
heartbeat_asked(struct heartbeat *h, uint64_t now_ms, int err)
{
	if (err == 0 || h->owed_ms == 0)
		h->forgiven = 0;
	if (err == 0) {
		h->asked = 1;
		h->owed_ms = now_ms; /* what was full before is so no more */
	} else if (err != EAGAIN && err != EWOULDBLOCK)
		h->owed_ms = 0; /* not its fault */
	else if (h->owed_ms == 0)
		h->owed_ms = now_ms;
}

void
heartbeat_took(struct heartbeat *h)
{
	if (!h->asked)
		h->owed_ms = 0;
}

int
heartbeat_answered(struct heartbeat *h)
{
	if (!h->asked)
		return -1;
	h->asked = 0;
	h->owed_ms = 0;
	return 0;
}

int
heartbeat_overdue(const struct heartbeat *h, uint64_t now_ms)
{
	return h->owed_ms != 0 && now_ms >= h->owed_ms + HEARTBEAT_S * 1000;
}

void
heartbeat_forgive(struct heartbeat *h, uint64_t now_ms)
{
	if (h->owed_ms == 0 || h->forgiven == HEARTBEAT_FORGIVEN)
		return;
	h->forgiven++;
	h->owed_ms = now_ms;
}
