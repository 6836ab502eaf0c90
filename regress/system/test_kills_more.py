"""What else there is when a part dies: the other engine, sessions whose dst
is being connected, clients of control; and the end of all standbys."""

import itertools
import random
import threading
import time

from echo import ending
from ends import Line, accept, connect, exchange, expect_nothing
from handle import Handle
from kills import STANDBY, Killer, engines, is_sanitized, kill_at_call, \
    result_of, seed_of_test
from program import stop, title_of, wait_for
from watch import Monitor

DAEMONS = 13  # of STANDBY deaths each: a hundred and four
RECORD = bytes(12345)
CONF = "limits { standby %d }\n" % STANDBY


def test_sessions_of_the_other_engine_do_not_notice(context):
    """While the one hangs, dies and is replaced, they carry."""
    line = Line(context, conf="engines 2\n")
    monitor = Monitor(context, line.daemon)
    pairs = [line.pair() for _ in range(6)]
    for pair in pairs:
        exchange(*pair, 100)
    dealt = {s["id"]: s["engine"] for s in line.sessions()}
    assert sorted(dealt.values()) == [0, 0, 0, 1, 1, 1]
    # they were opened in this order
    of_one = [pair for pair, number in zip(pairs, sorted(dealt))
              if dealt[number] == 1]
    pid = engines(line.daemon)[0]
    stop(pid)
    for pair in of_one:
        exchange(*pair, 1 << 20)
    Killer.by_kill(pid)
    for pair in of_one:
        exchange(*pair, 1 << 20)
    wait_for(lambda: engines(line.daemon).get(0) not in (pid, None), 20)
    for pair in pairs:
        exchange(*pair)
        for end in pair:
            end.close()
    line.wait_sessions(0)
    assert {e["reason"] for e in monitor.wait_count(
        len(pairs), "session-closed")} == {"clean"}


def test_connecting_sessions_outlive_engines(context):
    """Their dst takes no more until after the kills; its backlog is full."""
    line = Line(context, options="connect 1m", conf=CONF)
    line.server.listen(0)
    first = [connect(line.dst) for _ in range(1)]
    peers = [connect(line.src) for _ in range(20)]
    sent = [b"%d" % number for number in range(len(peers))]
    for peer, data in zip(peers, sent):
        peer.sendall(data)
    wait_for(lambda: len(line.sessions()) == len(peers), 20)
    killer = Killer(line.daemon, random.Random(seed_of_test()),
                    ["kill"] * STANDBY, 0)
    killer.run()
    assert killer.error is None, killer.error
    states = [s["state"] for s in line.sessions()]
    assert len(states) == len(peers)
    assert states.count("connecting") >= len(peers) - 2, states
    for peer in peers:
        expect_nothing(peer)
    line.server.listen(1024)
    accept(line.server).close()
    first[0].close()
    dsts = [accept(line.server) for _ in peers]
    heard = {dst.recv(10): dst for dst in dsts}
    for peer, data in zip(peers, sent):
        exchange(peer, heard[data], 1000, end=True)


def die_at_record(line, peer, call):
    """The engine dies after so many calls that gave the length of a record
    that is sent now.  It looks at it first, and sends it then."""
    left = itertools.count(call, -1)
    pid = engines(line.daemon)[0]
    kill_at_call(pid, lambda tracee: result_of(tracee) == len(RECORD) and
                 next(left) == 1, lambda: peer.send(RECORD))
    wait_for(lambda: engines(line.daemon).get(0) not in (pid, None), 20)


def carries(peer, dst):
    for one, two in ((peer, dst), (dst, peer)):
        one.send(b"so")
        assert two.recv(100) == b"so"


def test_record_that_was_looked_at_arrives_once(context):
    line = Line(context, "unixseq:@src", "unixseq:@dst", conf=CONF)
    peer, dst = line.pair()
    carries(peer, dst)
    die_at_record(line, peer, 1)
    assert dst.recv(1 << 16) == RECORD
    carries(peer, dst)


