"""The ends of bridges in every family that the guest has, and what each of
them can and cannot do.

    server = FAMILIES["vsock"].listen("vsock:1:7")
    peer = FAMILIES["vsock"].connect("vsock:1:7")
    dst = FAMILIES["vsock"].accept(server)

In a stream bytes go by end.send and end.take; in records by end.put and
end.get, one each.
"""

import copy
import errno
import os
import socket

from ends import reset as linger_0, run
from program import wait_for

SCTP = 132
SCTP_NODELAY = 3
SO_RCVBUFFORCE = 33
TIPC_SERVICE_ADDR = 2
TIPC_NODE_SCOPE = 3
ROOM = 300 * 1024

# Shorter than that of a test, so that it is known where it hung.
TIMEOUT_S = 25

# What the families say where nobody listens.
NOBODY = (errno.ECONNREFUSED, errno.ECONNRESET, errno.EHOSTUNREACH)

# Starting a process takes long in the guest, and so does a large table.
SMALL = """timeouts { drain 0 }
limits {
	sessions 128
	bridges 64
	clients 4
	events 512
	standby 0
}
"""


class Family:
    """One word of mctd's notation.

    kind, type, protocol    for socket(2)
    at                      how an address is made of a number
    records                 keeps them
    half                    can be closed for one direction alone
    resets                  a reset of its own arrives as one elsewhere
    tells                   a reset from elsewhere arrives as one here
    empty                   knows a record of no bytes
    """

    def __init__(self, kind, type_, at, protocol=0, **can):
        self.kind = kind
        self.type = type_
        self.protocol = protocol
        self.at = at
        self.word = at.partition(":")[0]
        self.records = can.get("records", False)
        self.half = can.get("half", False)
        self.resets = can.get("resets", False)
        self.tells = can.get("tells", False)
        self.empty = can.get("empty", False)
        self.numbers = 30000

    def over_ipv6(self):
        other = copy.copy(self)
        other.kind = socket.AF_INET6
        return other

    def new_address(self):
        """One that no other part of the test has."""
        self.numbers += 1
        return self.at % self.numbers

    def make(self):
        sock = socket.socket(self.kind, self.type, self.protocol)
        sock.settimeout(TIMEOUT_S)
        if self.protocol == SCTP:
            # else a short record waits for the answer to the last one, and
            # every window that was full for the time of a loss
            sock.setsockopt(SCTP, SCTP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 20)
        return sock

    def parse(self, text, scope=0):
        rest = text.partition(":")[2]
        if self.kind == socket.AF_UNIX:
            return "\0" + rest[1:] if rest.startswith("@") else rest
        host, _, port = rest.rpartition(":")
        if self.kind == socket.AF_VSOCK:
            return int(host), int(port)
        if self.kind == socket.AF_TIPC:
            return TIPC_SERVICE_ADDR, int(host), int(port), 0, scope
        if self.kind == socket.AF_INET6:
            return host.strip("[]"), int(port)
        return host, int(port)

    def listen(self, text):
        sock = self.make()
        if self.kind in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        address = self.parse(text, TIPC_NODE_SCOPE)
        sock.bind(address)
        if isinstance(address, str) and address.startswith("/"):
            os.chmod(address, 0o777)
        sock.listen(64)
        return sock

    def connect(self, text):
        sock = self.make()
        sock.connect(self.parse(text))
        return End(self, sock)

    def refusal(self, text):
        """The errno of a connect, or 0."""
        with self.make() as sock:
            return sock.connect_ex(self.parse(text))

    def accept(self, server):
        sock, _ = server.accept()
        sock.settimeout(TIMEOUT_S)
        return End(self, sock)


class End:
    """A connected socket."""

    def __init__(self, family, sock):
        self.family = family
        self.sock = sock

    def send(self, data):
        """A stream takes what it likes, but SCTP no more at once than its
        buffer is."""
        for at in range(0, len(data), 65536):
            self.sock.sendall(data[at:at + 65536])

    def take(self, size):
        data = bytearray()
        while len(data) < size:
            piece = self.sock.recv(size - len(data))
            assert piece, "end after %d of %d bytes" % (len(data), size)
            data += piece
        return bytes(data)

    def put(self, record):
        sent = self.sock.send(record, socket.MSG_EOR)
        assert sent == len(record), "%d of %d bytes" % (sent, len(record))

    def get(self):
        """One record, or None at the end.  SCTP may hand one out in pieces,
        of which the last is marked."""
        record = b""
        while True:
            piece, _, flags, _ = self.sock.recvmsg(ROOM)
            assert not flags & socket.MSG_TRUNC, "a record longer than sent"
            record += piece
            if self.family.protocol != SCTP:
                return record if record or self.family.empty else None
            if flags & socket.MSG_EOR:
                return record
            if not piece:
                assert not record, "an end within a record"
                return None

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def close(self):
        """The family's orderly end, if that was not before."""
        if self.family.kind == socket.AF_TIPC and self.sock.fileno() != -1:
            try:
                self.sock.shutdown(socket.SHUT_RDWR)
            except OSError as error:
                if error.errno != errno.ENOTCONN:
                    raise
        self.sock.close()

    def reset(self):
        """TIPC has no other word for it than to close without an end."""
        assert self.family.resets
        if self.family.kind == socket.AF_TIPC:
            self.sock.close()
        else:
            linger_0(self.sock)

    def ending(self):
        """What comes, up to how it ends: (bytes, "end" or "reset")."""
        data = bytearray()
        while True:
            try:
                piece = self.sock.recv(ROOM)
            except ConnectionResetError:
                return bytes(data), "reset"
            if not piece:
                return bytes(data), "end"
            data += piece

    def expect_end(self):
        got = self.ending()
        assert got == (b"", "end"), got

    def expect_reset(self, data=b""):
        """As far as the family can tell one from an end."""
        got = self.ending()
        assert got == (data, "reset" if self.family.tells else "end"), got


