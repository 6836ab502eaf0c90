/*
 * The system calls of each role, once it is ready.
 *
 * The kernel holds a process to these; make style holds the source to them:
 * the list "Calls:" at the head of each file must have every call the file
 * makes, and these here must be just those.  A new one is a line here, with
 * its arguments where they matter, and a word in the file that makes it.
 */

#include <sys/types.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>

#include <linux/sctp.h>
#include <linux/sockios.h>
#include <linux/udp.h>
#include <linux/vm_sockets.h>

#include "../../common/limits.h"
#include "linux.h"
#include "sandbox.h"

#define PARENT  (1U << PROCESS_PARENT)
#define CONTROL (1U << PROCESS_CONTROL)
#define ENGINE  (1U << PROCESS_ENGINE)
#define ALL     (PARENT | CONTROL | ENGINE)

#define CALL(roles, name, ...)                     \
	{                                          \
#name, SCMP_SYS(name), (roles), 0, \
		{                                  \
			__VA_ARGS__                \
		}                                  \
	}
#define CALL_ON(roles, name, grants, ...)                 \
	{                                                 \
#name, SCMP_SYS(name), (roles), (grants), \
		{                                         \
			__VA_ARGS__                       \
		}                                         \
	}

/* Argument n, of 32 bits, is this; is under LOW_FDS; is a null pointer. */
#define INT(n, value)                                                  \
	{                                                              \
		(n), SCMP_CMP_MASKED_EQ, UINT32_MAX, (uint32_t)(value) \
	}
#define LOW(n)                                                           \
	{                                                                \
		(n), SCMP_CMP_MASKED_EQ, UINT32_MAX & ~(LOW_FDS - 1U), 0 \
	}
#define NOTHING(n)                     \
	{                              \
		(n), SCMP_CMP_EQ, 0, 0 \
	}

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

_Static_assert((LOW_FDS & (LOW_FDS - 1)) == 0, "LOW compares bits");

/* Never a way to wait, or to name an address: MSG_FASTOPEN is none of these. */
#define QUIET (MSG_DONTWAIT | MSG_NOSIGNAL)

/* A socket of the parent's; those of bridges do not block. */
#define SOCKET(family, type, protocol)       \
	CALL(PARENT, socket, INT(0, family), \
	    INT(1, (type) | SOCK_NONBLOCK | SOCK_CLOEXEC), INT(2, protocol))
/* One that is only asked for the system's settings. */
#define SOCKET_ASKED(family, type, protocol)                                \
	CALL(PARENT, socket, INT(0, family), INT(1, (type) | SOCK_CLOEXEC), \
	    INT(2, protocol))

#define SET(role, level, option) \
	CALL(role, setsockopt, INT(1, level), INT(2, option))
#define GET(role, level, option) \
	CALL(role, getsockopt, INT(1, level), INT(2, option))

