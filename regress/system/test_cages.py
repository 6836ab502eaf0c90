"""What each process can still ask of the kernel, tried from within: the
calls are put into the real processes of a running daemon."""

import ctypes
import os
import platform
import re
import signal
import struct

from echo import Echo, at_work, served, tcp
from ends import make, receiver
from fds import files_of
from inject import Taken, Trapped
from program import wait_for

TRAPPED = 86  # the exit status after a forbidden call
LOW_FDS = 32
HIGH = 40  # a descriptor of traffic
QUIET = 0x4040  # MSG_DONTWAIT, MSG_NOSIGNAL
EACCES, EAGAIN, EBADF = 13, 11, 9

NUMBERS = {
    name: number for number, name in (
        (0, "read"), (1, "write"), (2, "open"), (7, "poll"), (9, "mmap"),
        (10, "mprotect"), (11, "munmap"), (12, "brk"),
        (13, "rt_sigaction"), (14, "rt_sigprocmask"), (15, "rt_sigreturn"),
        (16, "ioctl"), (17, "pread64"), (19, "readv"), (20, "writev"),
        (22, "pipe"), (25, "mremap"), (28, "madvise"), (32, "dup"),
        (33, "dup2"), (40, "sendfile"), (41, "socket"), (42, "connect"),
        (43, "accept"), (44, "sendto"), (45, "recvfrom"), (46, "sendmsg"),
        (47, "recvmsg"), (49, "bind"), (50, "listen"), (53, "socketpair"),
        (54, "setsockopt"), (55, "getsockopt"), (56, "clone"), (57, "fork"),
        (58, "vfork"), (59, "execve"), (62, "kill"), (72, "fcntl"),
        (77, "ftruncate"), (80, "chdir"), (81, "fchdir"), (82, "rename"),
        (83, "mkdir"), (85, "creat"), (86, "link"), (87, "unlink"),
        (88, "symlink"), (90, "chmod"), (101, "ptrace"), (105, "setuid"),
        (106, "setgid"), (116, "setgroups"), (117, "setresuid"),
        (126, "capset"), (135, "personality"), (157, "prctl"),
        (160, "setrlimit"), (161, "chroot"), (165, "mount"),
        (200, "tkill"), (234, "tgkill"), (250, "keyctl"), (257, "openat"),
        (263, "unlinkat"), (272, "unshare"), (275, "splice"), (276, "tee"),
        (278, "vmsplice"), (288, "accept4"), (292, "dup3"),
        (298, "perf_event_open"), (299, "recvmmsg"), (302, "prlimit64"),
        (307, "sendmmsg"), (308, "setns"), (310, "process_vm_readv"),
        (311, "process_vm_writev"), (317, "seccomp"),
        (319, "memfd_create"), (321, "bpf"), (322, "execveat"),
        (323, "userfaultfd"), (425, "io_uring_setup"),
        (434, "pidfd_open"), (435, "clone3"), (437, "openat2"),
        (438, "pidfd_getfd"))}

# A build with sanitizers may make these; "mmap" of memory to run never.
SANITIZER = {"munmap", "madvise"}

SHARED = 1
READ, WRITE, EXEC = 1, 2, 4
PRIVATE_MEMORY = 0x22

