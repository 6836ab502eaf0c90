/*
 * The parent: start, loop, end.
 *
 * A turn of the loop: wait; what is ready runs (each listener and child with
 * a budget of its own); then bridges that are over or may go on, then what
 * the children are to be told.
 *
 * The end: STOPPING from the first signal or request; nothing new comes in,
 * sessions go on until none is left or the time is over, then they are
 * closed, the engine's ENDs awaited a moment, and the children ended.
 *
 * Calls: at the start: geteuid
 */

#include <sys/un.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <bsd/string.h>
#include <bsd/unistd.h>

#include "../../common/clock.h"
#include "../../common/log.h"
#include "../conf/budget.h"
#include "../conf/conf.h"
#include "../sandbox/sandbox.h"
#include "bridges.h"
#include "broker.h"
#include "children.h"
#include "clients.h"
#include "daemon.h"
#include "datagrams.h"
#include "events.h"
#include "flows.h"
#include "groups.h"
#include "handover.h"
#include "interrupt.h"
#include "life.h"
#include "logger.h"
#include "loop.h"
#include "mend.h"
#include "network.h"
#include "own_sockets.h"
#include "parent.h"
#include "pipes.h"
#include "reload.h"
#include "sessions.h"
#include "sources.h"
#include "start.h"
#include "upgrade_give.h"
#include "upgrade_take.h"

/* What looks at the clock does so this often. */
#define TICK_MS 1000

/* After the drain, sessions have this long to be ended by the engine. */
#define LAST_MS (END_WAIT_S * 1000)

enum parent_phase {
	PHASE_RUNNING,
	PHASE_DRAINING,
	PHASE_ENDING
};

static struct {
	enum parent_phase phase;
	uint64_t deadline_ms;
	int hurry; /* a second signal */
	struct conf *conf;
	struct loop_event tick;
	uint64_t ticked_ms; /* when it did last */
	struct loop_event signals[5];
} parent;

int
parent_define(const char *assignment)
{
	return conf_define(assignment);
}

static void
stop(void)
{
	if (parent.phase != PHASE_RUNNING) {
		parent.hurry = 1;
		return;
	}
	parent.phase = PHASE_DRAINING;
	parent.deadline_ms =
	    clock_ms() + (uint64_t)parent.conf->timeouts.drain_s * 1000;
	log_info("stopping: %u sessions have %u s to end", sessions_all(),
	    parent.conf->timeouts.drain_s);
	daemon_notify("STOPPING=1");
	life_drain();
}

static int
load(char *error, size_t size)
{
	int done;

	if (parent.phase != PHASE_RUNNING) {
		(void)strlcpy(error, "mctd is stopping", size);
		return -1;
	}
	done = reload_again(parent.conf, error, size);
	mend(parent.conf, 1);
	return done;
}

static int
is_stopping(void)
{
	return parent.phase != PHASE_RUNNING;
}

static const struct conf *
current(void)
{
	return parent.conf;
}

static void
on_stop(void *arg, unsigned int what)
{
	(void)arg;
	(void)what;
	stop();
}

static void
on_hup(void *arg, unsigned int what)
{
	char error[TEXT_BYTES + CONF_PATH_BYTES];

	(void)arg;
	(void)what;
	(void)load(error, sizeof error);
}

static void
on_child(void *arg, unsigned int what)
{
	(void)arg;
	(void)what;
	children_reap();
}

static void
on_nothing(void *arg, unsigned int what)
{
	(void)arg;
	(void)what;
}

static void
on_tick(void *arg, unsigned int what)
{
	uint64_t now_ms = clock_ms();
	/* others, too, may have slept as the parent did */
	int late = now_ms >= parent.ticked_ms + 2 * TICK_MS;

	(void)arg;
	(void)what;
	parent.ticked_ms = now_ms;
	children_beat(now_ms, late);
	if (!late)
		handover_check();
	datagrams_note_drops();
	logger_tick();
	groups_tick();
	if (parent.phase == PHASE_RUNNING)
		mend_tick(parent.conf);
	(void)loop_add(&parent.tick, TICK_MS);
}

