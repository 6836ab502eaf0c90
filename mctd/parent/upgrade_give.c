/*
 * The running parent's part in an upgrade.
 *
 *	IDLE -> HELLO   one that may is accepted; it has to say who it is
 *	HELLO -> GO     it can take our place, and prepares; all goes on here
 *	GO -> IDLE      it went away, or said what is not defined
 *	GO -> gone      it is told all, while nothing moves here, and takes it
 *
 * From GO to COMMIT this process waits for the other and does nothing else;
 * whatever fails until then, nothing was changed, and all goes on as before.
 * After COMMIT the children are killed where they stand; when DONE is on its
 * way, the other one has everything, and this process ends without a touch
 * to any socket or file.
 *
 * Whoever asks this one to stop before DONE has it stop, and the other gives
 * up; whoever asks later has the other do so.
 *
 * Calls: accept4, close, getpid; at the start: openat
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../../common/clock.h"
#include "../../common/log.h"
#include "children.h"
#include "daemon.h"
#include "freeze.h"
#include "interrupt.h"
#include "self.h"
#include "system.h"
#include "upgrade_give.h"
#include "upgrade_link.h"
#include "upgrade_tell.h"

/* Until HELLO it does nothing; then, until GO, it starts its children. */
#define HELLO_MS   (UPGRADE_S * 1000)
#define PREPARE_MS ((CHILD_START_S + UPGRADE_S) * 1000)

#define STOPPING   "mctd is stopping"

enum give_state {
	GIVE_IDLE,
	GIVE_HELLO,
	GIVE_GO
};

static struct {
	enum give_state state;
	struct upgrade_give setup;
	struct upgrade_hello theirs;
	int listener;
	int reserve;
	int fd; /* the next parent */
	struct loop_event event;
	struct system_peer peer; /* large: not on the stack */
	struct log_rate rate;
} give = { .listener = -1, .reserve = -1, .fd = -1 };

void
upgrade_give_setup(const struct upgrade_give *setup)
{
	give.setup = *setup;
}

int
upgrade_give_reserve(void)
{
	give.reserve = open("/dev/null", O_RDWR | O_CLOEXEC);
	return give.reserve == -1 ? -1 : 0;
}

void
upgrade_give_lend(void)
{
	close(give.reserve);
	give.reserve = -1;
}

void
upgrade_give_reserved(int fd)
{
	give.reserve = fd;
}

static void acceptable(void *, unsigned int);

static void
watch_listener(long pause_ms)
{
	loop_set(&give.event, pause_ms == -1 ? give.listener : -1,
	    pause_ms == -1 ? LOOP_READ : 0, acceptable, NULL);
	if (loop_add(&give.event, pause_ms) == -1)
		log_warn("no memory to listen for an upgrade");
}

/* The conversation is over; the next one may come. */
static void
hang_up(const char *why)
{
	if (why != NULL)
		log_warn("upgrade by process %u given up: %s", give.theirs.pid,
		    why);
	loop_del(&give.event);
	close(give.fd);
	give.fd = -1;
	give.state = GIVE_IDLE;
	(void)children_fill_low_fds();
	watch_listener(-1);
}

static void
refuse(const char *why)
{
	(void)upgrade_link_send_error(give.fd, why);
	hang_up(why);
}

/* What the next parent says when it has nothing to say to us. */
static const char *
why_failed(void)
{
	return errno == EPIPE || errno == ECONNRESET ? "it went away" :
						       strerror(errno);
}

static void
on_hello(struct frame_in *in)
{
	char text[TEXT_BYTES];
	struct frame_out out;
	uint8_t buf[512];
	const char *why;

	upgrade_wire_get_hello(in, &give.theirs);
	if (in->type != MSG_N2O_HELLO || frame_done(in) == -1 ||
	    give.theirs.magic != UPGRADE_MAGIC) {
		hang_up("no valid greeting");
		return;
	}
	why = upgrade_wire_differs(&give.setup.ours, &give.theirs, text,
	    sizeof text);
	if (give.setup.stopping())
		why = STOPPING;
	if (why != NULL) {
		refuse(why);
		return;
	}
	frame_begin(&out, buf, sizeof buf, MSG_O2N_HELLO, 0, 0);
	give.setup.ours.pid = (uint32_t)getpid();
	upgrade_wire_put_hello(&out, &give.setup.ours);
	if (upgrade_link_send(give.fd, &out, give.setup.fds, give.setup.nfds) ==
	    -1) {
		hang_up(why_failed());
		return;
	}
	log_info("upgrade: mctd %s, process %u, prepares to go on",
	    give.theirs.version, give.theirs.pid);
	give.state = GIVE_GO;
	if (loop_add(&give.event, PREPARE_MS) == -1)
		hang_up("no memory to listen");
}

