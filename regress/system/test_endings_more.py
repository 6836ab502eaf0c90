"""Endings in all their combinations: for each pair of families that can have
it, in both directions, with the reason in the event and the log, and the
counters of the closed session whole."""

import contextlib
import ctypes
import errno
import os
import socket
import struct
import subprocess

from ends import (LINGER_0, Line, accept, connect, drain,
                  exchange, expect_end, expect_nothing, expect_reset, fill,
                  listen, reset, run, take)
from fds import files_at_rest, wait_open_files
from program import wait_for
from watch import Monitor

TCP4, TCP6, LOCAL = "tcp:127.0.0.1:%d", "tcp:[::1]:%d", "unix:@e%d"
MPTCP, RECORDS = "mptcp:127.0.0.1:%d", "unixseq:@e%d"
URGENT_KINDS = ((TCP4, TCP4), (TCP4, TCP6), (TCP6, LOCAL), (LOCAL, TCP4),
                (LOCAL, LOCAL))
KINDS = URGENT_KINDS + ((MPTCP, TCP4), (TCP6, MPTCP), (RECORDS, RECORDS))
DROP_ALL = struct.pack("HBBI", 6, 0, 0, 0)  # a packet filter: return 0
SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27


class Scene:
    """A line, its events, and the endings that were looked at."""

    def __init__(self, context, kinds=KINDS[0], options="", conf=""):
        self.line = Line(context, *(text % context.port() for text in kinds),
                         options=options, conf=conf)
        self.monitor = Monitor(context, self.line.daemon)
        self.monitor.wait("bridge-created")
        self.before = files_at_rest(self.line.daemon)
        self.seen = 0

    def pairs(self):
        """(an end, the other end, names of both): each side in turn."""
        peer, dst = self.line.pair()
        yield peer, dst, "peer", "dst"
        peer, dst = self.line.pair()
        yield dst, peer, "dst", "peer"

    def next_closed(self):
        self.seen += 1
        return self.monitor.wait_count(
            self.seen, "session-closed")[self.seen - 1]

    def closed(self, reason, to_dst=0, to_src=0, err=0):
        """The next session that ends does so for that reason, with these
        counters.  err: its errno, 0 for none, None for any."""
        event = self.next_closed()
        assert event["reason"] == reason, (event, reason)
        assert err is None or event.get("err", 0) == err, (event, err)
        got = event.get("bytes-to-dst", 0), event.get("bytes-to-src", 0)
        assert got == (to_dst, to_src), (event, to_dst, to_src)
        return event

    def close_of(self, name, size, reason, back=0, err=None):
        """The same, where size bytes came from the end of that name."""
        there = (size, back) if name == "peer" else (back, size)
        return self.closed(reason, *there, err)

    def finish(self):
        """Nothing is left of all of them, and the bridge works."""
        self.line.wait_sessions(0)
        wait_open_files(self.line.daemon, self.before)
        self.line.check()


def scenes(context, kinds=KINDS, options=""):
    for pair in kinds:
        scene = Scene(context, pair, options)
        yield scene
        scene.finish()


def at_once(context, check, kinds=KINDS, options=""):
    """The same, at the same time: for what takes its time."""
    all_scenes = [Scene(context, pair, options) for pair in kinds]
    run(*((check, scene) for scene in all_scenes))
    for scene in all_scenes:
        scene.finish()


def is_local(sock):
    return sock.family == socket.AF_UNIX


def broken(sock):
    """What came before its end.  A reset if it is TCP; a local end may be
    told so too, where bytes of its own were not read."""
    if not is_local(sock):
        return expect_reset(sock)
    data = bytearray()
    try:
        while piece := sock.recv(1 << 20):
            data += piece
    except ConnectionResetError:
        pass
    return bytes(data)


def is_broken(sock):
    """Whether one that has seen the end of file can send no more."""
    try:
        sock.send(b"x")
    except (BrokenPipeError, ConnectionResetError):
        return True
    return False


