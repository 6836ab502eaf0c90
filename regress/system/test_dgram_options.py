"""Options of the sockets of datagram bridges, at the start and later."""

import socket

from dgrams import check_sums, drops, expect_none
from ends import QUICK, make, receiver
from program import wait_for
from space import Space, ip

# What a receiver is told beside a datagram.
ASKED = {
    socket.AF_INET: (0, 12, 13),   # IP_RECVTTL, IP_RECVTOS
    socket.AF_INET6: (41, 51, 66)  # IPV6_RECVHOPLIMIT, IPV6_RECVTCLASS
}


class Feed:
    """A bridge whose receiver sees how each datagram came."""

    def __init__(self, context, host, options):
        self.src = "udp:%s:%d" % (host, context.port())
        self.dst = receiver("udp:%s:%d" % (host, context.port()))
        level, *names = ASKED[self.dst.family]
        for name in names:
            self.dst.setsockopt(level, name, 1)
        self.text = QUICK + 'bridge %s "udp:%s:%d" { %%s }\n' % (
            self.src, host, self.dst.getsockname()[1])
        self.daemon = context.daemon(self.text % options)
        self.sender, address = make(self.src)
        self.sender.connect(address)

    def came(self):
        """(TTL, DSCP, address, port)"""
        self.sender.send(b"how")
        data, control, _, where = self.dst.recvmsg(100, 200)
        assert data == b"how"
        ttl, tos = (int.from_bytes(value, "little")
                    for _, _, value in sorted(control, key=lambda c: c[1] in
                                              (1, 67)))
        return ttl, tos >> 2, where[0], where[1]

    def reload(self, options):
        self.daemon.write(self.text % options)
        status, _, err = self.daemon.ctl("reload")
        assert status == 0, err
        return self.bridge()

    def bridge(self):
        return self.daemon.show("bridges")[0]


def test_options_of_dst_are_on_its_datagrams(context):
    """Changed on the same socket where that can be; a new one is made where
    it cannot."""
    for host, other in (("127.0.0.1", "127.0.0.2"), ("[::1]", "::1")):
        feed = Feed(context, host, "ttl 7 dscp 10 source %s" % other)
        ttl, dscp, where, port = feed.came()
        assert (ttl, dscp, where) == (7, 10, other), (ttl, dscp, where)
        number = feed.bridge()["id"]
        changed = feed.reload("ttl 9 dscp 12 source %s" % other)
        assert changed["id"] == number, changed
        assert feed.came() == (9, 12, other, port)
        changed = feed.reload("source %s" % other)
        assert feed.came() == (64, 0, other, port)
        assert feed.reload("")["id"] != number
        assert feed.came()[2] == host.strip("[]")
        if other == "127.0.0.2":
            assert feed.came()[3] != port
        check_sums(feed.daemon)


def test_hops_are_those_of_arrival_less_one(context):
    """Of either family, at a src of both, whatever it leaves by."""
    src = "udp:*:%d" % context.port()
    ends, text = [], ""
    for host in ("127.0.0.1", "[::1]"):
        dst = "udp:%s:%d" % (host, context.port())
        ends.append(receiver(dst))
        level, name, _ = ASKED[ends[-1].family]
        ends[-1].setsockopt(level, name, 1)
        text += "bridge %s %s { hops yes }\n" % (src, dst)
    daemon = context.daemon(QUICK + text)
    for host, level, name in (("127.0.0.1", 0, 2), ("[::1]", 41, 16)):
        sender, address = make(src.replace("*", host))
        sender.setsockopt(level, name, 9)
        sender.sendto(b"nine", address)
        for dst in ends:
            _, control, _, _ = dst.recvmsg(100, 100)
            assert control[0][2][0] == 8, (host, control)
        sender.setsockopt(level, name, 1)
        sender.sendto(b"one", address)
    for bridge in check_sums(daemon, 4):
        assert drops(bridge) == {"drop-hops": 2}, bridge


