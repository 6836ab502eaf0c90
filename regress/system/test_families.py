"""Every family of this kernel, each to each of its type: what it carries and
how it ends.  Those that the kernel may lack are in test_guest.py."""

import errno
import itertools
import os
import socket
import struct

from ends import (QUICK, accept, app_directory, connect, exchange,
                  expect_end, expect_refusal, expect_reset, listen, reset,
                  take)
from program import wait_for
from space import ip
from watch import Monitor

SOL_MPTCP, MPTCP_INFO, FALLBACK = 284, 1, 1
STREAMS = ("tcp4", "tcp6", "scope", "mptcp4", "mptcp6", "path", "abstract")
RECORDS = ("seqpath", "seqabstract")
RESETS = ("tcp", "mptcp")  # an AF_LOCAL reset is an end of file


class World:
    """A daemon, and a bridge with a server at its dst for any two families."""

    def __init__(self, context):
        self.context = context
        self.app = app_directory(context)
        ip("link", "add", "link0", "type", "veth", "peer", "name", "link1")
        for name in ("link0", "link1"):
            ip("link", "set", name, "up")
        ip("address", "add", "fe80::1/64", "dev", "link0", "nodad")
        self.daemon = context.daemon(QUICK + 'directory "%s"\n' % self.app)
        self.monitor = Monitor(context, self.daemon)
        self.count = 0

    def new(self, family):
        """An address of that family."""
        port = self.context.port()
        return {
            "tcp4": "tcp:127.0.0.1:%d", "tcp6": "tcp:[::1]:%d",
            "scope": "tcp:[fe80::1%%link0]:%d",
            "mptcp4": "mptcp:127.0.0.1:%d", "mptcp6": "mptcp:[::1]:%d",
            "path": "unix:" + self.app + "/%d", "abstract": "unix:@%d",
            "seqpath": "unixseq:" + self.app + "/%d",
            "seqabstract": "unixseq:@%d"}[family] % port

    def bridge(self, src, dst, *options):
        return Bridge(self, self.new(src), self.new(dst), options)

    def refused(self, src, dst, words):
        status, out, err = self.daemon.ctl("bridge", "add", src, dst)
        assert status != 0 and out == "" and words in err, (status, err)


class Bridge:
    def __init__(self, world, src, dst, options):
        self.world, self.src, self.dst = world, src, dst
        self.server = listen(dst)
        self.id = world.daemon.add(src, dst, *options)

    def pair(self):
        peer = connect(self.src)
        return peer, accept(self.server)

    def shown(self):
        return next(b for b in self.world.daemon.show("bridges")
                    if b["id"] == self.id)

    def closed(self, count):
        """Events of its sessions that ended."""
        return self.world.monitor.wait_count(count, "session-closed",
                                             bridge=self.id)


def resets(text):
    return text.partition(":")[0] in RESETS


def expect_broken(sock, text):
    """A reset, where the family has such, else an end."""
    if resets(text):
        assert expect_reset(sock) == b""
    else:
        expect_end(sock)


def no_mptcp():
    path = "/proc/sys/net/mptcp/enabled"
    if not os.path.exists(path):
        return "this kernel has no Multipath TCP"
    with open(path) as stream:
        assert stream.read().strip() == "1", "Multipath TCP is switched off"
    return None


def each_to_each(families):
    """All pairs; those with Multipath TCP where the kernel has it."""
    lacks = no_mptcp()
    return [pair for pair in itertools.product(families, families)
            if not (lacks and "mptcp" in pair[0] + pair[1])]


# -- streams

def test_bytes_and_ends_from_each_to_each(context):
    world = World(context)
    for src, dst in each_to_each(STREAMS):
        bridge = world.bridge(src, dst)
        shown = bridge.shown()
        assert (shown["src"], shown["dst"]) == (bridge.src, bridge.dst)
        exchange(*bridge.pair(), size=300000, end=True)
        event, = bridge.closed(1)
        assert event["reason"] == "clean", (src, dst, event)
        assert event["bytes-to-dst"] == event["bytes-to-src"] == 300000


def test_half_close_from_each_to_each(context):
    world = World(context)
    for src, dst in each_to_each(STREAMS):
        bridge = world.bridge(src, dst)
        for one, other in (bridge.pair(), bridge.pair()[::-1]):
            one.sendall(b"last words")
            one.shutdown(socket.SHUT_WR)
            assert take(other, 10) == b"last words", (src, dst)
            expect_end(other)
            other.sendall(b"answer")
            assert take(one, 6) == b"answer", (src, dst)
            other.close()
            expect_end(one)