def break_off(sock):
    """A reset; for a local one, closing with bytes unread is as much."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_0)
    sock.close()


# One after the other

def test_half_close_and_then_a_reset_of_the_same_end(context):
    """It has sent its end already, so nothing is cut; it does not take what
    the other goes on to send, which is told to the other."""
    for scene in scenes(context):
        for one, other, name, _ in scene.pairs():
            one.sendall(b"all of it")
            one.shutdown(socket.SHUT_WR)
            assert drain(other) == b"all of it"
            other.sendall(b"still")
            assert take(one, 5) == b"still"
            break_off(one)
            if is_local(one):
                # it is met by who sends to it
                other.sendall(b"into the void")
            scene.close_of(name, 9, name + "-reset", 5)
            wait_for(lambda sock=other: is_broken(sock), 20, "reset")
            other.close()


def test_half_close_and_then_a_reset_of_the_other_end(context):
    for scene in scenes(context):
        for one, other, name, other_name in scene.pairs():
            one.sendall(b"all of it")
            one.shutdown(socket.SHUT_WR)
            assert drain(other) == b"all of it"
            other.sendall(b"cut")
            assert take(one, 3) == b"cut"
            if is_local(other):
                # both of its ways end there, which is no reset
                other.close()
                expect_end(one)
                scene.close_of(name, 9, "clean", 3)
                one.close()
                continue
            break_off(other)
            assert broken(one) == b""
            scene.close_of(name, 9, other_name + "-reset", 3)
            one.close()


def test_both_half_closes_and_then_a_reset_is_a_clean_end(context):
    for scene in scenes(context):
        for one, other, name, _ in scene.pairs():
            for sock in (one, other):
                sock.sendall(b"whole")
                sock.shutdown(socket.SHUT_WR)
            assert drain(one) == drain(other) == b"whole"
            scene.close_of(name, 5, "clean", 5, err=0)
            break_off(one)
            other.close()


def test_close_with_unread_data_is_a_reset(context):
    """TCP says RST, a local socket ECONNRESET: either way the other end
    must not take what it sent for read."""
    for scene in scenes(context):
        for one, other, name, other_name in scene.pairs():
            one.sendall(b"heard")
            assert take(other, 5) == b"heard"
            other.sendall(b"unread")
            wait_for(lambda sock=one: len(sock.recv(
                100, socket.MSG_PEEK)) == 6, 20, "bytes")
            one.close()
            assert broken(other) == b""
            scene.close_of(name, 5, name + "-reset", 6, errno.ECONNRESET)
            other.close()


def check_left(scene, leave):
    """One end goes without having read what holds the other up."""
    for one, other, name, _ in scene.pairs():
        sent = fill(other)
        leave(one)
        assert broken(other) == b""
        event = scene.next_closed()
        assert event["reason"] == name + "-reset", event
        ways = "bytes-to-src", "bytes-to-dst"
        to_one, none = ways if name == "peer" else reversed(ways)
        assert 0 < event[to_one] < len(sent), event
        assert event.get(none, 0) == 0, event
        other.close()


def test_close_with_much_unread_data_is_a_reset(context):
    """Not so for Multipath TCP: the kernel does not always tell."""
    at_once(context, lambda scene: check_left(scene, socket.socket.close),
            [pair for pair in KINDS if MPTCP not in pair])


def test_reset_with_much_unread_data(context):
    at_once(context, lambda scene: check_left(scene, break_off))


# A dst that does not want

def test_dst_that_accepts_and_closes_at_once(context):
    for scene in scenes(context):
        for _ in range(5):
            peer, dst = scene.line.pair()
            dst.close()
            expect_end(peer)
            peer.close()
            scene.closed("clean")


def test_dst_that_accepts_and_resets_at_once(context):
    for scene in scenes(context):
        for _ in range(5):
            peer, dst = scene.line.pair()
            break_off(dst)
            if is_local(dst):
                expect_end(peer)
                peer.close()
                scene.closed("clean")
            else:
                assert broken(peer) == b""
                scene.closed("dst-reset", err=errno.ECONNRESET)


def test_dst_that_resets_as_the_peer_speaks(context):
    """Whatever comes first, it is dst's reset."""
    for scene in scenes(context):
        for _ in range(30):
            peer, dst = scene.line.pair()
            peer.sendall(b"hello")
            break_off(dst)
            assert broken(peer) == b""
            event = scene.next_closed()
            assert event["reason"] == "dst-reset", event
            assert event.get("bytes-to-dst", 0) in (0, 5), event