def test_interface_of_src_is_part_of_it(context):
    """Bridges may differ in it, and in nothing else of their src."""
    far = Space()
    for i in (1, 2):
        far.wire("w%d" % i, "10.%d.0.1/24" % i, "10.%d.0.2/24" % i)
    dsts = [receiver("udp:127.0.0.1:%d" % context.port()) for _ in range(2)]
    src = "udp:0.0.0.0:%d" % context.port()
    daemon = context.daemon(QUICK + "".join(
        "bridge %s udp:127.0.0.1:%d { in-interface w%d }\n" % (
            src, dst.getsockname()[1], i + 1) for i, dst in enumerate(dsts)))
    for i, dst in enumerate(dsts):
        with far:
            sender, address = make(src.replace("0.0.0.0",
                                               "10.%d.0.1" % (i + 1)))
        sender.sendto(b"by this wire", address)
        assert dst.recv(100) == b"by this wire"
        expect_none(dsts[1 - i])
    for bridge in check_sums(daemon, 1):
        assert bridge["src-shared"] == 1, bridge
    status, _, err = daemon.ctl("bridge", "add", src, "udp:127.0.0.1:9")
    assert status == 1 and "another in-interface" in err, (status, err)


def test_limits_change_while_it_runs(context):
    """The engine hears of them; the id stays."""
    feed = Feed(context, "127.0.0.1", "max 2")
    number = feed.bridge()["id"]
    feed.sender.send(b"too long")
    assert wait_for(lambda: drops(feed.bridge()), 20,
                    "drop") == {"drop-size": 1}
    assert feed.reload("max 100")["id"] == number
    assert feed.came()
    expect_none(feed.dst)


def test_buffers_are_as_asked_and_shown(context):
    """A src shared by bridges has the largest that is asked for."""
    src = "udp:127.0.0.1:%d" % context.port()
    daemon = context.daemon(QUICK)

    def add(*options):
        return daemon.add(src, "udp:127.0.0.1:%d" % context.port(), *options)

    def granted():
        return [(b["receive-buffer-granted"], b["send-buffer-granted"])
                for b in daemon.show("bridges")]

    add("receive-buffer", "64K", "send-buffer", "32K")
    assert granted() == [(65536, 32768)], granted()
    second = add("receive-buffer", "128K", "send-buffer", "48K")
    assert granted() == [(131072, 32768), (131072, 49152)], granted()
    add("receive-buffer", "16K", "send-buffer", "16K")
    assert [g[0] for g in granted()] == [131072] * 3, granted()
    assert daemon.ctl("bridge", "close", str(second))[0] == 0
    assert [g[0] for g in granted()] == [65536] * 2, granted()


def test_group_gets_nothing_until_a_ttl_is_set(context):
    """And then where affinity says, and nowhere else."""
    hosts = []
    for i in (1, 2):
        far = Space()
        far.wire("w%d" % i, "10.%d.0.1/24" % i, "10.%d.0.2/24" % i)
        with far:
            sock = receiver("udp:239.1.1.1:7200")
            sock.setsockopt(0, 35, socket.inet_aton("239.1.1.1") +
                            socket.inet_aton("10.%d.0.2" % i))
            sock.setsockopt(0, 12, 1)
        hosts.append(sock)
    ip("route", "add", "239.0.0.0/8", "dev", "w1")
    src = "udp:127.0.0.1:%d" % context.port()
    text = QUICK + "bridge %s udp:239.1.1.1:7200 { %%s }\n" % src
    daemon = context.daemon(text % "affinity w2")
    number = daemon.show("bridges")[0]["id"]
    sender, address = make(src)
    sender.sendto(b"mute", address)
    bridge, = check_sums(daemon, 1)
    assert drops(bridge) == {"drop-no-ttl": 1}, bridge

    def load(options):
        daemon.write(text % options)
        assert daemon.ctl("reload")[0] == 0
        assert daemon.show("bridges")[0]["id"] == number

    def heard(i, data, ttl):
        sender.sendto(data, address)
        got, control, _, _ = hosts[i - 1].recvmsg(100, 100)
        assert (got, control[0][2][0]) == (data, ttl), (got, control)
        for host in hosts:
            expect_none(host)

    load("affinity w2 ttl 3")
    heard(2, b"second", 3)
    load("affinity w1 ttl 4")
    heard(1, b"first", 4)
    load("ttl 1")
    heard(1, b"as routed", 1)
    load("")
    sender.sendto(b"mute again", address)
    bridge, = check_sums(daemon, 5)
    assert drops(bridge) == {"drop-no-ttl": 2}, bridge
