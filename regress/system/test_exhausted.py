"""Descriptors that run out, with many who wait: nothing spins, nobody is
forgotten, nothing leaks.

EMFILE comes from a real limit on the parent.  ENFILE, of which the limit is
the whole machine's, is what strace makes of the call's result.
"""

import errno
import os
import re
import signal
import subprocess
import time

from echo import Echo, ask, asked, at_work, descriptors, served, tcp
from ends import connect, expect_refusal
from fds import cpu_s, files_at_rest, wait_open_files
from program import wait_for
from watch import Monitor

NOBODY = 65534
WAITING = 200
WINDOW_S = 2
RETRIES_S = 10  # the daemon looks again ten times a second


def set_limit(pid, soft):
    """As the daemon's own user, who needs no capability for it."""
    subprocess.run(["prlimit", "--pid", str(pid), "--nofile=%d:" % soft],
                   check=True, user=NOBODY, group=NOBODY, extra_groups=[])


class Scene:
    """A daemon with a bridge to an echo, and one who hears its events."""

    def __init__(self, context, options=""):
        self.context = context
        self.echo, self.src = Echo(tcp(context)), tcp(context)
        self.daemon = context.daemon(
            "limits { events 65536 }\nbridge %s %s { %s }\n" % (
                self.src, self.echo.text, options))
        self.monitor = Monitor(context, self.daemon)
        self.monitor.wait("bridge-created")
        asked(self.src).close()
        wait_for(lambda: self.daemon.show("sessions") == [])
        self.before = files_at_rest(self.daemon)

    def limit(self, more):
        """From now on the parent may have so many descriptors more."""
        soft = max(descriptors(self.daemon)) + 1 + more
        set_limit(self.daemon.pid, soft)
        return soft

    def parent_has(self):
        return len(os.listdir("/proc/%d/fd" % self.daemon.pid))

    def unlimit(self):
        set_limit(self.daemon.pid, 1000)

    def bridge(self):
        return self.daemon.show("bridges")[0]

    def check_idle(self):
        """For a while no process works, except for looking again.  Some
        ticks of 10 ms are the kernel's own way to count."""
        before = {pid: cpu_s(pid) for pid in self.daemon.all_pids()}
        end = time.monotonic() + WINDOW_S
        wait_for(lambda: time.monotonic() > end, 2 * WINDOW_S)
        for pid, spent in before.items():
            assert cpu_s(pid) - spent <= 0.1 * WINDOW_S, (
                pid, cpu_s(pid) - spent)

    def check_end(self, accepted, failed=0):
        """Everything was counted, nothing is left."""
        wait_for(lambda: self.daemon.show("sessions") == [], 20, "end")
        wait_open_files(self.daemon, self.before)
        bridge = self.bridge()
        assert bridge["state"] == "listening", bridge
        assert (bridge["accepted"], bridge["failed"]) == (
            1 + accepted, failed), bridge
        assert bridge["bytes-to-dst"] == bridge["bytes-to-src"], bridge
        closed = self.monitor.wait_count(bridge["opened"], "session-closed")
        assert {e["reason"] for e in closed} == {"clean"}, closed


def end(peers):
    for peer in peers:
        peer.close()


def test_many_wait_at_no_cost_and_all_are_served(context):
    scene = Scene(context)
    scene.limit(4)
    peers = [asked(scene.src) for _ in range(2)]
    waiting = [connect(scene.src) for _ in range(WAITING)]
    for peer in waiting:
        peer.sendall(b"early")
    scene.monitor.wait("limit-reached", text="descriptors")
    begun = time.monotonic()
    scene.check_idle()
    for peer in peers:
        ask(peer)
    scene.unlimit()
    seconds = time.monotonic() - begun
    assert 1 <= scene.bridge()["paused"] < 2 * RETRIES_S * (1 + seconds)
    for peer in waiting:
        assert peer.recv(100) == b"early"
        ask(peer)
    end(peers + waiting)
    scene.check_end(2 + WAITING)


def test_those_who_wait_are_served_as_others_end(context):
    """With descriptors for two sessions, one after the other, by itself."""
    scene = Scene(context)
    scene.limit(4)
    peers = [asked(scene.src) for _ in range(2)]
    waiting = [connect(scene.src) for _ in range(60)]
    scene.monitor.wait("limit-reached")
    for peer in waiting:
        peers.pop(0).close()
        ask(peer)
        peers.append(peer)
    end(peers)
    scene.unlimit()
    scene.check_end(2 + len(waiting))


