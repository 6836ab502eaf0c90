/*
 * The processes of the daemon: what they are to be, by its own word, and what
 * the kernel says that they are.
 */

#ifndef MCTCTL_PROCESSES_H
#define MCTCTL_PROCESSES_H

#include <sys/types.h>
#include <stddef.h>
#include <stdint.h>

#include "words.h"

#define PROCESSES_TEXT_BYTES 256

enum processes_namespace {
	NAMESPACE_NET,
	NAMESPACE_MNT,
	NAMESPACE_IPC,
	NAMESPACE_UTS,
	NAMESPACES
};

/* What the daemon says of one. */
struct processes_want {
	pid_t pid;
	char kind[16];  /* "parent", "control", "engine" */
	char state[16]; /* "working", "standby" */
	int engine;     /* number, or -1 */
	uint64_t uid;
	uint64_t gid;
	uint64_t capabilities; /* the kernel's bits */
	int privileged;        /* started by root */
	uint64_t chroot_device;
	uint64_t chroot_inode;
	char chroot[PROCESSES_TEXT_BYTES];
};

/* What the kernel says of it, as far as it tells this user. */
struct processes_found {
	int is_there; /* there is such a process, and it has not ended */
	char state[16];
	uint64_t uid[4];
	uint64_t gid[4];
	char groups[PROCESSES_TEXT_BYTES]; /* "none" */
	uint64_t inheritable;
	uint64_t permitted;
	uint64_t effective;
	uint64_t bounding;
	uint64_t ambient;
	uint64_t no_new_privs;
	uint64_t seccomp; /* 0 none, 1 strict, 2 filter */
	int knows_root;
	char root[PROCESSES_TEXT_BYTES];
	uint64_t root_device;
	uint64_t root_inode;
	int knows_mounts;
	int root_is_empty;               /* and nothing else is mounted */
	uint64_t namespaces[NAMESPACES]; /* 0: not told */
};

enum processes_verdict {
	PROCESSES_YES,
	PROCESSES_UNKNOWN, /* nothing is wrong in what could be read */
	PROCESSES_NO
};

/*
 * Whether one is what it is to be; parent is what was found of the daemon's
 * parent.  Of what is wrong *why, of size bytes, has a few words each.
 */
enum processes_verdict processes_judge(const struct processes_want *,
    const struct processes_found *, const struct processes_found *parent,
    char *why, size_t size);

/* What the kernel says; where it says nothing, is_there is 0. */
void processes_read(pid_t, struct processes_found *);

/* The text of /proc/PID/status: 0, or -1 where something is missing. */
int processes_parse(const char *status, struct processes_found *);

/*
 * The text of /proc/PID/mountinfo: whether it has nothing but a root without
 * a disk behind it, only to be read, no program or device in it.
 */
int processes_lone_root(const char *mounts);

/*
 * Whether numbers of processes that the daemon says mean the same here: who
 * listens at the other end of the socket fd is this parent.
 */
int processes_here(int fd, pid_t parent);

/* "net_bind_service,setuid", "none", "all"; names as the daemon has them. */
char *processes_capabilities(uint64_t, char *buf, size_t size);
uint64_t processes_capabilities_of(const char *names);
const char *processes_namespace_name(enum processes_namespace);

int processes_show(struct ctl *, const struct words_call *);

#endif