# What nobody may do.  "@path", "@address" lie in the process's memory.
EVERYBODY = (
    ("open", "@path", 0), ("openat", -100, "@path", 0),
    ("openat2", -100, "@path", "@zero", 24), ("creat", "@path", 0o600),
    ("fork",), ("vfork",), ("clone", 17), ("clone3", "@zero", 64),
    ("execve", "@path", 0, 0), ("execveat", -100, "@path", 0, 0, 0),
    ("ptrace", 16, "@parent"), ("kill", 1, 9), ("kill", -1, 9),
    ("kill", "@parent", 15), ("tkill", "@parent", 9),
    ("tgkill", "@parent", "@parent", 9), ("pidfd_open", "@parent", 0),
    ("pidfd_getfd", 3, 0, 0), ("setuid", 0), ("setgid", 0),
    ("setresuid", 0, 0, 0), ("setgroups", 0, 0), ("capset", 0, 0),
    ("chroot", "@path"), ("mount", 0, "@path", 0, 0, 0),
    ("unshare", 0x10000000), ("setns", 3, 0),
    ("mmap", 0, 4096, READ | EXEC, PRIVATE_MEMORY, -1, 0),
    ("mmap", 0, 4096, READ | WRITE | EXEC, PRIVATE_MEMORY, -1, 0),
    ("mmap", 0, 4096, READ, SHARED, 3, 0),
    ("mprotect", "@page", 4096, READ | EXEC),
    ("mremap", "@shared", 4096, 1 << 20, 1, 0), ("ftruncate", 3, 1 << 30),
    ("munmap", "@shared", 4096), ("brk", 0), ("madvise", "@page", 4096, 4),
    ("memfd_create", "@path", 0), ("userfaultfd", 0),
    ("io_uring_setup", 8, "@zero"), ("bpf", 0, 0, 0),
    ("perf_event_open", 0, 0, 0, 0, 0), ("keyctl", 0, 0),
    ("seccomp", 0, 0, 0), ("prctl", 4, 1), ("personality", 0),
    ("rt_sigaction", signal.SIGSYS, 0, 0, 8),
    ("rt_sigprocmask", 0, 0, 0, 8), ("setrlimit", 7, "@zero"),
    ("prlimit64", "@parent", 7, "@zero", 0),
    ("process_vm_readv", "@parent", 0, 0, 0, 0, 0),
    ("process_vm_writev", "@parent", 0, 0, 0, 0, 0),
    ("dup", HIGH), ("dup2", HIGH, 5), ("dup3", HIGH, 5, 0),
    ("fcntl", HIGH, 0, 5), ("fcntl", HIGH, 1030, 0), ("pipe", "@zero"),
    ("socketpair", 1, 1, 0, "@zero"), ("accept", 3, 0, 0),
    ("socket", 16, 3, 0), ("socket", 17, 3, 0), ("socket", 2, 3, 1),
    ("sendmmsg", 3, "@zero", 1, QUIET), ("tee", 3, 4, 1, 0),
    ("vmsplice", 3, 0, 0, 0), ("sendfile", 3, 4, 0, 1),
    ("sendto", 3, "@zero", 1, QUIET, "@address", 16),
    ("sendto", 3, "@zero", 1, QUIET | 0x20000000, "@address", 16),
    ("sendto", 3, "@zero", 1, QUIET | 0x20000000, 0, 0),
    ("sendto", 3, "@zero", 1, QUIET, 1 << 32, 16),  # not its half alone
    ("sendto", 3, "@zero", 1, QUIET | 1, 0, 0),
    ("sendto", 3, "@zero", 1, 0x4000, 0, 0),
    ("setsockopt", 3, 1, 1, "@zero", 4), ("setsockopt", 3, 6, 31, "@zero", 4),
    ("setsockopt", 3, 0, 35, "@zero", 8), ("getsockopt", 3, 1, 31, 0, 0),
    ("ioctl", 3, 0x5412, "@zero"), ("write", HIGH, "@zero", 1),
    ("writev", 3, 0, 0), ("readv", HIGH, 0, 0), ("pread64", HIGH, 0, 0, 0),
    ("rename", "@path", "@path"), ("mkdir", "@path", 0),
    ("link", "@path", "@path"), ("symlink", "@path", "@path"),
    ("unlink", "@path"), ("chmod", "@path", 0),
    ("unlinkat", -100, "@path", 0),
)

CHILDREN = EVERYBODY + (
    ("socket", 2, 1, 0), ("socket", 1, 2, 0), ("socket", 2, 0x80802, 0),
    ("bind", 3, "@address", 16), ("connect", 3, "@address", 16),
    ("listen", 3, 1), ("accept4", 3, 0, 0, 0),
    ("sendmsg", 3, "@zero", QUIET), ("kill", "@parent", 9),
    ("write", 3, "@zero", 1), ("fchdir", 3), ("chdir", "@path"),
    ("fcntl", 0, 1030, 0), ("getsockopt", 3, 1, 4, "@zero", "@zero"),
    ("setsockopt", 3, 1, 36, "@zero", 4), ("rt_sigreturn",),
)

