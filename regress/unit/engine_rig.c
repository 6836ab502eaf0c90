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
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../common/clock.h"
#include "../../mctd/engine/engine.h"
#include "../../mctd/sandbox/sandbox.h"
#include "engine_rig.h"
#include "engine_spy.h"

#define WAIT_S  20
#define CHANNEL 3 /* as the engine has it */
#define NSLOTS  (ERIG_BRIDGES + ERIG_SESSIONS)

extern char **environ;

void
erig_init(int argc, char *argv[])
{
	setproctitle_init(argc, argv, environ);
}

/* A region of counters for each engine. */
static void
erig_memory(struct erig *rig, int *fds, int regions)
{
	size_t bytes = counters_bytes(NSLOTS, ERIG_PIPES);
	int read_only, i;
	void *mem;

	for (i = 0; i < regions; i++) {
		mem = sandbox_memory("test", bytes, &read_only, &fds[i]);
		assert_non_null(mem);
		close(read_only);
		if (i == ERIG_ENGINE)
			counters_map(&rig->counters, mem, NSLOTS, rig->pipes);
		else if (i == ERIG_OTHER_ENGINE)
			counters_map(&rig->others, mem, NSLOTS, rig->pipes);
		else
			munmap(mem, bytes);
	}
}

/* The stale bytes are not the pattern that the traffic has. */
static void
erig_pipes(struct erig *rig, const struct erig_setup *s)
{
	char bytes[1024];
	uint32_t i;
	size_t n;

	memset(bytes, 0xa5, sizeof bytes);
	for (i = 0; i < rig->pipes; i++) {
		assert_return_code(pipe2(rig->pipe[i], O_NONBLOCK), errno);
		assert_return_code(fcntl(rig->pipe[i][1], F_SETPIPE_SZ,
				       s->pipe_bytes),
		    errno);
		for (n = 0; n < s->stale_bytes; n += sizeof bytes)
			assert_int_equal(write(rig->pipe[i][1], bytes,
					     sizeof bytes),
			    sizeof bytes);
	}
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
		/* nothing of the test's stays open in it */
		if (dup2(pair[1], CHANNEL) == -1)
			_exit(99);
		closefrom(CHANNEL + 1);
		_exit(engine_main(CHANNEL));
	}
	close(pair[1]);
	rig->channel = pair[0];
	assert_return_code(setsockopt(rig->channel, SOL_SOCKET, SO_RCVTIMEO,
			       &limit, sizeof limit),
	    errno);
}

void
erig_as_usual(struct erig_setup *s)
{
	struct inner_start m = { .kind = PROCESS_ENGINE,
		.active = 1,
		.level = LOG_LEVEL_DEBUG,
		.bridges = ERIG_BRIDGES,
		.groups = ERIG_GROUPS,
		.sessions = ERIG_SESSIONS,
		.clients = 1,
		.events = 1,
		.engines = ERIG_ENGINES,
		.engine = ERIG_ENGINE,
		.pipes = ERIG_PIPES,
		.fds = ERIG_FDS };

	memset(s, 0, sizeof *s);
	s->start = m;
	s->regions = ERIG_ENGINES;
	s->pipe_bytes = ERIG_PIPE_BYTES;
}

void
erig_begin(struct erig *rig, const struct erig_setup *s)
{
	uint8_t buf[FRAME_MAX];
	struct frame_out out;

	memset(rig, 0, sizeof *rig);
	rig->start = s->start;
	rig->regions = s->regions;
	rig->pipes = s->start.pipes;
	if (rig->pipes > ERIG_PIPES)
		rig->pipes = ERIG_PIPES;
	espy_setup();
	erig_memory(rig, rig->memory, s->regions);
	rig->pipe_bytes = (uint32_t)s->pipe_bytes;
	erig_pipes(rig, s);
	erig_fork(rig, s->channel_bytes);
	frame_begin(&out, buf, sizeof buf, MSG_P2X_START, 0, 0);
	inner_put_start(&out, &s->start);
	erig_send(rig, &out, rig->memory, (size_t)s->regions);
}

void
erig_start_as(struct erig *rig, const struct erig_setup *s)
{
	struct frame_in in;

	erig_begin(rig, s);
	erig_packet(rig, MSG_X2P_READY, &in);
	assert_int_equal(frame_done(&in), 0);
	if (s->start.active)
		erig_send_pipes(rig);
}

void
erig_start(struct erig *rig, int active, int channel_bytes)
{
	struct erig_setup s;

	erig_as_usual(&s);
	s.start.active = (uint8_t)active;
	s.channel_bytes = channel_bytes;
	erig_start_as(rig, &s);
}

