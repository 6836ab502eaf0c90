/*
 * The next parent's part in an upgrade.
 *
 * Calls: close, connect, socket; at the start: geteuid
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <bsd/string.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../../common/log.h"
#include "../sandbox/sandbox.h"
#include "../share/ring.h"
#include "children.h"
#include "reload.h"
#include "self.h"
#include "system.h"
#include "upgrade_give.h"
#include "upgrade_link.h"
#include "upgrade_system.h"
#include "upgrade_take.h"

static struct {
	int fd; /* the running parent */
	struct upgrade_hello ours;
	struct upgrade_hello theirs;
	struct upgrade_tables tables;
	struct system_peer peer; /* large: not on the stack */
	struct loop_event event;
	int listener;
	void (*stop)(void);
} take = { .fd = -1 };

/* 0, or -1 with errno. */
static int
dial(const char *socket_path)
{
	struct sockaddr_un un;
	char *path = un.sun_path;
	size_t size = sizeof un.sun_path;
	socklen_t len;

	memset(&un, 0, sizeof un);
	un.sun_family = AF_LOCAL;
	if (socket_path[0] != '/') { /* abstract */
		path++;
		size--;
	}
	if (strlcpy(path, socket_path, size) >= size ||
	    strlcat(path, MCTD_UPGRADE_SUFFIX, size) >= size) {
		errno = ENAMETOOLONG;
		return -1;
	}
	len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
	    strlen(socket_path) + strlen(MCTD_UPGRADE_SUFFIX) + 1);
	take.fd =
	    socket(AF_LOCAL, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (take.fd == -1)
		return -1;
	return connect(take.fd, (struct sockaddr *)&un, len);
}

/* Nobody but root and who we are ourselves is believed. */
static int
check_peer(const struct upgrade_hello *ours)
{
	if (system_peer(take.fd, &take.peer) == -1)
		return -1;
	if (take.peer.uid == 0 || take.peer.uid == geteuid() ||
	    take.peer.uid == ours->same[SAME_UID])
		return 0;
	errno = EACCES;
	return -1;
}

static int
fail(const char *why)
{
	log_fatal("upgrade: %s", why);
	return -1;
}

/* A sentence of the other one, or what is wrong with what it said. */
static int
fail_by(struct frame_in *in)
{
	char text[TEXT_BYTES];

	if (in->type == MSG_O2N_ERROR) {
		frame_get_text(in, text, sizeof text);
		if (frame_done(in) == 0)
			return fail(text);
	}
	return fail("the running mctd said what is not defined");
}

static int
fail_errno(void)
{
	if (errno == EPIPE || errno == ECONNRESET)
		return fail("the running mctd went away");
	if (errno == ETIMEDOUT)
		return fail("the running mctd does not answer: maybe another "
			    "upgrade is under way");
	return fail(strerror(errno));
}

/* What it sends with HELLO: enum start_fd. */
static int
map_tables(const int *fds)
{
	const uint32_t *same = take.ours.same;
	struct upgrade_tables *t = &take.tables;
	uint32_t i;

	t->registry = upgrade_system_map(fds[START_FD_REGISTRY],
	    registry_bytes(same[SAME_BRIDGES], same[SAME_SESSIONS]));
	t->events = upgrade_system_map(fds[START_FD_RING],
	    ring_bytes(same[SAME_EVENTS]));
	t->nevents = same[SAME_EVENTS];
	if (t->registry == NULL || t->events == NULL)
		return -1;
	for (i = 0; i < same[SAME_ENGINES]; i++) {
		t->counters[i] = upgrade_system_map(fds[START_FD_COUNTERS + i],
		    counters_bytes(same[SAME_BRIDGES] + same[SAME_SESSIONS],
			same[SAME_PIPES]));
		if (t->counters[i] == NULL)
			return -1;
	}
	return 0;
}

static int
greet(void)
{
	char text[TEXT_BYTES];
	struct frame_out out;
	struct frame_in in;
	uint8_t buf[FRAME_MAX];
	int fds[UPGRADE_FDS];
	size_t nfds, i;
	int mapped;

	frame_begin(&out, buf, sizeof buf, MSG_N2O_HELLO, 0, 0);
	upgrade_wire_put_hello(&out, &take.ours);
	if (upgrade_link_send(take.fd, &out, NULL, 0) == -1 ||
	    upgrade_link_recv(take.fd, buf, &in, fds, &nfds) == -1)
		return fail_errno();
	if (in.type != MSG_O2N_HELLO)
		return fail_by(&in);
	upgrade_wire_get_hello(&in, &take.theirs);
	if (frame_done(&in) == -1 ||
	    upgrade_wire_differs(&take.theirs, &take.ours, text, sizeof text) !=
		NULL ||
	    nfds != START_FD_COUNTERS + take.ours.same[SAME_ENGINES])
		return fail_by(&in);
	mapped = map_tables(fds);
	for (i = 0; i < nfds; i++)
		close(fds[i]);
	return mapped == -1 ? fail("the running mctd's tables") : 0;
}

