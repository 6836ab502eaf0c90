/* See engine_rig.h. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>

#include <bsd/unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../common/clock.h"
#include "../../mctd/engine/engine.h"
#include "../../mctd/sandbox/sandbox.h"
#include "engine_rig.h"

#define WAIT_S 20
#define NSLOTS (ERIG_BRIDGES + ERIG_SESSIONS)

extern char **environ;

void
erig_init(int argc, char *argv[])
{
	setproctitle_init(argc, argv, environ);
}

/* A region of counters for each engine; ours is looked into. */
static void
erig_memory(struct erig *rig, int fds[ERIG_ENGINES])
{
	size_t bytes = counters_bytes(NSLOTS, ERIG_PIPES);
	int read_only, i;
	void *mem;

	for (i = 0; i < ERIG_ENGINES; i++) {
		mem = sandbox_memory("test", bytes, &read_only, &fds[i]);
		assert_non_null(mem);
		close(read_only);
		if (i == ERIG_ENGINE)
			counters_map(&rig->counters, mem, NSLOTS, ERIG_PIPES);
		else
			munmap(mem, bytes);
	}
}

static void
erig_pipes(struct erig *rig)
{
	int i;

	for (i = 0; i < ERIG_PIPES; i++)
		assert_return_code(pipe2(rig->pipe[i], O_NONBLOCK), errno);
}

static void
erig_fork(struct erig *rig, int channel_bytes)
{
	struct timeval limit = { .tv_sec = WAIT_S };
	int pair[2];

	assert_return_code(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
			       pair),
	    errno);
	if (channel_bytes > 0)
		assert_return_code(setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF,
				       &channel_bytes, sizeof channel_bytes),
		    errno);
	rig->pid = fork();
	assert_return_code(rig->pid, errno);
	if (rig->pid == 0) {
		close(pair[0]);
		_exit(engine_main(pair[1]));
	}
	close(pair[1]);
	rig->channel = pair[0];
	assert_return_code(setsockopt(rig->channel, SOL_SOCKET, SO_RCVTIMEO,
			       &limit, sizeof limit),
	    errno);
}

void
erig_start(struct erig *rig, int active, int channel_bytes)
{
	struct inner_start m = { .kind = PROCESS_ENGINE,
		.active = (uint8_t)active,
		.level = LOG_LEVEL_DEBUG,
		.bridges = ERIG_BRIDGES,
		.sessions = ERIG_SESSIONS,
		.clients = 1,
		.events = 1,
		.engines = ERIG_ENGINES,
		.engine = ERIG_ENGINE,
		.pipes = ERIG_PIPES,
		.fds = ERIG_FDS };
	uint8_t buf[FRAME_MAX];
	struct frame_out out;
	struct frame_in in;
	int fds[ERIG_ENGINES], i;

	memset(rig, 0, sizeof *rig);
	erig_memory(rig, fds);
	erig_pipes(rig);
	erig_fork(rig, channel_bytes);
	frame_begin(&out, buf, sizeof buf, MSG_P2X_START, 0, 0);
	inner_put_start(&out, &m);
	erig_send(rig, &out, fds, ERIG_ENGINES);
	for (i = 0; i < ERIG_ENGINES; i++)
		close(fds[i]);
	erig_packet(rig, MSG_X2P_READY, &in);
	assert_int_equal(frame_done(&in), 0);
	if (active)
		erig_send_pipes(rig);
}

void
erig_activate(struct erig *rig)
{
	uint8_t buf[FRAME_HEADER + sizeof(uint32_t)];
	struct frame_out out;

	frame_begin(&out, buf, sizeof buf, MSG_P2X_ACTIVATE, 0, 0);
	frame_put_u32(&out, ERIG_ENGINE);
	erig_send(rig, &out, NULL, 0);
	erig_send_pipes(rig);
}

void
erig_send_pipes(struct erig *rig)
{
	struct inner_pipes m = { .first = 0,
		.count = ERIG_PIPES,
		.bytes = 65536 };
	uint8_t buf[64];
	struct frame_out out;

	frame_begin(&out, buf, sizeof buf, MSG_P2E_PIPES, 0, 0);
	inner_put_pipes(&out, &m);
	erig_send(rig, &out, &rig->pipe[0][0], (size_t)2 * ERIG_PIPES);
}