def test_dst_that_accepts_and_closes_at_once_while_the_peer_speaks(context):
    """The peer sees a reset, as nothing takes what it says."""
    for scene in scenes(context):
        for _ in range(5):
            peer, dst = scene.line.pair()
            peer.sendall(b"hello")
            wait_for(lambda sock=dst: sock.recv(
                100, socket.MSG_PEEK) == b"hello", 20, "bytes")
            dst.close()
            assert broken(peer) == b""
            scene.closed("dst-reset", to_dst=5, err=errno.ECONNRESET)


def test_dst_that_closes_before_the_peer_speaks(context):
    """It sees the end, and may speak; then nobody is there.  Multipath TCP
    takes what is sent to nobody, and does not say so."""
    for scene in scenes(context, [pair for pair in KINDS
                                  if pair[1] != MPTCP]):
        peer, dst = scene.line.pair()
        # TCP takes it and then says that nobody reads it
        taken = 0 if is_local(dst) else 16
        dst.close()
        expect_end(peer)
        peer.sendall(b"is there anybody")
        scene.closed("dst-reset", to_dst=taken, err=None)
        wait_for(lambda sock=peer: is_broken(sock), 20, "reset")
        peer.close()


# A dst that is not there

def filtered(text):
    """A listener at that address that gets no packet, until it is told to
    by SO_DETACH_FILTER."""
    server = listen(text)
    program = ctypes.create_string_buffer(DROP_ALL)
    server.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                      struct.pack("HP", 1, ctypes.addressof(program)))
    return server


def silent(context, src, dst, options):
    """A daemon whose dst drops every packet; (server, src, daemon,
    monitor)."""
    src, dst = src % context.port(), dst % context.port()
    server = filtered(dst)
    daemon = context.daemon("timeouts { drain 0 }\n"
                            'bridge "silent" %s %s { %s }\n' % (
                                src, dst, options))
    monitor = Monitor(context, daemon)
    monitor.wait("bridge-created")
    return server, src, daemon, monitor


def test_dst_whose_packets_are_dropped_times_out(context):
    def check(src, daemon, monitor):
        before = files_at_rest(daemon)
        peer = connect(src)
        peer.sendall(b"early")
        assert broken(peer) == b""
        event = monitor.wait("connect-failed")
        assert (event["reason"], event["err"]) == (
            "connect-timeout", errno.ETIMEDOUT), event
        # one that never was a session is not reported as closed
        assert daemon.show("sessions") == []
        assert not monitor.all("session-opened")
        assert not monitor.all("session-closed")
        bridge, = daemon.show("bridges")
        assert (bridge["failed"], bridge["opened"],
                bridge["bytes-to-dst"]) == (1, 0, 0), bridge
        peer.close()
        wait_open_files(daemon, before)

    all_kinds = [silent(context, src, dst, "connect 1")
                 for src in (TCP4, LOCAL) for dst in (TCP4, TCP6)]
    run(*((check, *kind[1:]) for kind in all_kinds))