FORBIDDEN = {
    "engine": CHILDREN,
    "control": CHILDREN + (
        ("splice", 3, 0, 4, 0, 1, 0), ("read", 3, "@zero", 1),
        ("recvmmsg", 3, "@zero", 1, 0x40, 0),
        ("setsockopt", 3, 17, 103, "@zero", 4),
        ("getsockopt", 3, 6, 11, "@zero", "@zero"),
        ("ioctl", 3, 0x541b, "@zero"),
    ),
    "parent": EVERYBODY + (
        ("read", HIGH, "@zero", 1), ("read", LOW_FDS, "@zero", 1),
        ("read", 1 << 32 | HIGH, "@zero", 1),
        ("recvfrom", HIGH, "@zero", 1, 0, 0, 0),
        ("recvmsg", HIGH, "@zero", 0), ("recvmmsg", 3, "@zero", 1, 0x40, 0),
        ("sendmsg", HIGH, "@zero", QUIET),
        ("sendto", HIGH, "@zero", 1, QUIET, 0, 0),
        ("splice", HIGH, 0, 5, 0, 1, 0), ("kill", "@child", 15),
        ("kill", "@parent", 9), ("openat2", 1, "@path", "@zero", 24),
        ("unlinkat", 1, "@path", 0), ("unlinkat", "@directory", "@path", 512),
        ("fchdir", 1), ("fchdir", "@configuration"),
        ("setsockopt", 3, 17, 103, "@zero", 4),
        ("getsockopt", 3, 6, 11, "@zero", "@zero"),
        ("ioctl", 3, 0x541b, "@zero"), ("dup2", 0, 5),
    ),
}

# By the gates that other programs of this processor use: getpid of each.
OTHER_GATES = (("int80", 20), ("x32", 39))


def cannot_be_run(context):
    if platform.machine() != "x86_64":
        return "it knows the registers of x86-64"
    return None


def is_sanitized(context):
    with open(os.path.join(context.build, "mctd"), "rb") as stream:
        return b"__asan_init" in stream.read()


def mapping(pid, what):
    """Where a process has something mapped."""
    with open("/proc/%d/maps" % pid) as stream:
        return next(int(line.split("-")[0], 16) for line in stream
                    if what in line)


def open_as(pid, path):
    """The descriptor of that name, which a process has."""
    return next(fd for fd, what in sorted(files_of(pid).items())
                if what == path)


class Tries:
    """Calls, one after the other, that must all be trapped."""

    def __init__(self, context, daemon, role, pids):
        self.context = context
        self.daemon = daemon
        self.role = role
        self.pids = pids
        self.sanitized = is_sanitized(context)

    def values(self, taken):
        """What the words in a call stand for."""
        pid = taken.pid
        address = struct.pack(">HH4s8x", 0x0200, 9, b"\x7f\0\0\1")
        return {
            "@path": taken.put(b"/etc/passwd\0"),
            "@zero": taken.put(bytes(256)),
            "@address": taken.put(address), "@parent": self.daemon.pid,
            "@child": at_work(self.daemon, "engine"),
            "@page": taken.before["rsp"] & ~4095,
            "@shared": mapping(pid, "memfd:mctd-"),
            "@directory": open_as(self.daemon.pid, os.path.dirname(
                self.daemon.socket)),
            "@configuration": open_as(self.daemon.pid, os.path.dirname(
                self.daemon.conf))}

    def calls(self):
        return [call for call in FORBIDDEN[self.role]
                if not (self.sanitized and call[0] in SANITIZER)]

    def one(self, taken, words, call):
        name, *args = call
        got = taken.call(NUMBERS[name], *(words.get(a, a) for a in args))
        assert isinstance(got, Trapped), "%s: %s gave %s" % (
            self.role, call, got)
        assert (got.number, got.status) == (NUMBERS[name], TRAPPED), call

    def run(self):
        """All of them, by turns in several processes, since a child's lines
        in the log are counted."""
        calls = self.calls()
        for at, pid in enumerate(self.pids):
            with Taken(pid) as taken:
                words = self.values(taken)
                for call in calls[at::len(self.pids)]:
                    self.one(taken, words, call)
                for way, number in OTHER_GATES if at == 0 else ():
                    got = taken.call(number, way=way)
                    assert isinstance(got, Trapped), (way, got)
        self.wait_told(calls)

    def wait_told(self, calls):
        """The log has a line for each."""
        wanted = sorted(
            [name for name, *_ in calls] + ["of another architecture",
                                            "of x32"])

        def told():
            found = re.findall(
                r"%s: forbidden system call: (?:\d+ )?(of [a-z 0-9]+|\w+)" %
                self.role, self.daemon.log_text())
            return sorted(name.strip() for name in found) == wanted
        wait_for(told, 10, "line for each call of %s" % self.role)


