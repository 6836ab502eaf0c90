"""How sessions end: what one side does arrives at the other, and what it
sent before arrives first."""

import contextlib
import errno
import os
import signal
import socket

from ends import (Line, accept, app_directory, connect, drain, exchange,
                  expect_end, expect_nothing, expect_refusal, expect_reset,
                  fill, listen, reset, run, take, waiting)
from mctd import environment
from program import wait_for
from watch import Monitor

KINDS = (("tcp:127.0.0.1:%d", "tcp:[::1]:%d"), ("tcp:[::1]:%d", "unix:@d%d"),
         ("unix:@s%d", "tcp:127.0.0.1:%d"), ("unix:@s%d", "unix:@d%d"))


def lines(context):
    """A bridge of each kind, one after the other."""
    for src, dst in KINDS:
        yield Line(context, src % context.port(), dst % context.port())


def both_ways(line):
    """A session as (one, other), and another as (other, one)."""
    yield line.pair()
    yield reversed(line.pair())


def expect(sock, data):
    assert take(sock, len(data)) == data, "other bytes than were sent"


def test_half_close_keeps_the_other_direction(context):
    for line in lines(context):
        for ended, open_ in both_ways(line):
            ended.sendall(b"last")
            ended.shutdown(socket.SHUT_WR)
            assert drain(open_) == b"last"
            for _ in range(3):
                data = os.urandom(300000)
                run((open_.sendall, data),
                    (expect, ended, data))
            expect_nothing(ended)
            open_.close()
            expect_end(ended)
            ended.close()
        line.wait_sessions(0)


def test_both_ends_make_a_clean_end(context):
    line = Line(context)
    monitor = Monitor(context, line.daemon)
    peer, dst = line.pair()
    exchange(peer, dst, 5000, end=True)
    opened = monitor.wait("session-opened")
    closed = monitor.wait("session-closed", id=opened["id"])
    assert closed["reason"] == "clean" and not closed.get("err"), closed
    assert closed["bytes-to-dst"] == closed["bytes-to-src"] == 5000
    assert opened["bridge"] == closed["bridge"] == line.bridge()["id"]
    assert line.sessions() == []


def test_end_right_after_much_data_cuts_nothing(context):
    for line in lines(context):
        for sender, reader in both_ways(line):
            data = os.urandom(2000000)
            got = run((lambda: (sender.sendall(data), sender.close()),),
                      (drain, reader))[1]
            assert got == data, "%d of %d" % (len(got), len(data))


def test_reset_arrives_as_reset(context):
    line = Line(context)
    monitor = Monitor(context, line.daemon)
    for number, reason in enumerate(("peer-reset", "dst-reset")):
        one, other = line.pair() if number == 0 else reversed(line.pair())
        exchange(one, other)
        reset(one)
        assert expect_reset(other) == b""
        monitor.wait("session-closed", reason=reason)
    line.wait_sessions(0)


def test_data_before_a_reset_is_delivered(context):
    line = Line(context)
    for one, other in both_ways(line):
        data = os.urandom(20000)
        one.sendall(data)
        reset(one)
        assert expect_reset(other) == data


def test_reset_while_the_other_side_does_not_read(context):
    """What lies unread at the other side survives; no byte is wrong."""
    line = Line(context)
    for one, other in both_ways(line):
        sent = fill(one)
        line.wait_sessions(1)
        there = waiting(other)
        reset(one)
        got = expect_reset(other)
        assert sent.startswith(got) and len(got) >= there > 0
        line.wait_sessions(0)


def test_reset_at_a_side_that_never_reads(context):
    """Its end comes with the timeout, is a reset, and is seen as one."""
    line = Line(context, options="half-closed 1")
    monitor = Monitor(context, line.daemon)
    for one, other in both_ways(line):
        sent = fill(one)
        reset(one)
        event = monitor.wait("session-closed")
        assert event["reason"] in ("peer-reset", "dst-reset"), event
        assert event["err"] != 0
        assert sent.startswith(expect_reset(other))


def test_undelivered_bytes_make_a_timeout_a_reset(context):
    line = Line(context, options="idle 4")
    pairs = [tuple(pair) for pair in both_ways(line)]
    sent = [fill(one) for one, _ in pairs]
    line.wait_sessions(0)
    for (_, other), data in zip(pairs, sent):
        got = expect_reset(other)
        assert data.startswith(got) and len(got) < len(data)