def test_dst_whose_packets_are_dropped_for_a_while_is_reached(context):
    """The kernel asks again after a second; what the peer sent and its end
    were kept."""
    for dst in (TCP4, TCP6):
        server, src, daemon, monitor = silent(
            context, TCP4, dst, "connect 30")
        peer = connect(src)
        peer.sendall(b"early")
        peer.shutdown(socket.SHUT_WR)
        wait_for(lambda: [s["state"] for s in daemon.show("sessions")] ==
                 ["connecting"], 20, "session")
        expect_nothing(peer)
        server.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)
        end = accept(server)
        assert drain(end) == b"early"
        end.sendall(b"late")
        end.close()
        assert drain(peer) == b"late"
        event = monitor.wait("session-closed")
        assert (event["reason"], event["bytes-to-dst"],
                event["bytes-to-src"]) == ("clean", 5, 4), event


def test_peer_that_ends_before_dst_stands(context):
    """By closing: what it sent and its end arrive."""
    for src in (TCP4, LOCAL):
        server, src_text, daemon, monitor = silent(
            context, src, TCP4, "connect 30")
        with connect(src_text) as peer:
            peer.sendall(b"early")
        wait_for(lambda: daemon.show("sessions"), 20, "session")
        server.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)
        end = accept(server)
        assert drain(end) == b"early"
        end.close()
        event = monitor.wait("session-closed")
        assert (event["reason"], event["bytes-to-dst"]) == ("clean", 5)
        wait_for(lambda: daemon.show("sessions") == [], 20, "end")


def test_peer_that_resets_before_dst_stands(context):
    """Its session does not wait for dst any more, and says so."""
    for src in (TCP4, TCP6, MPTCP):
        _server, src_text, daemon, monitor = silent(
            context, src, TCP4, "connect 1h")
        before = files_at_rest(daemon)
        peer = connect(src_text)
        peer.sendall(b"early")
        wait_for(lambda daemon=daemon: daemon.show("sessions"), 20,
                 "session")
        reset(peer)
        event = monitor.wait("connect-failed")
        assert event["reason"] == "peer-gone", event
        assert daemon.show("sessions") == []
        assert not monitor.all("session-closed")
        wait_open_files(daemon, before)


def test_dst_without_a_route_is_reported(context):
    """Each way a route can say no has its errno."""
    for number, (kind, error) in enumerate((
            ("unreachable", errno.EHOSTUNREACH),
            ("prohibit", errno.EACCES), ("blackhole", errno.EINVAL))):
        net = "198.51.100.%d" % (number + 1)
        subprocess.run(("ip", "route", "add", kind, net), check=True)
        for src in (TCP4, LOCAL):
            src %= context.port()
            daemon = context.daemon("bridge %s tcp:%s:9\n" % (src, net))
            monitor = Monitor(context, daemon)
            try:
                with connect(src) as peer:
                    assert broken(peer) == b""
            except ConnectionResetError:
                pass  # at once
            event = monitor.wait("connect-failed")
            assert (event["reason"], event["err"]) == (
                "connect-failed", error), (kind, event)
            assert daemon.show("sessions") == []


# Timeouts

def test_idle_for_all_families(context):
    def check(scene):
        peer, dst = scene.line.pair()
        exchange(peer, dst, 1000)
        expect_end(peer)
        expect_end(dst)
        scene.closed("idle", 1000, 1000, err=0)
    at_once(context, check, options="idle 1")


def half_close_and_wait(one, other):
    """Each has heard of the other; returns when one's end has come."""
    one.sendall(b"all of it")
    one.shutdown(socket.SHUT_WR)
    assert drain(other) == b"all of it"
    other.sendall(b"and")
    assert take(one, 3) == b"and"
    expect_end(one)


def test_half_closed_for_all_families(context):
    def check(scene):
        for one, other, name, _ in scene.pairs():
            half_close_and_wait(one, other)
            scene.close_of(name, 9, "half-closed", 3, err=0)
    at_once(context, check, options="half-closed 1")


def test_idle_ends_a_half_closed_session_too(context):
    """Where it is the shorter of the two."""
    def check(scene):
        for one, other, name, _ in scene.pairs():
            half_close_and_wait(one, other)
            scene.close_of(name, 9, "idle", 3, err=0)
    at_once(context, check, options="idle 1 half-closed 30")


