"""The parent where much waits, an engine hangs, or a bridge has many dsts:
what once did not hold."""

import errno
import os
import signal
import time

from echo import Echo, ask, asked, at_work, tcp
from ends import (QUICK, accept, app_directory, connect, exchange,
                  expect_refusal, expect_reset, listen, silent_net)
from fds import cpu_s
from program import wait_for
from watch import Monitor

HOUSE = "limits { sessions 3200 }\n"
WAITING = 800


# -- Many wait for a local dst whose queue is full


class Busy:
    """Peers that wait, in order, for a local server that accepts nobody."""

    def __init__(self, context, waiting=WAITING, options="connect 1h"):
        self.server = listen("unix:@busy", 0)
        self.first = connect("unix:@busy")
        self.src = tcp(context)
        self.daemon = context.daemon(
            QUICK + HOUSE + 'bridge "busy" %s unix:@busy { %s }\n' % (
                self.src, options))
        self.peers = [connect(self.src) for _ in range(waiting)]
        for number, peer in enumerate(self.peers):
            peer.sendall(b"%d\n" % number)
        self.wait_connecting(waiting)

    def connecting(self):
        return self.daemon.show("summary")[0]["connecting"]

    def wait_connecting(self, count):
        wait_for(lambda: self.connecting() == count, 20,
                 "%d connecting" % count)

    def served(self):
        """The server takes the next one: the number of its peer."""
        with accept(self.server) as end:
            return int(end.makefile().readline())


def test_full_local_dst_does_not_take_the_processor(context):
    """One asks again, not each."""
    busy = Busy(context)
    before = cpu_s(busy.daemon.pid)
    time.sleep(2)
    assert busy.connecting() == WAITING
    used = cpu_s(busy.daemon.pid) - before
    assert used < 0.25, "%g s of processor time in 2 s" % used


def test_who_waits_for_a_local_dst_gets_it_in_order(context):
    busy = Busy(context, 50)
    accept(busy.server).close()
    assert [busy.served() for _ in range(50)] == list(range(50))
    busy.wait_connecting(0)


def test_each_that_waits_for_a_local_dst_has_its_own_time(context):
    """Those that come later wait longer; all are told that it was time."""
    busy = Busy(context, 20, "connect 1")
    monitor = Monitor(context, busy.daemon)
    events = monitor.wait_count(20, "connect-failed")
    assert {(e["reason"], e["err"]) for e in events} == \
        {("connect-timeout", errno.ETIMEDOUT)}, events
    for peer in busy.peers:
        assert expect_reset(peer) == b""
    # the line is empty, and the next one has its chance
    peer = connect(busy.src)
    peer.sendall(b"7\n")
    busy.wait_connecting(1)
    accept(busy.server).close()
    assert busy.served() == 7


class TwoBusy:
    """A bridge to two local dsts of which neither has room."""

    def __init__(self, context, connect_s):
        self.dsts = ["unix:@one", "unix:@two"]
        self.servers = [listen(text, 0) for text in self.dsts]
        self.full = [connect(text) for text in self.dsts]
        self.src = tcp(context)
        self.daemon = context.daemon(self.text(connect_s))

    def text(self, connect_s):
        return QUICK + "bridge %s unix:@one { dst unix:@two hold 0 " \
            "connect %s }\n" % (self.src, connect_s)

    def load(self, connect_s):
        self.daemon.write(self.text(connect_s))
        assert self.daemon.ctl("reload")[0] == 0

    def waits(self, *dsts):
        """Returns when so many sessions wait, at these dsts."""
        wait_for(lambda: sorted(
            s["dst"] for s in self.daemon.show("sessions")
            if s["state"] == "connecting") == sorted(dsts), 20, "at " +
            " ".join(dsts))


def test_line_at_one_dst_does_not_hold_up_that_at_another(context):
    busy = TwoBusy(context, "3s")
    one, two = busy.dsts
    first = connect(busy.src)
    busy.waits(one)
    busy.load("1h")
    second = connect(busy.src)
    busy.waits(one, one)
    busy.waits(one, two)  # the first has waited long enough
    accept(busy.servers[1]).close()
    exchange(first, accept(busy.servers[1]), 100)
    busy.waits(one)
    accept(busy.servers[0]).close()
    exchange(second, accept(busy.servers[0]), 100)


def test_who_stands_later_in_line_may_have_less_time(context):
    busy = TwoBusy(context, "1h")
    one, two = busy.dsts
    first = connect(busy.src)
    busy.waits(one)
    busy.load("1s")
    second = connect(busy.src)
    busy.waits(one, two)
    assert expect_reset(second) == b""
    busy.waits(one)
    accept(busy.servers[0]).close()
    exchange(first, accept(busy.servers[0]), 100)