def test_reset_of_a_side_that_reads_nothing(context):
    """While bytes wait for it, and their sender has not ended."""
    line = Line(context)
    for one, other in both_ways(line):
        fill(one)
        reset(other)
        assert expect_reset(one) == b""
        line.wait_sessions(0)


def test_reset_after_a_half_close(context):
    """Of the side that goes on, and of the one that has ended."""
    line = Line(context)
    for number in range(4):
        pair = line.pair()
        one, other = pair if number % 2 else reversed(pair)
        one.shutdown(socket.SHUT_WR)
        expect_end(other)
        quitter, left = (one, other) if number // 2 else (other, one)
        reset(quitter)
        if left is one:
            assert expect_reset(left) == b""
        line.wait_sessions(0)


def test_reset_meets_a_local_stream_as_its_end(context):
    """Again and again, as a dst may speak and reset before the parent has
    seen that it stands."""
    for src, dst in (KINDS[1], KINDS[2]):
        line = Line(context, src % context.port(), dst % context.port())
        for number in range(100):
            tcp, local = line.pair()
            if tcp.family == socket.AF_UNIX:
                tcp, local = local, tcp
            tcp.sendall(b"last words")
            reset(tcp)
            assert drain(local) == b"last words", (src, number)
            local.close()
        line.wait_sessions(0)


def test_local_side_that_goes_is_a_reset_for_the_other(context):
    """Its receiver closed with bytes unread: nothing takes ours any more."""
    line = Line(context, None, "unix:@d%d" % context.port())
    peer, dst = line.pair()
    fill(peer)
    dst.close()
    assert expect_reset(peer) == b""
    line.wait_sessions(0)


def test_dst_that_refuses_resets_the_peer(context):
    app = app_directory(context)
    missing = "unix:%s/missing" % app
    daemon = context.daemon(
        'timeouts { drain 0 }\ndirectory "%s"\n' % app)
    monitor = Monitor(context, daemon)
    for dst, error in (
            ("tcp:127.0.0.1:%d" % context.port(), errno.ECONNREFUSED),
            ("tcp:[::1]:%d" % context.port(), errno.ECONNREFUSED),
            ("unix:@nobody", errno.ECONNREFUSED),
            (missing, errno.ENOENT)):
        src = "tcp:127.0.0.1:%d" % context.port()
        bridge = daemon.add(src, dst)
        expect_refusal(src)
        event = monitor.wait("connect-failed", bridge=bridge)
        assert event["err"] == error, event
        assert event["reason"] == "connect-failed"
        record = next(b for b in daemon.show("bridges")
                      if b["id"] == bridge)
        assert (record["accepted"], record["failed"],
                record["opened"]) == (1, 1, 0)
    assert daemon.show("sessions") == []


def test_local_peer_of_a_dst_that_refuses_sees_the_end(context):
    src = "unix:@s%d" % context.port()
    context.daemon("bridge %s tcp:127.0.0.1:%d\n" % (src, context.port()))
    expect_end(connect(src))


def test_dst_that_accepts_and_closes_at_once(context):
    line = Line(context)
    for _ in range(20):
        peer, dst = line.pair()
        dst.close()
        expect_end(peer)
        peer.close()
    line.wait_sessions(0)
    for _ in range(20):
        peer, dst = line.pair()
        reset(dst)
        assert expect_reset(peer) == b""
    line.wait_sessions(0)
    line.check()


def test_peer_that_is_gone_before_it_is_accepted(context):
    """It ends, or resets, at once after connecting."""
    line = Line(context)
    for _ in range(20):
        connect(line.src).close()
        expect_end(accept(line.server))
    for _ in range(20):
        reset(connect(line.src))
    line.wait_sessions(0)
    line.server.close()
    line.server = listen(line.dst)
    line.check()


def test_what_a_peer_sent_before_dst_stood_is_not_lost(context):
    line = Line(context, None, "unix:@d%d" % context.port())
    data = os.urandom(50000)
    with connect(line.src) as peer:
        peer.sendall(data)
    assert drain(accept(line.server)) == data


def test_idle_session_is_closed(context):
    line = Line(context, options="idle 1")
    monitor = Monitor(context, line.daemon)
    quiet, quiet_dst = line.pair()
    busy, busy_dst = line.pair()

    def closed():
        exchange(busy, busy_dst, 10)
        return monitor.all("session-closed")

    event = wait_for(closed, 20, "end of the idle session")[0]
    assert event["reason"] == "idle", event
    expect_end(quiet)
    expect_end(quiet_dst)
    exchange(busy, busy_dst)
    assert [s["id"] for s in line.sessions()] != [event["id"]]
    assert len(line.sessions()) == 1