static void
tell_engine(uint32_t engine)
{
	if (pipes_flush(engine) == -1)
		return;
	handover_flush(engine);
	if (engine == DATAGRAM_ENGINE)
		(void)datagrams_flush();
}

static void
tell_engines(void)
{
	uint32_t i;

	for (i = 0; i < parent.conf->engines; i++)
		tell_engine(i);
}

static void
engine_died(uint32_t engine)
{
	sessions_engine_died(engine);
	pipes_engine_died(engine);
	handover_engine_died(engine);
	if (engine != DATAGRAM_ENGINE)
		return;
	datagrams_engine_died();
	flows_engine_died();
}

static int
control_message(uint32_t which, struct frame_in *in)
{
	(void)which;
	return broker_message(in);
}

static void
control_writable(uint32_t which)
{
	(void)which;
	clients_flush();
}

static void
control_died(uint32_t which)
{
	(void)which;
	clients_control_died();
}

static const struct children_user control_user = {
	.message = control_message,
	.writable = control_writable,
	.died = control_died,
};

static const struct children_user engine_user = {
	.message = broker_engine_message,
	.writable = tell_engine,
	.died = engine_died,
};

static void
on_network(void)
{
	groups_look();
	sources_look();
	datagrams_network_changed();
}

static int
watch(void)
{
	static const struct {
		int signal;
		void (*fn)(void *, unsigned int);
	} signals[] = {
		{ SIGTERM, on_stop },
		{ SIGINT, on_stop },
		{ SIGHUP, on_hup },
		{ SIGCHLD, on_child },
		{ SIGPIPE, on_nothing },
	};
	static const struct broker_hooks hooks = {
		.stop = stop,
		.stopping = is_stopping,
		.reload = load,
		.conf = current,
	};
	size_t i;

	broker_init(&hooks);
	if (children_watch(&control_user, &engine_user) == -1 ||
	    network_watch(on_network) == -1)
		return -1;
	for (i = 0; i < sizeof signals / sizeof signals[0]; i++) {
		loop_signal(&parent.signals[i], signals[i].signal,
		    signals[i].fn, NULL);
		if (loop_add(&parent.signals[i], -1) == -1)
			return -1;
		if (signals[i].fn == on_stop &&
		    interrupt_watch(signals[i].signal) == -1)
			return -1;
	}
	loop_set(&parent.tick, -1, 0, on_tick, NULL);
	parent.ticked_ms = clock_ms();
	children_reap(); /* who ended before SIGCHLD was watched */
	return loop_add(&parent.tick, TICK_MS);
}

static void
close_sessions(enum end_reason reason)
{
	struct bridge *b;

	for (b = bridges_next(1); b != NULL; b = bridges_next(b->slot + 1))
		sessions_close_all(b->slot, reason);
}

/* 1 when the end has come. */
static int
ended(void)
{
	uint64_t now;

	if (children_failed()) {
		/* cut short, which no end of file may hide */
		close_sessions(END_STOPPED);
		return 1;
	}
	if (parent.phase == PHASE_RUNNING)
		return 0;
	if (sessions_all() == 0 && bridges_next(1) == NULL)
		return 1;
	now = clock_ms();
	if (parent.phase == PHASE_DRAINING &&
	    (parent.hurry || now >= parent.deadline_ms)) {
		log_info("closing %u sessions that did not end",
		    sessions_all());
		close_sessions(END_STOPPED);
		parent.phase = PHASE_ENDING;
		parent.deadline_ms = now + LAST_MS;
	}
	return parent.phase == PHASE_ENDING && now >= parent.deadline_ms;
}

static int
loop(void)
{
	for (;;) {
		if (loop_turn(0) == -1) {
			log_fatal("event loop failed");
			return 1;
		}
		life_turn();
		tell_engines();
		clients_flush();
		if (ended())
			return children_failed() ? 1 : 0;
	}
}

/* From here on: see mctd/sandbox/linux_calls.c. */
static int
lock(const struct parent_options *o)
{
	const char *step;

	setproctitle("parent");
	/* libbsd marks the end of a name that is longer than the title */
	if (*o->name_end == '.')
		*o->name_end = '\0';
	if (sandbox_warning() != NULL)
		log_warn("%s", sandbox_warning());
	if (sandbox_lock(PROCESS_PARENT, &step) == 0)
		return 0;
	log_fatal("%s: %s", step, strerror(errno));
	return -1;
}

