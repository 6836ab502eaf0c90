"""Several engines: sessions are dealt to them, figures add up over them, and
the death of one is nothing to those of another."""

import collections
import os
import signal

from echo import Echo, ask, asked
from ends import Line, connect, exchange, receiver
from program import title_of, wait_for
from watch import Monitor

TWO = "engines 2\n"


def engine_pid(daemon, number):
    """The process of an engine, by its title."""
    found = [pid for pid in daemon.pids()["engine"]
             if title_of(pid).endswith("engine %d" % number)]
    return found[0] if len(found) == 1 else None


def by_engine(daemon):
    """Ids of the sessions of each engine."""
    dealt = collections.defaultdict(set)
    for session in daemon.show("sessions"):
        dealt[session["engine"]].add(session["id"])
    return dealt


class Dealt:
    """A daemon with so many engines and sessions on an echo."""

    def __init__(self, context, engines, sessions):
        self.echo = Echo("tcp:127.0.0.1:%d" % context.port())
        self.src = "tcp:127.0.0.1:%d" % context.port()
        self.daemon = context.daemon(
            "engines %d\nlimits { standby 4 }\nbridge %s %s\n" % (
                engines, self.src, self.echo.text))
        self.monitor = Monitor(context, self.daemon)
        self.peers = {}
        for _ in range(sessions):
            self.open()

    def open(self):
        """A peer, by the id of its session."""
        before = {s["id"] for s in self.daemon.show("sessions")}
        peer = asked(self.src)
        new, = {s["id"] for s in self.daemon.show("sessions")} - before
        self.peers[new] = peer

    def kill(self, number, signum=signal.SIGKILL):
        old = engine_pid(self.daemon, number)
        os.kill(old, signum)
        return wait_for(lambda: (pid := engine_pid(
            self.daemon, number)) != old and pid, 20, "another engine")


def test_sessions_are_dealt_to_the_least_loaded(context):
    dealt = Dealt(context, 3, 9)
    assert sorted(len(ids) for ids in by_engine(dealt.daemon).values()) == \
        [3, 3, 3]
    # room at one engine: it gets the next ones
    for number in sorted(by_engine(dealt.daemon)[1]):
        dealt.peers.pop(number).close()
    wait_for(lambda: len(dealt.daemon.show("sessions")) == 6, 10)
    for _ in range(3):
        dealt.open()
    assert len(by_engine(dealt.daemon)[1]) == 3
    for peer in dealt.peers.values():
        ask(peer)


def test_figures_add_up_over_engines(context):
    line = Line(context, conf=TWO)
    pairs = [line.pair() for _ in range(4)]
    for number, (peer, dst) in enumerate(pairs, 1):
        exchange(peer, dst, 100000 * number)
    total = 100000 * (1 + 2 + 3 + 4)
    sessions = line.sessions()
    assert {s["engine"] for s in sessions} == {0, 1}
    for direction in ("bytes-to-dst", "bytes-to-src"):
        assert sum(s[direction] for s in sessions) == total
        assert line.bridge()[direction] == total
        assert line.daemon.show("summary")[0][direction] == total
    assert line.daemon.show("summary")[0]["engines"] == 2
    for peer, dst in pairs:
        peer.close()
        dst.close()
    line.wait_sessions(0)
    assert line.bridge()["bytes-to-dst"] == total
    assert sum(s["bytes-to-dst"] for s in line.daemon.show("ended")) == total


def test_death_of_one_engine_is_nothing_to_another(context):
    """Nor to its own sessions, which its successor has then."""
    dealt = Dealt(context, 2, 6)
    before = by_engine(dealt.daemon)
    for number in (1, 0, 1):
        other = engine_pid(dealt.daemon, 1 - number)
        dealt.kill(number)
        assert engine_pid(dealt.daemon, 1 - number) == other
        assert by_engine(dealt.daemon) == before
        for peer in dealt.peers.values():
            ask(peer)
    dealt.monitor.wait_count(3, "child-restarted")
    assert not dealt.monitor.all("session-closed")
    dealt.open()
    dealt.open()
    assert {n: len(ids) for n, ids in by_engine(dealt.daemon).items()} == \
        {0: 4, 1: 4}
    for peer in dealt.peers.values():
        peer.close()
    wait_for(lambda: dealt.daemon.show("sessions") == [], 10)


def test_engine_that_hangs_is_replaced_alone(context):
    """Asked to close a session, it does not answer."""
    dealt = Dealt(context, 2, 2)
    ids = by_engine(dealt.daemon)
    hung, = ids[1]
    old = engine_pid(dealt.daemon, 1)
    os.kill(old, signal.SIGSTOP)
    assert dealt.daemon.ctl("session", "close", str(hung))[0] == 0
    wait_for(lambda: engine_pid(dealt.daemon, 1) not in (old, None), 20)
    other, = ids[0]
    ask(dealt.peers[other])
    dealt.open()


def test_datagrams_stay_with_one_engine(context):
    src, dst = ("udp:127.0.0.1:%d" % context.port() for _ in range(2))
    end = receiver(dst)
    daemon = context.daemon(TWO + "limits { standby 2 }\nbridge %s %s\n" % (
        src, dst))
    sender = connect(src)

    def arrives(data):
        sender.send(data)
        return end.recv(100) == data

    def counted(number):
        wait_for(lambda: daemon.show("bridges")[0]["messages-out"] == number,
                 10, "%d datagrams" % number)
    assert arrives(b"first")
    pids = [engine_pid(daemon, number) for number in (0, 1)]
    os.kill(pids[1], signal.SIGKILL)
    wait_for(lambda: engine_pid(daemon, 1) not in (pids[1], None), 20)
    assert engine_pid(daemon, 0) == pids[0]
    assert arrives(b"second")
    counted(2)  # it may be killed between a send and its count
    os.kill(pids[0], signal.SIGKILL)
    wait_for(lambda: engine_pid(daemon, 0) not in (pids[0], None), 20)
    assert arrives(b"third")
    counted(3)


def test_number_of_engines_is_checked(context):
    for text, words in (("engines 0", "1"), ("engines 17", "16"),
                        ("engines some", "neither a number nor auto"),
                        ("engines 16\nlimits { standby 8 }", "standby")):
        daemon = context.daemon(text + "\n", start=False)
        status, _, err = daemon.run("-n")
        assert status == 1 and words in err, (text, err)
    auto = max(1, os.cpu_count() - 1)
    daemon = context.daemon("engines auto\n")
    assert len(daemon.pids()["engine"]) == auto
    assert daemon.show("summary")[0]["engines"] == auto


def test_spinning_engine_serves_and_rests(context):
    """It polls while there is traffic; idle it takes no processor time."""
    echo = Echo("tcp:127.0.0.1:%d" % context.port())
    src = "tcp:127.0.0.1:%d" % context.port()
    daemon = context.daemon("spin 2000\nbridge %s %s\n" % (src, echo.text))
    peer = asked(src)
    for _ in range(200):
        ask(peer, 10)
    engine, = daemon.pids()["engine"]

    def ticks():
        with open("/proc/%d/stat" % engine) as stream:
            return sum(map(int, stream.read().rsplit(")", 1)[1].split()[11:13]))

    def rests():
        before = ticks()
        daemon.show("summary")
        daemon.show("summary")
        return ticks() == before
    wait_for(rests, 20, "rest of an idle engine")
    ask(peer)
