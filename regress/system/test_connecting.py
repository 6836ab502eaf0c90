"""Sessions whose dst does not stand yet."""

import errno
import os

from ends import (Line, QUICK, accept, app_directory, connect, exchange,
                  expect_end, expect_nothing, expect_reset, listen, reset,
                  silent_net, take)
from program import wait_for
from watch import Monitor


def state_of(daemon):
    return [s["state"] for s in daemon.show("sessions")]


def wait_state(daemon, *states):
    wait_for(lambda: state_of(daemon) == list(states), 20,
             "sessions " + " ".join(states))


def silent(context, options, conf=""):
    """A daemon whose bridge has a dst that never answers, and its src."""
    src = "tcp:127.0.0.1:%d" % context.port()
    daemon = context.daemon(QUICK + conf + 'bridge "silent" %s %s { %s }\n' %
                            (src, silent_net(), options))
    return daemon, src


def test_silent_dst_times_out_and_the_peer_is_reset(context):
    daemon, src = silent(context, "connect 1")
    monitor = Monitor(context, daemon)
    peer = connect(src)
    wait_state(daemon, "connecting")
    expect_nothing(peer)
    assert daemon.show("bridges")[0]["connecting"] == 1
    event = monitor.wait("connect-failed")
    assert event["err"] == errno.ETIMEDOUT, event
    assert event["reason"] == "connect-timeout", event
    assert expect_reset(peer) == b""
    assert daemon.show("sessions") == []
    bridge, = daemon.show("bridges")
    assert (bridge["failed"], bridge["connecting"]) == (1, 0)
    assert monitor.all("session-opened") == []
    assert monitor.all("session-closed") == []


def test_connecting_session_can_be_closed(context):
    daemon, src = silent(context, "connect 1h")
    peer = connect(src)
    wait_state(daemon, "connecting")
    number = daemon.show("sessions")[0]["id"]
    assert daemon.ctl("session", "close", str(number))[0] == 0
    assert daemon.show("sessions") == []
    assert expect_reset(peer) == b""


def test_bridge_with_connecting_sessions_can_be_closed(context):
    daemon, src = silent(context, "connect 0")
    peers = [connect(src) for _ in range(20)]
    wait_state(daemon, *["connecting"] * 20)
    assert daemon.ctl("bridge", "close", "silent")[0] == 0
    assert daemon.show("sessions") == daemon.show("bridges") == []
    for peer in peers:
        assert expect_reset(peer) == b""


def test_stop_does_not_wait_for_a_connect(context):
    daemon, src = silent(context, "connect 1h")
    peer = connect(src)
    wait_state(daemon, "connecting")
    daemon.stop()
    assert expect_reset(peer) == b""


def test_silent_dst_does_not_stop_another_bridge(context):
    """It holds a quarter of the table, no more."""
    line = Line(context, conf="limits { sessions 16 }\n")
    src = "tcp:127.0.0.1:%d" % context.port()
    number = line.daemon.add(src, silent_net(), "connect", "1h")
    monitor = Monitor(context, line.daemon)
    peers = [connect(src) for _ in range(20)]
    event = monitor.wait("limit-reached")
    assert event["id"] == number and event["text"] == "connecting", event
    assert state_of(line.daemon) == ["connecting"] * 4
    pairs = [line.pair() for _ in range(12)]
    for pair in pairs:
        exchange(*pair, 1000)
    silent_one = next(b for b in line.daemon.show("bridges")
                      if b["id"] == number)
    assert silent_one["state"] == "paused"
    assert silent_one["connecting"] == 4
    for peer in peers:
        expect_nothing(peer)


def test_bridge_held_up_by_a_silent_dst_goes_on_when_that_times_out(context):
    daemon, src = silent(context, "connect 1", "limits { sessions 4 }\n")
    monitor = Monitor(context, daemon)
    peers = [connect(src) for _ in range(3)]
    monitor.wait_count(3, "connect-failed")
    for peer in peers:
        assert expect_reset(peer) == b""
    assert daemon.show("bridges")[0]["state"] == "listening"