/*
 * The place of the running daemon is taken: its engines and its control are
 * as good as dead, and these here are their successors.
 */
static int
take_over(void)
{
	struct event_note note = { .type = EVENT_CONFIG_LOADED };
	struct upgrade_adopted adopted;
	uint32_t i;

	if (upgrade_take(parent.conf, &adopted) == -1)
		return -1;
	own_sockets_taken();
	for (i = 0; i < parent.conf->engines; i++)
		engine_died(i);
	control_died(0);
	tell_engines();
	log_info("took over %u bridges and %u sessions, which stood still for "
		 "%llu us",
	    adopted.bridges, adopted.sessions,
	    (unsigned long long)(clock_us() - adopted.frozen_us));
	reload_commit(parent.conf);
	events_add(&note);
	(void)clients_listen(adopted.control);
	upgrade_take_end(adopted.upgrade, stop);
	return 0;
}

/*
 * All there is to carry.  What another daemon has is taken over at the very
 * last, so that nothing else can fail.  0, or -1 with a line in the log.
 */
static int
begin(const struct parent_options *o)
{
	char error[TEXT_BYTES + CONF_PATH_BYTES] = "event loop failed";

	if (watch() == -1 ||
	    (!o->upgrade &&
		reload_apply(parent.conf, error, sizeof error) == -1)) {
		log_fatal("%s", error);
		return -1;
	}
	tell_engines();
	if (lock(o) == -1 || (o->upgrade && take_over() == -1))
		return -1;
	tell_engines();
	return 0;
}

static int
run(const struct parent_options *o, const struct budget *b)
{
	int status;

	if (start_privileged(o, parent.conf, b) == -1) {
		children_stop();
		return 1;
	}
	if (begin(o) == -1) {
		children_stop();
		own_sockets_remove();
		return 1;
	}
	log_info("ready: %u bridges", parent.conf->nbridges);
	daemon_ready(o->foreground, log_get_level());
	(void)children_fill_low_fds(); /* it closed one */
	status = loop();
	upgrade_give_stop();
	/* first: the next mctd may listen there from then on */
	own_sockets_remove();
	/* an engine that died, or is slow: what has a path is removed now */
	datagrams_stop();
	life_drain();
	clients_stop();
	children_stop();
	log_info("ended");
	return status;
}

int
parent_main(struct parent_options *o)
{
	char error[TEXT_BYTES + CONF_PATH_BYTES];
	struct budget budget;

	o->stopping = is_stopping;
	log_set(NULL, o->verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	parent.conf = conf_new(LIMIT_BRIDGES_MAX);
	if (parent.conf == NULL || reload_open(o->file, o->file_given) == -1)
		return 1;
	if (reload_read(parent.conf, error, sizeof error) == -1) {
		(void)fprintf(stderr, "%s\n", error);
		return 1;
	}
	conf_fit(parent.conf);
	if (o->socket != NULL &&
	    strlcpy(parent.conf->socket, o->socket,
		sizeof parent.conf->socket) >=
		sizeof((struct sockaddr_un *)NULL)->sun_path) {
		(void)fprintf(stderr, "mctd: %s: %s\n", o->socket,
		    strerror(ENAMETOOLONG));
		return 1;
	}
	start_budget(o, parent.conf, &budget);
	if (o->check_only) {
		conf_print(parent.conf, stdout);
		if (o->verbose)
			budget_print(&budget, parent.conf, stdout);
		(void)fprintf(stderr, "configuration OK\n");
		return start_check_descriptors(&budget) == -1;
	}
	if (!o->foreground && geteuid() != 0) {
		log_fatal("not started by root: only with -d");
		return 1;
	}
	if (start_check_descriptors(&budget) == -1)
		return 1;
	if (!o->foreground && daemon_begin() == -1) {
		log_fatal("daemon: %s", strerror(errno));
		return 1;
	}
	return run(o, &budget);
}
