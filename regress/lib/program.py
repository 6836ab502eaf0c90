"""Waiting for a condition, and programs that run beside a test."""

import contextlib
import os
import signal
import subprocess
import time


def wait_for(condition, timeout=10, what="condition"):
    """Calls condition until it gives something true, and returns that."""
    end = time.monotonic() + timeout
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError("no %s within %g s" % (what, timeout))
        time.sleep(0.01)


class Program:
    """A process whose messages go to a file, and its answer to a pipe.

    Its standard input stays open until finish(), which some of ours take
    for the sign to end.
    """

    def __init__(self, argv, log, **more):
        self.log = log
        self.argv = argv
        with open(log, "ab") as stream:
            self.process = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=stream, text=True, **more)

    @property
    def pid(self):
        return self.process.pid

    def wait_line(self, line="ready"):
        """The next line it prints must be this one."""
        got = self.process.stdout.readline()
        if got.rstrip("\n") != line:
            raise AssertionError("%s: got %r, want %r\n%s" % (
                " ".join(self.argv), got, line, tail(self.log)))
        return self

    def finish(self, timeout=30):
        """Ends its input, waits for it and returns what it printed."""
        out, _ = self.process.communicate(timeout=timeout)
        if self.process.returncode != 0:
            raise AssertionError("%s: exit %d\n%s" % (
                " ".join(self.argv), self.process.returncode,
                tail(self.log)))
        return out

    def stop(self, number=signal.SIGTERM, timeout=10):
        """Ends it by a signal, and by KILL if that does not do."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
        return self.process.returncode


def tail(path, lines=80):
    """The end of a log, for a message."""
    try:
        with open(path, errors="replace") as stream:
            return "".join(stream.readlines()[-lines:])
    except OSError as error:
        return str(error)


def children_of(pid):
    """Process ids of the living children, in no order."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open("/proc/%s/stat" % entry) as stream:
                fields = stream.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(entry))
    return found


def state_of(pid):
    """As in /proc/PID/stat; nothing when it is gone."""
    with contextlib.suppress(OSError), open("/proc/%d/stat" % pid) as stream:
        return stream.read().rsplit(")", 1)[1].split()[0]
    return ""


def stop(pid):
    """Returns when it stands."""
    os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: state_of(pid) in ("T", "t"), 10, "stop")


def title_of(pid):
    """What ps shows as its command, or an empty text when it is gone."""
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as stream:
            return stream.read().replace(b"\0", b" ").decode().strip()
    except OSError:
        return ""
