"""What outlives an engine: every session that it carried, and everything
that comes while there is none."""

import os
import signal
import subprocess
import threading
import time

from echo import Echo, ask, asked, at_work, ending, lose, served, tcp
from ends import (FOUR_STANDBY, Line, accept, app_directory, connect, drain,
                  exchange, expect_end, expect_nothing, expect_reset, make,
                  receiver, take)
from fds import files_at_rest, wait_open_files
from program import children_of, stop, title_of, wait_for
from watch import Monitor

NOBODY = 65534
HEARTBEAT_S = 5
FIGURES = ("id", "bridge", "state", "engine", "peer", "dst", "bytes-to-dst",
           "bytes-to-src")
MANY = 300


def sleep_s(seconds):
    """Where what passes is time."""
    end = time.monotonic() + seconds
    wait_for(lambda: time.monotonic() > end, 2 * seconds)


def dead(pid):
    wait_for(lambda: title_of(pid) == "", 10, "death")


class Gap:
    """While it lasts there is no engine: the parent stands, so that nobody
    takes over."""

    def __init__(self, daemon):
        self.daemon = daemon

    def __enter__(self):
        self.engine = at_work(self.daemon, "engine")
        stop(self.daemon.pid)
        os.kill(self.engine, signal.SIGKILL)
        dead(self.engine)

    def __exit__(self, *_):
        os.kill(self.daemon.pid, signal.SIGCONT)
        at_work(self.daemon, "engine", other_than=self.engine)


def figures(daemon):
    """Of each session, and of bridges and all."""
    bridges = [{name: bridge.get(name) for name in (
        "id", "state", "sessions", "accepted", "opened", "failed",
        "bytes-to-dst", "bytes-to-src")} for bridge in daemon.show("bridges")]
    summary = daemon.show("summary")[0]
    return ([{name: session[name] for name in FIGURES}
             for session in daemon.show("sessions")], bridges,
            {name: summary[name] for name in (
                "sessions", "bytes-to-dst", "bytes-to-src")})


def none_closed(monitor):
    assert monitor.all("session-closed") == [], monitor.events


def lives(line, peer, dst):
    """It carries, and ends as any does."""
    exchange(peer, dst)
    exchange(peer, dst, 10000, end=True)
    peer.close()
    dst.close()
    line.wait_sessions(0)


def check_open(context, line):
    monitor = Monitor(context, line.daemon)
    pairs = [line.pair() for _ in range(3)]
    exchange(*pairs[0], 3 << 20)  # by splice
    exchange(*pairs[1], 10)
    wait_for(lambda: line.bridge()["bytes-to-src"] == (3 << 20) + 10)
    before = figures(line.daemon)
    lose(line.daemon, "engine")
    monitor.wait("child-restarted", text="engine")
    for peer, dst in pairs:
        expect_nothing(peer)
        expect_nothing(dst)
    assert figures(line.daemon) == before
    none_closed(monitor)
    for peer, dst in pairs:
        exchange(peer, dst)
    assert line.bridge()["bytes-to-dst"] == \
        (3 << 20) + 10 + 100000 * len(pairs)
    none_closed(monitor)
    for number, (peer, dst) in enumerate(pairs, 1):
        exchange(peer, dst, 10000, end=True)
        peer.close()
        dst.close()
        monitor.wait_count(number, "session-closed", reason="clean")


def test_open_sessions_outlive_their_engine(context):
    check_open(context, Line(context))


def test_local_sessions_outlive_their_engine(context):
    where = app_directory(context)
    check_open(context, Line(
        context, "unix:%s/src" % where, "unix:%s/dst" % where,
        conf='directory "%s"\n' % where))