/* Calls it for each mapping. */
static void
for_each_table(void (*fn)(const void *, size_t))
{
	const uint32_t *same = take.ours.same;
	const struct upgrade_tables *t = &take.tables;
	uint32_t i;

	fn(t->registry,
	    registry_bytes(same[SAME_BRIDGES], same[SAME_SESSIONS]));
	fn(t->events, ring_bytes(same[SAME_EVENTS]));
	for (i = 0; i < same[SAME_ENGINES]; i++)
		fn(t->counters[i],
		    counters_bytes(same[SAME_BRIDGES] + same[SAME_SESSIONS],
			same[SAME_PIPES]));
}

int
upgrade_take_begin(const char *socket_path, const struct upgrade_hello *ours)
{
	take.ours = *ours;
	if (dial(socket_path) == -1) {
		log_fatal("upgrade: no mctd to take over from at %s%s: %s",
		    socket_path, MCTD_UPGRADE_SUFFIX, strerror(errno));
		return -1;
	}
	if (check_peer(ours) == -1)
		return fail("the process at that socket is not root's");
	if (greet() == -1)
		return -1;
	for_each_table(sandbox_grant_unmap);
	self_follows((pid_t)take.theirs.pid);
	upgrade_system_join(take.theirs.pid);
	upgrade_adopt_setup(&take.tables);
	return 0;
}

/* All that it tells.  0, or -1 with a line in the log. */
static int
listen_to_all(void)
{
	uint8_t buf[FRAME_MAX];
	int fds[UPGRADE_FDS];
	struct frame_in in;
	size_t nfds;
	int got;

	do {
		if (upgrade_link_recv(take.fd, buf, &in, fds, &nfds) == -1)
			return fail_errno();
		if (in.type == MSG_O2N_ERROR)
			return fail_by(&in);
		got = upgrade_adopt(&in, fds, nfds);
	} while (got == 0);
	return got == 1 ? 0 : fail_by(&in);
}

/*
 * The last exchange: when its answer is here the other one is gone.  However
 * long that takes, nobody else can say which of the two is the daemon.
 */
static int
commit(void)
{
	uint8_t buf[FRAME_MAX];
	struct frame_in in;
	size_t nfds;
	int got;

	if (upgrade_link_send_short(take.fd, MSG_N2O_COMMIT) == -1)
		return fail_errno();
	do
		got = upgrade_link_recv(take.fd, buf, &in, NULL, &nfds);
	while (got == -1 && errno == ETIMEDOUT);
	if (got == -1)
		return fail_errno();
	if (in.type != MSG_O2N_DONE || frame_done(&in) == -1)
		return fail_by(&in);
	return 0;
}

int
upgrade_take(const struct conf *conf, struct upgrade_adopted *adopted)
{
	char error[TEXT_BYTES + CONF_PATH_BYTES];

	/* the service manager's socket is none of traffic's: a low number */
	upgrade_give_lend();
	if (upgrade_link_send_short(take.fd, MSG_N2O_GO) == -1)
		return fail_errno();
	if (listen_to_all() == -1)
		return -1;
	if (reload_try(conf, error, sizeof error) == -1)
		return fail(error);
	if (commit() == -1) {
		reload_undo(conf);
		return -1;
	}
	for_each_table(upgrade_system_unmap); /* they are memory */
	upgrade_adopt_result(adopted);
	return 0;
}

static void
over(void)
{
	loop_del(&take.event);
	close(take.fd);
	(void)children_fill_low_fds();
	upgrade_give_reserved(take.fd);
	take.fd = -1;
	upgrade_give_listen(take.listener);
}

static void
last_word(void *arg, unsigned int what)
{
	uint8_t buf[FRAME_MAX];
	struct frame_in in;
	size_t nfds;
	long n;

	(void)arg;
	(void)what;
	n = frame_packet_recv(take.fd, buf, sizeof buf, NULL, 0, &nfds);
	if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return;
	over();
	if (n > 0 && frame_open(&in, buf, (size_t)n) == 0 &&
	    in.type == MSG_O2N_STOP && frame_done(&in) == 0) {
		log_info("process %u was told to stop", take.theirs.pid);
		take.stop();
	}
}

void
upgrade_take_end(int listener, void (*stop)(void))
{
	take.listener = listener;
	take.stop = stop;
	loop_set(&take.event, take.fd, LOOP_READ, last_word, NULL);
	if (loop_add(&take.event, -1) == -1)
		over();
}
