"""Upgrade in place: another mctd goes on with all that the running one has,
and nobody who sends or receives notices."""

import json
import os
import socket

from dgrams import Feed
from echo import Echo, asked, ending, tcp
from ends import (QUICK, Line, accept, app_directory, connect, exchange,
                  expect_end, expect_nothing, listen, make, silent_net, take)
from program import wait_for
from shell import Shell, need
from traffic import Traffic
from upgrade import Upgrades, figures, in_a_row, upgrade
from watch import Monitor


# -- What goes on


def test_sessions_go_on(context):
    """Idle, after copy and after splice, half-closed either way; ids,
    figures and events go on, and a second upgrade does it again."""
    line = Line(context)
    monitor = Monitor(context, line.daemon)
    pairs = [line.pair() for _ in range(4)]
    exchange(*pairs[0], 3 << 20)  # by splice
    exchange(*pairs[1], 10)
    pairs[2][0].shutdown(socket.SHUT_WR)
    expect_end(pairs[2][1])
    pairs[3][1].shutdown(socket.SHUT_WR)
    expect_end(pairs[3][0])
    ended = line.pair()
    exchange(*ended, 1000, end=True)
    for end in ended:
        end.close()
    monitor.wait("session-closed")
    for _ in range(2):
        before = figures(line.daemon)
        assert len(before["sessions"]) == 4
        upgrade(line.daemon)
        assert figures(line.daemon) == before
        for peer, dst in pairs[:2]:
            expect_nothing(peer)
            exchange(peer, dst)
        for sender, taker in (pairs[2][::-1], pairs[3]):
            sender.sendall(b"half")
            assert take(taker, 4) == b"half"
        line.check()
    for peer, dst in pairs[:2]:
        exchange(peer, dst, end=True)
    for pair in pairs:
        for end in pair:
            end.close()
    line.wait_sessions(0)
    monitor.wait_count(7, "session-closed")
    in_a_row(monitor)
    assert {e.get("reason") for e in monitor.all("session-closed")} == \
        {"clean"}, monitor.events
    assert monitor.all("config-loaded")
    monitor.program.stop()


def ended_sessions(daemon):
    """But for how long ago it was."""
    return [{name: value for name, value in session.items() if name != "ago"}
            for session in daemon.show("ended")]


def test_ended_sessions_are_shown(context):
    line = Line(context)
    for _ in range(3):
        line.check()
    line.wait_sessions(0)
    before = ended_sessions(line.daemon)
    assert len(before) == 3
    upgrade(line.daemon)
    assert ended_sessions(line.daemon) == before


def test_times_of_sessions_go_on(context):
    """What an engine was told of a session holds for the next one, too."""
    idle, old = tcp(context), tcp(context)
    echo = Echo(tcp(context))
    daemon = context.daemon(
        QUICK + "bridge %s %s { idle 3 }\nbridge %s %s { lifetime 3 }\n" % (
            idle, echo.text, old, echo.text))
    monitor = Monitor(context, daemon)
    peers = [asked(src) for src in (idle, old)]
    for _ in range(2):
        upgrade(daemon)
    for reason in ("idle", "lifetime"):
        monitor.wait("session-closed", reason=reason)
    for peer in peers:
        peer.close()


def check_load(context, kinds, **more):
    """Random traffic with one upgrade after the other, two engines: every
    byte and every end as if there had been none."""
    traffic = Traffic("4")
    conf = QUICK + "engines 2\n" + more.pop("conf", "")
    for number, (src, dst) in enumerate(kinds):
        name = "kind%d" % number
        conf += 'bridge "%s" "%s" "%s"\n' % (name, src, dst)
        traffic.bridge(name, src, dst, False)
    daemon = context.daemon(conf)
    monitor = Monitor(context, daemon)
    upgrades = Upgrades(daemon)
    try:
        traffic.run(4, 12)
    finally:
        upgrades.finish()
    traffic.settle(lambda: daemon.show("sessions") == [])
    traffic.judge()
    opened = sum(b["opened"] for b in daemon.show("bridges"))
    closed = monitor.wait_count(opened, "session-closed")
    assert {e["reason"] for e in closed} == {"clean"}, closed
    in_a_row(monitor)
    for bridge in daemon.show("bridges"):
        carried = traffic.carried[bridge["name"]]
        assert bridge["opened"] == carried.peers == carried.accepted
        assert bridge["bytes-to-dst"] == carried.sent["peer"] == \
            carried.got["dst"], bridge
        assert bridge["bytes-to-src"] == carried.sent["dst"] == \
            carried.got["peer"], bridge
    traffic.close()
    monitor.program.stop()


def test_tcp_under_load(context):
    check_load(context, (("tcp:127.0.0.1:7101", "tcp:[::1]:7201"),
                         ("tcp:[::1]:7102", "tcp:127.0.0.1:7202")))


def test_local_sockets_and_records_under_load(context):
    """Nothing is in hand when an engine halts, so that also what a death
    leaves in doubt goes on."""
    app = app_directory(context)
    check_load(context, (
        ("unix:%s/a" % app, "tcp:127.0.0.1:7202"),
        ("tcp:127.0.0.1:7103", "unix:%s/b" % app),
        ("unix:%s/c" % app, "unix:@d"), ("unixseq:@e", "unixseq:%s/f" % app)),
        conf='directory "%s"\n' % app)