def test_half_closed_sessions_outlive_their_engine(context):
    line = Line(context)
    ended, other = line.pair(), line.pair()
    exchange(*ended, 1000)
    exchange(*other, 1000)
    ended[0].shutdown(1)
    other[1].shutdown(1)
    expect_end(ended[1])
    expect_end(other[0])
    lose(line.daemon, "engine")
    for talker, hearer in (ended[::-1], other):
        sent = os.urandom(100000)
        talker.sendall(sent)
        assert take(hearer, len(sent)) == sent
        expect_nothing(hearer)
        talker.close()
        assert drain(hearer) == b""
        hearer.close()
    line.wait_sessions(0)


def test_what_comes_in_the_gap_arrives(context):
    """Bytes and ends of sessions, new peers, peers that leave again."""
    line = Line(context)
    first, second, third = (line.pair() for _ in range(3))
    for pair in (first, second, third):
        exchange(*pair, 1000)
    sent = os.urandom(50000)
    with Gap(line.daemon):
        first[0].sendall(sent)
        first[0].shutdown(1)
        second[1].sendall(sent)
        third[0].setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")  # SO_LINGER
        third[0].close()
        new = connect(line.src)
        new.sendall(sent)
    assert drain(first[1]) == sent
    assert take(second[0], len(sent)) == sent
    assert expect_reset(third[1]) == b""
    dst = accept(line.server)
    assert take(dst, len(sent)) == sent
    exchange(new, dst)
    for pair in (first, second, (new, dst)):
        for end in pair:
            end.close()
    line.wait_sessions(0)


def test_sessions_that_no_engine_took_are_not_lost(context):
    """Handed to one that hangs: they lie in its channel when it dies."""
    line = Line(context)
    monitor = Monitor(context, line.daemon)
    engine = at_work(line.daemon, "engine")
    stop(engine)
    pairs = [line.pair() for _ in range(5)]
    sent = os.urandom(1000)
    for peer, _ in pairs:
        peer.sendall(sent)
    monitor.wait_count(len(pairs), "session-opened")
    os.kill(engine, signal.SIGKILL)
    for _, dst in pairs:
        assert take(dst, len(sent)) == sent
    none_closed(monitor)
    for peer, dst in pairs:
        exchange(peer, dst)
        peer.close()
        dst.close()
    line.wait_sessions(0)


def test_end_that_a_dead_engine_told_is_heard(context):
    """The parent sleeps: the end lies in the channel of the dead one."""
    line = Line(context)
    monitor = Monitor(context, line.daemon)
    peer, dst = line.pair()
    exchange(peer, dst)
    monitor.wait("session-opened")
    engine = at_work(line.daemon, "engine")
    before = len(os.listdir("/proc/%d/fd" % engine))
    stop(line.daemon.pid)
    peer.close()
    expect_end(dst)
    dst.close()
    # it says so in the turn in which it closes them
    wait_for(lambda: len(os.listdir("/proc/%d/fd" % engine)) == before - 2)
    os.kill(engine, signal.SIGKILL)
    dead(engine)
    os.kill(line.daemon.pid, signal.SIGCONT)
    event = monitor.wait("session-closed")
    assert event["reason"] == "clean", event
    assert event["bytes-to-dst"] == 100000, event
    monitor.wait("child-restarted", text="engine")
    line.check()


def test_session_that_was_closing_ends_with_its_engine(context):
    line = Line(context)
    monitor = Monitor(context, line.daemon)
    closing, other = line.pair(), line.pair()
    exchange(*closing)
    exchange(*other)
    number = min(s["id"] for s in line.sessions())
    engine = at_work(line.daemon, "engine")
    stop(engine)
    closer = threading.Thread(target=line.daemon.ctl, args=(
        "session", "close", str(number)))
    closer.start()
    wait_for(lambda: [s["state"] for s in line.sessions()
                      if s["id"] == number] == ["closing"])
    os.kill(engine, signal.SIGKILL)
    closer.join(20)
    assert not closer.is_alive()
    for end in closing:
        assert ending(end) == "reset"
    monitor.wait("session-closed", id=number, reason="requested")
    lives(line, *other)


