/*
 * The control process: its start, and the messages of the parent.
 *
 * Everything is made before READY; afterwards there are only recv, recvmsg,
 * send, shutdown, close, epoll and the clock.  The end of the channel is the
 * one thing that ends the process.
 *
 * Calls: close; at the start: fstat, getrlimit, mmap, rt_sigaction, setrlimit
 */

#include <sys/types.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <bsd/unistd.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../sandbox/sandbox.h"
#include "../share/arena.h"
#include "../share/counters.h"
#include "../share/inner.h"
#include "../share/registry.h"
#include "../share/ring.h"
#include "attach.h"
#include "client.h"
#include "control.h"
#include "dispatch.h"
#include "loop.h"
#include "show.h"
#include "uplink.h"

static struct {
	int active;
	int events; /* there are new ones in this turn */
	int asked;  /* PING came, and PONG was not sent yet */
	int halt;   /* HALT came, and HALTED was not sent yet */
	struct registry registry;
	struct counters counters[LIMIT_ENGINES_MAX];
	struct ring ring;
} control;

static void
on_activate(struct frame_in *in, int fd)
{
	(void)fd;
	(void)frame_get_u32(in);
	if (frame_done(in) == -1 || control.active)
		uplink_fatal("the parent's ACTIVATE is broken");
	control.active = 1;
	setproctitle("control");
}

static void
on_client(struct frame_in *in, int fd)
{
	struct inner_new_client m;

	memset(&m, 0, sizeof m);
	inner_get_new_client(in, &m);
	if (frame_done(in) == -1 || client_new(&m, fd) == -1)
		uplink_fatal("the parent's CLIENT is broken");
}

static void
on_done(struct frame_in *in, int fd)
{
	struct inner_client who;
	uint32_t id;

	(void)fd;
	inner_get_client(in, &who);
	id = proto_get_done(in);
	if (frame_done(in) == -1 || client_done(&who, id) == -1)
		uplink_fatal("the parent's DONE is broken");
}

static void
on_error(struct frame_in *in, int fd)
{
	struct inner_client who;
	struct proto_error m;

	(void)fd;
	memset(&m, 0, sizeof m);
	inner_get_client(in, &who);
	proto_get_error(in, &m);
	if (frame_done(in) == -1 || client_refused(&who, &m) == -1)
		uplink_fatal("the parent's ERROR is broken");
}

static void
on_events(struct frame_in *in, int fd)
{
	(void)fd;
	if (frame_done(in) == -1)
		uplink_fatal("the parent's EVENTS is broken");
	control.events = 1;
}

static void
on_ping(struct frame_in *in, int fd)
{
	(void)fd;
	if (frame_done(in) == -1 || control.asked)
		uplink_fatal("the parent's PING is broken");
	control.asked = 1;
}

static void
on_halt(struct frame_in *in, int fd)
{
	(void)fd;
	if (frame_done(in) == -1)
		uplink_fatal("the parent's HALT is broken");
	control.halt = 1;
}

static void
on_go_on(struct frame_in *in, int fd)
{
	(void)fd;
	if (frame_done(in) == -1)
		uplink_fatal("the parent's GO_ON is broken");
	control.halt = 0;
}

static const struct message {
	uint16_t type;
	uint8_t nfds;
	uint8_t active; /* whether the process must be */
	void (*handle)(struct frame_in *, int fd);
} messages[] = {
	{ MSG_P2X_ACTIVATE, 0, 0, on_activate },
	{ MSG_P2C_CLIENT, 1, 1, on_client },
	{ MSG_P2C_DONE, 0, 1, on_done },
	{ MSG_P2C_ERROR, 0, 1, on_error },
	{ MSG_P2C_EVENTS, 0, 1, on_events },
	{ MSG_P2X_PING, 0, 1, on_ping },
	{ MSG_P2X_HALT, 0, 1, on_halt },
	{ MSG_P2X_GO_ON, 0, 1, on_go_on },
};

static void
channel_message(struct frame_in *in, int fd, size_t nfds)
{
	const struct message *m = NULL;
	size_t i;

	for (i = 0; i < sizeof messages / sizeof messages[0]; i++)
		if (messages[i].type == in->type)
			m = &messages[i];
	if (m == NULL)
		uplink_fatal("the parent sent an unknown message");
	if (nfds != m->nfds || m->active > control.active)
		uplink_fatal("the parent's message is out of place");
	m->handle(in, fd);
}

/* A full channel is tried again when it is writable. */
static void
answer_ping(void)
{
	struct frame_out out;
	uint8_t buf[FRAME_HEADER];

	if (!control.asked)
		return;
	frame_begin(&out, buf, sizeof buf, MSG_X2P_PONG, 0, 0);
	if (uplink_send(&out) == 0)
		control.asked = 0;
}

/* No message of a client is in hand now.  Stands until the parent says
 * anything. */
static void
stand(void)
{
	struct frame_out out;
	uint8_t buf[FRAME_HEADER];

	if (!control.halt)
		return;
	frame_begin(&out, buf, sizeof buf, MSG_X2P_HALTED, 0, 0);
	if (uplink_send(&out) == -1)
		return; /* full: when it is not */
	control.halt = 0;
	uplink_wait_readable();
}

static void
channel_writable(void)
{
	answer_ping();
	stand();
	client_channel_writable();
}

static void
channel_readable(void)
{
	struct frame_in in;
	size_t nfds;
	int fd, n;

	for (n = 0; n < PACKETS_A_TURN; n++) {
		fd = -1;
		if (uplink_recv(&in, &fd, 1, &nfds) == 0)
			break;
		channel_message(&in, fd, nfds);
	}
	answer_ping();
	if (control.events) {
		control.events = 0;
		client_events();
	}
	stand();
}

