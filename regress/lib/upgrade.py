"""Upgrade in place: a real one, and the next mctd's part spoken by hand.

    upgrade(daemon)             the daemon is another process from then on
    same, _ = learn_same(daemon)
    with Next(daemon) as next_:
        next_.prepare(same)     HELLO, as one that could take its place
        next_.send(N2O_GO)
        next_.receive()         (type, body, descriptors)
"""

import array
import os
import re
import socket
import struct
import subprocess
import threading

from mctd import environment
from program import tail

HEADER = struct.Struct(">IHHI")
(N2O_HELLO, O2N_HELLO, O2N_ERROR, N2O_GO, O2N_DAEMON, O2N_NUMBERS, O2N_SOURCE,
 O2N_BRIDGE, O2N_GROUP, O2N_SESSIONS, O2N_PIPES, O2N_FLOW, O2N_CLIENT, O2N_END,
 N2O_COMMIT, O2N_DONE) = range(200, 216)
MAGIC, FORMAT = 0x6d637455, 2
DIFFERS = re.compile(r"^(.*): the running mctd has (\d+), the new one \d+$")

# What does not change by it.
FIGURES = ("id", "bridge", "state", "peer", "dst", "bytes-to-dst",
           "bytes-to-src", "owner", "name", "src", "accepted", "opened",
           "failed", "sessions", "messages-in", "messages-out", "reason")
def figures(daemon):
    """What must be the same before and after."""
    return {what: [{name: thing.get(name) for name in FIGURES}
                   for thing in daemon.show(what)]
            for what in ("bridges", "sessions")}

# In the order in which they are sent; the first words of what is said.
SAME = ("started by root", "the user it runs as", "limits { bridges }",
        "limits { sessions }", "limits { clients }", "limits { events }",
        "engines", "limits { pipes }", "limits { groups }", "bytes of an entry",
        "bytes of a bridge", "bytes of an event", "bytes of the counters",
        "limits { flows }")


def in_a_row(monitor):
    for i, event in enumerate(list(monitor.events)):
        assert event["event"] != "lost" and event["seq"] == i + 1, event


def path_of(daemon):
    return daemon.socket + ".upgrade"


def start(daemon, *more):
    """The process that is to take the daemon's place."""
    with open(daemon.log, "ab") as stream:
        return subprocess.Popen(
            daemon.command("-d", "-U", *more), env=environment(), cwd="/",
            stdin=subprocess.DEVNULL, stdout=stream, stderr=stream,
            user=daemon.uid)


def upgrade(daemon, *more, timeout=30):
    """Another process is the daemon when this returns; the one before has
    ended as it should."""
    old = daemon.process
    daemon.process = start(daemon, *more)
    try:
        status = old.wait(timeout)
    except subprocess.TimeoutExpired:
        daemon.process, new = old, daemon.process
        new.kill()
        new.wait()
        raise AssertionError("no upgrade:\n" + tail(daemon.log)) from None
    assert status == 0, tail(daemon.log)


def refused(daemon, words, *more):
    """A new process ends with these words, and the daemon goes on."""
    pid, log = daemon.pid, daemon.log_text()
    status, out, err = daemon.run("-d", "-U", *more)
    assert (status, out) == (1, ""), (status, out, err)
    assert words in err, err
    assert daemon.process.poll() is None, log
    assert daemon.pid == pid
    assert daemon.answers()


class Upgrades(threading.Thread):
    """One after the other, until it is told that it is enough."""

    def __init__(self, daemon, least=3):
        super().__init__(daemon=True)
        self.target, self.least = daemon, least
        self.enough = threading.Event()
        self.count, self.error = 0, None
        self.start()

    def run(self):
        try:
            while self.count < self.least or not self.enough.is_set():
                upgrade(self.target)
                self.count += 1
        except BaseException as error:
            self.error = error

    def finish(self):
        self.enough.set()
        self.join()
        if self.error:
            raise self.error


class Next:
    """One connection."""

    def __init__(self, daemon):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(30)
        self.socket.connect(path_of(daemon))
        self.kept = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()
        while self.kept:
            os.close(self.kept.pop())

    def send(self, kind, body=b""):
        self.socket.send(HEADER.pack(HEADER.size + len(body), kind, 0, 0) +
                         body)

    def receive(self):
        """The next message; its descriptors are kept until close."""
        data, rights, _, _ = self.socket.recvmsg(
            16384, socket.CMSG_SPACE(4 * 128))
        fds = array.array("i")
        for _, _, piece in rights:
            fds.frombytes(piece)
        self.kept += fds
        if not data:
            return None, b"", []
        length, kind, _, _ = HEADER.unpack_from(data)
        assert length == len(data)
        return kind, data[HEADER.size:], list(fds)

    def hello(self, same, form=FORMAT, magic=MAGIC):
        version = b"test"
        self.send(N2O_HELLO, struct.pack(">IHI", magic, form, os.getpid()) +
                  struct.pack(">%dI" % len(same), *same) +
                  struct.pack(">H", len(version)) + version)

    def expect_error(self):
        """Its text; then the daemon hangs up."""
        kind, body, fds = self.receive()
        assert (kind, fds) == (O2N_ERROR, []), kind
        self.expect_end()
        assert struct.unpack_from(">H", body)[0] == len(body) - 2
        return body[2:].decode()

    def expect_end(self):
        try:
            assert self.receive()[0] is None
        except ConnectionResetError:
            pass

    def prepare(self, same):
        self.hello(same)
        kind, _, fds = self.receive()
        assert kind == O2N_HELLO, kind
        assert len(fds) >= 3


def learn_same(daemon):
    """What a next mctd must have in common, as the daemon tells whoever has
    not: each of it in turn."""
    same, told = [0] * len(SAME), []
    while True:
        with Next(daemon) as next_:
            next_.hello(same)
            kind, body, _ = next_.receive()
            if kind == O2N_HELLO:
                return same, told
            assert kind == O2N_ERROR, kind
            match = DIFFERS.match(body[2:].decode())
            assert match, body
            place, = (i for i, words in enumerate(SAME)
                      if match.group(1).startswith(words))
            assert place not in told
            told.append(place)
            same[place] = int(match.group(2))
