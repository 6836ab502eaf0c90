/*
 * The engine's start.
 *
 * Calls: close, munmap; at the start: fcntl, fstat, getrlimit, mmap,
 * rt_sigaction, setrlimit
 */

#include <sys/types.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "../sandbox/sandbox.h"
#include "start.h"

static int
channel_blocks(int channel, int blocks)
{
	int flags = fcntl(channel, F_GETFL);

	if (flags == -1)
		return -1;
	flags = blocks ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;
	return fcntl(channel, F_SETFL, flags);
}

static void *regions[LIMIT_ENGINES_MAX];

static size_t
region_bytes(const struct inner_start *m)
{
	return counters_bytes(m->bridges + m->sessions, m->pipes);
}

static int
map_region(int fd, const struct inner_start *m, uint32_t which)
{
	size_t bytes = region_bytes(m);
	struct stat st;
	void *mem;

	if (fstat(fd, &st) == -1)
		return -1;
	if ((size_t)st.st_size < bytes) {
		errno = EBADMSG;
		return -1;
	}
	mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_POPULATE, fd, 0);
	if (mem == MAP_FAILED)
		return -1;
	regions[which] = mem;
	return 0;
}

int
start_region(const struct inner_start *m, struct counters *c, uint32_t which)
{
	uint32_t i;

	if (which >= m->engines) {
		errno = EINVAL;
		return -1;
	}
	for (i = 0; i < m->engines; i++)
		if (i != which)
			(void)munmap(regions[i], region_bytes(m));
	counters_map(c, regions[which], m->bridges + m->sessions, m->pipes);
	return 0;
}

/* As many descriptors as the parent says, as far as the system lets us. */
static void
limit_fds(const struct inner_start *m)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		return;
	limit.rlim_cur = m->fds < limit.rlim_max ? m->fds : limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) == -1)
		log_warn("engine: descriptor limit %u: %s", m->fds,
		    strerror(errno));
}

static int
decode(const uint8_t *buf, long len, size_t nfds, struct inner_start *m)
{
	struct frame_in in;

	if (len <= 0 || frame_open(&in, buf, (size_t)len) == -1)
		return -1;
	inner_get_start(&in, m);
	if (in.type != MSG_P2X_START || frame_done(&in) == -1 ||
	    nfds != m->engines || m->engines == 0 ||
	    m->engines > LIMIT_ENGINES_MAX || m->pipes > LIMIT_PIPES_MAX ||
	    m->kind != PROCESS_ENGINE || m->bridges == 0 ||
	    m->bridges > LIMIT_BRIDGES_MAX || m->groups > LIMIT_GROUPS_MAX ||
	    m->sessions == 0 || m->sessions > LIMIT_SESSIONS_MAX)
		return -1;
	return 0;
}

int
start_receive(int channel, struct inner_start *m)
{
	uint8_t buf[1024];
	int fds[LIMIT_ENGINES_MAX], mapped = 0;
	size_t nfds, i;
	long len;

	if (channel_blocks(channel, 1) == -1)
		return -1;
	len = frame_packet_recv(channel, buf, sizeof buf, fds,
	    LIMIT_ENGINES_MAX, &nfds);
	if (decode(buf, len, nfds, m) == -1) {
		if (len != 0)
			log_fatal("engine: no valid start from the parent");
		errno = EBADMSG;
		return -1;
	}
	for (i = 0; i < nfds; i++) {
		if (mapped == 0)
			mapped = map_region(fds[i], m, (uint32_t)i);
		(void)close(fds[i]);
	}
	if (mapped == -1)
		log_fatal("engine: counters: %s", strerror(errno));
	limit_fds(m);
	return mapped == -1 ? -1 : channel_blocks(channel, 0);
}

int
start_confine(const struct inner_start *m)
{
	/* only the end of the channel ends an engine */
	static const int ignored[] = { SIGHUP, SIGINT, SIGTERM, SIGPIPE,
		SIGQUIT, SIGUSR1, SIGUSR2 };
	struct sandbox box = { .kind = PROCESS_ENGINE,
		.privileged = m->privileged,
		.uid = m->uid,
		.gid = m->gid,
		.chroot = m->chroot };
	const char *step = "";
	uint32_t which;
	size_t i;

	for (i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
		if (signal(ignored[i], SIG_IGN) == SIG_ERR)
			return -1;
	/* who takes over gives up the regions of the others */
	for (which = 0; m->engines > 1 && which < m->engines; which++)
		sandbox_grant_unmap(regions[which], region_bytes(m));
	if (sandbox_enter(&box, &step) == -1 ||
	    sandbox_lock(PROCESS_ENGINE, &step) == -1) {
		log_fatal("engine: %s: %s", step, strerror(errno));
		return -1;
	}
	return 0;
}

int
start_ready(int channel)
{
	uint8_t buf[FRAME_HEADER];
	struct frame_out out;

	frame_begin(&out, buf, sizeof buf, MSG_X2P_READY, 0, 0);
	return frame_packet_send(channel, buf, frame_end(&out));
}