def test_close_after_the_death_is_as_any(context):
    line = Line(context, conf=FOUR_STANDBY)
    monitor = Monitor(context, line.daemon)
    pairs = [line.pair() for _ in range(2)]
    for pair in pairs:
        exchange(*pair)
    first, _ = sorted(s["id"] for s in line.sessions())
    lose(line.daemon, "engine")
    status, _, err = line.daemon.ctl("session", "close", str(first))
    assert status == 0, err
    for end in pairs[0]:
        assert ending(end) == "reset"
    lose(line.daemon, "engine")
    status, _, err = line.daemon.ctl("bridge", "close", "line")
    assert status == 0, err
    for end in pairs[1]:
        assert ending(end) == "reset"
    assert [e["reason"] for e in monitor.wait_count(2, "session-closed")] == \
        ["requested", "bridge-closed"]


def test_deaths_in_a_row_lose_nothing(context):
    """Also of a successor that was told of a part of them only."""
    line = Line(context, conf=FOUR_STANDBY)
    monitor = Monitor(context, line.daemon)
    pairs = [line.pair() for _ in range(MANY)]
    for pair in pairs:
        exchange(*pair, 10)
    engine = at_work(line.daemon, "engine")
    for _ in range(4):
        os.kill(engine, signal.SIGKILL)
        engine = at_work(line.daemon, "engine", other_than=engine)
    monitor.wait_count(4, "child-restarted")
    for pair in pairs:
        exchange(*pair, 1000)
    assert len(line.sessions()) == MANY
    none_closed(monitor)
    line.daemon.wait_log("no standby engine is left: upgrade in place")
    for peer, dst in pairs:
        peer.close()
        dst.close()
    line.wait_sessions(0)


def test_options_of_a_session_outlive_its_engine(context):
    """Its rate and its idle time are those it began with."""
    line = Line(context, options="idle 1s")
    monitor = Monitor(context, line.daemon)
    peer, dst = line.pair()
    exchange(peer, dst, 10)
    line.daemon.write('bridge "line" %s %s { lifetime 1h }\n' % (
        line.src, line.dst))
    status, _, err = line.daemon.ctl("reload")
    assert status == 0, err
    lose(line.daemon, "engine")
    monitor.wait("session-closed", reason="idle")
    for end in (peer, dst):
        assert ending(end) == "end"


def test_bridge_of_datagrams_goes_on(context):
    src = "udp:127.0.0.1:%d" % context.port()
    dst = "udp:127.0.0.1:%d" % context.port()
    end = receiver(dst)
    line = Line(context, conf=FOUR_STANDBY + "bridge %s %s\n" % (src, dst))
    sender, address = make(src)
    sender.connect(address)
    pair = line.pair()
    for number in range(3):
        sender.send(b"%d" % number)
        assert end.recv(100) == b"%d" % number
        exchange(*pair)
        lose(line.daemon, "engine")
    lives(line, *pair)


def test_children_that_hang_are_replaced(context):
    """An engine with nothing to do, one with much, and control."""
    echo, src = Echo(tcp(context)), tcp(context)
    daemon = context.daemon(
        FOUR_STANDBY + "engines 2\nbridge %s %s\n" % (src, echo.text))
    monitor = Monitor(context, daemon)
    peers = [asked(src), asked(src)]
    assert sorted(s["engine"] for s in daemon.show("sessions")) == [0, 1]
    peers[1].settimeout(0.1)
    with open("/dev/zero", "rb") as zeros:
        block = zeros.read(1 << 20)
    sent = 0
    hung = [*daemon.pids()["engine"], at_work(daemon, "control")]
    for pid in hung:
        stop(pid)
    try:
        while True:
            sent += peers[1].send(block)
    except TimeoutError:
        peers[1].settimeout(30)
    wait_for(lambda: not any(map(title_of, hung)), 20, "end of who hangs")
    assert daemon.log_text().count("does not answer") == 3, \
        daemon.log_text()
    wait_for(lambda: served(src), 20, "service")
    assert take(peers[1], sent) == bytes(sent)
    for peer in peers:
        ask(peer)
    assert len(daemon.show("sessions")) >= 2
    monitor = Monitor(context, daemon)
    monitor.wait_count(3, "child-restarted")
    ids = {s["id"] for s in daemon.show("sessions")}
    assert not [e for e in monitor.all("session-closed") if e["id"] in ids]