def caged(context, more=""):
    echo, src = Echo(tcp(context)), tcp(context)
    daemon = context.daemon("limits { standby 8 }\nbridge %s %s\n%s" % (
        src, echo.text, more))
    return daemon, src


def sleepers(daemon, kind):
    """The standbys of a kind; which they are tells their mapping."""
    what = "mctd-registry" if kind == "control" else "mctd-counters"

    def is_kind(pid):
        with open("/proc/%d/maps" % pid) as stream:
            text = stream.read()
        return what in text and (kind == "control" or
                                 "mctd-registry" not in text)
    return [pid for pid in daemon.pids()["standby"] if is_kind(pid)]


def test_every_process_is_filtered(context):
    daemon, _ = caged(context)
    pids = daemon.all_pids()
    assert len(pids) == 19
    for pid in pids:
        with open("/proc/%d/status" % pid) as stream:
            status = stream.read()
        for line in (r"Seccomp:\t2", r"NoNewPrivs:\t1", r"CapInh:\t0+",
                     r"CapPrm:\t0+", r"CapEff:\t0+", r"CapBnd:\t0+",
                     r"CapAmb:\t0+"):
            assert re.search("^%s$" % line, status, re.M), (pid, line)
        with open("/proc/%d/limits" % pid) as stream:
            limits = stream.read()
        for line in (r"Max core file size +0 +0 ", r"Max processes +0 +0 "):
            assert re.search(line, limits), (pid, limits)


def inside(pid):
    """(what lies in the root, the lines of mountinfo) as one finds them who
    enters the mount namespace of a process."""
    libc = ctypes.CDLL(None, use_errno=True)
    theirs = os.open("/proc/%d/ns/mnt" % pid, os.O_RDONLY)
    back, there = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            proc = os.open("/proc/self", os.O_PATH)
            assert libc.setns(theirs, 0x20000) == 0
            mounts = os.open("mountinfo", os.O_RDONLY, dir_fd=proc)
            os.write(there, os.read(mounts, 4000) +
                     repr(os.listdir("/")).encode())
        finally:
            os._exit(0)
    os.close(there)
    os.waitpid(child, 0)
    *mounts, names = os.read(back, 5000).decode().split("\n")
    for fd in theirs, back:
        os.close(fd)
    return names, mounts


def test_nothing_is_mounted_for_a_child(context):
    """Whoever starts the daemon, and not even beneath its root."""
    for who in {}, {"uid": 4242}:
        echo, src = Echo(tcp(context)), tcp(context)
        daemon = context.daemon("limits { standby 1 }\nbridge %s %s\n" % (
            src, echo.text), **who)
        children = set(daemon.all_pids()) - {daemon.pid}
        assert len(children) == 4
        for pid in children:
            names, mounts = inside(pid)
            assert names == "[]" and len(mounts) == 1, (names, mounts)
            assert re.fullmatch(
                r"\d+ \d+ 0:\d+ / / ro,nosuid,nodev,noexec,relatime - "
                r"tmpfs mctd ro,.*nr_inodes=1,.*", mounts[0]), mounts
            with open("/proc/%d/mountinfo" % pid) as stream:
                assert stream.read() == mounts[0] + "\n"
        assert inside(daemon.pid)[0] != "[]"
        assert served(src)
        daemon.stop()


def test_engine_makes_no_forbidden_call(context):
    if why := cannot_be_run(context):
        return why
    daemon, src = caged(context)
    pids = [at_work(daemon, "engine")] + sleepers(daemon, "engine")[:3]
    assert len(pids) == 4
    Tries(context, daemon, "engine", pids).run()
    assert served(src)


