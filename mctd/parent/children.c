/*
 * The children: start, channels, death, take-over.
 *
 * Calls: clock_nanosleep, close, fcntl, getpid, kill, wait4
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../common/clock.h"
#include "../../common/limits.h"
#include "../share/processes.h"
#include "channel.h"
#include "child.h"
#include "children.h"
#include "events.h"
#include "freeze.h"
#include "loop.h"
#include "slots.h"

#define CHILDREN        LIMIT_CHILDREN

/* Messages read from one child before others have their turn. */
#define MESSAGES_A_TURN 64

/* More than a channel holds: so many are the last that a dead child said. */
#define CHANNEL_HOLDS   1024

static struct {
	struct child child[CHILDREN];
	unsigned int n;
	const struct children_user *user[PROCESS_KINDS];
	int failed;
	int stopping;
} children;

int
children_start(const struct children_setup *setup)
{
	enum process_kind kind;
	struct child *c;
	uint64_t deadline_ms;
	uint32_t engines = setup->start.engines, active = engines + 1;
	uint32_t i, n = active + 2 * setup->standby;

	for (i = 0; i < n && i < CHILDREN; i++) {
		/* the engines, control, then standbys of both by turns */
		kind = i < engines || (i >= active && (i - active) % 2 == 0) ?
		    PROCESS_ENGINE :
		    PROCESS_CONTROL;
		c = &children.child[i];
		c->which = i < engines ? i : 0;
		c->kind = kind;
		if (child_start(c, setup, i < active) == -1)
			return -1;
		children.n = i + 1;
	}
	deadline_ms = clock_ms() + CHILD_START_S * 1000;
	for (i = 0; i < children.n; i++)
		if (child_wait_ready(&children.child[i], deadline_ms) == -1)
			return -1;
	return 0;
}

static struct child *
find_child(enum process_kind kind, enum child_state state, uint32_t which)
{
	unsigned int i;

	for (i = 0; i < children.n; i++)
		if (children.child[i].kind == kind &&
		    children.child[i].state == state &&
		    (state != CHILD_ACTIVE || children.child[i].which == which))
			return &children.child[i];
	return NULL;
}

static uint32_t
count_asleep(enum process_kind kind)
{
	uint32_t n = 0;
	unsigned int i;

	for (i = 0; i < children.n; i++)
		if (children.child[i].kind == kind &&
		    children.child[i].state == CHILD_ASLEEP)
			n++;
	return n;
}

/* Who they are, for "show processes". */
static void
publish_processes(struct registry_head *h)
{
	static const uint8_t states[] = {
		[CHILD_NONE] = PROCESS_GONE,
		[CHILD_STARTING] = PROCESS_STARTING,
		[CHILD_ASLEEP] = PROCESS_STANDBY,
		[CHILD_ACTIVE] = PROCESS_WORKING,
		[CHILD_DYING] = PROCESS_ENDING,
	};
	struct process p = { .pid = (uint32_t)getpid(),
		.kind = PROCESS_PARENT,
		.state = PROCESS_WORKING };
	const struct child *c;
	unsigned int i;

	processes_put(h, 0, &p);
	for (i = 0; i < children.n; i++) {
		c = &children.child[i];
		p.pid = (uint32_t)c->pid;
		p.kind = (uint8_t)c->kind;
		p.state = states[c->state];
		p.which = (uint8_t)c->which;
		processes_put(h, i + 1, &p);
	}
}

static void
publish_standby(void)
{
	struct registry_head *h = slots_head();

	atomic_store(&h->standby_engines, count_asleep(PROCESS_ENGINE));
	atomic_store(&h->standby_controls, count_asleep(PROCESS_CONTROL));
	publish_processes(h);
}

/* It is killed, and its end awaited: only then a standby takes over. */
static void
child_lost(struct child *c, const char *why)
{
	if (c->state == CHILD_DYING || c->state == CHILD_NONE)
		return;
	if (!children.stopping)
		log_warn("%s %d: %s", child_kind_name(c->kind), (int)c->pid,
		    why);
	c->was_active = c->state == CHILD_ACTIVE;
	c->state = CHILD_DYING;
	loop_del(&c->readable);
	loop_del(&c->writable);
	(void)kill(c->pid, SIGKILL);
	children_reap();
}

static int
is_alive(const struct child *c)
{
	return c->state == CHILD_ACTIVE || c->state == CHILD_ASLEEP;
}

/* 0, or -1 when it is none that this child may send. */
static int
take_message(struct child *c, const void *buf, size_t len)
{
	int at_work = c->state == CHILD_ACTIVE ||
	    (c->state == CHILD_DYING && c->was_active);
	struct frame_in in;

	if (frame_open(&in, buf, len) == -1)
		return -1;
	if (in.type == MSG_X2P_LOG)
		return channel_log(&in, child_kind_name(c->kind), &c->rate);
	if (!at_work)
		return -1;
	if (in.type == MSG_X2P_PONG)
		return frame_done(&in) == -1 ?
		    -1 :
		    heartbeat_answered(&c->heartbeat);
	if (in.type == MSG_X2P_HALTED)
		return frame_done(&in) == -1 ? -1 : freeze_halted(c->pid);
	return children.user[c->kind]->message(c->which, &in);
}

