"""A process stopped at its system calls, by ptrace(2).

    with Tracee(pid) as tracee:
        while not tracee.poll_call():
            ...                 runs, or sleeps
        tracee.go()             is stopped: the call is made now
        tracee.kill()           or never

All of it must be done by one thread.
"""

import contextlib
import ctypes
import os
import signal

CONT, SYSCALL = 7, 24
SEIZE, INTERRUPT, SYSCALL_INFO = 0x4206, 0x4207, 0x420e
TRACESYSGOOD = 1
WALL = 0x40000000
AT_ENTRY = 1
SYSCALL_STOP = signal.SIGTRAP | 0x80

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.ptrace.restype = ctypes.c_long
LIBC.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p,
                        ctypes.c_void_p)


def ptrace(request, pid, addr=0, data=0):
    if LIBC.ptrace(request, pid, addr, data) == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


class Tracee:
    """Stopped from the beginning."""

    def __init__(self, pid):
        self.pid = pid
        self.alive = True
        ptrace(SEIZE, pid, 0, TRACESYSGOOD)
        ptrace(INTERRUPT, pid)
        self.wait()
        self.go()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.alive:
            self.kill()

    def wait(self, options=0):
        """What stopped it, 0 nothing yet; None at its end."""
        pid, status = os.waitpid(self.pid, WALL | options)
        if pid == 0:
            return 0
        if not os.WIFSTOPPED(status):
            self.alive = False
            return None
        return os.WSTOPSIG(status)

    def go(self):
        ptrace(SYSCALL, self.pid)

    def number(self):
        """Of the call that it is about to make; -1 when it made one."""
        info = (ctypes.c_uint64 * 11)()
        ptrace(SYSCALL_INFO, self.pid, ctypes.sizeof(info),
               ctypes.addressof(info))
        return info[3] if info[0] & 0xff == AT_ENTRY else -1

    def poll_call(self):
        """Whether it is stopped before a call; goes on where it is not
        before one but stopped otherwise."""
        stop = self.wait(os.WNOHANG)
        assert stop is not None, "the process ended by itself"
        if stop == 0:
            return False
        if stop == SYSCALL_STOP and self.number() != -1:
            return True
        # nothing that a test sends it has a handler: signals are left out
        self.go()
        return False

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        while self.alive:
            self.wait()
