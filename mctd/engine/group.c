/*
 * Groups of datagrams.
 */

#include <string.h>

#include "../../common/limits.h"
#include "group.h"

void
group_run(struct run *run, const uint8_t *data, uint32_t len, uint32_t seg)
{
	run->data = data;
	run->len = len;
	run->seg = len;
	run->count = 1;
	run->hops = -1;
	if (seg > 0 && seg < len) {
		run->seg = seg;
		run->count = (len + seg - 1) / seg;
	}
}

void
group_first(struct run *run, uint32_t count)
{
	if (count == run->count)
		return;
	run->count = count;
	run->len = count * run->seg;
}

void
group_last(struct run *run)
{
	uint32_t before = (run->count - 1) * run->seg;

	run->data += before;
	run->len -= before;
	run->seg = run->len;
	run->count = 1;
}

int
group_cut(struct run *run, struct run *head)
{
	uint32_t most = DGRAM_SEGMENTS;

	*head = *run;
	if (run->count > 1 && most > DGRAM_GROUP_BYTES / run->seg)
		most = DGRAM_GROUP_BYTES / run->seg;
	if (most == 0)
		most = 1;
	if (run->count <= most)
		return 0;
	head->count = most;
	head->len = most * run->seg;
	run->count -= most;
	run->data += head->len;
	run->len -= head->len;
	if (run->count == 1)
		run->seg = run->len;
	return 1;
}

void
group_begin(struct group *g, const struct run *run)
{
	g->run = *run;
	g->closed = run->len == 0 || run->len > GROUP_COPY_BYTES ||
	    run->len < run->seg * run->count;
}

int
group_add(struct group *g, const struct run *add)
{
	struct run *run = &g->run;
	int same = add->seg == run->seg;
	int shorter = add->count == 1 && add->len < run->seg;
	int alike = (same || shorter) && add->hops == run->hops;

	if (g->closed || add->len == 0 || add->len > GROUP_COPY_BYTES ||
	    !alike || run->count + add->count > DGRAM_SEGMENTS ||
	    run->len + add->len > DGRAM_GROUP_BYTES)
		return 0;
	if (run->data != g->room) {
		memcpy(g->room, run->data, run->len);
		run->data = g->room;
	}
	memcpy(g->room + run->len, add->data, add->len);
	run->len += add->len;
	run->count += add->count;
	g->closed = run->len < run->seg * run->count;
	return 1;
}
