"""The system calls of the source and those of the filter are the same.

Each file of the daemon that makes system calls says so at its head:

    Calls: recvfrom, sendto; at the start: mmap, fcntl

by the kernel's names, those before "ready" (or in other programs than the
daemon) apart.  This list must be what the file makes; the first part must be
in mctd/sandbox/linux_calls.c for the role the file belongs to; and what is
there must be in the list of some file.

    calls.py --write        puts the lists right
"""

import os
import re
import sys

TABLE = "mctd/sandbox/linux_calls.c"
ROW = re.compile(r"^\t(CALL|CALL_ON|SOCKET|SOCKET_ASKED|SET|GET)\(([^;]*?)\),$",
                 re.M | re.S)
ROLES = {"PARENT": "parent", "CONTROL": "control", "ENGINE": "engine"}
SHARED = ("common/", "mctd/share/", "mctd/conf/", "mctd/sandbox/",
          "mctd/main.c")
# Other systems' files, and what is not the daemon's.
LEFT_OUT = ("mctd/sandbox/openbsd.c", "mctd/sandbox/freebsd.c",
            "mctd/sandbox/none.c", "mctd/sandbox/posix.c")

# What the C library calls otherwise, and what its functions make.
SAME = {name: (name,) for name in (
    "accept accept4 bind bpf brk chdir chmod chown chroot clone close connect "
    "creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_wait "
    "eventfd execve execveat fchdir fchmod fchown fcntl flock fork fstat "
    "fsync ftruncate futex getdents getegid geteuid getgid getgroups getpid "
    "getppid getpriority getrandom getrlimit getrusage getsockname "
    "getsockopt getpeername gettid getuid ioctl kill link linkat listen "
    "lseek madvise memfd_create mkdir mkdirat mknod mlock mlockall mmap "
    "mount mprotect mremap msync munmap openat openat2 pidfd_open pipe pipe2 "
    "poll ppoll prctl pread preadv prlimit pselect ptrace pwrite pwritev "
    "read readlink readv recvfrom recvmmsg recvmsg rename renameat rmdir "
    "select sendfile sendmmsg sendmsg sendto setgid setgroups setitimer "
    "setns setpgid setpriority setresgid setresuid setrlimit setsid "
    "setsockopt setuid shutdown sigaltstack signalfd socket socketpair "
    "splice statx symlink tee tgkill timerfd_create truncate umask umount "
    "umount2 unlink unlinkat unshare vfork vmsplice write writev").split()}
OTHERWISE = {
    "closefrom": ("close_range",), "execv": ("execve",),
    "fstatat": ("newfstatat",), "if_indextoname": ("socket", "ioctl"),
    "if_nametoindex": ("socket", "ioctl"), "lchown": ("fchownat",),
    "nanosleep": ("clock_nanosleep",), "open": ("openat",),
    "recv": ("recvfrom",), "send": ("sendto",),
    "sigaction": ("rt_sigaction",), "signal": ("rt_sigaction",),
    "sigprocmask": ("rt_sigprocmask",), "stat": ("newfstatat",),
    "lstat": ("newfstatat",), "waitpid": ("wait4",), "wait": ("wait4",),
    "raise": ("tgkill",), "sleep": ("clock_nanosleep",),
    "usleep": ("clock_nanosleep",), "fopen": ("openat",),
    "getpwnam": ("openat",), "getgrnam": ("openat",), "tzset": ("openat",),
    "daemon": ("fork",), "system": ("fork",), "popen": ("fork",),
    "pthread_create": ("clone3",), "syslog": ("openat",),
    "seccomp_load": ("seccomp",),
}
MAKES = dict(SAME, **OTHERWISE)
USED = re.compile(r"(?<![\w.>])(%s)\s*\(" % "|".join(
    sorted(MAKES, key=len, reverse=True)))
BY_NUMBER = re.compile(r"\bSYS_(\w+)")

# Calls of libevent and the C library, and other names of one call.
LIBRARIES = {"epoll_wait", "epoll_pwait", "epoll_ctl", "clock_gettime",
             "gettimeofday", "time", "exit_group", "restart_syscall",
             "rt_sigreturn"}
VARIANTS = {"ppoll": "poll", "dup3": "dup2", "nanosleep": "clock_nanosleep",
            "fstat": "newfstatat"}

NOT_CODE = re.compile(
    r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)
# A name that a file defines itself is not the library's.
DEFINED = re.compile(r"^(\w+)\(", re.M)
LIST = re.compile(r"^ \* Calls: (.*?)\n \*(?:/|\n)", re.S | re.M)


