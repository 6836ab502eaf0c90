"""Bridges with reply: each asker gets its own answers, and nobody else's."""

import os
import select
import signal
import socket
import threading

from ends import QUICK, allow, app_directory, make, receiver
from program import wait_for


class Echo:
    """Answers each datagram at an address with what fn makes of it, in a
    thread; asked is what came, and from whom."""

    def __init__(self, text, fn=lambda data: b"re:" + data):
        self.sock, address = make(text)
        self.sock.bind(address)
        allow(self.sock, address)
        self.fn = fn
        self.asked = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            data, sender = self.sock.recvfrom(1 << 17)
            self.asked.append((data, sender))
            answer = self.fn(data)
            if answer is not None:
                self.sock.sendto(answer, sender)


def asker(text, local=None):
    """A socket that talks to that address alone."""
    sock, address = make(text)
    sock.settimeout(10)
    if local is not None:
        sock.bind(local)
    sock.connect(address)
    return sock


def ask(sock, data):
    sock.send(data)
    got = sock.recv(1 << 17)
    assert got == b"re:" + data, got


def bridge(daemon):
    return daemon.show("bridges")[0]


def check(daemon, forward, **counts):
    """The figures are even, and these."""
    def settled():
        b = bridge(daemon)
        return b if b["messages-in"] >= forward else None

    b = wait_for(settled, 20, "%d messages" % forward)
    dropped = sum(v for k, v in b.items() if k.startswith("drop-"))
    assert b["messages-in"] == b["messages-out"] + dropped == forward, b
    assert b["replies-in"] == b["replies-out"] + b["replies-dropped"], b
    for name, value in counts.items():
        assert b[name.replace("_", "-")] == value, (name, b)
    return b


def served(context, src, dst, options="", conf="", fn=None):
    """A daemon with one reply bridge, and an echo behind it."""
    echo = Echo(dst) if fn is None else Echo(dst, fn)
    daemon = context.daemon(QUICK + conf + 'bridge "b" "%s" "%s" { reply yes '
                            "%s }\n" % (src, dst, options))
    return daemon, echo


def check_pair(context, src, dst, conf=""):
    daemon, echo = served(context, src, dst, conf=conf)
    near = [asker(src.replace("*", "127.0.0.1")) for i in range(5)]
    for turn in range(3):
        for i, sock in enumerate(near):
            ask(sock, b"%d %d" % (turn, i))
    for size in (0, 1, 1472, 9000, 60000):
        ask(near[0], os.urandom(size))
    check(daemon, 20, replies_out=20, flows_made=5, flows_now=5)
    assert len({sender for data, sender in echo.asked}) == 5


def test_udp4_to_udp4(context):
    check_pair(context, "udp:127.0.0.1:%d" % context.port(),
               "udp:127.0.0.1:%d" % context.port())


def test_udp6_to_udp4(context):
    check_pair(context, "udp:[::1]:%d" % context.port(),
               "udp:127.0.0.1:%d" % context.port())


def test_dual_to_udp6(context):
    check_pair(context, "udp:*:%d" % context.port(),
               "udp:[::1]:%d" % context.port())


def test_udp_to_local(context):
    app = app_directory(context)
    check_pair(context, "udp:127.0.0.1:%d" % context.port(),
               "unixdgram:%s/dst" % app, 'directory "%s"\n' % app)