def test_full_queue_of_a_local_dst_is_waited_for(context):
    """A local server that is busy says EAGAIN, and is asked again."""
    app = app_directory(context)
    for dst in ("unix:@busy", "unix:%s/busy" % app):
        server = listen(dst, backlog=0)
        first = connect(dst)
        src = "tcp:127.0.0.1:%d" % context.port()
        daemon = context.daemon('%sdirectory "%s"\nbridge %s %s\n' % (
            QUICK, app, src, dst))
        peer = connect(src)
        peer.sendall(b"before dst stands")
        wait_state(daemon, "connecting")
        accept(server).close()
        expect_end(first)
        end = accept(server)
        wait_state(daemon, "open")
        assert end.recv(100) == b"before dst stands"
        exchange(peer, end)


def test_full_queue_of_a_local_dst_times_out(context):
    server = listen("unix:@busy", backlog=0)
    first = connect("unix:@busy")
    src = "tcp:127.0.0.1:%d" % context.port()
    daemon = context.daemon(
        QUICK + "bridge %s unix:@busy { connect 1 }\n" % src)
    monitor = Monitor(context, daemon)
    peer = connect(src)
    event = monitor.wait("connect-failed")
    assert event["reason"] == "connect-timeout", event
    assert expect_reset(peer) == b""
    first.close()
    server.close()


def test_dst_that_comes_back_is_reached(context):
    """A path whose socket is new, and a port that was closed."""
    app = app_directory(context)
    for dst in ("tcp:127.0.0.1:%d" % context.port(), "unix:%s/dst" % app):
        line = Line(context, None, dst, conf='directory "%s"\n' % app)
        old = line.pair()
        line.check()
        line.server.close()
        if dst.startswith("unix"):
            os.unlink(dst[5:])
        monitor = Monitor(context, line.daemon)
        try:
            peer = connect(line.src)
        except ConnectionResetError:
            peer = None
        monitor.wait("connect-failed")
        if peer is not None:
            assert expect_reset(peer) == b""
        line.server = listen(dst)
        line.check()
        exchange(*old)


def test_peer_that_resets_while_dst_is_silent_ends_its_session(context):
    for dst in (silent_net(), "unix:@busy"):
        server = listen("unix:@busy", backlog=0)
        first = connect("unix:@busy")
        src = "tcp:127.0.0.1:%d" % context.port()
        daemon = context.daemon(QUICK + "bridge %s %s { connect 1h }\n" %
                                (src, dst))
        monitor = Monitor(context, daemon)
        for data in (b"", b"more than nothing"):
            peer = connect(src)
            peer.sendall(data)
            wait_state(daemon, "connecting")
            reset(peer)
            wait_for(lambda: daemon.show("sessions") == [], 20, "end")
        for event in monitor.wait_count(2, "connect-failed"):
            assert event["reason"] == "peer-gone", event
            assert event["err"] == errno.ECONNRESET, event
        first.close()
        server.close()


def test_peer_that_ends_while_dst_is_silent_is_carried(context):
    """It may have sent all it had, so its end is no reason to stop."""
    for kind in ("tcp", "unix"):
        server = listen("unix:@busy", backlog=0)
        first = connect("unix:@busy")
        src = "tcp:127.0.0.1:%d" % context.port() if kind == "tcp" else \
            "unix:@src"
        daemon = context.daemon(QUICK + "bridge %s unix:@busy\n" % src)
        peer = connect(src)
        peer.sendall(b"all I had")
        wait_state(daemon, "connecting")
        peer.close()
        accept(server).close()
        first.close()
        end = accept(server)
        assert take(end, 9) == b"all I had"
        expect_end(end)
        end.close()
        server.close()
        wait_for(lambda: daemon.show("sessions") == [], 20, "end")