def test_closed_bridge_leaves_no_line(context):
    busy = Busy(context, 50)
    assert busy.daemon.ctl("session", "close", str(
        busy.daemon.show("sessions")[0]["id"]))[0] == 0
    busy.wait_connecting(49)
    assert busy.daemon.ctl("bridge", "close", "busy")[0] == 0
    busy.daemon.add(busy.src, "unix:@busy")
    peer = connect(busy.src)
    peer.sendall(b"1\n")
    busy.wait_connecting(1)
    accept(busy.server).close()
    assert busy.served() == 1


# -- An engine that hangs


class Hung:
    """A daemon whose engine sleeps, and whose channel can be filled."""

    def __init__(self, context, conf=""):
        self.src, dst = tcp(context), tcp(context)
        self.server = listen(dst)
        self.daemon = context.daemon("%s%sbridge %s %s\n%s" % (
            QUICK, HOUSE, self.src, dst, conf))
        self.kept = [self.pair()]
        self.number, = wait_for(lambda: [
            s["id"] for s in self.daemon.show("sessions")
            if s["state"] == "open"], 10)
        self.engine = at_work(self.daemon, "engine")
        os.kill(self.engine, signal.SIGSTOP)

    def pair(self):
        return connect(self.src), accept(self.server)

    def fill(self):
        for _ in range(500):
            self.kept.append(self.pair())

    def wait_other(self):
        self.daemon.wait_log("does not do what it is told")
        at_work(self.daemon, "engine", other_than=self.engine)
        exchange(*self.pair())


def test_hung_engine_whose_channel_is_full_is_replaced(context):
    """Nobody asks for anything but new sessions."""
    hung = Hung(context)
    hung.fill()
    hung.wait_other()


def test_session_of_a_hung_engine_whose_channel_is_full_is_closed(context):
    hung = Hung(context)
    hung.fill()
    assert hung.daemon.ctl("session", "close", str(hung.number))[0] == 0
    ended, = [s for s in hung.daemon.show("ended")
              if s["id"] == hung.number]
    assert ended["reason"] == "requested", ended
    hung.wait_other()


def test_bridge_of_a_hung_engine_whose_channel_is_full_is_closed(context):
    hung = Hung(context, 'bridge "d" unixdgram:@d udp:127.0.0.1:9\n')
    hung.fill()
    assert hung.daemon.ctl("bridge", "close", "d")[0] == 0
    hung.wait_other()


# -- Sessions that are closed before dst stands


def test_session_closed_while_connecting_is_remembered(context):
    src = tcp(context)
    daemon = context.daemon(QUICK + 'bridge "silent" %s %s { connect 1h }\n' %
                            (src, silent_net()))
    monitor = Monitor(context, daemon)

    def number():
        return wait_for(lambda: daemon.show("sessions"), 10)[0]["id"]

    def check(session, reason):
        event = monitor.wait("connect-failed", id=session)
        assert (event["reason"], event["err"]) == (reason, 0), event
        ended, = [s for s in daemon.show("ended") if s["id"] == session]
        assert (ended["reason"], ended["err"]) == (reason, 0), ended
        assert ended["ended"] >= ended["born"] > 0, ended

    peer = connect(src)
    first = number()
    assert daemon.ctl("session", "close", str(first))[0] == 0
    check(first, "requested")
    assert expect_reset(peer) == b""
    assert daemon.show("bridges")[0]["failed"] == 0
    peer = connect(src)
    second = number()
    assert daemon.ctl("bridge", "close", "silent")[0] == 0
    check(second, "bridge-closed")
    assert expect_reset(peer) == b""


def test_session_stopped_while_connecting_is_told(context):
    src = tcp(context)
    daemon = context.daemon(QUICK + "bridge %s %s { connect 1h }\n" %
                            (src, silent_net()), args=["-v"])
    peer = connect(src)
    wait_for(lambda: daemon.show("sessions"), 10)
    daemon.stop()
    assert expect_reset(peer) == b""
    assert "closed: stopped" in daemon.log_text(), daemon.log_text()


# -- Circles


def test_long_chain_of_bridges_with_many_dsts_is_followed_fast(context):
    """A thousand of eight dsts took some tenths of a second for each."""
    length = 1000
    more = " ".join("dst tcp:127.0.0.2:%d" % (10000 + n) for n in range(7))
    daemon = context.daemon(
        QUICK + "limits { bridges 1100 }\n" + "".join(
            "bridge tcp:127.0.0.1:%d tcp:127.0.0.1:%d { %s }\n" % (
                2000 + n, 2001 + n, more) for n in range(length)))
    before = cpu_s(daemon.pid)
    for _ in range(5):
        daemon.add("tcp:127.0.0.1:1999", "tcp:127.0.0.1:2000", "name", "x")
        assert daemon.ctl("bridge", "close", "x")[0] == 0
    used = cpu_s(daemon.pid) - before
    assert used < 0.3, "%g s of processor time" % used
    status, _, err = daemon.ctl("bridge", "add", "tcp:*:%d" % (2000 + length),
                                "tcp:127.0.0.1:2000")
    assert status == 1 and "leads back" in err, (status, err)


