"""Calls of a process that fail, as the kernel's would where something has
run out: strace makes them do so."""

import re
import signal

from program import wait_for


class Inject:
    """While this is attached, these calls of the process end with that
    error: all of them, or those that when says (as strace -e inject)."""

    def __init__(self, context, pid, calls, error, when="1+"):
        self.pid = pid
        self.log = context.path("strace.%d" % len(context.programs))
        self.program = context.program(
            "strace", "-p", str(pid), "-o", self.log, "-e", "trace=" + calls,
            "-e", "inject=%s:error=%s:when=%s" % (calls, error, when))
        wait_for(lambda: self.tracer() != 0, 10, "strace")

    def tracer(self):
        with open("/proc/%d/status" % self.pid) as stream:
            return int(re.search(r"TracerPid:\s+(\d+)", stream.read())[1])

    def count(self):
        """How many calls have failed."""
        with open(self.log) as stream:
            return stream.read().count("(INJECTED)")

    def wait(self, count=1):
        wait_for(lambda: self.count() >= count, 20, "%d failures" % count)

    def detach(self):
        self.program.stop(signal.SIGINT)
        wait_for(lambda: self.tracer() == 0, 10, "end of strace")