def test_parent_that_slept_kills_nobody(context):
    """Nor when all the machine did."""
    line = Line(context)
    pair = line.pair()
    exchange(*pair)
    before = sorted(children_of(line.daemon.pid))
    at_their_work = [at_work(line.daemon, kind)
                     for kind in ("engine", "control")]
    stop(at_their_work[0])
    sleep_s(1.5)  # it is asked
    stop(line.daemon.pid)
    sleep_s(HEARTBEAT_S)
    os.kill(line.daemon.pid, signal.SIGCONT)
    wait_for(lambda: line.daemon.show("summary"), 10)
    os.kill(at_their_work[0], signal.SIGCONT)
    exchange(*pair)
    status, _, err = line.daemon.ctl("session", "close",
                                     str(line.sessions()[0]["id"]))
    assert status == 0, err
    assert sorted(children_of(line.daemon.pid)) == before
    assert [at_work(line.daemon, kind)
            for kind in ("engine", "control")] == at_their_work


def test_descriptors_in_flight_are_limited_and_none_is_lost(context):
    """The kernel takes no more of them under way than a user may have open;
    the rest is told a little later."""
    line = Line(context)
    monitor = Monitor(context, line.daemon)
    pairs = [line.pair() for _ in range(MANY)]
    for pair in pairs:
        exchange(*pair, 10)
    before = files_at_rest(line.daemon)
    subprocess.run(["prlimit", "--pid", str(line.daemon.pid),
                    "--nofile=64:"], check=True, user=NOBODY, group=NOBODY,
                   extra_groups=[])
    old = at_work(line.daemon, "engine")
    # who takes over does not take anything yet
    asleep = line.daemon.pids()["standby"]
    for pid in asleep:
        stop(pid)
    os.kill(old, signal.SIGKILL)
    monitor.wait("child-restarted", text="engine")
    for pid in asleep:
        os.kill(pid, signal.SIGCONT)
    for pair in pairs:
        exchange(*pair, 1000)
    none_closed(monitor)
    new = at_work(line.daemon, "engine")
    before[new] = before.pop(old)
    subprocess.run(["prlimit", "--pid", str(line.daemon.pid),
                    "--nofile=4000:"], check=True, user=NOBODY, group=NOBODY,
                   extra_groups=[])
    for peer, dst in pairs:
        peer.close()
        dst.close()
    line.wait_sessions(0)
    wait_open_files(line.daemon, before)


def test_death_of_a_sleeping_standby_is_said(context):
    daemon = context.daemon("limits { standby 1 }\n")
    busy = [at_work(daemon, kind) for kind in ("engine", "control")]
    for pid in set(children_of(daemon.pid)) - set(busy):
        os.kill(pid, signal.SIGKILL)
    for kind in ("engine", "control"):
        daemon.wait_log("no standby %s is left: upgrade in place "
                        "(mctd -U)" % kind)
    assert daemon.log_text().count("standby engine ") == 2, \
        daemon.log_text()
    summary = daemon.show("summary")[0]
    assert summary["standby-engines"] == summary["standby-controls"] == 0


def test_all_standbys_gone_ends_the_daemon_and_its_sessions(context):
    """They are cut short, and that is no end of file."""
    for kind in ("engine", "control"):
        line = Line(context, conf="limits { standby 1 }\n")
        pair = line.pair()
        exchange(*pair)
        lose(line.daemon, kind)
        exchange(*pair)
        os.kill(at_work(line.daemon, kind), signal.SIGKILL)
        assert line.daemon.process.wait(20) == 1
        assert "no standby %s is left: the daemon ends" % kind in \
            line.daemon.log_text()
        for end in pair:
            assert ending(end) == "reset"
        # the service manager starts it anew
        line.daemon.start()
        line.check()
