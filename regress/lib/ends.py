"""The ends of bridges: sockets that peers, dsts, senders and receivers use,
by addresses in mctd's notation, and what is done with them.

Every socket has a timeout, so that nothing waits for ever.
"""

import fcntl
import os
import socket
import struct
import subprocess
import sys
import termios
import threading

from program import wait_for

TIMEOUT_S = 30
LINGER_0 = struct.pack("ii", 1, 0)
TYPES = {"tcp": socket.SOCK_STREAM, "mptcp": socket.SOCK_STREAM,
         "unix": socket.SOCK_STREAM, "unixseq": socket.SOCK_SEQPACKET}
PROTOCOLS = {"mptcp": 262, "udplite": socket.IPPROTO_UDPLITE}


def parse(text):
    """(family, type, address for the socket module) of "tcp:[::1]:80"."""
    kind, _, rest = text.partition(":")
    type_ = TYPES.get(kind, socket.SOCK_DGRAM)
    if kind.startswith("unix"):
        if rest.startswith("@"):
            rest = "\0" + rest[1:]
        return socket.AF_UNIX, type_, rest
    host, _, port = rest.rpartition(":")
    if not host.startswith("["):
        return socket.AF_INET, type_, (host, int(port))
    host, _, scope = host[1:-1].partition("%")
    index = socket.if_nametoindex(scope) if scope else 0
    return socket.AF_INET6, type_, (host, int(port), 0, index)


def make(text):
    """A socket for that address, and the address."""
    family, type_, address = parse(text)
    protocol = PROTOCOLS.get(text.partition(":")[0], 0)
    sock = socket.socket(family, type_, protocol)
    sock.settimeout(TIMEOUT_S)
    return sock, address


def listen(text, backlog=1024):
    """A server at that address; the daemon may connect to it."""
    sock, address = make(text)
    if sock.family != socket.AF_UNIX:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(address)
    allow(sock, address)
    sock.listen(backlog)
    return sock


def allow(sock, address):
    """The daemon's user may write to a socket that has a path."""
    if sock.family == socket.AF_UNIX and not address.startswith("\0"):
        os.chmod(address, 0o777)


def accept(server):
    sock, _ = server.accept()
    sock.settimeout(TIMEOUT_S)
    return sock


def connect(text, bound=None):
    """A peer; with bound, from that address."""
    sock, address = make(text)
    if bound is not None:
        sock.bind(parse(bound)[2])
    sock.connect(address)
    return sock


def receiver(text, room=8 << 20):
    """A bound datagram socket that can hold much."""
    sock, address = make(text)
    sock.setsockopt(socket.SOL_SOCKET, 33, room)  # SO_RCVBUFFORCE
    sock.bind(address)
    allow(sock, address)
    return sock


def take(sock, size):
    """So many bytes, which must come."""
    data = bytearray()
    while len(data) < size:
        piece = sock.recv(min(size - len(data), 1 << 20))
        assert piece, "end after %d of %d bytes" % (len(data), size)
        data += piece
    return bytes(data)


def waiting(sock):
    """How many bytes have arrived and were not read."""
    word = bytearray(4)
    fcntl.ioctl(sock, termios.FIONREAD, word)
    return int.from_bytes(word, sys.byteorder)


def drain(sock):
    """All bytes up to the end."""
    data = bytearray()
    while piece := sock.recv(1 << 20):
        data += piece
    return bytes(data)


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_0)
    sock.close()


def expect_reset(sock):
    """What comes before the reset; end of file is none."""
    data = bytearray()
    while True:
        try:
            piece = sock.recv(1 << 20)
        except ConnectionResetError:
            return bytes(data)
        assert piece, "end of file, not a reset"
        data += piece


def expect_end(sock):
    assert sock.recv(1) == b"", "a byte, not the end"


def expect_nothing(sock):
    """Neither a byte nor an end is there now."""
    sock.setblocking(False)
    try:
        got = sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        sock.settimeout(TIMEOUT_S)
        return
    raise AssertionError("%r, not nothing" % got)


def expect_refusal(text, bound=None):
    """A peer that is accepted and reset; that can be so fast that it looks
    as if connecting had failed."""
    try:
        peer = connect(text, bound)
    except ConnectionResetError:
        return
    with peer:
        assert expect_reset(peer) == b""


def fill(sock, limit=256 << 20):
    """Sends until nothing is taken for a while; returns what was sent."""
    sent = bytearray()
    sock.settimeout(0.5)
    try:
        while len(sent) < limit:
            block = os.urandom(65536)
            sent += block[:sock.send(block)]
    except TimeoutError:
        return bytes(sent)
    finally:
        sock.settimeout(TIMEOUT_S)
    raise AssertionError("nothing holds the sender up")


def run(*calls):
    """Calls at the same time; each is (function, arguments...).  Returns
    what they return, or raises what one raised."""
    results = [None] * len(calls)
    errors = []

    def one(place, function, *args):
        try:
            results[place] = function(*args)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=one, args=(i, *call), daemon=True)
               for i, call in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results


def send_all(sock, data, end):
    sock.sendall(data)
    if end:
        sock.shutdown(socket.SHUT_WR)


def exchange(one, other, size=100000, end=False):
    """Random bytes both ways at once, every byte checked; with end, both
    end their way, and the ends must come after the last byte."""
    to_other, to_one = os.urandom(size), os.urandom(size)

    def read(sock):
        return drain(sock) if end else take(sock, size)

    _, _, at_one, at_other = run(
        (send_all, one, to_other, end), (send_all, other, to_one, end),
        (read, one), (read, other))
    assert at_other == to_other, "other bytes arrived than were sent"
    assert at_one == to_one, "other bytes came back than were sent"


class Line:
    """A daemon with one stream bridge, and the server at its dst.

    src, dst    addresses; TCP over IPv4 if not given
    options     of the bridge, as in mctd.conf
    conf        more of the configuration
    """

    def __init__(self, context, src=None, dst=None, options="", conf=""):
        self.src = src or "tcp:127.0.0.1:%d" % context.port()
        self.dst = dst or "tcp:127.0.0.1:%d" % context.port()
        self.server = listen(self.dst)
        self.daemon = context.daemon(
            QUICK + conf + 'bridge "line" "%s" "%s" { %s }\n' % (
                self.src, self.dst, options))

    def pair(self, bound=None):
        """A new session: the peer's socket, and dst's."""
        peer = connect(self.src, bound)
        return peer, accept(self.server)

    def check(self):
        """A new session carries bytes both ways."""
        peer, dst = self.pair()
        exchange(peer, dst)
        peer.close()
        expect_end(dst)
        dst.close()

    def bridge(self):
        return next(b for b in self.daemon.show("bridges")
                    if b["name"] == "line")

    def sessions(self):
        return self.daemon.show("sessions")

    def wait_sessions(self, count):
        """Waits until there are so many, and returns them."""
        wait_for(lambda: len(self.sessions()) == count, 20,
                 "%d sessions" % count)
        return self.sessions()


# A test whose sessions are open at its end does not wait for them.
QUICK = "timeouts { drain 0 }\n"
# One that loses more than one child of a kind.
FOUR_STANDBY = "limits { standby 4 }\n"


def app_directory(context, name="app"):
    """A directory in which the daemon may make sockets."""
    path = context.path(name)
    os.mkdir(path)
    os.chmod(path, 0o777)
    return path


def silent_net():
    """An address that never answers, not even that it is not there: what
    goes to it comes back over loopback, and this machine has no such."""
    subprocess.run(("ip", "route", "add", "192.0.2.0/24", "dev", "lo"),
                   check=True)
    return "tcp:192.0.2.1:9"
