"""Datagram bridges in a test: their ends, and their sums."""

import os
import select
import struct

from ends import QUICK, make, receiver
from program import wait_for

SOL_UDP, UDP_SEGMENT = 17, 103
SIZES = (1, 0, 1472, 9000, 65507, 0, 13)


def drops(bridge):
    return {name: count for name, count in bridge.items()
            if name.startswith("drop-") and count}


def is_even(bridge):
    """What was read, and what of it went to further outs of the bridge, was
    sent or dropped; so were the answers."""
    return bridge["messages-in"] + bridge.get("copies", 0) == \
        bridge["messages-out"] + sum(drops(bridge).values()) and \
        bridge.get("replies-in", 0) == bridge.get("replies-out", 0) + \
        bridge.get("replies-dropped", 0)


def check_sums(daemon, total=None):
    """The figures of every bridge are even, for which it waits; with total,
    so much must have been read.  Returns the bridges."""
    def settled():
        bridges = daemon.show("bridges")
        return bridges if all(
            is_even(b) and (total is None or b["messages-in"] >= total)
            for b in bridges) else None

    bridges = wait_for(settled, 20, "even figures, of %s messages" % total)
    for bridge in bridges:
        assert total is None or bridge["messages-in"] == total, bridge
    return bridges


class Feed:
    """A daemon with a bridge of datagrams from one src to each dst."""

    def __init__(self, context, src, *dsts, conf=""):
        self.src = src
        self.dsts = [receiver(dst) for dst in dsts]
        self.daemon = context.daemon(QUICK + conf + "".join(
            'bridge "feed-%d" "%s" "%s"\n' % (i, src, dst)
            for i, dst in enumerate(dsts)))
        self.sent = 0
        self.sender, address = make(src.replace("*", "127.0.0.1"))
        self.sender.connect(address)

    def send(self, data):
        self.sender.send(data)
        self.sent += 1

    def expect(self, *messages):
        """They come to every dst, in this order, and nothing else."""
        for dst in self.dsts:
            for message in messages:
                got = dst.recv(1 << 17)
                assert got == message, "%d bytes, not %d as sent" % (
                    len(got), len(message))
            expect_none(dst)

    def carry(self, *messages):
        for message in messages:
            self.send(message)
        self.expect(*messages)

    def check(self):
        """All that was sent came through."""
        for bridge in check_sums(self.daemon, self.sent):
            assert drops(bridge) == {}, bridge

    def send_group(self, data, size):
        """One call for many datagrams of that size; the last is what
        remains.  Returns them."""
        self.sender.sendmsg([data], [(SOL_UDP, UDP_SEGMENT,
                                      struct.pack("H", size))])
        parts = [data[i:i + size] for i in range(0, len(data), size)]
        self.sent += len(parts)
        return parts


def expect_none(sock):
    """No datagram is there now."""
    if select.select([sock], [], [], 0)[0]:
        got = sock.recv(1 << 17)
        raise AssertionError("a datagram too many, of %d bytes" % len(got))


def random_messages(*sizes):
    return [os.urandom(size) for size in sizes]


def udp_queue(port):
    """(bytes waiting, datagrams dropped) of the sockets that are bound to
    that port of this machine."""
    waiting = dropped = 0
    for name in ("/proc/net/udp", "/proc/net/udp6"):
        with open(name) as stream:
            for line in list(stream)[1:]:
                fields = line.split()
                if int(fields[1].rpartition(":")[2], 16) == port:
                    waiting += int(fields[4].partition(":")[2], 16)
                    dropped += int(fields[12])
    return waiting, dropped