def table(text):
    """{role: names} of the filter."""
    found = {role: set() for role in ROLES.values()}
    body = text[text.index("const struct call calls[]"):
                text.index("const size_t ncalls ")]
    body = NOT_CODE.sub("", body)
    for kind, inside in ROW.findall(body):
        words = [word.strip() for word in inside.split(",")]
        roles, name = words[0], words[1] if kind.startswith("CALL") else None
        if kind.startswith("SOCKET"):
            roles, name = "PARENT", "socket"
        elif kind in ("SET", "GET"):
            name = kind.lower() + "sockopt"
        for word in re.findall(r"\w+", roles):
            for role in ROLES if word == "ALL" else (word,):
                found[ROLES[role]].add(name)
    return found


def filter_names():
    """The same, for who is not in the top folder."""
    top = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    with open(os.path.join(top, TABLE)) as stream:
        return table(stream.read())


def made(content):
    """The kernel's names of what a file calls."""
    code = NOT_CODE.sub("", content)
    own = set(DEFINED.findall(code))
    names = set()
    for word in USED.findall(code):
        if word not in own:
            names.update(MAKES[word])
    names.update(BY_NUMBER.findall(code))
    return names


def listed(content):
    """What its head says: (after ready, before), or None."""
    head = content[:content.find("*/") + 2]
    match = LIST.search(head)
    if not match:
        return None
    text = " ".join(line.lstrip(" *") for line in match[1].split("\n"))
    parts = text.rstrip(".").partition("at the start:")
    return tuple({word for word in re.split(r"[,;\s]+", part) if word}
                 for part in (parts[0], parts[2]))


def role_of(path):
    for role in ROLES.values():
        if path.startswith("mctd/%s/" % role):
            return role
    return None


def concerns(path):
    return path.endswith((".c", ".y")) and path not in LEFT_OUT and \
        (role_of(path) is not None or path.startswith(SHARED))


def check_file(path, content, allowed):
    names = made(content)
    lists = listed(content) or (set(), set())
    found = []
    for name in sorted(names - lists[0] - lists[1]):
        found.append("%s:1: makes the call %s, which its head does not list: "
                     "regress/style/calls.py --write" % (path, name))
    for name in sorted((lists[0] | lists[1]) - names):
        found.append("%s:1: lists the call %s, which it does not make" %
                     (path, name))
    for name in sorted(lists[0] - allowed):
        found.append("%s:1: makes the call %s, which is not in %s" %
                     (path, name, TABLE))
    return found, lists[0]


def check(sources):
    """The findings, as lines to print."""
    if TABLE not in sources:
        return []
    allowed = table(sources[TABLE])
    everything = set().union(*allowed.values())
    said = {role: set() for role in allowed}
    found = []
    for path, content in sources.items():
        if not concerns(path):
            continue
        role = role_of(path)
        more, names = check_file(
            path, content, allowed[role] if role else everything)
        found += more
        for each in [role] if role else allowed:
            said[each] |= names
    for role, names in allowed.items():
        for name in sorted(names - LIBRARIES):
            if name not in said[role] and \
                    VARIANTS.get(name) not in said[role]:
                found.append("%s:1: %s may make the call %s, and does not" %
                             (TABLE, role, name))
    return found


# -- To put the lists right


def wrapped(text):
    lines, line = [], " *"
    for word in text.split():
        if len(line) + 1 + len(word) > 78:
            lines.append(line)
            line = " *"
        line += " " + word
    return "\n".join(lines + [line])


def corrected(content, allowed):
    """Of a call that may be made at any time it is left as it was said."""
    names = made(content)
    early = {name for name in names if name not in allowed}
    if listed(content):
        early |= names & listed(content)[1]
    late = ", ".join(sorted(names - early))
    if early:
        late += ("; " if late else "") + "at the start: " + \
            ", ".join(sorted(early))
    end = content.index("*/") - 1
    head = re.sub(r"\n \*\n \* Calls: .*", "", content[:end], flags=re.S)
    if "\n" not in head:
        head = "/*\n *" + head[2:]
    if names:
        head = head.rstrip() + "\n *\n" + wrapped("Calls: " + late)
    return head.rstrip() + "\n" + content[end:]


def main():
    allowed = filter_names()
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)),
                          "..", ".."))
    everything = set().union(*allowed.values())
    for folder, _, files in os.walk("."):
        for name in files:
            path = os.path.join(folder, name)[2:]
            if not concerns(path):
                continue
            with open(path) as stream:
                content = stream.read()
            new = corrected(content, allowed.get(role_of(path), everything))
            if listed(content) is None and not made(content):
                continue
            if new != content and sys.argv[1:] == ["--write"]:
                with open(path, "w") as stream:
                    stream.write(new)


if __name__ == "__main__":
    main()
