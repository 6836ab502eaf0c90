"""System calls put into a running process, with ptrace: as one would make
that has taken the process over.  For x86-64, as root.

    with Taken(pid) as taken:
        taken.call(41, 2, 1, 0)         -> 5, -13: what the kernel returned
        taken.call(41, 2, 1, 0)         -> Trapped: the filter's word
        taken.call(20, way="int80")     by the gate of 32 bits
        taken.put(b"text")              -> its address, until it is let go

A process that the filter traps runs its handler as it would, up to its last
call, exit_group, which is taken back: it goes on as if nothing had been, so
that one process can try everything.  end(...) lets it happen.
"""

import ctypes
import os
import signal
import struct

SYSCALL, INT80 = b"\x0f\x05", b"\xcd\x80"
EXIT_GROUP = 231
CLOSE = 3
X32 = 0x40000000
STOP = signal.SIGTRAP | 0x80  # PTRACE_O_TRACESYSGOOD

PTRACE_POKETEXT, PTRACE_GETREGS, PTRACE_SETREGS = 4, 12, 13
PTRACE_DETACH, PTRACE_SYSCALL = 17, 24
PTRACE_GETSIGINFO, PTRACE_SEIZE, PTRACE_INTERRUPT = 0x4202, 0x4206, 0x4207
PTRACE_GETSIGMASK, PTRACE_SETSIGMASK = 0x420a, 0x420b
WALL = 0x40000000

REGISTERS = ("r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi "
             "orig_rax rip cs eflags rsp ss fs_base gs_base ds es fs "
             "gs").split()
GATES = {"syscall": ("rdi", "rsi", "rdx", "r10", "r8", "r9"),
         "x32": ("rdi", "rsi", "rdx", "r10", "r8", "r9"),
         "int80": ("rbx", "rcx", "rdx", "rsi", "rdi", "rbp")}
MINUS_ONE = 2 ** 64 - 1

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.ptrace.restype = ctypes.c_long
LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p,
                        ctypes.c_void_p]


class Trapped:
    """A call that the filter did not let through."""

    def __init__(self, number, status):
        self.number = number    # as the handler was told
        self.status = status    # it would have ended with this


def ptrace(request, pid, address=0, data=0):
    if LIBC.ptrace(request, pid, address, data) == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


class Taken:
    """A process that stands still and does what it is told."""

    def __init__(self, pid):
        self.pid = pid
        ptrace(PTRACE_SEIZE, pid, 0, 1)
        ptrace(PTRACE_INTERRUPT, pid)
        self.wait()
        self.before = self.registers()
        self.mask = self.signal_mask()
        self.room = self.before["rsp"] - 16384
        self.code = self.before["rip"] - 2
        assert self.peek(self.code, 2) == SYSCALL, "it was in no call"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.pid:
            self.restore()
            ptrace(PTRACE_DETACH, self.pid)
            self.pid = None

    # -- What ptrace has

    def wait(self):
        """The signal that it stopped by; what lies beyond is an event."""
        _, status = os.waitpid(self.pid, WALL)
        assert os.WIFSTOPPED(status), "ended: status %#x" % status
        return (status >> 8) & 0xff

    def go(self, number=0):
        ptrace(PTRACE_SYSCALL, self.pid, 0, number)
        return self.wait()

    def registers(self):
        buf = (ctypes.c_uint64 * len(REGISTERS))()
        ptrace(PTRACE_GETREGS, self.pid, 0, ctypes.addressof(buf))
        return dict(zip(REGISTERS, buf))

    def set_registers(self, values):
        buf = (ctypes.c_uint64 * len(REGISTERS))(
            *(values[name] for name in REGISTERS))
        ptrace(PTRACE_SETREGS, self.pid, 0, ctypes.addressof(buf))

    def signal_mask(self):
        mask = ctypes.c_uint64()
        ptrace(PTRACE_GETSIGMASK, self.pid, 8, ctypes.addressof(mask))
        return mask.value

    def restore(self):
        """To where it was, its call interrupted."""
        values = dict(self.before, orig_rax=MINUS_ONE)
        if 2 ** 64 - values["rax"] in (512, 513, 514, 516):
            values["rax"] = 2 ** 64 - 4
        self.set_registers(values)
        mask = ctypes.c_uint64(self.mask)
        ptrace(PTRACE_SETSIGMASK, self.pid, 8, ctypes.addressof(mask))

    def peek(self, address, size):
        with open("/proc/%d/mem" % self.pid, "rb", 0) as memory:
            memory.seek(address)
            return memory.read(size)

    def poke(self, address, data):
        with open("/proc/%d/mem" % self.pid, "r+b", 0) as memory:
            memory.seek(address)
            memory.write(data)

    def pending(self, number):
        with open("/proc/%d/status" % self.pid) as stream:
            lines = [line for line in stream if line.startswith("SigPnd:")]
        return int(lines[0].split()[1], 16) >> (number - 1) & 1

    # -- What a test wants

    def put(self, data):
        """Into its memory, below what its stack holds now."""
        self.room -= (len(data) + 15) // 16 * 16
        self.poke(self.room, data)
        return self.room

    def enter(self, number, args, way):
        """Makes the call, and stops when it is made, or is not."""
        values = dict(self.before, rip=self.code, rax=number,
                      orig_rax=MINUS_ONE)
        if way == "x32":
            values["rax"] |= X32
        for register, value in zip(GATES[way], args):
            values[register] = value & MINUS_ONE
        if way == "int80":
            self.poke(self.code, INT80)
        self.set_registers(values)
        for where in ("into", "out of"):
            got = self.go()
            assert got == STOP, "signal %d, not %s the call" % (got, where)
        if way == "int80":
            self.poke(self.code, SYSCALL)

    def call(self, number, *args, way="syscall"):
        self.enter(number, args, way)
        result = ctypes.c_int64(self.registers()["rax"]).value
        trapped = self.pending(signal.SIGSYS)
        self.restore()
        return self.handler() if trapped else result

    def handler(self):
        """It runs, to the call that would end the process."""
        assert self.go() == signal.SIGSYS
        info = ctypes.create_string_buffer(128)
        ptrace(PTRACE_GETSIGINFO, self.pid, 0, ctypes.addressof(info))
        code, number = (struct.unpack_from("i", info, at)[0]
                        for at in (8, 24))
        assert code == 1, "not by the filter"
        got = self.go(signal.SIGSYS)
        values = self.registers()
        while got == STOP and values["orig_rax"] != EXIT_GROUP:
            got = self.go()
            values = self.registers()
        assert got == STOP, "signal %d in the handler" % got
        # instead of it one that everybody may make: close of nothing
        self.set_registers(dict(values, orig_rax=CLOSE, rdi=MINUS_ONE))
        assert self.go() == STOP
        self.restore()
        return Trapped(number, values["rdi"])

    def end(self, number, *args):
        """Makes the call, and lets become of it what does."""
        self.enter(number, args, "syscall")
        assert self.pending(signal.SIGSYS)
        self.restore()
        ptrace(PTRACE_DETACH, self.pid)
        self.pid = None
