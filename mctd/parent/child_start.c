/*
 * The start of a child.
 *
 * Calls: poll
 */

#include <sys/types.h>

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "../../common/clock.h"
#include "../../common/limits.h"
#include "channel.h"
#include "child.h"
#include "spawn.h"

const char *
child_kind_name(enum process_kind kind)
{
	return kind == PROCESS_ENGINE ? "engine" : "control";
}

static int
send_start(struct child *c, const struct children_setup *setup, int active)
{
	struct inner_start start = setup->start;
	struct frame_out out;
	uint8_t buf[FRAME_MAX];

	c->was_active = active;
	start.kind = (uint8_t)c->kind;
	start.active = (uint8_t)active;
	start.engine = c->which;
	start.fds = setup->nofile[c->kind];
	frame_begin(&out, buf, sizeof buf, MSG_P2X_START, 0, 0);
	inner_put_start(&out, &start);
	return channel_send(c->channel, buf, frame_end(&out),
	    setup->fds[c->kind], setup->nfds[c->kind]);
}

/* Reads one message; its log lines are written.  1 ready, 0 not yet. */
static int
start_message(struct child *c)
{
	uint8_t buf[FRAME_MAX];
	struct frame_in in;
	size_t nfds;
	long n;

	n = frame_packet_recv(c->channel, buf, sizeof buf, NULL, 0, &nfds);
	if (n <= 0 || frame_open(&in, buf, (size_t)n) == -1)
		return -1;
	if (in.type == MSG_X2P_LOG)
		return channel_log(&in, child_kind_name(c->kind), &c->rate);
	return in.type == MSG_X2P_READY && frame_done(&in) == 0 ? 1 : -1;
}

int
child_wait_ready(struct child *c, uint64_t deadline_ms)
{
	struct pollfd p = { .fd = c->channel, .events = POLLIN };
	uint64_t now;
	int got = 0;

	while (got == 0) {
		now = clock_ms();
		if (now >= deadline_ms ||
		    poll(&p, 1, (int)(deadline_ms - now)) == 0) {
			log_fatal("%s %d is not ready in %d s",
			    child_kind_name(c->kind), (int)c->pid,
			    CHILD_START_S);
			return -1;
		}
		if ((got = start_message(c)) == -1) {
			log_fatal("%s %d ended at start",
			    child_kind_name(c->kind), (int)c->pid);
			return -1;
		}
	}
	c->state = c->was_active ? CHILD_ACTIVE : CHILD_ASLEEP;
	return 0;
}

int
child_start(struct child *c, const struct children_setup *setup, int active)
{
	const char *kind = child_kind_name(c->kind);

	c->pid = spawn(kind, setup->foreground, &c->channel);
	c->state = c->pid == -1 ? CHILD_NONE : CHILD_STARTING;
	if (c->pid != -1 && send_start(c, setup, active) == 0)
		return 0;
	log_fatal("start of %s: %s", kind, strerror(errno));
	return -1;
}