void
erig_send_activate(struct erig *rig, uint32_t which, const int *fds, size_t n)
{
	uint8_t buf[FRAME_HEADER + sizeof(uint32_t)];
	struct frame_out out;

	frame_begin(&out, buf, sizeof buf, MSG_P2X_ACTIVATE, 0, 0);
	frame_put_u32(&out, which);
	erig_send(rig, &out, fds, n);
}

void
erig_activate(struct erig *rig)
{
	erig_send_activate(rig, ERIG_ENGINE, NULL, 0);
	erig_send_pipes(rig);
}

void
erig_send_some_pipes(struct erig *rig, uint16_t first, uint16_t count,
    size_t nfds)
{
	struct inner_pipes m = { .first = first,
		.count = count,
		.bytes = rig->pipe_bytes };
	uint8_t buf[64];
	struct frame_out out;

	frame_begin(&out, buf, sizeof buf, MSG_P2E_PIPES, 0, 0);
	inner_put_pipes(&out, &m);
	/* those that it names, as far as there are so many */
	if (first + nfds / 2 > ERIG_PIPES)
		first = 0;
	erig_send(rig, &out, &rig->pipe[first][0], nfds);
}

void
erig_send_pipes(struct erig *rig)
{
	if (rig->pipes > 0)
		erig_send_some_pipes(rig, 0, (uint16_t)rig->pipes,
		    (size_t)2 * rig->pipes);
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
	if (n == -1 && errno == ECONNRESET)
		return 0; /* it died with messages unread */
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

int
erig_hear(struct erig *rig)
{
	struct frame_in in;

	return erig_recv(rig, &in);
}

void
erig_bury(struct erig *rig)
{
	int got;

	while (erig_hear(rig))
		continue;
	close(rig->channel);
	assert_int_equal(waitpid(rig->pid, &got, 0), rig->pid);
	assert_true(WIFSIGNALED(got));
	assert_int_equal(WTERMSIG(got), SIGKILL);
}

void
erig_kill(struct erig *rig)
{
	kill(rig->pid, SIGKILL);
	erig_bury(rig);
}

void
erig_succeed(struct erig *rig)
{
	uint8_t buf[FRAME_MAX];
	struct frame_out out;
	struct frame_in in;

	rig->start.active = 0;
	erig_fork(rig, 0);
	frame_begin(&out, buf, sizeof buf, MSG_P2X_START, 0, 0);
	inner_put_start(&out, &rig->start);
	erig_send(rig, &out, rig->memory, (size_t)rig->regions);
	erig_packet(rig, MSG_X2P_READY, &in);
	erig_activate(rig);
}

void
erig_send_resumed(struct erig *rig)
{
	uint8_t buf[FRAME_HEADER];
	struct frame_out out;

	frame_begin(&out, buf, sizeof buf, MSG_P2E_RESUMED, 0, 0);
	erig_send(rig, &out, NULL, 0);
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
	size_t bytes = counters_bytes(NSLOTS, ERIG_PIPES);
	struct frame_in in;
	uint32_t i;
	int got;

	while (erig_recv(rig, &in))
		continue;
	close(rig->channel);
	assert_int_equal(waitpid(rig->pid, &got, 0), rig->pid);
	assert_true(WIFEXITED(got));
	assert_int_equal(WEXITSTATUS(got), status);
	if (rig->counters.slots != NULL)
		munmap(rig->counters.slots, bytes);
	if (rig->others.slots != NULL)
		munmap(rig->others.slots, bytes);
	for (got = 0; got < rig->regions; got++)
		close(rig->memory[got]);
	for (i = 0; i < rig->pipes; i++) {
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

uint64_t
erig_cpu_us(const struct erig *rig)
{
	struct timespec ts;
	clockid_t clock;

	assert_int_equal(clock_getcpuclockid(rig->pid, &clock), 0);
	assert_return_code(clock_gettime(clock, &ts), errno);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

unsigned int
erig_descriptors(const struct erig *rig)
{
	unsigned int n = 0;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof path, "/proc/%d/fd", (int)rig->pid);
	dir = opendir(path);
	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

unsigned int
erig_lent(const struct erig *rig)
{
	unsigned int n = 0;
	uint32_t i;

	for (i = 0; i < rig->pipes; i++)
		n += atomic_load(&rig->counters.pipes[i]) != 0;
	return n;
}

int
erig_pipe_bytes(const struct erig *rig, uint32_t pipe)
{
	int n;

	assert_return_code(ioctl(rig->pipe[pipe][0], FIONREAD, &n), errno);
	return n;
}

void
erig_wait_pipes_back(const struct erig *rig)
{
	uint64_t since_ms = clock_ms();
	uint32_t i;

	for (i = 0; i < rig->pipes; i++) {
		while (atomic_load(&rig->counters.pipes[i]) != 0)
			erig_pause(since_ms);
		assert_int_equal(erig_pipe_bytes(rig, i), 0);
	}
}
