/* See engine_spy.h: the test's own functions of those names. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../common/clock.h"
#include "../../mctd/engine/table.h"
#include "engine_spy.h"

struct espy *espy;
void (*espy_after_send)(void);

void
espy_setup(void)
{
	if (espy == NULL)
		espy = mmap(NULL, sizeof *espy, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(espy, MAP_FAILED);
	memset(espy, 0, sizeof *espy);
}

/*
 * Megabytes that an engine has ready before traffic comes: thousands of them
 * live for some milliseconds here, and touch little of it.
 */
void *
table_new(size_t bytes)
{
	void *mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mem == MAP_FAILED ? NULL : mem;
}

/* Asked in a way that an engine may: it is one. */
static int
is_socket(int fd)
{
	uint32_t info[SK_MEMINFO_VARS];
	socklen_t len = sizeof info;

	return syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_MEMINFO, info,
		   &len) == 0;
}

ssize_t
splice(int in, off64_t *in_at, int out, off64_t *out_at, size_t n,
    unsigned int flags)
{
	static int bites;
	ssize_t got;
	int is_out;

	is_out = !is_socket(in);
	atomic_fetch_add(&espy->splices, 1);
	if (espy->stingy && is_out) {
		if (bites++ % 2 == 1) {
			errno = EAGAIN;
			return -1;
		}
		if (n > ESPY_BITE)
			n = ESPY_BITE;
	}
	if (espy->interrupted && espy->splices % 2 == 0) {
		errno = EINTR;
		return -1;
	}
	got = syscall(SYS_splice, in, in_at, out, out_at, n, flags);
	if (got > 0)
		atomic_fetch_add(is_out ? &espy->out : &espy->in,
		    (uint64_t)got);
	return got;
}

int
getsockopt(int fd, int level, int option, void *value, socklen_t *len)
{
	long got = syscall(SYS_getsockopt, fd, level, option, value, len);
	uint32_t *info = value;

	if (got == 0 && level == SOL_SOCKET && option == SO_MEMINFO &&
	    espy != NULL && espy->roomy) {
		info[SK_MEMINFO_WMEM_QUEUED] = 0;
		info[SK_MEMINFO_WMEM_ALLOC] = 0;
		info[SK_MEMINFO_SNDBUF] = 1024 * 1024;
	}
	return (int)got;
}

ssize_t
send(int fd, const void *bytes, size_t n, int flags)
{
	long got = syscall(SYS_sendto, fd, bytes, n, flags, NULL, 0);
	void (*then)(void) = espy_after_send;

	espy_after_send = NULL;
	if (then != NULL)
		then();
	return got;
}

ssize_t
recvmsg(int fd, struct msghdr *msg, int flags)
{
	long got = syscall(SYS_recvmsg, fd, msg, flags);
	const uint8_t *bytes =
	    msg->msg_iovlen > 0 ? msg->msg_iov[0].iov_base : NULL;

	/* the channel's messages are received with that flag */
	if (got > 0 && espy != NULL && espy->pieces &&
	    !(flags & MSG_CMSG_CLOEXEC) && bytes[0] != ESPY_PIECE)
		msg->msg_flags |= MSG_EOR;
	return got;
}

static uint64_t
now_ns(clockid_t clock)
{
	struct timespec ts;

	assert_int_equal(clock_gettime(clock, &ts), 0);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

uint64_t
clock_ms(void)
{
	uint64_t ms = now_ns(CLOCK_MONOTONIC) / 1000000;

	return espy == NULL ? ms : ms + espy->ahead_ms;
}

uint64_t
clock_us(void)
{
	return now_ns(CLOCK_MONOTONIC) / 1000;
}

uint64_t
clock_wall_ns(void)
{
	return now_ns(CLOCK_REALTIME);
}