def test_circle_through_srcs_at_all_addresses_is_refused(context):
    ports = [context.port() for _ in range(4)]
    daemon = context.daemon()
    for one, two in ((0, 1), (1, 2), (2, 3)):
        daemon.add("tcp:*:%d" % ports[one], "tcp:192.0.2.1:%d" % ports[one],
                   "dst", "tcp:127.0.0.1:%d" % ports[two])
    for src in ("tcp:127.0.0.1:%d", "tcp:0.0.0.0:%d", "tcp:*:%d",
                "mptcp:127.0.0.1:%d"):
        status, _, err = daemon.ctl("bridge", "add", src % ports[3],
                                    "tcp:127.0.0.1:%d" % ports[0])
        assert status == 1 and "leads back" in err, (src, status, err)
    daemon.add("tcp:[::1]:%d" % ports[3], "tcp:127.0.0.1:%d" % ports[0])


# -- The parent's own directory


def test_chroot_that_the_user_may_not_enter_is_refused(context):
    daemon = context.daemon(start=False)
    os.chmod(daemon.chroot, 0o700)
    status, _, err = daemon.run("-d", timeout=10)
    assert status == 1 and "may not enter" in err, (status, err)


def test_chroot_that_is_shut_later_leaves_nothing_behind(context):
    app = app_directory(context)
    daemon = context.daemon('directory "%s"\n' % app)
    add = ("bridge", "add", "unix:%s/src" % app, tcp(context))
    home = os.readlink("/proc/%d/cwd" % daemon.pid)
    os.chmod(daemon.chroot, 0o700)
    status, _, err = daemon.ctl(*add)
    assert status == 1 and "Permission denied" in err, (status, err)
    assert os.listdir(app) == []
    assert os.readlink("/proc/%d/cwd" % daemon.pid) == home
    os.chmod(daemon.chroot, 0o755)
    assert daemon.ctl(*add)[0] == 0
    assert os.listdir(app) == ["src"]


# -- Dsts that fail


def attempts_failed():
    """Connects of this namespace that nobody took."""
    with open("/proc/net/snmp") as stream:
        names, values = [line.split() for line in stream
                         if line.startswith("Tcp:")]
    return int(values[names.index("AttemptFails")])


def test_hold_0_leaves_no_dst_out(context):
    """Not even for those that are accepted in the same turn."""
    src, one, two = (tcp(context) for _ in range(3))
    Echo(two)
    daemon = context.daemon(QUICK + "bridge %s %s { dst %s hold 0 }\n" %
                            (src, one, two))
    monitor = Monitor(context, daemon)
    before = attempts_failed()
    os.kill(daemon.pid, signal.SIGSTOP)
    peers = [connect(src) for _ in range(20)]
    os.kill(daemon.pid, signal.SIGCONT)
    for peer in peers:
        ask(peer)
    assert attempts_failed() - before == 20
    assert len(monitor.wait_count(1, "dst-down")) == 1
    assert daemon.show("bridges")[0].get("held", "") == ""


def test_event_of_a_dst_that_is_down_has_a_reason(context):
    silent = silent_net()
    src, one, two = (tcp(context) for _ in range(3))
    Echo(two)
    daemon = context.daemon(
        QUICK + "bridge %s %s { dst %s dst %s connect 1 }\n" %
        (src, one, silent, two))
    monitor = Monitor(context, daemon)
    asked(src)
    events = monitor.wait_count(2, "dst-down")
    assert [(e["text"], e["reason"]) for e in events] == \
        [(one, "connect-failed"), (silent, "connect-timeout")], events


def test_dst_that_comes_and_goes_is_told_of_once_a_second(context):
    src, one, two = (tcp(context) for _ in range(3))
    daemon = context.daemon(QUICK + "bridge %s %s { dst %s hold 0 }\n" %
                            (src, one, two))
    monitor = Monitor(context, daemon)
    for _ in range(30):
        expect_refusal(src)
        server = listen(one)
        peer = connect(src)
        accept(server).close()
        peer.close()
        server.close()
    server = listen(one)
    peer = connect(src)
    exchange(peer, accept(server))
    monitor.wait_count(1, "dst-up", text=one)
    down = monitor.all("dst-down", text=one)
    up = monitor.all("dst-up", text=one)
    took = (down[-1]["time"] - down[0]["time"]) / 1e9
    assert len(down) <= took + 1, (len(down), took)
    assert len(up) == len(down), (len(up), len(down))
    # and told again when it lasts
    wait_for(lambda: (server.close(), expect_refusal(src),
                      len(monitor.all("dst-down", text=one)) > len(down))[-1])
