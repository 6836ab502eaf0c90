"""Limits of sessions, bridges and descriptors: who is over one waits or is
refused, nothing is spun on or left behind, and it goes on by itself."""

import os
import time

from ends import (Line, QUICK, accept, connect, exchange, expect_nothing,
                  expect_refusal, listen, run)
from program import wait_for
from watch import Monitor


def wait_state(line, state):
    wait_for(lambda: line.bridge()["state"] == state, 20, state)


def fill_up(line, count):
    """So many sessions, and three peers more, which wait."""
    pairs = [line.pair() for _ in range(count)]
    waiting = [connect(line.src) for _ in range(3)]
    for peer in waiting:
        peer.sendall(b"waited")
    wait_state(line, "paused")
    assert len(line.sessions()) == count
    return pairs, waiting


def check_pause(line, count, monitor, text):
    """Full, then room for one after the other."""
    pairs, waiting = fill_up(line, count)
    event = monitor.wait("limit-reached")
    assert event["text"] == text, event
    line.server.setblocking(False)
    for peer in waiting:
        try:
            accept(line.server)
        except BlockingIOError:
            pass
        else:
            raise AssertionError("more sessions than the limit")
        exchange(*pairs[0])
        for sock in pairs.pop(0):
            sock.close()
        line.server.settimeout(20)
        dst = accept(line.server)
        line.server.setblocking(False)
        assert dst.recv(6) == b"waited"
        pairs.append((peer, dst))
    wait_for(lambda: len(line.sessions()) == count)
    for pair in pairs:
        for sock in pair:
            sock.close()
    wait_state(line, "listening")
    line.wait_sessions(0)
    assert line.bridge()["paused"] > 0
    line.server.settimeout(20)
    line.check()


def test_full_table_pauses_accepting_and_goes_on(context):
    line = Line(context, conf="limits { sessions 5 }\n")
    check_pause(line, 5, Monitor(context, line.daemon), "sessions")


def test_full_table_holds_up_every_bridge_and_frees_every_bridge(context):
    line = Line(context, conf="limits { sessions 3 }\n")
    src, dst = ("tcp:127.0.0.1:%d" % context.port() for _ in range(2))
    server = listen(dst)
    line.daemon.add(src, dst)
    pairs = [line.pair() for _ in range(3)]
    waiting = connect(src)
    wait_for(lambda: line.daemon.show("bridges")[1]["state"] == "paused")
    for sock in pairs[0]:
        sock.close()
    exchange(waiting, accept(server))


def test_max_of_a_bridge(context):
    line = Line(context, options="max 2")
    other = listen("tcp:127.0.0.1:%d" % context.port())
    src = "tcp:127.0.0.1:%d" % context.port()
    line.daemon.add(src, "tcp:127.0.0.1:%d" % other.getsockname()[1])
    check_pause(line, 2, Monitor(context, line.daemon), "max")
    fill_up(line, 2)
    # Another bridge has no part in it.
    for _ in range(4):
        exchange(connect(src), accept(other))


def test_max_per_source_refuses_with_a_reset(context):
    line = Line(context, options="max-per-source 2")
    monitor = Monitor(context, line.daemon)
    first = [line.pair() for _ in range(2)]
    expect_refusal(line.src)
    event = monitor.wait("limit-reached")
    assert event["text"] == "max-per-source", event
    second = [line.pair("tcp:127.0.0.2:0") for _ in range(2)]
    expect_refusal(line.src, "tcp:127.0.0.2:0")
    assert line.bridge()["refused"] == 2
    for pair in first + second:
        exchange(*pair)
    # One goes, one may come.
    for sock in first.pop():
        sock.close()
    line.wait_sessions(3)
    first.append(line.pair())
    exchange(*first[-1])
    expect_refusal(line.src)


def test_max_per_source_counts_local_peers_as_one_host(context):
    line = Line(context, "unix:@src", options="max-per-source 1")
    pair = line.pair()
    with connect(line.src) as sock:
        assert sock.recv(1) == b""
    exchange(*pair)


def clients_left(daemon):
    """Connections of the control socket; only the listener stays."""
    with open("/proc/net/unix") as stream:
        return sum(daemon.socket in line.split() for line in stream) - 1