def test_half_closed_session_is_closed_when_silent(context):
    """Silence of a session that is whole does not count."""
    line = Line(context, options="half-closed 1")
    monitor = Monitor(context, line.daemon)
    whole = line.pair()
    for one, other in both_ways(line):
        monitor.events.clear()
        one.shutdown(socket.SHUT_WR)
        expect_end(other)
        other.sendall(b"still")
        assert take(one, 5) == b"still"
        event = monitor.wait("session-closed")
        assert event["reason"] == "half-closed", event
        expect_end(one)
        assert len(line.sessions()) == 1
    exchange(*whole)


def test_session_closed_by_id_is_closed_when_the_tool_returns(context):
    """Both sides see a reset, whatever the session is doing."""
    for line in lines(context):
        for state in ("idle", "stuck", "half-closed"):
            peer, dst = line.pair()
            if state == "stuck":
                fill(peer)
            if state == "half-closed":
                peer.shutdown(socket.SHUT_WR)
                expect_end(dst)
            session, = line.sessions()
            status, _, err = line.daemon.ctl("session", "close",
                                             str(session["id"]))
            assert status == 0, err
            assert line.sessions() == []
            gone(peer)
            if state == "idle":
                gone(dst)
            peer.close()
            dst.close()
        line.check()


def gone(sock):
    """Its end is here already: a reset, if it is TCP.  A local one has that
    too where bytes of its own were not read."""
    sock.setblocking(False)
    if sock.family != socket.AF_UNIX:
        assert expect_reset(sock) == b""
        return
    with contextlib.suppress(ConnectionResetError):
        expect_end(sock)


def test_closing_takes_effect_at_once_and_returns_when_it_is_done(context):
    """With an engine that does nothing for a moment, the sides see their
    reset at once, and the tool waits for the engine's word."""
    line = Line(context)
    peer, dst = line.pair()
    session, = line.wait_sessions(1)
    engine, = line.daemon.pids()["engine"]
    os.kill(engine, signal.SIGSTOP)
    tool = context.program(
        os.path.join(line.daemon.build, "mctctl"), "-s", line.daemon.socket,
        "session", "close", str(session["id"]), env=environment())
    assert expect_reset(peer) == expect_reset(dst) == b""
    states = [[s["state"] for s in line.sessions()] for _ in range(5)]
    # An engine that takes too long is replaced, which also ends it.
    assert "does not end a session" in line.daemon.log_text() or \
        (states == [["closing"]] * 5 and tool.process.poll() is None), states
    os.kill(engine, signal.SIGCONT)
    assert tool.process.wait(20) == 0
    assert line.sessions() == []
    line.check()


def test_closing_one_session_leaves_the_others(context):
    line = Line(context)
    monitor = Monitor(context, line.daemon)
    pairs = [line.pair() for _ in range(5)]
    by_peer = {s["peer"]: s["id"] for s in line.wait_sessions(5)}
    victim = by_peer["tcp:%s:%d" % pairs[2][0].getsockname()]
    assert line.daemon.ctl("session", "close", str(victim))[0] == 0
    event = monitor.wait("session-closed")
    assert (event["id"], event["reason"]) == (victim, "requested")
    assert expect_reset(pairs[2][0]) == expect_reset(pairs[2][1]) == b""
    for number in (0, 1, 3, 4):
        exchange(*pairs[number])


def test_closing_a_bridge_takes_its_sessions(context):
    line = Line(context)
    other = Line(context)
    kept = other.pair()
    monitor = Monitor(context, line.daemon)
    pairs = [line.pair() for _ in range(30)]
    bridge = line.bridge()["id"]
    assert line.daemon.ctl("bridge", "close", str(bridge))[0] == 0
    assert line.daemon.show("bridges") == line.sessions() == []
    for pair in pairs:
        for sock in pair:
            gone(sock)
    for event in monitor.wait_count(30, "session-closed"):
        assert event["reason"] == "bridge-closed", event
    monitor.wait("bridge-destroyed", id=bridge)
    with socket.socket() as sock:
        port = int(line.src.rpartition(":")[2])
        assert sock.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED
    # The address is free at once.
    line.daemon.add(line.src, line.dst, "name", "line")
    line.check()
    exchange(*kept)