/* Maps one table read-only and looks at each page of it, so that none is
 * missing later. */
static void *
map_table(int fd, size_t bytes)
{
	struct stat st;
	const volatile char *mem;
	size_t i;

	if (fstat(fd, &st) == -1 || st.st_size < 0 ||
	    (size_t)st.st_size < bytes)
		uplink_fatal("a shared table is too short");
	mem = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
	if (mem == MAP_FAILED)
		uplink_fatal("cannot map a shared table");
	for (i = 0; i < bytes; i += 4096)
		(void)mem[i];
	close(fd);
	return (void *)(uintptr_t)mem;
}

static void
map_tables(const struct inner_start *m, const int *fds)
{
	uint32_t nslots = m->bridges + m->sessions;
	uint32_t i;

	registry_map(&control.registry,
	    map_table(fds[START_FD_REGISTRY],
		registry_bytes(m->bridges, m->sessions)),
	    m->bridges, m->sessions);
	for (i = 0; i < m->engines; i++)
		counters_map(&control.counters[i],
		    map_table(fds[START_FD_COUNTERS + i],
			counters_shown_bytes(nslots, m->pipes)),
		    nslots, m->pipes);
	ring_map(&control.ring,
	    map_table(fds[START_FD_RING], ring_bytes(m->events)), m->events);
}

static void
receive_start(struct inner_start *m)
{
	struct frame_in in;
	int fds[START_FDS_MAX];
	size_t nfds;

	while (uplink_recv(&in, fds, START_FDS_MAX, &nfds) == 0)
		uplink_wait_readable();
	memset(m, 0, sizeof *m);
	if (in.type != MSG_P2X_START)
		uplink_fatal("the parent's first message is no START");
	inner_get_start(&in, m);
	if (frame_done(&in) == -1 || m->kind != PROCESS_CONTROL ||
	    m->engines == 0 || m->engines > LIMIT_ENGINES_MAX ||
	    nfds != START_FD_COUNTERS + m->engines ||
	    m->pipes > LIMIT_PIPES_MAX || m->bridges > LIMIT_BRIDGES_MAX ||
	    m->sessions > LIMIT_SESSIONS_MAX ||
	    m->clients > LIMIT_CLIENTS_MAX || m->events > LIMIT_EVENTS_MAX ||
	    m->level > LOG_LEVEL_DEBUG)
		uplink_fatal("the parent's START is broken");
	uplink_log_level((enum log_level)m->level);
	map_tables(m, fds);
}

/* Fails with a sentence that has the reason in it. */
static void
start_fatal(const char *what)
{
	char text[TEXT_BYTES];

	snprintf(text, sizeof text, "%s: %s", what, strerror(errno));
	uplink_fatal(text);
}

static void
make_tables(const struct inner_start *m, int channel)
{
	static const struct loop_calls calls = {
		.channel_readable = channel_readable,
		.channel_writable = channel_writable,
		.client = client_ready,
		.tick = client_tick,
		.again = client_again,
	};

	if (loop_setup(&calls, m->clients, m->fds) == -1)
		start_fatal("cannot make the event loop");
	if (client_setup(m->clients) == -1)
		start_fatal("cannot make the table of clients");
	if (loop_channel(channel) == -1)
		start_fatal("cannot watch the channel");
	show_setup(&control.registry, control.counters, m->engines,
	    &control.ring, m->bridges);
	attach_setup(&control.ring);
}

/* Signals are the parent's business; fewer descriptors, fewer powers. */
static void
confine(const struct inner_start *m)
{
	static const int ignored[] = { SIGPIPE, SIGHUP, SIGINT, SIGTERM };
	struct sandbox sandbox;
	struct rlimit limit;
	const char *step = "";
	size_t i;

	for (i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
		signal(ignored[i], SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		start_fatal("getrlimit");
	limit.rlim_cur = m->fds;
	if (setrlimit(RLIMIT_NOFILE, &limit) == -1)
		start_fatal("setrlimit");
	memset(&sandbox, 0, sizeof sandbox);
	sandbox.kind = PROCESS_CONTROL;
	sandbox.privileged = m->privileged;
	sandbox.uid = (uid_t)m->uid;
	sandbox.gid = (gid_t)m->gid;
	sandbox.chroot = m->chroot;
	if (sandbox_enter(&sandbox, &step) == -1 ||
	    sandbox_lock(PROCESS_CONTROL, &step) == -1)
		start_fatal(step);
}

int
control_main(int channel)
{
	uint8_t buf[FRAME_HEADER];
	struct inner_start start;
	struct frame_out out;

	uplink_setup(channel);
	receive_start(&start);
	make_tables(&start, channel);
	confine(&start);
	control.active = start.active != 0;
	setproctitle(control.active ? "control" : "standby");
	frame_begin(&out, buf, sizeof buf, MSG_X2P_READY, 0, 0);
	uplink_send_waiting(&out);
	if (loop_run() == -1)
		log_fatal("control: the event loop ended");
	return 1;
}

void
control_budget(uint32_t clients, uint32_t fds,
    void (*add)(void *arg, const char *what, size_t bytes), void *arg)
{
	add(arg, "clients", client_bytes(clients));
	add(arg, "sums of bridges", show_bytes());
	add(arg, "buffers", DISPATCH_PAGE + FRAME_MAX);
	add(arg, "event loop", loop_bytes(clients) + arena_bytes(fds));
}