void
erig_send(struct erig *rig, struct frame_out *out, const int *fds, size_t n)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(2 * HAND_OVER_PAIRS * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = out->data };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;

	iov.iov_len = frame_end(out);
	assert_int_not_equal(iov.iov_len, 0);
	if (n > 0) {
		memset(&control, 0, sizeof control);
		msg.msg_control = control.room;
		msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	}
	assert_int_equal(sendmsg(rig->channel, &msg, MSG_NOSIGNAL),
	    iov.iov_len);
}

static void
erig_take_ends(struct erig *rig, struct frame_in *in)
{
	struct inner_end end;
	uint16_t n;

	for (n = frame_get_u16(in); n > 0; n--) {
		inner_get_end(in, &end);
		assert_in_range(end.slot, 1, NSLOTS);
		assert_int_equal(rig->ended[end.slot].serial, 0);
		rig->ended[end.slot] = end;
	}
	assert_int_equal(frame_done(in), 0);
}

/* Reads one packet; 0 at end of file.  ENDS and log lines are taken. */
static int
erig_recv(struct erig *rig, struct frame_in *in)
{
	struct inner_log log;
	ssize_t n;

	n = recv(rig->channel, rig->packet, sizeof rig->packet, 0);
	assert_return_code(n, errno);
	if (n == 0)
		return 0;
	assert_int_equal(frame_open(in, rig->packet, (size_t)n), 0);
	if (in->type == MSG_X2P_LOG) {
		inner_get_log(in, &log);
		assert_int_equal(frame_done(in), 0);
		memcpy(rig->log, log.text, sizeof rig->log);
	} else if (in->type == MSG_E2P_ENDS)
		erig_take_ends(rig, in);
	return 1;
}

void
erig_packet(struct erig *rig, uint16_t type, struct frame_in *in)
{
	do {
		assert_int_equal(erig_recv(rig, in), 1);
	} while (in->type == MSG_X2P_LOG || in->type == MSG_E2P_ENDS);
	assert_int_equal(in->type, type);
}

const struct inner_end *
erig_wait_end(struct erig *rig, uint32_t slot)
{
	static struct inner_end end;
	struct frame_in in;

	while (rig->ended[slot].serial == 0)
		assert_int_equal(erig_recv(rig, &in), 1);
	end = rig->ended[slot];
	rig->ended[slot].serial = 0;
	return &end;
}

void
erig_wait_stop(struct erig *rig, int status)
{
	struct frame_in in;
	int got, i;

	while (erig_recv(rig, &in))
		continue;
	close(rig->channel);
	assert_int_equal(waitpid(rig->pid, &got, 0), rig->pid);
	assert_true(WIFEXITED(got));
	assert_int_equal(WEXITSTATUS(got), status);
	munmap(rig->counters.slots, counters_bytes(NSLOTS, ERIG_PIPES));
	for (i = 0; i < ERIG_PIPES; i++) {
		close(rig->pipe[i][0]);
		close(rig->pipe[i][1]);
	}
}

void
erig_stop(struct erig *rig, int status)
{
	shutdown(rig->channel, SHUT_WR);
	erig_wait_stop(rig, status);
}

/* A moment, for what only polling can see; fails after WAIT_S. */
void
erig_pause(uint64_t since_ms)
{
	struct timespec moment = { .tv_nsec = 1000000 };

	assert_in_range(clock_ms() - since_ms, 0, WAIT_S * 1000);
	nanosleep(&moment, NULL);
}

void
erig_wait_acked(int fd)
{
	uint64_t since_ms = clock_ms();
	int bytes = -1;

	for (;;) {
		assert_return_code(ioctl(fd, SIOCOUTQ, &bytes), errno);
		if (bytes == 0)
			return;
		erig_pause(since_ms);
	}
}

void
erig_wait_taken(struct erig *rig)
{
	erig_wait_acked(rig->channel);
}

uint64_t
erig_count(struct erig *rig, uint32_t slot, enum count c)
{
	return atomic_load(&rig->counters.slots[slot].count[c]);
}

void
erig_wait_count(struct erig *rig, uint32_t slot, enum count c, uint64_t value)
{
	uint64_t since_ms = clock_ms();

	while (erig_count(rig, slot, c) != value) {
		if (clock_ms() - since_ms > WAIT_S * 1000)
			assert_int_equal(erig_count(rig, slot, c), value);
		erig_pause(since_ms);
	}
}

void
erig_poll(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	assert_int_equal(poll(&p, 1, WAIT_S * 1000), 1);
}