/* Reads up to so many messages while it is alive. */
static void
hear(struct child *c, int most)
{
	uint8_t buf[FRAME_MAX];
	size_t nfds;
	long n;
	int i;

	for (i = 0; i < most && is_alive(c); i++) {
		n = frame_packet_recv(c->channel, buf, sizeof buf, NULL, 0,
		    &nfds);
		if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (n <= 0) {
			child_lost(c, "channel closed");
			return;
		}
		if (take_message(c, buf, (size_t)n) == 0)
			continue;
		c->insane = 1;
		child_lost(c, "sent a message that is not defined");
	}
}

/*
 * What it said before its end lies in its channel still: what it finished,
 * its successor must not be told.  Nobody answers who is not there any more,
 * so from the first word that is not defined it is not listened to.
 */
static void
hear_last_words(struct child *c)
{
	uint8_t buf[FRAME_MAX];
	size_t nfds;
	long n;
	int i;

	for (i = 0; i < CHANNEL_HOLDS && !c->insane; i++) {
		n = frame_packet_recv(c->channel, buf, sizeof buf, NULL, 0,
		    &nfds);
		/* a reset is told once, before what came earlier */
		if (n == -1 && errno == ECONNRESET)
			continue;
		if (n <= 0)
			return;
		c->insane = take_message(c, buf, (size_t)n) == -1;
	}
}

static void
child_readable(void *arg, unsigned int what)
{
	(void)what;
	hear(arg, MESSAGES_A_TURN);
}

static void
child_writable(void *arg, unsigned int what)
{
	struct child *c = arg;

	(void)what;
	loop_del(&c->writable);
	children.user[c->kind]->writable(c->which);
}

int
children_watch(const struct children_user *control,
    const struct children_user *engine)
{
	struct child *c;
	unsigned int i;

	children.user[PROCESS_CONTROL] = control;
	children.user[PROCESS_ENGINE] = engine;
	for (i = 0; i < children.n; i++) {
		c = &children.child[i];
		if (fcntl(c->channel, F_SETFL, O_NONBLOCK) == -1)
			return -1;
		loop_set(&c->readable, c->channel, LOOP_READ, child_readable,
		    c);
		loop_set(&c->writable, c->channel, LOOP_WRITE, child_writable,
		    c);
		if (loop_add(&c->readable, -1) == -1)
			return -1;
	}
	publish_standby();
	return 0;
}

/*
 * A full channel says when it is not any more; a shortage of the kernel's
 * does not, and is looked at again a moment later.
 */
static void
wait_writable(struct child *c, int err)
{
	int full = err == EAGAIN || err == EWOULDBLOCK;

	loop_del(&c->writable);
	loop_set(&c->writable, full ? c->channel : -1, full ? LOOP_WRITE : 0,
	    child_writable, c);
	(void)loop_add(&c->writable, full ? -1 : ACCEPT_RETRY_MS);
}

int
children_send(enum process_kind kind, uint32_t which, const void *buf,
    size_t len, const int *fds, size_t nfds)
{
	struct child *c = find_child(kind, CHILD_ACTIVE, which);
	int full;

	if (c == NULL) {
		errno = EPIPE;
		return -1;
	}
	if (channel_send(c->channel, buf, len, fds, nfds) == 0) {
		heartbeat_took(&c->heartbeat);
		return 0;
	}
	if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS ||
	    errno == ENOMEM || errno == ETOOMANYREFS) {
		full = errno == EAGAIN || errno == EWOULDBLOCK;
		wait_writable(c, errno);
		errno = full ? EAGAIN : ENOBUFS;
		return -1;
	}
	/* its end of file is read in its turn, and is its death */
	errno = EPIPE;
	return -1;
}

void
children_kill(enum process_kind kind, uint32_t which, const char *why)
{
	struct child *c = find_child(kind, CHILD_ACTIVE, which);

	if (c != NULL)
		child_lost(c, why);
}

/* When none is asleep any more: while there is time to do something. */
static void
warn_last(enum process_kind kind)
{
	if (count_asleep(kind) == 0)
		log_warn("no standby %s is left: upgrade in place (mctd -U) "
			 "before the one at work fails",
		    child_kind_name(kind));
}

static void
take_over(enum process_kind kind, uint32_t which)
{
	struct event_note note = { .type = EVENT_CHILD_RESTARTED };
	struct child *c = find_child(kind, CHILD_ASLEEP, 0);
	struct frame_out out;
	uint8_t buf[FRAME_HEADER + sizeof which];

	if (c == NULL) {
		log_fatal("no standby %s is left: the daemon ends, to be "
			  "started anew",
		    child_kind_name(kind));
		children.failed = 1;
		return;
	}
	frame_begin(&out, buf, sizeof buf, MSG_P2X_ACTIVATE, 0, 0);
	frame_put_u32(&out, which);
	if (channel_send(c->channel, buf, frame_end(&out), NULL, 0) == -1) {
		child_lost(c, "standby does not listen");
		take_over(kind, which);
		return;
	}
	c->state = CHILD_ACTIVE;
	c->which = which;
	publish_standby();
	log_info("standby %s %d took over", child_kind_name(kind), (int)c->pid);
	warn_last(kind);
	note.text = child_kind_name(kind);
	events_add(&note);
	children.user[kind]->writable(which);
}

