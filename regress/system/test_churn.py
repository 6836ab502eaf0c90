"""Many short connections: connect, one request, one answer, close."""

import itertools
import select
import struct

from ends import app_directory, listen, make
from fds import files_at_rest, wait_open_files
from program import wait_for
from watch import Monitor

CONNECTIONS = 20000
FLIGHT = 64
REQUEST = struct.Struct(">QQ")
ANSWER = struct.Struct(">QQQ")
HANG_S = 20


def request_of(number):
    return REQUEST.pack(number, ~number & (1 << 64) - 1)


def answer_to(request):
    """Its bytes and their sum: no other request has this answer."""
    return ANSWER.pack(*REQUEST.unpack(request),
                       int.from_bytes(request[:8], "big") * 7 + 1)


class Churn:
    """Peers and dsts in one loop.  A socket is in one of the tables, with
    what is to be done when something comes."""

    def __init__(self, bridges, last):
        """bridges: [(src, dst)], taken in turn."""
        self.poll = select.epoll()
        self.act, self.socks = {}, {}
        self.srcs = itertools.cycle([src for src, _ in bridges])
        self.numbers = iter(range(last))
        self.living = self.done = self.served = 0
        self.servers = [listen(dst) for _, dst in bridges]
        for server in self.servers:
            server.setblocking(False)
            self.add(server, self.accept)

    def add(self, sock, act, *args):
        fd = sock.fileno()
        self.act[fd], self.socks[fd] = (act, args), sock
        self.poll.register(fd, select.EPOLLIN)

    def drop(self, sock):
        fd = sock.fileno()
        del self.act[fd], self.socks[fd]
        sock.close()

    def start(self, number):
        sock, address = make(next(self.srcs))
        sock.connect(address)
        sock.sendall(request_of(number))
        self.living += 1
        self.add(sock, self.answered, sock, number)

    def answered(self, sock, number):
        got = sock.recv(1000)
        assert got == answer_to(request_of(number)), (number, got)
        self.drop(sock)
        self.living -= 1
        self.done += 1
        for following in itertools.islice(self.numbers, 1):
            self.start(following)

    def accept(self):
        for server in self.servers:
            try:
                while True:
                    sock, _ = server.accept()
                    sock.setblocking(False)
                    self.add(sock, self.asked, sock)
            except BlockingIOError:
                pass

    def asked(self, sock):
        got = sock.recv(1000)
        if got:
            sock.sendall(answer_to(got))
            return
        self.drop(sock)
        self.served += 1

    def run(self):
        for number in itertools.islice(self.numbers, FLIGHT):
            self.start(number)
        while len(self.act) > len(self.servers):
            ready = self.poll.poll(HANG_S)
            assert ready, "%d connections hang after %d" % (
                self.living, self.done)
            for fd, _ in ready:
                if fd in self.act:
                    act, args = self.act[fd]
                    act(*args)


def test_twenty_thousand_short_connections_leave_nothing(context):
    """Over TCP and local sockets in turn, with so many under way."""
    app = app_directory(context)
    bridges = [("tcp:127.0.0.1:1", "tcp:[::1]:2"),
               ("tcp:[::1]:3", "unix:@dst"),
               ("unix:%s/src" % app, "tcp:127.0.0.1:4"),
               ("unix:@src", "unix:%s/dst" % app)]
    daemon = context.daemon(
        'limits { events 65536 sessions 256 }\ndirectory "%s"\n' % app +
        "".join("bridge %s %s\n" % pair for pair in bridges))
    monitor = Monitor(context, daemon)
    monitor.wait_count(len(bridges), "bridge-created")
    before = files_at_rest(daemon)
    churn = Churn(bridges, CONNECTIONS)
    churn.run()
    assert churn.done == churn.served == CONNECTIONS
    wait_for(lambda: daemon.show("sessions") == [], 20, "end of sessions")
    wait_open_files(daemon, before)
    check_counts(daemon, monitor, len(bridges))


def check_counts(daemon, monitor, bridges):
    each = CONNECTIONS // bridges
    for bridge in daemon.show("bridges"):
        assert bridge["accepted"] == bridge["opened"] == each, bridge
        assert bridge["failed"] == bridge["sessions"] == 0, bridge
        assert bridge["bytes-to-dst"] == each * REQUEST.size, bridge
        assert bridge["bytes-to-src"] == each * ANSWER.size, bridge
    closed = monitor.wait_count(CONNECTIONS, "session-closed", 30)
    assert not [e for e in monitor.events if "missed" in e]
    for event in closed:
        assert (event["reason"], event["bytes-to-dst"],
                event["bytes-to-src"]) == (
                    "clean", REQUEST.size, ANSWER.size), event
    assert len({event["id"] for event in closed}) == CONNECTIONS