def test_control_makes_no_forbidden_call(context):
    if why := cannot_be_run(context):
        return why
    daemon, _ = caged(context)
    pids = [at_work(daemon, "control")] + sleepers(daemon, "control")[:3]
    assert len(pids) == 4
    Tries(context, daemon, "control", pids).run()
    assert daemon.show("summary")


def test_parent_makes_no_forbidden_call(context):
    if why := cannot_be_run(context):
        return why
    daemon, src = caged(context)
    Tries(context, daemon, "parent", [daemon.pid]).run()
    assert served(src)


def test_forbidden_call_ends_a_child_and_a_standby_takes_over(context):
    if why := cannot_be_run(context):
        return why
    daemon, src = caged(context)
    for kind in ("engine", "control"):
        pid = at_work(daemon, kind)
        Taken(pid).end(NUMBERS["socket"], 2, 1, 0)
        daemon.wait_log("%s: forbidden system call: socket (41)" % kind)
        daemon.wait_log("%s %d ended by exit %d" % (kind, pid, TRAPPED))
        at_work(daemon, kind, other_than=pid)
    assert served(src)


def test_forbidden_call_of_the_parent_ends_the_daemon(context):
    if why := cannot_be_run(context):
        return why
    daemon, _ = caged(context)
    children = set(daemon.all_pids()) - {daemon.pid}
    Taken(daemon.pid).end(NUMBERS["read"], HIGH, 0, 0)
    assert daemon.process.wait(20) == TRAPPED
    assert "parent: forbidden system call: read (0)" in daemon.log_text()
    wait_for(lambda: not any(os.path.exists("/proc/%d" % pid)
                             for pid in children), 10, "end of the children")


def landlock():
    """The version of Landlock that the kernel has; 0: none."""
    libc = ctypes.CDLL(None)
    return max(libc.syscall(444, None, 0, 1), 0)


def test_no_path_leads_out_of_the_directory_of_the_configuration(context):
    """A filter cannot see how a path is to be followed; Landlock can."""
    if why := cannot_be_run(context):
        return why
    if landlock() == 0:
        return "this kernel has no Landlock"
    daemon, _ = caged(context)
    below = open_as(daemon.pid, os.path.dirname(daemon.conf))
    name = os.path.basename(daemon.conf)
    with Taken(daemon.pid) as taken:
        how = taken.put(bytes(24))

        def open2(fd, path):
            return taken.call(NUMBERS["openat2"], fd,
                              taken.put(path.encode() + b"\0"), how, 24)
        assert open2(below, "../../../../../../etc/passwd") == -EACCES
        assert open2(below, "../../../../../../etc") == -EACCES
        assert open2(below, name) > 0


def udp_descriptor(pid, inodes):
    """The socket of a process that is one of these."""
    for fd, what in files_of(pid).items():
        match = re.match(r"socket:\[(\d+)\]", what)
        if match and match[1] in inodes:
            return fd
    return None


def connected_to(port):
    """The UDP sockets, by inode, whose other side is at that port."""
    with open("/proc/net/udp") as stream:
        lines = [line.split() for line in stream.readlines()[1:]]
    return {line[9] for line in lines
            if int(line[2].split(":")[1], 16) == port}


def test_nothing_is_received_on_a_dst_that_is_one_way(context):
    if why := cannot_be_run(context):
        return why
    src, dst = ("udp:127.0.0.1:%d" % context.port() for _ in range(2))
    daemon, _ = caged(context, "bridge %s %s\n" % (src, dst))
    sink = receiver(dst)
    sender, address = make(src)
    sender.connect(address)
    sender.send(b"there")
    got, back = sink.recvfrom(100)
    assert got == b"there"
    sink.sendto(b"and back", back)
    engine = at_work(daemon, "engine")
    fd = udp_descriptor(engine, connected_to(sink.getsockname()[1]))
    assert fd is not None
    with Taken(engine) as taken:
        got = taken.call(NUMBERS["recvfrom"], fd, taken.put(bytes(64)), 64,
                         0x40, 0, 0)
        assert got == -EAGAIN, got