def _families():
    yield Family(socket.AF_INET, socket.SOCK_STREAM, "tcp:127.0.0.1:%d",
                 half=True, resets=True, tells=True)
    yield Family(socket.AF_UNIX, socket.SOCK_STREAM, "unix:@%d", half=True)
    yield Family(socket.AF_VSOCK, socket.SOCK_STREAM, "vsock:1:%d",
                 half=True)
    yield Family(socket.AF_INET, socket.SOCK_STREAM, "sctp:127.0.0.1:%d",
                 SCTP, resets=True, tells=True)
    yield Family(socket.AF_UNIX, socket.SOCK_SEQPACKET, "unixseq:@%d",
                 records=True, half=True, empty=True)
    yield Family(socket.AF_INET, socket.SOCK_STREAM, "seqsctp:127.0.0.1:%d",
                 SCTP, records=True, resets=True, tells=True)
    yield Family(socket.AF_TIPC, socket.SOCK_SEQPACKET, "seqtipc:4242:%d",
                 records=True, resets=True, tells=True)


FAMILIES = {family.word: family for family in _families()}
STREAMS = [f for f in FAMILIES.values() if not f.records]
RECORDS = [f for f in FAMILIES.values() if f.records]


class Crossing:
    """A daemon with a bridge from each of some families to each, and a
    server at each dst.

    The events tell what happens, as asking again and again takes long.
    """

    def __init__(self, context, families, options=""):
        self.bridges = []
        self.shared = context.shared
        text = SMALL
        for src in families:
            for dst in families:
                bridge = Bridge(self, src, dst)
                self.bridges.append(bridge)
                text += 'bridge "%s" "%s" "%s" { %s }\n' % (
                    bridge.name, bridge.src, bridge.dst, options)
        self.shared.configured(text)
        self.ids = {b["name"]: b["id"] for b in self.list("bridges")}

    def each(self, function, when=lambda bridge: True):
        """Calls it for each bridge; an error says in which one it was.  All
        sessions must be over at the end."""
        for bridge in self.bridges:
            if when(bridge):
                named(function, bridge)
        self.expect_none()

    def restart(self):
        """Ends the daemon amid sessions, and starts it again."""
        before = [bridge.pair() for bridge in self.bridges]
        self.shared.stop()
        for bridge in self.bridges:
            assert bridge.families[0].refusal(bridge.src) in NOBODY
        self.shared.start()
        for pair in before:
            for end in pair:
                end.sock.close()

    def at_once(self, function):
        """The same, for all bridges at the same time."""
        run(*((named, function, bridge) for bridge in self.bridges))
        self.expect_none()

    def expect_none(self):
        wait_for(lambda: self.list("sessions") == [], 20,
                 "end of all sessions")

    def list(self, what):
        return self.shared.handle.show(what)

    def show(self):
        """Listed bridges by their names."""
        return {b["name"]: b for b in self.list("bridges")}

    def held(self):
        """How many descriptors parent and engine have."""
        daemon = self.shared.daemon
        return [len(os.listdir("/proc/%d/fd" % pid))
                for pid in (daemon.pid, daemon.pids()["engine"][0])]

    def end_session(self, number):
        self.shared.handle.call("mct_session_end", number)


def named(function, bridge):
    try:
        function(bridge)
    except Exception as error:
        raise AssertionError(bridge.name) from error


class Bridge:
    def __init__(self, crossing, src, dst):
        self.crossing = crossing
        self.name = "%s-%s" % (src.word, dst.word)
        self.families = src, dst
        self.src = src.new_address()
        self.dst = dst.new_address()
        self.server = dst.listen(self.dst)
        self.begun = 0

    def pair(self):
        """A new session: the peer and dst."""
        src, dst = self.families
        peer = src.connect(self.src)
        self.begun += 1
        return peer, dst.accept(self.server)

    def both_ways(self):
        """A session as (one, other), then another as (other, one)."""
        yield self.pair()
        yield reversed(self.pair())

    def event(self, name, count=1):
        """The last of so many events of that name and this bridge."""
        return self.crossing.shared.events.wait_count(
            count, name, bridge=self.crossing.ids[self.name])[count - 1]

    def closed(self, reason=None):
        """The event of the last session, after all of them have ended."""
        event = self.event("session-closed", self.begun)
        assert reason in (None, event["reason"]), event
        return event
