/*
 * See control_rig.h.  The clock is ours, so that ten seconds of silence do
 * not take ten seconds.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>

#include <bsd/unistd.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../common/clock.h"
#include "../../mctd/control/control.h"
#include "../../mctd/sandbox/sandbox.h"
#include "control_rig.h"

#define WAIT_S 20

static _Atomic uint64_t *skipped_ms;

uint64_t
clock_ms(void)
{
	struct timespec ts;
	uint64_t skip = skipped_ms == NULL ? 0 : atomic_load(skipped_ms);

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000 +
	    skip;
}

uint64_t
clock_wall_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

void
rig_skip_ms(unsigned int ms)
{
	atomic_fetch_add(skipped_ms, ms);
}

/* In place of libbsd's, which needs the arguments of main. */
void
setproctitle(const char *fmt, ...)
{
	(void)fmt;
}

static void *
rig_memory(size_t bytes, int *fd)
{
	void *mem = sandbox_memory("test", bytes, fd, NULL);

	assert_non_null(mem);
	return mem;
}

static void
rig_tables(struct rig *rig, int fds[RIG_FDS])
{
	uint32_t nslots = RIG_BRIDGES + RIG_SESSIONS;
	void *mem;
	int i;

	mem = rig_memory(registry_bytes(RIG_BRIDGES, RIG_SESSIONS),
	    &fds[START_FD_REGISTRY]);
	registry_map(&rig->registry, mem, RIG_BRIDGES, RIG_SESSIONS);
	for (i = 0; i < RIG_ENGINES; i++) {
		mem = rig_memory(counters_bytes(nslots, 0),
		    &fds[START_FD_COUNTERS + i]);
		counters_map(&rig->counters[i], mem, nslots, 0);
	}
	mem = rig_memory(ring_bytes(RIG_EVENTS), &fds[START_FD_RING]);
	ring_map(&rig->ring, mem, RIG_EVENTS);
	atomic_store(&rig->ring.head->next, 1);
	if (skipped_ms == NULL)
		skipped_ms = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(skipped_ms, MAP_FAILED);
	atomic_store(skipped_ms, 0);
}

static void
send_fds(int channel, struct frame_out *out, const int *fds, size_t n)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(RIG_FDS * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = out->data };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;

	iov.iov_len = frame_end(out);
	assert_int_not_equal(iov.iov_len, 0);
	memset(&control, 0, sizeof control);
	msg.msg_control = control.room;
	msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
	c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	assert_int_equal(sendmsg(channel, &msg, 0), iov.iov_len);
}

static void
limit_wait(int fd)
{
	struct timeval limit = { .tv_sec = WAIT_S };

	assert_return_code(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit,
			       sizeof limit),
	    errno);
}

static void
rig_fork(struct rig *rig, int channel_bytes)
{
	int pair[2];

	assert_return_code(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), errno);
	if (channel_bytes > 0)
		assert_return_code(setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF,
				       &channel_bytes, sizeof channel_bytes),
		    errno);
	rig->pid = fork();
	assert_return_code(rig->pid, errno);
	if (rig->pid == 0) {
		close(pair[0]);
		_exit(control_main(pair[1]));
	}
	close(pair[1]);
	rig->channel = pair[0];
	limit_wait(rig->channel);
}

void
rig_start(struct rig *rig, int active, int channel_bytes)
{
	struct inner_start m = { .kind = PROCESS_CONTROL,
		.active = (uint8_t)active,
		.level = LOG_LEVEL_INFO,
		.bridges = RIG_BRIDGES,
		.sessions = RIG_SESSIONS,
		.clients = RIG_CLIENTS,
		.events = RIG_EVENTS,
		.engines = RIG_ENGINES,
		.fds = 128 };
	uint8_t buf[FRAME_MAX];
	struct frame_out out;
	struct frame_in in;
	int fds[RIG_FDS], i;

	memset(rig, 0, sizeof *rig);
	rig_tables(rig, fds);
	rig_fork(rig, channel_bytes);
	frame_begin(&out, buf, sizeof buf, MSG_P2X_START, 0, 0);
	inner_put_start(&out, &m);
	send_fds(rig->channel, &out, fds, RIG_FDS);
	for (i = 0; i < RIG_FDS; i++)
		close(fds[i]);
	rig_packet(rig, &in);
	assert_int_equal(in.type, MSG_X2P_READY);
}

static void
unmap(struct rig *rig)
{
	int i;

	munmap(rig->registry.head, registry_bytes(RIG_BRIDGES, RIG_SESSIONS));
	for (i = 0; i < RIG_ENGINES; i++)
		munmap(rig->counters[i].slots,
		    counters_bytes(RIG_BRIDGES + RIG_SESSIONS, 0));
	munmap(rig->ring.head, ring_bytes(RIG_EVENTS));
}

void
rig_wait_end(struct rig *rig, int status)
{
	struct frame_in in;
	struct inner_log log;
	ssize_t n;
	int got;

	while (rig->nkept > 0)
		close(rig->kept[--rig->nkept]);
	while (
	    (n = recv(rig->channel, rig->packet, sizeof rig->packet, 0)) > 0) {
		if (frame_open(&in, rig->packet, (size_t)n) == 0 &&
		    in.type == MSG_X2P_LOG) {
			inner_get_log(&in, &log);
			memcpy(rig->log, log.text, sizeof rig->log);
		}
	}
	close(rig->channel);
	assert_int_equal(waitpid(rig->pid, &got, 0), rig->pid);
	assert_true(WIFEXITED(got));
	assert_int_equal(WEXITSTATUS(got), status);
	unmap(rig);
}