def test_record_in_flight_ends_its_session_with_an_event(context):
    """Was it sent?  Nothing is guessed, and the others go on."""
    line = Line(context, "unixseq:@src", "unixseq:@dst", conf=CONF)
    monitor = Monitor(context, line.daemon)
    other = line.pair()
    peer, dst = line.pair()
    for pair in (other, (peer, dst)):
        carries(*pair)
    in_doubt = max(s["id"] for s in line.sessions())
    die_at_record(line, peer, 2)
    monitor.wait("session-closed", id=in_doubt, reason="engine-died")
    assert dst.recv(1 << 16) == RECORD
    for end in (peer, dst):
        assert ending(end) in ("end", "reset")  # a local one knows no reset
    carries(*other)
    assert [s["id"] for s in line.sessions()] == [in_doubt - 1]


class Adder(threading.Thread):
    """Adds bridges and closes them, until told."""

    def __init__(self, daemon, *ends):
        super().__init__(daemon=True)
        self.handle, self.ends = Handle(daemon), ends
        self.made = []
        self.stops = threading.Event()
        self.error = None

    def run(self):
        try:
            while not self.stops.is_set():
                number = self.handle.add(*self.ends)
                self.handle.call("mct_session_close", number)
                self.made.append(number)
        except OSError as error:
            self.error = error

    def end(self):
        self.stops.set()
        self.join(30)
        assert not self.is_alive() and self.error is None, self.error
        self.handle.call("mct_fini")


def lose_controls(daemon, adder, draw):
    """STANDBY of them, one as soon as the one before it has served."""
    for _ in range(STANDBY):
        pid, = daemon.pids()["control"]
        served = len(adder.made)
        time.sleep(draw.random() / 50)
        Killer.by_kill(pid)
        wait_for(lambda: adder.error or len(adder.made) > served + 1, 20,
                 "answers")
        wait_for(lambda pid=pid: daemon.pids()["control"] not in (
            [], [pid]), 20, "control")


def check_clients(context, draw):
    """What a client asked for was done once and answered once, and a
    monitor saw it all."""
    daemon = context.daemon(CONF)
    monitor = Monitor(context, daemon)
    adder = Adder(daemon, *("tcp:127.0.0.1:%d" % context.port()
                            for _ in range(2)))
    adder.start()
    lose_controls(daemon, adder, draw)
    adder.end()
    destroyed = monitor.wait_count(len(adder.made), "bridge-destroyed")
    monitor.wait_count(STANDBY, "child-restarted", text="control")
    assert [e["id"] for e in destroyed] == adder.made
    assert [e["id"] for e in monitor.all("bridge-created")] == adder.made
    events = list(monitor.events)
    assert [e["seq"] for e in events] == list(range(1, 1 + len(events)))
    assert daemon.show("bridges") == []
    monitor.program.stop()
    daemon.stop()


def test_control_dies_a_hundred_times(context):
    draw = random.Random(seed_of_test())
    for _ in range(2 if is_sanitized(context) else DAEMONS):
        check_clients(context, draw)


def test_death_too_many_ends_the_daemon(context):
    """It says so, and who starts it again finds it as it was."""
    line = Line(context, conf=CONF)
    pair = line.pair()
    for _ in range(STANDBY):
        exchange(*pair, 1000)
        pid = engines(line.daemon)[0]
        Killer.by_kill(pid)
        wait_for(lambda pid=pid: engines(line.daemon).get(0) not in (
            pid, None), 20)
    line.daemon.wait_log("no standby engine is left: upgrade in place")
    exchange(*pair, 1000)
    everybody = line.daemon.all_pids()
    Killer.by_kill(engines(line.daemon)[0])
    assert line.daemon.process.wait(20) == 1
    assert "no standby engine is left: the daemon ends" in \
        line.daemon.log_text()
    wait_for(lambda: not any(map(title_of, everybody)), 20, "end of all")
    line.daemon.start()
    line.check()