def test_reset_from_each_to_each(context):
    world = World(context)
    for src, dst in each_to_each(STREAMS):
        bridge = world.bridge(src, dst)
        reasons = []
        for turned in (False, True):
            pair, texts = bridge.pair(), (bridge.src, bridge.dst)
            if turned:
                pair, texts = pair[::-1], texts[::-1]
            exchange(*pair, 1000)
            reset(pair[0])
            if resets(texts[0]):
                expect_broken(pair[1], texts[1])
                reasons.append(("dst" if turned else "peer") + "-reset")
            else:
                expect_end(pair[1])
                reasons.append("clean")
            pair[1].close()
            found = [e["reason"] for e in bridge.closed(len(reasons))]
            assert found == reasons, (src, dst, found)


def test_session_closed_by_id_ends_each(context):
    world = World(context)
    for src, dst in each_to_each(STREAMS + RECORDS):
        if src.startswith("seq") != dst.startswith("seq"):
            continue
        bridge = world.bridge(src, dst)
        peer, end = bridge.pair()
        session, = wait_for(lambda: [
            s for s in world.daemon.show("sessions")
            if s["bridge"] == bridge.id], 20, "session")
        assert world.daemon.ctl("session", "close",
                                str(session["id"]))[0] == 0
        expect_broken(peer, bridge.src)
        expect_broken(end, bridge.dst)
        event, = bridge.closed(1)
        assert event["reason"] == "requested", event


def test_unread_bytes_at_a_close_are_a_reset_elsewhere(context):
    """As from a program that dies while something waits for it."""
    world = World(context)
    for src, dst in each_to_each(STREAMS):
        if not src.startswith(("tcp", "mptcp")):
            continue
        bridge = world.bridge(src, dst)
        peer, end = bridge.pair()
        end.sendall(b"never read")
        wait_for(lambda p=peer: p.recv(1, socket.MSG_PEEK), 20)
        peer.close()
        expect_broken(end, bridge.dst)
        assert bridge.closed(1)[0]["reason"] == "peer-reset", (src, dst)


def test_refusal_from_each_to_each(context):
    world = World(context)
    for src, dst in each_to_each(STREAMS + RECORDS):
        if src.startswith("seq") != dst.startswith("seq"):
            continue
        bridge = world.bridge(src, dst)
        bridge.server.close()
        if resets(bridge.src):
            expect_refusal(bridge.src)
        else:
            expect_end(connect(bridge.src))
        event = world.monitor.wait("connect-failed", bridge=bridge.id)
        assert event["err"] == errno.ECONNREFUSED, event


# -- Multipath TCP

def is_multipath(sock):
    """Whether it is that, and not TCP in disguise."""
    info = sock.getsockopt(SOL_MPTCP, MPTCP_INFO, 96)
    return not struct.unpack_from("=8xI", info)[0] & FALLBACK


def test_multipath_tcp_is_spoken_on_both_sides(context):
    if reason := no_mptcp():
        return reason
    bridge = World(context).bridge("mptcp4", "mptcp4")
    peer, end = bridge.pair()
    exchange(peer, end)
    assert is_multipath(peer) and is_multipath(end)
    return None


def test_multipath_tcp_meets_plain_tcp(context):
    """As src it serves peers, and as dst it reaches servers, without it."""
    if reason := no_mptcp():
        return reason
    world = World(context)
    src, dst = world.new("mptcp4"), world.new("mptcp4")
    server = listen(dst[2:])
    world.daemon.add(src, dst)
    peer = connect(src[2:])
    exchange(peer, accept(server), end=True)
    return None


def test_circle_of_tcp_and_multipath_tcp_is_refused(context):
    world = World(context)
    plain = world.new("tcp4")
    world.refused(plain, "mp" + plain, "leads back")
    other = world.new("tcp4")
    world.daemon.add("mp" + plain, other)
    world.refused(other, plain, "leads back")
    world.refused("mp" + other, plain, "leads back")


# -- addresses

def test_link_local_addresses_need_their_interface(context):
    world = World(context)
    bare = "tcp:[fe80::1]:%d" % context.port()
    world.refused(bare, world.new("tcp4"), "interface")
    world.refused(world.new("tcp4"), bare, "interface")
    world.refused(world.new("tcp4"), bare.replace("1]", "1%nowhere]"),
                  "interface")


def test_mapped_addresses_are_refused(context):
    world = World(context)
    for kind in ("tcp", "mptcp"):
        mapped = "%s:[::ffff:127.0.0.1]:%d" % (kind, context.port())
        world.refused(mapped, world.new("tcp4"), "inside an IPv6 one")
        world.refused(world.new("tcp4"), mapped, "inside an IPv6 one")


def test_types_do_not_mix(context):
    world = World(context)
    for src, dst in itertools.product(STREAMS, RECORDS):
        for ends in ((src, dst), (dst, src)):
            world.refused(*map(world.new, ends), "different socket types")


