"""What the processes ask of the kernel while traffic flows, by strace: each
keeps to the few calls that are its work."""

import glob
import os
import re
import signal
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "style"))

import calls
from echo import Echo, ask, asked, ending, lose, served, tcp, turned_away
from ends import app_directory, connect, drain, listen, make, receiver, reset, \
    take
from program import wait_for
from watch import Monitor

LOW_FDS = 32
TOKEN = b"SECRET-OF-A-PEER"

READS = {"read", "recvfrom", "recvmsg", "recvmmsg", "readv", "splice"}
WRITES = {"write", "sendto", "sendmsg", "sendmmsg", "writev"}

# Of a call with one of these names, what must be in its text.
FORMS = {
    "engine": {
        "sendto": r", MSG_DONTWAIT\|MSG_NOSIGNAL, NULL, 0\) +=",
        "setsockopt": r"^setsockopt\(\d+, (SOL_UDP, (UDP_SEGMENT|0x67)|"
                      r"SOL_SOCKET, SO_PEEK_OFF, \[0\]),",
        "getsockopt": r"^getsockopt\(\d+, (SOL_SOCKET, (SO_MEMINFO|0x37|"
                      r"SO_PEEK_OFF)|SOL_TCP, TCP_INFO),",
        "ioctl": r"^ioctl\(\d+, (FIONREAD|SIOCINQ|TIOCOUTQ|SIOCOUTQ),",
        "poll": r"^poll\(\[\{fd=\d+, events=POLLRDHUP\}\], 1, 0\)",
    },
    "control": {"sendto": r", MSG_DONTWAIT\|MSG_NOSIGNAL, NULL, 0\) +="},
    "parent": {
        "fcntl": r"^fcntl\(0, F_DUPFD_CLOEXEC, 0\) += \d+$",
        "openat2": r"resolve=RESOLVE_NO_MAGICLINKS\|RESOLVE_NO_SYMLINKS\|"
                   r"RESOLVE_BENEATH",
        "sendto": r", NULL, 0\) +=",
    },
}
# The names are those of the filter, by the table that it is made from.
NAMES = calls.filter_names()
READY = {
    "engine": r'^sendto\(3, "\\0\\0\\0\\f\\0e',
    "control": r'^sendto\(3, "\\0\\0\\0\\f\\0e',
    "parent": r'^write\(2, "mctd: ready',
}


# What a standby is told when it takes over.
ACTIVATE = r'^recvmsg\(3, .*"\\0\\0\\0\\20\\0f'


def kind_of(lines):
    for line in lines:
        match = re.match(r'execve\(.*\["mctd", "-x", "(\w+)"', line)
        if match:
            return match[1]
    return "parent"


class Trace:
    """The calls of one process after it was ready."""

    def __init__(self, path):
        with open(path) as stream:
            lines = stream.read().splitlines()
        self.kind = kind_of(lines)
        self.whole = "\n".join(lines)
        marks = [n for n, line in enumerate(lines)
                 if re.match(READY[self.kind], line)]
        assert marks, "%s was never ready" % path
        self.calls = [line for line in lines[marks[0] + 1:]
                      if not line.startswith(("---", "+++"))]

    def names(self):
        return {line.partition("(")[0] for line in self.calls}

    def given_up(self):
        """How many mappings it gave up when it took over: those of other
        engines' counters.  No call is between that and what it was told."""
        count = -1
        for line in self.calls:
            if count == -1 and re.match(ACTIVATE, line):
                count = 0
            elif count >= 0:
                if not line.startswith("munmap("):
                    return count
                count += 1
        return max(count, 0)

    def violations(self):
        skip = self.given_up() if self.kind == "engine" else 0
        for line in self.calls:
            name = line.partition("(")[0]
            if name == "munmap" and skip > 0:
                skip -= 1
                continue
            form = FORMS[self.kind].get(name, "")
            unfinished = line.endswith("= ?")  # it was killed in it
            if name not in NAMES[self.kind] or not (
                    unfinished or re.search(form, line)):
                yield line
            elif self.kind == "parent" and name in READS | WRITES:
                if int(re.match(r"\w+\((\d+)", line)[1]) >= LOW_FDS:
                    yield line


class Traced:
    """A daemon under strace, and what it did when it has ended."""

    def __init__(self, context, conf):
        self.daemon = context.daemon(conf, start=False)
        self.place = context.path("trace")
        os.mkdir(self.place)
        command = self.daemon.command
        self.daemon.command = lambda *more: [
            "strace", "-D", "-ff", "-s", "100", "-o",
            os.path.join(self.place, "t"), *command(*more)]
        self.daemon.start()

    def traces(self):
        self.daemon.stop()
        paths = glob.glob(os.path.join(self.place, "t.*"))

        def whole(path):
            with open(path) as stream:
                return "+++" in stream.read()[-100:]
        wait_for(lambda: all(map(whole, paths)), 20, "end of the trace")
        return list(map(Trace, paths))


def sanitized(context):
    """Sanitizers make calls of their own, at any time."""
    with open(os.path.join(context.build, "mctd"), "rb") as stream:
        return b"__asan_init" in stream.read()


def expect_none_forbidden(context, traces):
    for trace in traces:
        if trace.kind != "engine":
            assert TOKEN.decode() not in trace.whole, trace.kind
        if not sanitized(context):
            found = sorted(set(trace.violations()))
            assert not found, "%s:\n%s" % (trace.kind, "\n".join(found))


# -- What makes them work