def descriptors(daemon):
    """How many each process has, once no mctctl is connected any more."""
    wait_for(lambda: clients_left(daemon) == 0, 10, "end of clients")
    return {pid: len(os.listdir("/proc/%d/fd" % pid))
            for pid in daemon.all_pids()}


def test_2000_short_connections_leave_no_descriptor_behind(context):
    line = Line(context)
    line.check()
    line.wait_sessions(0)
    before = descriptors(line.daemon)

    def serve():
        for _ in range(2000):
            with accept(line.server) as sock:
                sock.sendall(sock.recv(10))

    def ask(count):
        for _ in range(count):
            with connect(line.src) as sock:
                sock.sendall(b"x")
                assert sock.recv(10) == b"x"

    run((serve,), *((ask, 250) for _ in range(8)))
    line.wait_sessions(0)
    bridge = line.bridge()
    assert bridge["opened"] == 2001
    assert bridge["bytes-to-src"] >= 2000
    assert descriptors(line.daemon) == before


def test_refused_and_failed_sessions_leave_no_descriptor_behind(context):
    src = "tcp:127.0.0.1:%d" % context.port()
    daemon = context.daemon(QUICK + "bridge %s tcp:127.0.0.1:%d\n" % (
        src, context.port()))
    before = descriptors(daemon)
    for _ in range(300):
        expect_refusal(src)
    wait_for(lambda: daemon.show("bridges")[0]["failed"] == 300)
    assert daemon.show("sessions") == []
    assert descriptors(daemon) == before


def test_bridges_made_and_closed_leave_no_descriptor_behind(context):
    daemon = context.daemon("limits { bridges 4 }\n")
    before = descriptors(daemon)
    for kind in ("tcp:127.0.0.1:%d", "udp:127.0.0.1:%d", "unix:@%d"):
        for _ in range(10):
            listener = listen("unix:@dst") if kind[0] == "u" else None
            number = daemon.add(kind % context.port(), kind % 9)
            assert daemon.ctl("bridge", "close", str(number))[0] == 0
            if listener:
                listener.close()
        # And those that fail half-way.
        assert daemon.ctl("bridge", "add", "udp:127.0.0.1:%d" %
                          context.port(), "unixdgram:@missing")[0] == 1
    assert descriptors(daemon) == before


def cpu_s(daemon):
    """Of all processes together, used so far."""
    ticks = 0
    for pid in daemon.all_pids():
        with open("/proc/%d/stat" % pid) as stream:
            fields = stream.read().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def check_idle(daemon):
    """A measurement, not a wait: a process that spins would use all."""
    begun, used = time.monotonic(), cpu_s(daemon)
    time.sleep(0.5)
    share = (cpu_s(daemon) - used) / (time.monotonic() - begun)
    assert share < 0.2, "uses %d %% of a processor" % (100 * share)


def test_paused_bridge_uses_no_processor(context):
    line = Line(context, options="max 2")
    fill_up(line, 2)
    check_idle(line.daemon)


def test_full_bridge_table_is_refused(context):
    """ENOSPC, for both types; room comes back with the next close."""
    line = Line(context, conf="limits { bridges 3 }\n")
    ids = [line.daemon.add("udp:127.0.0.1:%d" % context.port(),
                           "udp:127.0.0.1:9") for _ in range(2)]
    for kind in ("udp", "tcp"):
        status, out, err = line.daemon.ctl(
            "bridge", "add", "%s:127.0.0.1:%d" % (kind, context.port()),
            kind + ":127.0.0.1:9")
        assert status == 1 and out == ""
        assert "as many bridges as the limit allows" in err, err
    line.check()
    line.daemon.ctl("bridge", "close", str(ids[0]))
    line.daemon.add("udp:127.0.0.1:%d" % context.port(), "udp:127.0.0.1:9")
    summary, = line.daemon.show("summary")
    assert (summary["bridges"], summary["bridges-limit"]) == (3, 3)


def test_waiting_peer_that_gives_up_is_no_obstacle(context):
    line = Line(context, options="max 1")
    pairs, waiting = fill_up(line, 1)
    for peer in waiting[:2]:
        peer.close()
    expect_nothing(waiting[2])
    for sock in pairs[0]:
        sock.close()
    for _ in range(2):
        accept(line.server).close()
    dst = accept(line.server)
    exchange_after(waiting[2], dst)


def exchange_after(peer, dst):
    assert dst.recv(6) == b"waited"
    exchange(peer, dst)