def test_shortage_that_comes_and_goes_loses_nobody(context):
    """Those who are turned away were accepted, and dst could not be
    dialled; all others are served."""
    scene = Scene(context)
    happy = unlucky = 0
    for more in range(8):
        wait_open_files(scene.daemon, scene.before)
        limit = scene.limit(more)
        peers = [peer_or_none(scene.src) for _ in range(8)]
        # one that is left does not do for a session
        wait_for(lambda: scene.parent_has() >= limit - 1, 10, "shortage")
        scene.unlimit()
        fates = [fate(peer) for peer in peers]
        happy += fates.count("served")
        unlucky += fates.count("reset")
    assert happy + unlucky == 64 and happy > unlucky, (happy, unlucky)
    scene.monitor.wait("limit-reached", text="descriptors")
    failed = scene.monitor.wait_count(unlucky, "connect-failed")
    assert len(failed) == unlucky
    assert all(event["err"] == errno.EMFILE for event in failed), failed
    scene.check_end(happy + unlucky, unlucky)


def peer_or_none(src):
    """None: it was accepted and reset before it noticed the first."""
    try:
        return connect(src)
    except ConnectionResetError:
        return None


def fate(peer):
    """"served", or "reset" without an answer; and it is closed."""
    if peer is None:
        return "reset"
    with peer:
        try:
            ask(peer)
        except (ConnectionResetError, BrokenPipeError):
            return "reset"
    return "served"


class Strace:
    """Calls of the parent that fail while this is attached."""

    def __init__(self, scene, calls, error):
        self.log = scene.context.path("strace")
        self.pid = scene.daemon.pid
        self.program = scene.context.program(
            "strace", "-p", str(self.pid), "-o", self.log,
            "-e", "trace=" + calls,
            "-e", "inject=%s:error=%s" % (calls, error))
        wait_for(lambda: self.tracer() != 0, 10, "strace")

    def tracer(self):
        with open("/proc/%d/status" % self.pid) as stream:
            return int(re.search(r"TracerPid:\s+(\d+)", stream.read())[1])

    def calls(self):
        with open(self.log) as stream:
            return stream.read().count("(INJECTED)")

    def detach(self):
        self.program.stop(signal.SIGINT)
        wait_for(lambda: self.tracer() == 0, 10, "end of strace")


def test_full_file_table_of_the_machine_is_waited_for(context):
    """ENFILE from accept: asked a few times a second, and then served."""
    scene = Scene(context)
    peer = asked(scene.src)
    strace = Strace(scene, "accept4", "ENFILE")
    waiting = [connect(scene.src) for _ in range(50)]
    scene.monitor.wait("limit-reached", text="descriptors")
    before = strace.calls()
    scene.check_idle()
    tries = strace.calls() - before
    strace.detach()
    assert 1 <= tries < 4 * RETRIES_S * WINDOW_S
    ask(peer)
    for one in waiting:
        ask(one)
    end([peer] + waiting)
    scene.check_end(1 + len(waiting))


def test_full_file_table_while_dst_is_dialled(context):
    """ENFILE from socket: who was accepted is turned away, and says why;
    the others wait."""
    scene = Scene(context)
    strace = Strace(scene, "socket", "ENFILE")
    expect_refusal(scene.src)
    event = scene.monitor.wait("connect-failed")
    assert event["err"] == errno.ENFILE, event
    scene.monitor.wait("limit-reached", text="descriptors")
    strace.detach()
    wait_for(lambda: served(scene.src), 20, "service")
    failed = scene.bridge()["failed"]
    assert len(scene.monitor.all("connect-failed")) == failed
    scene.check_end(scene.bridge()["accepted"] - 1, failed)


def test_engine_without_descriptors_is_replaced(context):
    """It cannot take what it is handed, and ends; its successor has both
    the session that it had and the one that it could not take."""
    scene = Scene(context)
    peer = asked(scene.src)
    engine = at_work(scene.daemon, "engine")
    set_limit(engine, len(os.listdir("/proc/%d/fd" % engine)) + 1)
    unlucky = connect(scene.src)
    scene.monitor.wait("child-restarted", text="engine")
    new = at_work(scene.daemon, "engine", other_than=engine)
    for one in (peer, unlucky):
        ask(one)
    assert len(scene.monitor.all("session-closed")) == 1  # the scene's own
    end([peer, unlucky])
    assert served(scene.src)
    wait_for(lambda: scene.daemon.show("sessions") == [], 20, "end")
    # of the parent's, one that leads nowhere is in the old channel's place
    left = dict(scene.before)
    left[new] = left.pop(engine)
    wait_open_files(scene.daemon, left)


def test_engine_short_of_descriptors_serves_those_it_has(context):
    """Nothing changes for them until one more is handed over."""
    scene = Scene(context)
    peers = [asked(scene.src) for _ in range(5)]
    engine = at_work(scene.daemon, "engine")
    set_limit(engine, len(os.listdir("/proc/%d/fd" % engine)))
    for peer in peers:
        ask(peer)
    peers.pop().close()
    wait_for(lambda: len(scene.daemon.show("sessions")) == 4)
    # the place of that one serves another
    peers.append(asked(scene.src))
    assert at_work(scene.daemon, "engine") == engine
    assert not scene.monitor.all("child-restarted")
    end(peers)
    scene.check_end(6)