def test_family_that_the_kernel_lacks_is_said(context):
    """When the bridge is made, and not by its first session."""
    world = World(context)
    lacking = 0
    for kind, (family, type_, protocol), at in (
            ("sctp", (socket.AF_INET, socket.SOCK_STREAM, 132),
             "127.0.0.1:%d"),
            ("vsock", (socket.AF_VSOCK, socket.SOCK_STREAM, 0), "1:%d"),
            ("seqtipc", (socket.AF_TIPC, socket.SOCK_SEQPACKET, 0),
             "4242:%d")):
        try:
            socket.socket(family, type_, protocol).close()
            continue
        except OSError:
            lacking += 1
        ends = ("%s:%s" % (kind, at) % context.port(),
                world.new("seqabstract" if kind[:3] == "seq" else "tcp4"))
        words = "this machine's kernel has no such sockets"
        world.refused(*ends, words)
        world.refused(*ends[::-1], words)
        status, _, err = start_with(context, "bridge %s %s\n" % ends)
        assert status == 1 and ":3: bridge: " + words in err, err
    return None if lacking else "this kernel has all families"


def start_with(context, conf):
    """A start that must fail; as Daemon.run."""
    return context.daemon(conf, start=False).run("-d")


# -- local paths of records

def test_server_of_another_type_at_a_path(context):
    world = World(context)
    for kind, other, src in (("unixseq", "unix", "seqabstract"),
                             ("unix", "unixseq", "abstract")):
        path = "%s/%s" % (world.app, kind)
        server = listen(other + ":" + path)
        number = world.daemon.add(world.new(src), kind + ":" + path)
        bridge = next(b for b in world.daemon.show("bridges")
                      if b["id"] == number)
        expect_end(connect(bridge["src"]))
        event = world.monitor.wait("connect-failed", bridge=number)
        assert event["err"] == errno.EPROTOTYPE, event
        # it lives, so its place is not free
        world.refused(kind + ":" + path, world.new(src), "in use")
        server.close()
        world.daemon.add(kind + ":" + path, world.new(src))


def test_path_of_records_is_made_and_removed(context):
    world = World(context)
    bridge = world.bridge("seqpath", "seqpath")
    src = os.path.basename(bridge.src)
    assert src in os.listdir(world.app)
    peer, end = bridge.pair()
    peer.send(b"record")
    assert end.recv(100) == b"record"
    assert world.daemon.ctl("bridge", "close", str(bridge.id))[0] == 0
    assert os.listdir(world.app) == [os.path.basename(bridge.dst)]


def test_peer_that_listens_no_more_leaves_a_path_to_replace(context):
    world = World(context)
    src = world.new("seqpath")
    owner = listen(src)
    world.refused(src, world.new("seqabstract"), "in use")
    owner.close()
    world.daemon.add(src, world.new("seqabstract"))


# -- records

def carry(one, other, records):
    for record in records:
        assert one.send(record, socket.MSG_EOR) == len(record)
        got, _, flags, _ = other.recvmsg(1 << 20)
        assert got == record and not flags & socket.MSG_TRUNC, \
            (len(record), len(got), flags)


def test_records_from_each_to_each(context):
    """One by one, of all sizes, also none."""
    world = World(context)
    sizes = (1, 0, 2, 0, 0, 1000, 65535, 65536, 150000, 3, 0)
    records = [os.urandom(size) for size in sizes]
    for src, dst in each_to_each(RECORDS):
        bridge = world.bridge(src, dst)
        peer, end = bridge.pair()
        carry(peer, end, records)
        carry(end, peer, records)
        peer.close()
        assert end.recv(10) == b""
        end.close()
        event, = bridge.closed(1)
        assert event["reason"] == "clean", event
        assert event["bytes-to-dst"] == event["bytes-to-src"] == sum(sizes)


def test_records_that_wait_stay_apart(context):
    """Sent at once, read later; the end comes after the last."""
    world = World(context)
    peer, end = world.bridge("seqpath", "seqabstract").pair()
    records = [bytes([i]) * i for i in range(100)]
    for record in records:
        peer.send(record)
    peer.close()
    for record in records:
        assert end.recv(1000) == record
    expect_end(end)


def test_half_close_of_records(context):
    world = World(context)
    bridge = world.bridge("seqpath", "seqabstract")
    for one, other in (bridge.pair(), bridge.pair()[::-1]):
        one.send(b"question")
        one.shutdown(socket.SHUT_WR)
        assert other.recv(100) == b"question"
        expect_end(other)
        carry(other, one, [b"an", b"", b"swer"])
        other.close()
        expect_end(one)