static void
child_ended(struct child *c, int status)
{
	enum child_state was = c->state;

	if (was != CHILD_DYING) {
		c->was_active = was == CHILD_ACTIVE;
		c->state = CHILD_DYING;
		loop_del(&c->readable);
		loop_del(&c->writable);
	}
	if (!children.stopping)
		log_warn("%s%s %d ended by %s %d",
		    c->was_active ? "" : "standby ", child_kind_name(c->kind),
		    (int)c->pid, WIFSIGNALED(status) ? "signal" : "exit",
		    WIFSIGNALED(status) ? WTERMSIG(status) :
					  WEXITSTATUS(status));
	hear_last_words(c);
	close(c->channel);
	(void)children_fill_low_fds();
	c->state = CHILD_NONE;
	publish_standby();
	if (children.stopping)
		return;
	if (!c->was_active) {
		warn_last(c->kind);
		return;
	}
	children.user[c->kind]->died(c->which);
	take_over(c->kind, c->which);
}

void
children_reap(void)
{
	unsigned int i;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (i = 0; i < children.n; i++)
			if (children.child[i].state != CHILD_NONE &&
			    children.child[i].pid == pid)
				child_ended(&children.child[i], status);
}

/* A message without a body: 0, or an errno value. */
static int
tell(const struct child *c, uint16_t type)
{
	struct frame_out out;
	uint8_t buf[FRAME_HEADER];

	frame_begin(&out, buf, sizeof buf, type, 0, 0);
	if (channel_send(c->channel, buf, frame_end(&out), NULL, 0) == -1)
		return errno;
	return 0;
}

/* What lies in its channel is heard first: the answer may be there. */
static int
hangs(struct child *c, uint64_t now_ms)
{
	if (heartbeat_overdue(&c->heartbeat, now_ms))
		hear(c, CHANNEL_HOLDS);
	return is_alive(c) && heartbeat_overdue(&c->heartbeat, now_ms);
}

void
children_beat(uint64_t now_ms, int late)
{
	struct child *c;
	unsigned int i;

	for (i = 0; i < children.n; i++) {
		c = &children.child[i];
		if (late)
			heartbeat_forgive(&c->heartbeat, now_ms);
		if (c->state == CHILD_ACTIVE && hangs(c, now_ms))
			child_lost(c, "does not answer");
		if (c->state == CHILD_ACTIVE && heartbeat_due(&c->heartbeat))
			heartbeat_asked(&c->heartbeat, now_ms,
			    tell(c, MSG_P2X_PING));
	}
}

pid_t
children_pid(unsigned int number, int *at_work)
{
	const struct child *c = &children.child[number];

	*at_work = c->state == CHILD_ACTIVE;
	return *at_work || c->state == CHILD_DYING ? c->pid : 0;
}

void
children_tell(unsigned int number, enum inner_type type)
{
	if (is_alive(&children.child[number]))
		(void)tell(&children.child[number], (uint16_t)type);
}

int
children_hear(unsigned int number)
{
	hear(&children.child[number], CHANNEL_HOLDS);
	return is_alive(&children.child[number]) ? 0 : -1;
}

void
children_ended(unsigned int number, int status)
{
	child_ended(&children.child[number], status);
}

int
children_failed(void)
{
	return children.failed;
}

/* Looks who ended; the number of those that did not. */
static unsigned int
count_left(int options)
{
	unsigned int i, n = 0;
	struct child *c;

	for (i = 0; i < children.n; i++) {
		c = &children.child[i];
		if (c->state == CHILD_NONE)
			continue;
		if (waitpid(c->pid, NULL, options) == 0)
			n++;
		else
			c->state = CHILD_NONE;
	}
	return n;
}

void
children_stop(void)
{
	static const struct timespec pause = { .tv_nsec = 10000000 };
	uint64_t deadline_ms = clock_ms() + END_WAIT_S * 1000;
	unsigned int i;

	children.stopping = 1;
	for (i = 0; i < children.n; i++)
		if (children.child[i].state != CHILD_NONE)
			close(children.child[i].channel);
	while (count_left(WNOHANG) > 0 && clock_ms() < deadline_ms)
		(void)nanosleep(&pause, NULL); /* SIGCHLD ends it */
	for (i = 0; i < children.n; i++)
		if (children.child[i].state != CHILD_NONE)
			(void)kill(children.child[i].pid, SIGKILL);
	(void)count_left(0);
}

int
children_fill_low_fds(void)
{
	int fd;

	do {
		fd = fcntl(0, F_DUPFD_CLOEXEC, 0); /* it is /dev/null */
		if (fd == -1)
			return -1;
	} while (fd < LOW_FDS);
	close(fd);
	return 0;
}