/* It has all, says so: 0; or -1. */
static int
await_commit(void)
{
	uint8_t buf[FRAME_MAX];
	struct frame_in in;
	size_t nfds = 0;

	if (upgrade_link_recv(give.fd, buf, &in, NULL, &nfds) == -1)
		return -1;
	if (in.type != MSG_N2O_COMMIT || frame_done(&in) == -1) {
		errno = EBADMSG;
		return -1;
	}
	/* what is done then cannot be undone where there is no standby */
	if (upgrade_link_is_open(give.fd))
		return 0;
	errno = EPIPE;
	return -1;
}

static int
is_stopping(void)
{
	return give.setup.stopping() || interrupt_came();
}

/* The other one is the daemon now. */
static _Noreturn void
end(void)
{
	char state[64];

	(void)snprintf(state, sizeof state, "MAINPID=%u", give.theirs.pid);
	daemon_notify(state);
	log_info("process %u has taken over", give.theirs.pid);
	if (interrupt_came())
		(void)upgrade_link_send_short(give.fd, MSG_O2N_STOP);
	_exit(0);
}

/* Returns why it failed; otherwise not at all. */
static const char *
give_all(void)
{
	uint64_t frozen_us = clock_us();

	if (freeze() == -1)
		return "the children do not stand still";
	if (upgrade_tell(give.fd, give.listener, frozen_us) == -1 ||
	    await_commit() == -1)
		return why_failed();
	if (is_stopping()) {
		(void)upgrade_link_send_error(give.fd, STOPPING);
		return STOPPING;
	}
	freeze_end();
	if (upgrade_link_send_short(give.fd, MSG_O2N_DONE) == -1)
		return why_failed();
	end();
}

static void
on_go(struct frame_in *in)
{
	const char *why;

	if (in->type != MSG_N2O_GO || frame_done(in) == -1)
		hang_up("it said what is not defined");
	else if (give.setup.stopping())
		refuse(STOPPING);
	else {
		why = give_all();
		freeze_undo();
		hang_up(why);
	}
}

static void
readable(void *arg, unsigned int what)
{
	uint8_t buf[FRAME_MAX];
	struct frame_in in;
	size_t nfds;
	long n;

	(void)arg;
	if (what & LOOP_TIMEOUT) {
		hang_up("it does not get ready");
		return;
	}
	n = frame_packet_recv(give.fd, buf, sizeof buf, NULL, 0, &nfds);
	if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return;
	if (n <= 0)
		hang_up("it went away");
	else if (frame_open(&in, buf, (size_t)n) == -1)
		hang_up("it said what is not defined");
	else if (give.state == GIVE_HELLO)
		on_hello(&in);
	else
		on_go(&in);
}

/* The starter, or root; a bridge to here, which we ourselves connect, not. */
static int
may_upgrade(int fd)
{
	const struct system_peer *peer = &give.peer;

	if (system_peer(fd, &give.peer) == -1)
		return 0;
	if (!self_is(peer->pid) &&
	    (peer->uid == 0 || peer->uid == give.setup.starter))
		return 1;
	if (log_rate(&give.rate, 1, "refused upgrades"))
		log_warn("upgrade refused: process %d of user %u may not",
		    (int)peer->pid, (unsigned int)peer->uid);
	return 0;
}

static void
acceptable(void *arg, unsigned int what)
{
	int fd;

	(void)arg;
	loop_del(&give.event);
	if (what & LOOP_TIMEOUT) {
		watch_listener(-1);
		return;
	}
	close(give.reserve); /* its number is the lowest free one */
	fd = accept4(give.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd == -1 || fd >= LOW_FDS || !may_upgrade(fd)) {
		if (fd != -1)
			close(fd);
		(void)children_fill_low_fds();
		/* not at once: nobody is to keep us busy by being refused */
		watch_listener(ACCEPT_RETRY_MS);
		return;
	}
	memset(&give.theirs, 0, sizeof give.theirs);
	give.theirs.pid = (uint32_t)give.peer.pid;
	give.fd = fd;
	give.state = GIVE_HELLO;
	loop_set(&give.event, fd, LOOP_READ, readable, NULL);
	if (loop_add(&give.event, HELLO_MS) == -1)
		hang_up("no memory to listen");
}

void
upgrade_give_listen(int fd)
{
	give.listener = fd;
	watch_listener(-1);
}

void
upgrade_give_stop(void)
{
	if (give.listener == -1)
		return;
	loop_del(&give.event);
	close(give.listener);
	give.listener = -1;
	if (give.fd != -1)
		close(give.fd);
	give.fd = -1;
}

int
upgrade_give_is_busy(void)
{
	return give.fd != -1;
}
