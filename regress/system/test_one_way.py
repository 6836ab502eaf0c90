"""Datagrams go one way: nothing comes in at a dst, which is tried at once."""

import socket
import struct
import threading

from dgrams import check_sums, udp_queue
from ends import QUICK, make, parse, receiver
from space import ETH_P_ALL, Space, ip
from watch import Monitor

PACKET_OUTGOING = 4


def test_every_dst_is_tried(context):
    """And says so, in lists and by an event."""
    daemon = context.daemon(QUICK + 'directory "%s"\n' % context.path(""))
    monitor = Monitor(context, daemon)
    local = "unixdgram:" + context.path("dst")
    with receiver(local), receiver("unixdgram:@dst"):
        for dst in ("udp:127.0.0.1:9", "udp:[::1]:9", "udplite:127.0.0.1:9",
                    "udplite:[::1]:9", "unixdgram:@dst", local):
            daemon.add("udp:127.0.0.1:%d" % context.port(), dst)
    for bridge in daemon.show("bridges"):
        assert bridge["one-way"] == "proven", bridge
    events = monitor.wait_count(6, "one-way")
    assert {e["one-way"] for e in events} == {"proven"}, events
    # trying a dst takes nothing from it
    assert {e["id"] for e in events} == set(range(1, 7)), events


def test_dst_that_could_not_be_tried_says_so(context):
    """There is no loopback: the filter stands, nobody saw it work."""
    daemon = context.daemon(QUICK)
    ip("link", "add", "d0", "type", "veth", "peer", "name", "d1")
    ip("address", "add", "10.9.0.1/24", "dev", "d0")
    ip("link", "set", "d1", "up")
    ip("link", "set", "d0", "up")
    ip("link", "set", "lo", "down")
    daemon.add("udp:10.9.0.1:%d" % context.port(), "udp:10.9.0.2:9")
    bridge, = daemon.show("bridges")
    assert bridge["one-way"] == "not proven", bridge


class Sent:
    """The data of UDP, and all else, that leaves at a device."""

    def __init__(self, device):
        self.packets = []
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM,
                                  socket.htons(ETH_P_ALL))
        self.sock.bind((device, ETH_P_ALL))
        self.sock.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while True:
            data, where = self.sock.recvfrom(65536)
            if where[2] == PACKET_OUTGOING and where[1] == 0x0800:
                self.packets.append(data)

    def upto(self, sender, address, data):
        """What left before this datagram, which is sent now."""
        sender.sendto(data, address)
        while not any(p[28:] == data for p in list(self.packets)):
            pass
        return [p for p in self.packets if p[28:] != data]


def test_flood_from_behind_reaches_nobody(context):
    """Not one byte is seen on the side of src, and none waits anywhere."""
    far = Space()
    far.wire("w0", "10.1.0.1/24", "10.1.0.2/24")
    src = "udp:10.1.0.1:%d" % context.port()
    dst = receiver("udp:127.0.0.1:%d" % context.port())
    context.daemon(QUICK + 'bridge %s "udp:%s:%d"\n' % (
        (src,) + dst.getsockname()))
    with far:
        sender, _ = make(src)
        sender.bind(("10.1.0.2", 0))
    sent = Sent("w0")
    sender.sendto(b"there", parse(src)[2])
    _, back = dst.recvfrom(100)
    _, before = udp_queue(back[1])
    for number in range(3000):
        dst.sendto(struct.pack("I", number) * 350, back)
    assert udp_queue(back[1]) == (0, before + 3000)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
        assert sent.upto(last, sender.getsockname(), b"the last") == []
    assert sender.recv(100) == b"the last"


def test_dst_behind_an_interface_is_tried_too(context):
    """What an interface of its own keeps from hearing loopback."""
    far = Space()
    far.wire("w0", "10.1.0.1/24", "10.1.0.2/24")
    feed = "udp:127.0.0.1:%d" % context.port()
    daemon = context.daemon(
        QUICK + 'bridge "%s" "udp:10.1.0.2:9000" '
        '{ bind-device w0 source 10.1.0.1 }\n' % feed)
    bridge, = daemon.show("bridges")
    assert bridge["one-way"] == "proven", bridge
    with far:
        dst = receiver("udp:10.1.0.2:9000")
    sender, address = make(feed)
    sender.sendto(b"to the wire", address)
    assert dst.recvfrom(100)[0] == b"to the wire"


def test_kinds_of_datagrams_cross(context):
    """UDP-Lite and UDP are the same to each other."""
    pairs = [("udplite", "udp"), ("udp", "udplite"), ("udplite", "udplite")]
    text, ends = "", []
    for pair in pairs:
        src, dst = ("%s:127.0.0.1:%d" % (kind, context.port())
                    for kind in pair)
        ends.append((src, receiver(dst)))
        text += "bridge %s %s\n" % (src, dst)
    daemon = context.daemon(QUICK + text)
    for src, dst in ends:
        sender, address = make(src)
        for data in (b"", b"one", bytes(60000)):
            sender.sendto(data, address)
            assert dst.recv(65536) == data
    check_sums(daemon, 3)