def talk(text, size):
    """A session that carries so much, and ends cleanly."""
    with connect(text) as peer:
        peer.sendall(TOKEN)
        assert take(peer, len(TOKEN)) == TOKEN
        ask(peer, size)
        peer.shutdown(socket.SHUT_WR)
        assert drain(peer) == b""


def stream_traffic(src, dead):
    for size in (100, 100000, 3000000):
        talk(src, size)
    reset(asked(src))
    assert turned_away(dead)


def close_session(daemon, src):
    peer = asked(src)
    for session in daemon.show("sessions"):
        daemon.ctl("session", "close", str(session["id"]))
    assert ending(peer) in ("reset", "end")  # a local one sees the end


def datagram_traffic(src, dst, add=None):
    """Single ones, a series of one size, empty and large ones."""
    sink = receiver(dst)
    if add is not None:
        add(src, dst)
    sender, address = make(src)
    sender.connect(address)
    for size in [20] * 50 + [0, 1, 1400, 1400, 1400, 30000]:
        sender.send(TOKEN[:size].ljust(size, b"."))
        assert len(sink.recv(65536)) == size
    if add is None:  # more at once than a local socket would hold
        for _ in range(100):
            sender.send(TOKEN * 10)
        for _ in range(100):
            assert sink.recv(65536) == TOKEN * 10


def control_traffic(context, daemon, echo):
    monitor = Monitor(context, daemon)
    for _ in range(3):
        src = tcp(context)
        number = daemon.add(src, echo.text, "name", "added")
        asked(src).close()
        assert daemon.ctl("bridge", "close", str(number))[0] == 0
    assert daemon.ctl("bridge", "close", "nosuch")[0] == 1
    for what in ("summary", "bridges", "sessions"):
        daemon.show(what)
    monitor.wait_count(3, "bridge-destroyed")


class Work:
    """A configuration of all kinds of bridges, and traffic over it."""

    def __init__(self, context):
        app = app_directory(context)
        self.context = context
        self.echo = Echo(tcp(context))
        self.local = Echo("unix:%s/echo" % app)
        self.one, self.two, self.dead = (tcp(context) for _ in range(3))
        self.udp = ["udp:127.0.0.1:%d" % context.port() for _ in range(2)]
        self.unix = ["unixdgram:%s/%s" % (app, n) for n in ("in", "out")]
        self.conf = '''limits { standby 8 }
            directory "%s"
            bridge %s %s\nbridge %s %s\nbridge %s %s
            bridge unix:%s/src %s
            bridge %s %s\n''' % (
                app, self.one, self.echo.text, self.two, self.local.text,
                self.dead, tcp(context), app, self.echo.text, *self.udp)
        for n in range(7):
            os.mkdir(context.path("d%d" % n))
            self.conf += 'directory "%s"\n' % context.path("d%d" % n)
        self.src = "unix:%s/src" % app

    def run(self, daemon):
        for src in (self.one, self.two, self.src):
            stream_traffic(src, self.dead)
            close_session(daemon, src)
        datagram_traffic(*self.udp)
        datagram_traffic(*self.unix, add=daemon.add)
        control_traffic(self.context, daemon, self.echo)


def test_each_process_keeps_to_its_calls(context):
    work = Work(context)
    traced = Traced(context, work.conf)
    work.run(traced.daemon)
    traces = traced.traces()
    kinds = [trace.kind for trace in traces]
    assert sorted(kinds) == 9 * ["control"] + 9 * ["engine"] + ["parent"]
    done = {kind: set().union(*(t.names() for t in traces
                                if t.kind == kind)) for kind in kinds}
    assert {"recvfrom", "sendto", "setsockopt", "recvmmsg"} <= \
        done["engine"]
    assert {"accept4", "connect", "sendmsg", "recvmsg"} <= done["parent"]
    assert {"recvfrom", "sendto", "recvmsg"} <= done["control"]
    assert any(TOKEN.decode() in t.whole for t in traces)
    expect_none_forbidden(context, traces)


def test_take_over_gives_up_the_others_counters(context):
    """One munmap for each other engine, at the take-over and only then."""
    work = Work(context)
    traced = Traced(context, "engines 3\n" + work.conf.replace(
        "standby 8", "standby 2"))
    daemon = traced.daemon
    old = daemon.pids()["engine"]
    assert len(old) == 3
    os.kill(old[0], signal.SIGKILL)
    wait_for(lambda: len(set(daemon.pids()["engine"]) - {old[0]}) == 3, 20,
             "another engine")
    work.run(daemon)
    traces = traced.traces()
    assert sorted(t.given_up() for t in traces if t.kind == "engine") == \
        [0, 0, 0, 0, 2]
    expect_none_forbidden(context, traces)


def test_reload_death_and_refusals_add_no_call(context):
    work = Work(context)
    traced = Traced(context, work.conf)
    daemon = traced.daemon
    for text in ("bridge x\n", work.conf,
                 work.conf + "bridge %s %s\n" % (tcp(context),
                                                 work.echo.text)):
        daemon.write(text)
        daemon.ctl("reload")
    for kind in ("engine", "control"):
        lose(daemon, kind)
    wait_for(lambda: served(work.one), 10, "service by a standby")
    with listen(tcp(context)) as taken:
        text = "tcp:127.0.0.1:%d" % taken.getsockname()[1]
        for src in (text, "tcp:127.0.0.1:80", "unix:/nowhere/x"):
            assert daemon.ctl("bridge", "add", src, work.echo.text)[0] == 1
    work.run(daemon)
    expect_none_forbidden(context, traced.traces())