const struct call calls[] = {
	/* the event loop: libevent's; timers are its, too */
	CALL(ALL, epoll_wait),
	CALL(ALL, epoll_pwait),
	CALL(ALL, epoll_ctl),

	/* the clock, where the kernel does not give it without a call */
	CALL(ALL, clock_gettime),
	CALL(ALL, gettimeofday),
	CALL(ALL, time),

	/* the end; what waits goes on after a stop; back from a signal */
	CALL(ALL, exit_group),
	CALL(ALL, restart_syscall),
	CALL(PARENT, rt_sigreturn),

	/* what anybody does with a descriptor */
	CALL(ALL, close),
	CALL(ALL, shutdown),

	/*
	 * A child reads what it was given, and sends on what is connected.
	 * The parent reads nothing but its channels: never a socket of
	 * traffic, never a pipe.
	 */
	CALL(CONTROL | ENGINE, recvfrom),
	CALL(CONTROL | ENGINE, recvmsg),
	CALL(CONTROL | ENGINE, sendto, INT(3, QUIET), NOTHING(4)),
	CALL(ENGINE, sendto, INT(3, QUIET | MSG_EOR), NOTHING(4)),
	CALL(PARENT, recvmsg, LOW(0)),
	CALL(PARENT, sendto, LOW(0), INT(3, QUIET), NOTHING(4)),
	CALL(PARENT, sendmsg, LOW(0), INT(2, QUIET)),
	/* parent: who is at the head of a src; not a byte of what is there */
	CALL(PARENT, recvfrom, NOTHING(1), NOTHING(2),
	    INT(3, MSG_PEEK | MSG_DONTWAIT)),
	/* parent: one of no bytes, to see that a dst socket takes nothing */
	CALL(PARENT, sendto, NOTHING(2), INT(3, QUIET), NOTHING(4)),
	CALL(PARENT, getsockname),
	GET(PARENT, SOL_SOCKET, SO_MEMINFO),

	/* engine: datagrams in batches; bulk through pipes, which it empties */
	CALL(ENGINE, recvmmsg),
	CALL(ENGINE, splice),
	CALL(ENGINE, read),

	/* engine: how much a socket takes, whether a connection is gone */
	GET(ENGINE, SOL_SOCKET, SO_MEMINFO),
	GET(ENGINE, IPPROTO_TCP, TCP_INFO),
	/* engine: what waits in a socket, and what is still to be sent */
	CALL(ENGINE, ioctl, INT(1, FIONREAD)),
	CALL(ENGINE, ioctl, INT(1, SIOCOUTQ)),
	/* engine: how far one that died had come, where it was peeking */
	CALL(ENGINE, poll),
	CALL(ENGINE, ppoll),
	GET(ENGINE, SOL_SOCKET, SO_PEEK_OFF),
	SET(ENGINE, SOL_SOCKET, SO_PEEK_OFF),
	/* engine: a group of datagrams in one call */
	SET(ENGINE, IPPROTO_UDP, UDP_SEGMENT),
	/* engine: one hop less than a datagram came with */
	SET(ENGINE, IPPROTO_IP, IP_TTL),
	SET(ENGINE, IPPROTO_IP, IP_MULTICAST_TTL),
	SET(ENGINE, IPPROTO_IPV6, IPV6_UNICAST_HOPS),
	SET(ENGINE, IPPROTO_IPV6, IPV6_MULTICAST_HOPS),
	/*
	 * engine: one that takes over gives up the others' counters; parent:
	 * the tables of the mctd whose place it took
	 */
	CALL_ON(ENGINE | PARENT, munmap, SANDBOX_UNMAP),

	/* control: while its channel is full; parent: log, dst that stands */
	CALL(CONTROL | PARENT, poll),
	CALL(CONTROL | PARENT, ppoll),

	/* parent: signals and the configuration; log, the word "ready" */
	CALL(PARENT, read, LOW(0)),
	CALL(PARENT, write, LOW(0)),

	/* parent: the kinds of sockets there are, as in common/addr.c */
	SOCKET(AF_INET, SOCK_STREAM, 0),
	SOCKET(AF_INET6, SOCK_STREAM, 0),
	SOCKET(AF_INET, SOCK_STREAM, IPPROTO_MPTCP),
	SOCKET(AF_INET6, SOCK_STREAM, IPPROTO_MPTCP),
	SOCKET(AF_INET, SOCK_STREAM, IPPROTO_SCTP),
	SOCKET(AF_INET6, SOCK_STREAM, IPPROTO_SCTP),
	SOCKET(AF_INET, SOCK_DGRAM, 0),
	SOCKET(AF_INET6, SOCK_DGRAM, 0),
	SOCKET(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE),
	SOCKET(AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE),
	SOCKET(AF_LOCAL, SOCK_STREAM, 0),
	SOCKET(AF_LOCAL, SOCK_SEQPACKET, 0),
	SOCKET(AF_LOCAL, SOCK_DGRAM, 0),
	SOCKET(AF_VSOCK, SOCK_STREAM, 0),
	SOCKET(AF_TIPC, SOCK_SEQPACKET, 0),
	SOCKET(AF_TIPC, SOCK_RDM, 0),
	/* parent: for the settings of a new one; the names of interfaces */
	SOCKET_ASKED(AF_INET, SOCK_STREAM, 0),
	SOCKET_ASKED(AF_INET6, SOCK_STREAM, 0),
	SOCKET_ASKED(AF_INET, SOCK_STREAM, IPPROTO_MPTCP),
	SOCKET_ASKED(AF_INET6, SOCK_STREAM, IPPROTO_MPTCP),
	SOCKET_ASKED(AF_LOCAL, SOCK_DGRAM, 0),
	/* where there is none of those the library tries these */
	SOCKET_ASKED(AF_INET, SOCK_DGRAM, 0),
	SOCKET_ASKED(AF_INET6, SOCK_DGRAM, 0),
	CALL(PARENT, ioctl, INT(1, SIOCGIFNAME)),
	CALL(PARENT, ioctl, INT(1, SIOCGIFINDEX)),

	/* parent: what makes a socket an end of a bridge */
	CALL(PARENT, bind),
	CALL(PARENT, listen),
	CALL(PARENT, accept4),
	CALL(PARENT, connect),

	/* parent: what the engine relies on; the options of bridges */
	SET(PARENT, SOL_SOCKET, SO_REUSEADDR),
	SET(PARENT, SOL_SOCKET, SO_OOBINLINE),
	SET(PARENT, SOL_SOCKET, SO_SNDBUF),
	SET(PARENT, SOL_SOCKET, SO_RCVBUF),
	SET(PARENT, SOL_SOCKET, SO_LINGER),
	SET(PARENT, SOL_SOCKET, SO_TIMESTAMPNS),
	SET(PARENT, SOL_SOCKET, SO_KEEPALIVE),
	SET(PARENT, SOL_SOCKET, SO_MARK),
	SET(PARENT, SOL_SOCKET, SO_BINDTODEVICE),
	SET(PARENT, SOL_SOCKET, SO_RXQ_OVFL),
	SET(PARENT, SOL_SOCKET, SO_ATTACH_FILTER),
	SET(PARENT, SOL_SOCKET, SO_LOCK_FILTER),
	SET(PARENT, SOL_SOCKET, SO_DETACH_FILTER),
	SET(PARENT, SOL_SOCKET, SO_REUSEPORT),
	SET(PARENT, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF),
	SET(PARENT, IPPROTO_IP, IP_PKTINFO),
	SET(PARENT, IPPROTO_IP, IP_TRANSPARENT),
	SET(PARENT, IPPROTO_IPV6, IPV6_RECVPKTINFO),
	SET(PARENT, IPPROTO_IPV6, IPV6_TRANSPARENT),
	SET(PARENT, SOL_SOCKET, SO_BROADCAST),
	SET(PARENT, SOL_SOCKET, SO_SNDBUFFORCE),
	SET(PARENT, SOL_SOCKET, SO_RCVBUFFORCE),
	SET(PARENT, IPPROTO_IP, IP_TTL),
	SET(PARENT, IPPROTO_IP, IP_RECVTTL),
	SET(PARENT, IPPROTO_IP, IP_MULTICAST_TTL),
	SET(PARENT, IPPROTO_IP, IP_MULTICAST_LOOP),
	SET(PARENT, IPPROTO_IP, IP_MULTICAST_IF),
	SET(PARENT, IPPROTO_IP, IP_MULTICAST_ALL),
	SET(PARENT, IPPROTO_IPV6, IPV6_UNICAST_HOPS),
	SET(PARENT, IPPROTO_IPV6, IPV6_RECVHOPLIMIT),
	SET(PARENT, IPPROTO_IPV6, IPV6_MULTICAST_HOPS),
	SET(PARENT, IPPROTO_IPV6, IPV6_MULTICAST_LOOP),
	SET(PARENT, IPPROTO_IPV6, IPV6_MULTICAST_IF),
	SET(PARENT, IPPROTO_IPV6, IPV6_MULTICAST_ALL),
	SET(PARENT, IPPROTO_IP, MCAST_JOIN_GROUP),
	SET(PARENT, IPPROTO_IP, MCAST_LEAVE_GROUP),
	SET(PARENT, IPPROTO_IP, MCAST_JOIN_SOURCE_GROUP),
	SET(PARENT, IPPROTO_IP, MCAST_LEAVE_SOURCE_GROUP),
	SET(PARENT, IPPROTO_IPV6, MCAST_JOIN_GROUP),
	SET(PARENT, IPPROTO_IPV6, MCAST_LEAVE_GROUP),
	SET(PARENT, IPPROTO_IPV6, MCAST_JOIN_SOURCE_GROUP),
	SET(PARENT, IPPROTO_IPV6, MCAST_LEAVE_SOURCE_GROUP),
	SET(PARENT, IPPROTO_IP, IP_TOS),
	SET(PARENT, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT),
	SET(PARENT, IPPROTO_IPV6, IPV6_V6ONLY),
	SET(PARENT, IPPROTO_IPV6, IPV6_TCLASS),
	SET(PARENT, IPPROTO_TCP, TCP_NODELAY),
	SET(PARENT, IPPROTO_TCP, TCP_KEEPIDLE),
	SET(PARENT, IPPROTO_TCP, TCP_KEEPINTVL),
	SET(PARENT, IPPROTO_TCP, TCP_KEEPCNT),
	SET(PARENT, IPPROTO_TCP, TCP_USER_TIMEOUT),
	SET(PARENT, IPPROTO_UDP, UDP_GRO),
	SET(PARENT, IPPROTO_SCTP, SCTP_NODELAY),
	SET(PARENT, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT),

	/* parent: whether a connect stands; who a client is; settings */
	GET(PARENT, SOL_SOCKET, SO_ERROR),
	GET(PARENT, SOL_SOCKET, SO_PEERCRED),
	GET(PARENT, SOL_SOCKET, SO_PEERGROUPS),
	GET(PARENT, SOL_SOCKET, SO_SNDBUF),
	GET(PARENT, SOL_SOCKET, SO_RCVBUF),
	GET(PARENT, IPPROTO_TCP, TCP_KEEPIDLE),
	GET(PARENT, IPPROTO_TCP, TCP_KEEPINTVL),
	GET(PARENT, IPPROTO_TCP, TCP_KEEPCNT),

	/*
	 * parent: files, in the directories it was given alone.  How a path
	 * is to be followed no filter can see: Landlock has the last word.
	 */
	CALL_ON(PARENT, openat2, SANDBOX_READ | SANDBOX_SOCKETS),
	CALL_ON(PARENT, newfstatat, SANDBOX_SOCKETS | SANDBOX_REMOVE,
	    INT(3, AT_SYMLINK_NOFOLLOW)),
	CALL_ON(PARENT, unlinkat, SANDBOX_SOCKETS | SANDBOX_REMOVE, INT(2, 0)),
	CALL_ON(PARENT, fchdir, SANDBOX_SOCKETS | SANDBOX_GO),
	CALL(PARENT, chdir),
	CALL(PARENT, newfstatat, INT(3, AT_EMPTY_PATH)),
	CALL(PARENT, fstat),
	CALL(PARENT, umask),

	/* parent: low numbers are taken by copies of the one for /dev/null */
	CALL(PARENT, fcntl, INT(0, 0), INT(1, F_DUPFD_CLOEXEC)),
	/* parent: ready, it gives its terminal up for /dev/null */
	CALL(PARENT, dup2, INT(0, 0), INT(1, 1)),
	CALL(PARENT, dup2, INT(0, 0), INT(1, 2)),
	CALL(PARENT, dup3, INT(0, 0), INT(1, 1)),
	CALL(PARENT, dup3, INT(0, 0), INT(1, 2)),

	/* parent: its children, all of which there are; a pause at the end */
	CALL(PARENT, wait4),
	CALL_ON(PARENT, kill, SANDBOX_CHILD, INT(1, SIGKILL)),
	/* parent: one that hangs while another mctd takes over: freeze.c */
	CALL_ON(PARENT, kill, SANDBOX_CHILD, INT(1, SIGSTOP)),
	CALL_ON(PARENT, kill, SANDBOX_CHILD, INT(1, SIGCONT)),
	CALL(PARENT, clock_nanosleep),
	CALL(PARENT, nanosleep),
	/* parent: a client that is the daemon itself; its number in the log */
	CALL(PARENT, getpid),
};
const size_t ncalls = sizeof calls / sizeof calls[0];

/*
 * Memory of its own, and what it has to say.  Where it would read files or
 * start a program to say more, the filter ends it: build with TRACE=1 then.
 */
const struct call calls_sanitizer[] = {
	CALL(ALL, mmap, INT(2, 3)), /* PROT_READ | PROT_WRITE */
	CALL(ALL, munmap),
	CALL(ALL, madvise),
	CALL(ALL, write, INT(0, 2)),
	CALL(ALL, getpid),
	CALL(ALL, gettid),
	CALL(ALL, sched_yield),
	CALL(ALL, futex),
	CALL(ALL, sigaltstack),
};
const size_t ncalls_sanitizer =
    sizeof calls_sanitizer / sizeof calls_sanitizer[0];
