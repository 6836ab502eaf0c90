"""Descriptors and processor time of a daemon's processes."""

import contextlib
import os
import time

from program import wait_for

TICKS = os.sysconf("SC_CLK_TCK")


def open_files(daemon):
    """How many descriptors each process has: {pid: number}."""
    return {pid: len(os.listdir("/proc/%d/fd" % pid))
            for pid in daemon.all_pids()}


def files_of(pid):
    """What each descriptor of a process is: {number: name}.  One that is
    closed meanwhile, as that of a client that has just gone, is not told."""
    folder = "/proc/%d/fd/" % pid
    found = {}
    for fd in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):
            found[int(fd)] = os.readlink(folder + fd)
    return found


def files_at_rest(daemon):
    """The same, once nothing changes: a client that has just gone takes a
    moment to be forgotten."""
    def still():
        before = open_files(daemon)
        time.sleep(0.05)
        return before if open_files(daemon) == before else None
    return wait_for(still, 10, "rest")


def wait_open_files(daemon, before):
    """Until each process has no more than before, and is the same one."""
    def back():
        after = open_files(daemon)
        return after.keys() == before.keys() and all(
            after[pid] <= before[pid] for pid in after)
    try:
        wait_for(back, 10)
    except AssertionError:
        raise AssertionError("descriptors before %s, after %s: %s" % (
            before, open_files(daemon), names(daemon))) from None


def names(daemon):
    """What each descriptor is, for a message."""
    return {pid: sorted(files_of(pid).values()) for pid in daemon.all_pids()}


def cpu_s(pid):
    """Seconds of processor time, of the program and for it."""
    with open("/proc/%d/stat" % pid) as stream:
        fields = stream.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