def test_datagrams_go_on(context):
    """One after the other while mctd is upgraded: all come, in order, and
    are counted once."""
    feed = Feed(context, "udp:127.0.0.1:%d" % context.port(),
                "udp:127.0.0.1:%d" % context.port(),
                "udp:[::1]:%d" % context.port())
    upgrades = Upgrades(feed.daemon)
    try:
        while upgrades.count < 3 and upgrades.error is None:
            feed.carry(*(b"%d %d" % (feed.sent, i) for i in range(20)))
    finally:
        upgrades.finish()
    feed.check()
    assert feed.sent > 100


def test_iperf3_goes_on_both_ways(context):
    """Its control connection, two streams, and its datagrams."""
    port, src = context.port(), context.port()
    context.program("iperf3", "-s", "-B", "127.0.0.1", "-p", str(port))
    daemon = context.daemon(
        QUICK + "bridge tcp:127.0.0.1:%d tcp:127.0.0.1:%d\n" % (src, port))
    wait_for(lambda: served_by(port), 10, "iperf3")
    for more in ((), ("-R",)):
        client = context.program("iperf3", "-c", "127.0.0.1", "-p", str(src),
                                 "-J", "-t", "4", "-b", "100M", "-P", "2",
                                 *more)
        wait_for(lambda: len(daemon.show("sessions")) == 3, 10, "sessions")
        for _ in range(2):
            before = daemon.show("bridges")[0]
            upgrade(daemon)
            wait_for(lambda before=before: all(
                daemon.show("bridges")[0][way] >= before[way] + (
                    1 << 20 if (way == "bytes-to-src") == bool(more) else 0)
                for way in ("bytes-to-dst", "bytes-to-src")), 10, "bytes")
        result = json.loads(client.finish())
        assert "error" not in result, result["error"]
        assert result["end"]["sum_received"]["bytes"] > 1 << 20
        wait_for(lambda: daemon.show("sessions") == [], 10, "end")
    bridge, = daemon.show("bridges")
    assert bridge["opened"] == 6 and bridge["failed"] == 0, bridge


def served_by(port):
    with open("/proc/net/tcp") as stream:
        return any(":%04X 00000000:0000 0A" % port in line
                   for line in stream)


def test_ssh_goes_on(context):
    """A shell that answers, before and after."""
    shell = Shell(context)
    ssh = context.program(need("ssh"), *shell.words(), "root@127.0.0.1",
                          "cat")
    for number in range(3):
        ssh.process.stdin.write("line %d\n" % number)
        ssh.process.stdin.flush()
        ssh.wait_line("line %d" % number)
        upgrade(shell.daemon)
    data = os.urandom(1 << 20).hex()
    ssh.process.stdin.write(data + "\n")
    assert ssh.finish() == data + "\n"
    bridge, = shell.daemon.show("bridges")
    assert bridge["opened"] == 1, bridge


# -- What is on its way


def test_connecting_goes_on(context):
    """A dst that does not answer, and one whose queue is full: the peer
    waits, and the dst is connected, or given up, when it would have been."""
    app = app_directory(context)
    full, _ = make("unix:%s/full" % app)
    full.bind("%s/full" % app)
    os.chmod("%s/full" % app, 0o777)
    full.listen(0)
    fillers = [connect("unix:%s/full" % app)]
    silent, line = tcp(context), tcp(context)
    daemon = context.daemon(
        QUICK + 'directory "%s"\n'
        'bridge "silent" %s %s { connect 8s }\n'
        'bridge "full" %s unix:%s/full { connect 40s }\n' % (
            app, silent, silent_net(), line, app))
    monitor = Monitor(context, daemon)
    waits, peers = connect(silent), [connect(line) for _ in range(3)]
    wait_for(lambda: len(daemon.show("sessions")) == 4, 10, "sessions")
    for _ in range(2):
        before = figures(daemon)
        assert {s["state"] for s in before["sessions"]} == {"connecting"}
        upgrade(daemon)
        assert figures(daemon) == before
    accept(full).close()
    for peer in peers:
        exchange(peer, accept(full), 1000)
    assert ending(waits) == "reset"
    monitor.wait("connect-failed", reason="connect-timeout")
    in_a_row(monitor)
    for end in (*fillers, waits, *peers):
        end.close()


def test_peers_that_wait_for_a_limit_come_in(context):
    line = Line(context, options="max 1")
    first = line.pair()
    second = connect(line.src)
    wait_for(lambda: line.bridge()["state"] == "paused", 10, "pause")
    upgrade(line.daemon)
    assert line.bridge()["state"] == "paused"
    expect_nothing(second)
    for end in first:
        end.close()
    with accept(line.server) as dst:
        exchange(second, dst, 1000)
    second.close()


def test_dst_that_is_held_stays_so(context):
    down, up, src = tcp(context), Echo(tcp(context)), tcp(context)
    daemon = context.daemon(
        QUICK + "bridge %s %s { dst %s hold 40s }\n" % (src, down, up.text))
    monitor = Monitor(context, daemon)
    asked(src).close()
    monitor.wait("dst-down")
    upgrade(daemon)
    with listen(down) as server:
        for _ in range(3):
            asked(src).close()
        server.setblocking(False)
        try:
            server.accept()
        except BlockingIOError:
            pass
        else:
            raise AssertionError("a dst that is held was tried")
    assert len(monitor.all("dst-down")) == 1