def test_lifetime_for_all_families(context):
    """It ends a session that is busy, and one that is half-closed."""
    def check(scene):
        peer, dst = scene.line.pair()
        carried = 0
        while not scene.monitor.all("session-closed"):
            with contextlib.suppress(OSError, AssertionError):
                exchange(peer, dst, 1000)
                carried += 1000
        event = scene.next_closed()
        assert event["reason"] == "lifetime", event
        for way in ("bytes-to-dst", "bytes-to-src"):
            assert 1000 <= carried <= event[way] <= carried + 1000, (
                event, carried)
        for one, other, name, _ in scene.pairs():
            half_close_and_wait(one, other)
            scene.close_of(name, 9, "lifetime", 3, err=0)
    at_once(context, check, options="lifetime 1")


def test_timeout_with_bytes_undelivered_is_a_reset(context):
    """And the event has an errno."""
    def check(scene):
        for one, other, _, _ in scene.pairs():
            sent = fill(one)
            event = scene.next_closed()
            assert (event["reason"], event["err"]) == (
                "idle", errno.ETIMEDOUT), event
            got = broken(other)
            assert sent.startswith(got) and len(got) < len(sent)
            counted = event.get("bytes-to-dst", 0) + event.get(
                "bytes-to-src", 0)
            assert len(got) <= counted < len(sent), (event, len(got))
    at_once(context, check, options="idle 3")


# Urgent bytes

def send_urgent(sock, data, every):
    """All of it in order; of each so many bytes one is urgent."""
    for at in range(0, len(data), every):
        sock.sendall(data[at:at + every - 1])
        if urgent := data[at + every - 1:at + every]:
            sock.send(urgent, socket.MSG_OOB)
    sock.shutdown(socket.SHUT_WR)


def test_urgent_bytes_keep_their_places(context):
    """In small traffic and in bulk, both ways at once."""
    for scene in scenes(context, URGENT_KINDS):
        for size, every in ((40, 7), (100000, 1000), (8000000, 70001),
                            (8000000, 2000003)):
            peer, dst = scene.line.pair()
            to_dst, to_src = os.urandom(size), os.urandom(size)
            _, _, at_dst, at_src = run(
                (send_urgent, peer, to_dst, every),
                (send_urgent, dst, to_src, every),
                (drain, dst), (drain, peer))
            for got, want in ((at_dst, to_dst), (at_src, to_src)):
                assert got == want, (size, every, len(got))
            scene.closed("clean", size, size)
            peer.close()
            dst.close()


def test_urgent_byte_alone(context):
    """With nothing before and behind it, it arrives, and so does the end."""
    for scene in scenes(context, URGENT_KINDS):
        for one, other, name, _ in scene.pairs():
            for byte in (b"a", b"b"):
                one.send(byte, socket.MSG_OOB)
                assert take(other, 1) == byte
            one.send(b"c", socket.MSG_OOB)
            one.shutdown(socket.SHUT_WR)
            assert drain(other) == b"c"
            other.close()
            scene.close_of(name, 3, "clean")
            one.close()


# What is written about it

def test_reasons_stand_in_the_log(context):
    """In the words of the events, a line for each session."""
    line = Line(context, options="idle 1")
    daemon = line.daemon
    daemon.stop()
    daemon.args.append("-v")
    daemon.start()
    monitor = Monitor(context, daemon)
    peer, dst = line.pair()
    exchange(peer, dst, 10, end=True)
    for one, other in (line.pair(), reversed(line.pair())):
        break_off(one)
        assert expect_reset(other) == b""
    peer, dst = line.pair()
    expect_end(peer)
    for event in monitor.wait_count(4, "session-closed"):
        daemon.wait_log("session %d of bridge %d closed: %s" % (
            event["id"], event["bridge"], event["reason"]))
    assert {e["reason"] for e in monitor.all("session-closed")} == {
        "clean", "peer-reset", "dst-reset", "idle"}