int
rig_setup(void **state)
{
	rig_start(*state, 1, 0);
	return 0;
}

int
rig_teardown(void **state)
{
	rig_end(*state, 0);
	return 0;
}

void
rig_kill(struct rig *rig)
{
	int got;

	assert_return_code(kill(rig->pid, SIGKILL), errno);
	assert_int_equal(waitpid(rig->pid, &got, 0), rig->pid);
	assert_true(WIFSIGNALED(got));
	close(rig->channel);
	while (rig->nkept > 0)
		close(rig->kept[--rig->nkept]);
	unmap(rig);
}

void
rig_end(struct rig *rig, int status)
{
	shutdown(rig->channel, SHUT_WR);
	rig_wait_end(rig, status);
}

void
rig_packet(struct rig *rig, struct frame_in *in)
{
	struct inner_log log;
	ssize_t n;

	for (;;) {
		n = recv(rig->channel, rig->packet, sizeof rig->packet, 0);
		assert_return_code(n, errno);
		assert_int_equal(frame_open(in, rig->packet, (size_t)n), 0);
		if (in->type != MSG_X2P_LOG)
			return;
		inner_get_log(in, &log);
		assert_int_equal(frame_done(in), 0);
		memcpy(rig->log, log.text, sizeof rig->log);
		rig->logs++;
	}
}

void
rig_no_packet(struct rig *rig)
{
	struct frame_in in;
	ssize_t n;

	while ((n = recv(rig->channel, rig->packet, sizeof rig->packet,
		    MSG_DONTWAIT)) != -1) {
		assert_int_equal(frame_open(&in, rig->packet, (size_t)n), 0);
		assert_int_equal(in.type, MSG_X2P_LOG);
		rig->logs++;
	}
	assert_int_equal(errno, EAGAIN);
}

void
rig_gone(struct rig *rig, uint16_t slot, uint32_t generation)
{
	struct inner_client who;
	struct frame_in in;

	rig_packet(rig, &in);
	assert_int_equal(in.type, MSG_C2P_CLIENT_GONE);
	inner_get_client(&in, &who);
	assert_int_equal(frame_done(&in), 0);
	assert_int_equal(who.slot, slot);
	assert_int_equal(who.generation, generation);
}

void
rig_send(struct rig *rig, struct frame_out *out)
{
	size_t len = frame_end(out);

	assert_int_equal(send(rig->channel, out->data, len, 0), len);
}

void
rig_activate(struct rig *rig)
{
	uint8_t buf[FRAME_HEADER + sizeof(uint32_t)];
	struct frame_out out;

	frame_begin(&out, buf, sizeof buf, MSG_P2X_ACTIVATE, 0, 0);
	frame_put_u32(&out, 0);
	rig_send(rig, &out);
}

void
rig_plain(struct rig *rig, uint16_t type)
{
	uint8_t buf[FRAME_HEADER];
	struct frame_out out;

	frame_begin(&out, buf, sizeof buf, type, 0, 0);
	rig_send(rig, &out);
}

void
rig_done(struct rig *rig, const struct inner_client *who, uint32_t id)
{
	uint8_t buf[64];
	struct frame_out out;

	frame_begin(&out, buf, sizeof buf, MSG_P2C_DONE, 0, 0);
	inner_put_client(&out, who);
	proto_put_done(&out, id);
	rig_send(rig, &out);
}

void
rig_send_fd(struct rig *rig, struct frame_out *out, int fd)
{
	send_fds(rig->channel, out, &fd, 1);
}

/* A copy stays here, as the parent has one: the end is seen anyway. */
void
rig_hand(struct rig *rig, const struct inner_new_client *m, int fd)
{
	uint8_t buf[1024];
	struct frame_out out;

	frame_begin(&out, buf, sizeof buf, MSG_P2C_CLIENT, 0, 0);
	inner_put_new_client(&out, m);
	send_fds(rig->channel, &out, &fd, 1);
	assert_true(rig->nkept < RIG_KEPT);
	rig->kept[rig->nkept++] = fd;
}

static int
hand_over(struct rig *rig, const struct inner_new_client *m)
{
	int pair[2];

	assert_return_code(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
			       pair),
	    errno);
	rig_hand(rig, m, pair[1]);
	return pair[0];
}

int
rig_client(struct rig *rig, uint16_t slot, uint32_t generation, uint8_t role)
{
	struct inner_new_client m = { .client = { slot, generation, 0 },
		.role = role };

	return hand_over(rig, &m);
}

int
rig_refuse(struct rig *rig, uint16_t slot, uint32_t generation, uint32_t err,
    const char *text)
{
	struct inner_new_client m = { .client = { slot, generation, 0 },
		.role = ROLE_NONE,
		.err = err };

	strncpy(m.text, text, sizeof m.text - 1);
	return hand_over(rig, &m);
}

int
rig_open(struct rig *rig, uint16_t slot, uint32_t generation, uint8_t role)
{
	struct proto_hello hello;
	struct frame_in in;
	int fd = rig_client(rig, slot, generation, role);

	peer_hello(fd, PROTO_VERSION);
	peer_recv(fd, &in);
	assert_int_equal(in.type, MSG_C2L_HELLO);
	proto_get_hello(&in, &hello);
	assert_int_equal(frame_done(&in), 0);
	assert_int_equal(hello.role, role);
	return fd;
}
