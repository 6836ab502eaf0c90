"""Daemons whose engines are killed under random traffic, again and again,
and the proof that nothing is lost.

    scene = Scene(context, KINDS, daemons=2)
    scene.run(flight=40)        traffic beside the kills, and all to its end
    scene.check()               every byte, end, figure and descriptor

What every end does and the ways to kill follow from the seed, MCTD_SEED;
when it happens depends on the machine.
"""

import contextlib
import ctypes
import errno
import fcntl
import itertools
import os
import random
import signal
import sys
import termios
import threading
import time
from collections import Counter

from ends import QUICK, app_directory
from fds import files_at_rest, files_of, open_files
from program import stop, title_of, wait_for
from trace import SYSCALL_INFO, SYSCALL_STOP, Tracee, ptrace
from traffic import RECORD, Traffic
from watch import Monitor

# Kinds of one group can be joined by a bridge: name, address.
TCP = (("tcp4", "tcp:127.0.0.1:{port}"), ("tcp6", "tcp:[::1]:{port}"))
LOCAL = (("path", "unix:{app}/{port}"), ("name", "unix:@{port}"))
RECORDS = (("seqpath", "unixseq:{app}/{port}"), ("seqname", "unixseq:@{port}"))
MPTCP = (("mptcp4", "mptcp:127.0.0.1:{port}"), TCP[0])
STREAMS = TCP + LOCAL
KINDS = (STREAMS, RECORDS)

# Of these a session is in doubt that was in the engine's hands.
DOUBTFUL = ("seq", "mptcp")
REASONS = ("clean", "peer-reset", "dst-reset")
PEEK = 512 << 10  # bytes that an engine looks at, and sends, at once
STANDBY = 8  # as many children of a kind can a daemon lose
CONF = QUICK + """limits { sessions 1024 events 65536 standby %d pipes %d }
directory "%s"
"""
SOON_S = 0.15
CALLS, RECOVERY_CALLS = 60, 500
AT_EXIT = 2
QUICK_WAYS = ("kill", "kill", "call", "call", "segv", "gap", "both")


def is_doubtful(name):
    return any(word in name for word in DOUBTFUL)


def is_sanitized(context):
    with open(os.path.join(context.build, "mctd"), "rb") as stream:
        return b"__asan_init" in stream.read()


def seed_of_test():
    seed = os.environ.get("MCTD_SEED") or str(random.randrange(1 << 32))
    print("MCTD_SEED=" + seed, flush=True)
    return seed


def engines(daemon):
    """{number: pid} of those at work."""
    found = {}
    for pid in daemon.pids()["engine"]:
        word = title_of(pid).rpartition(" ")[2]
        found[int(word) if word.isdigit() else 0] = pid
    return found


def pipe_ends(pid):
    """How many ends of pipes it holds."""
    return sum(name.startswith("pipe:") for name in files_of(pid).values())


def heir(daemon):
    """The standby that will be the next engine."""
    def is_engine(pid):
        with open("/proc/%d/maps" % pid) as stream:
            return "mctd-registry" not in stream.read()
    return min(filter(is_engine, daemon.pids()["standby"]))


def kill_at_call(pid, wanted, before=lambda: None):
    """Stopped at a system call, before it or after it, of which wanted()
    says that it is the one; or after a second.  It is watched when before()
    is called."""
    end = time.monotonic() + 1
    with Tracee(pid) as tracee:
        before()
        while time.monotonic() < end:
            found = tracee.wait(os.WNOHANG)
            if found is None:
                return
            if found == 0:
                time.sleep(0.0002)
            elif found == SYSCALL_STOP and wanted(tracee):
                return
            else:
                tracee.go()


def result_of(tracee):
    """What the call gave that it has just made, or None."""
    info = (ctypes.c_uint64 * 11)()
    ptrace(SYSCALL_INFO, tracee.pid, ctypes.sizeof(info),
           ctypes.addressof(info))
    return ctypes.c_int64(info[3]).value if info[0] & 0xff == AT_EXIT \
        else None


def told_of_break(tracee):
    """It was given the error of a socket, which no other call will give."""
    return result_of(tracee) in (-errno.ECONNRESET, -errno.EPIPE)


class Killer(threading.Thread):
    """Kills engines of one daemon, each time as soon as there is another,
    and control beside some of them."""

    def __init__(self, daemon, draw, ways, soon_s, segv=signal.SIGSEGV):
        super().__init__(daemon=True)
        self.server, self.draw, self.ways = daemon, draw, ways
        self.soon_s = soon_s
        self.segv = segv
        self.killed = 0
        self.error = None

    def run(self):
        try:
            for way in self.ways:
                time.sleep(self.soon_s * self.draw.random())
                self.once(way)
        except BaseException as error:
            self.error = error

    def once(self, way):
        """Returns when another has its place."""
        number, pid = self.draw.choice(sorted(engines(self.server).items()))
        before = set(self.server.all_pids())
        control = self.server.pids()["control"][0]
        getattr(self, "by_" + way)(pid)
        self.killed += 1
        died = before - set(self.server.all_pids())
        wait_for(lambda: engines(self.server).get(number) not in (
            None, pid, *died), 20, "engine after one died by " + way)
        if way == "both":
            wait_for(lambda: self.server.pids()["control"] not in (
                [], [control]), 20, "control")

    @staticmethod
    def by_kill(pid):
        os.kill(pid, signal.SIGKILL)

    def by_segv(self, pid):
        os.kill(pid, self.segv)

    @staticmethod
    def by_stop(pid):
        """It hangs, and the parent notices."""
        stop(pid)
        wait_for(lambda: title_of(pid) == "", 20, "end of one that hangs")

    def by_call(self, pid):
        left = itertools.count(self.draw.randint(1, CALLS), -1)
        kill_at_call(pid, lambda _: next(left) == 0)

    def by_heir(self, pid):
        """The one that takes over dies while it does."""
        left = itertools.count(self.draw.randint(1, RECOVERY_CALLS), -1)
        self.killed += 1
        kill_at_call(heir(self.server), lambda _: next(left) == 0,
                     lambda: self.by_kill(pid))

    @staticmethod
    def by_error(pid):
        kill_at_call(pid, told_of_break)

    def by_gap(self, pid):
        """The parent stands for a while, so that nobody takes over."""
        stop(self.server.pid)
        try:
            os.kill(pid, signal.SIGKILL)
            wait_for(lambda: title_of(pid) == "", 10, "death")
            time.sleep(self.draw.random() / 3)
        finally:
            os.kill(self.server.pid, signal.SIGCONT)

    def by_both(self, pid):
        pids = [pid, *self.server.pids()["control"]]
        self.draw.shuffle(pids)
        for one in pids:
            os.kill(one, signal.SIGKILL)


class Server:
    """One daemon, and what it had before the traffic."""

    def __init__(self, scene, number, conf):
        self.daemon = scene.context.daemon(conf)
        self.number = number
        self.monitor = Monitor(scene.context, self.daemon)
        self.bridges = sum(name.startswith("%d:" % number)
                           for name in scene.traffic.srcs)
        self.monitor.wait_count(self.bridges, "bridge-created")
        self.before = self.files(files_at_rest(self.daemon))
        self.killer = None

    def files(self, by_pid):
        """Descriptors of the parent, of control and of all engines; these
        get their pipes with the first session."""
        pids = self.daemon.pids()
        found = {kind: sum(by_pid[pid] for pid in pids[kind])
                 for kind in ("parent", "control", "engine")}
        found["engine"] -= sum(map(pipe_ends, pids["engine"]))
        return found

    def wait_files(self):
        def back():
            try:
                after = self.files(open_files(self.daemon))
            except (OSError, KeyError):
                return None
            return all(after[kind] <= count
                       for kind, count in self.before.items())
        try:
            wait_for(back, 20)
        except AssertionError:
            raise AssertionError("descriptors before %s, after %s" % (
                self.before, self.files(open_files(self.daemon)))) from None

    def held(self):
        """Bytes in the pipes of the parent."""
        total = 0
        folder = "/proc/%d/fd/" % self.daemon.pid
        for number, name in files_of(self.daemon.pid).items():
            if not name.startswith("pipe:"):
                continue
            with contextlib.suppress(OSError):  # of a pipe's other end
                fd = os.open(folder + str(number),
                             os.O_RDONLY | os.O_NONBLOCK)
                word = bytearray(4)
                fcntl.ioctl(fd, termios.FIONREAD, word)
                os.close(fd)
                total += int.from_bytes(word, sys.byteorder)
        return total


class Scene:
    """Daemons with a bridge from each kind to each that it can go to.

    rough   tells by name on which bridges ends break off
    ways    to kill, for each daemon; not more than STANDBY deaths
    doubt   tells by name whether its sessions may be in doubt
    pipes   of each engine; where a local way found none it may be, too
    """

    def __init__(self, context, kinds=KINDS, daemons=1, most=4 << 20,
                 rough=lambda name: False, conf="", pipes=256, urgent=False,
                 ways=None, doubt=is_doubtful):
        self.context, self.kinds, self.rough = context, kinds, rough
        self.seed = seed_of_test()
        self.draw = random.Random(self.seed + " kills")
        self.ways, self.doubt = ways, doubt
        self.strict = True  # no peer is gone before its dst stands
        self.soon_s = SOON_S
        self.traffic = Traffic(self.seed, most, urgent)
        self.app = app_directory(context)
        conf += CONF % (STANDBY, pipes, self.app)
        self.servers = [Server(self, i, conf + self.bridges(i))
                        for i in range(daemons)]

    def pairs(self):
        """Each kind with each of its group."""
        return itertools.chain(*(itertools.product(kinds, kinds)
                                 for kinds in self.kinds))

    def serve(self, *words):
        self.traffic.bridge(*words)

    def bridges(self, number):
        """Their text; the traffic knows each by its daemon as well."""
        text = ""
        for (src_kind, src), (dst_kind, dst) in self.pairs():
            name = "%s-%s" % (src_kind, dst_kind)
            ends = [end.format(port=self.context.port(), app=self.app)
                    for end in (src, dst)]
            self.serve("%d:%s" % (number, name), *ends, self.rough(name))
            text += 'bridge "%s" %s %s\n' % (name, *ends)
        return text

    def start(self):
        """Lets the killers loose."""
        segv = signal.SIGABRT if is_sanitized(self.context) else \
            signal.SIGSEGV  # a sanitizer would take it for a fault of ours
        for server in self.servers:
            draw = random.Random(self.draw.random())
            ways = self.ways or [draw.choice(QUICK_WAYS)
                                 for _ in range(STANDBY)]
            print("ways: " + " ".join(ways), flush=True)
            server.killer = Killer(server.daemon, draw, ways, self.soon_s,
                                   segv)
            server.killer.start()

    def going_on(self):
        killers = [server.killer for server in self.servers]
        for killer in killers:
            if killer.error:
                raise killer.error
        return any(killer.is_alive() for killer in killers)

    def run(self, flight):
        """The kills begin when all is under way."""
        self.traffic.fill(flight)
        self.until(lambda: self.traffic.living["dst"] >= flight // 2)
        self.start()
        self.traffic.run_while(self.going_on, flight)
        self.finish()

    def until(self, condition):
        while not condition():
            self.traffic.turn(0.05)

    def finish(self):
        self.going_on()
        self.traffic.settle(lambda: not any(
            server.daemon.show("sessions") for server in self.servers))

    # What must be true at the end

    def check(self):
        died = Counter()
        for server in self.servers:
            died += self.check_server(server)
        self.judge(died)
        self.traffic.close()

    def judge(self, died):
        """Every end met what its partner did, but for what was in doubt;
        that has two ends."""
        bad = Counter()
        for end in self.traffic.ends.values():
            try:
                end.judge()
            except AssertionError:
                bad[end.name] += 1
                if bad[end.name] > 2 * died[end.name]:
                    raise

    def check_server(self, server):
        """Nothing is left, and what was counted is what was carried.
        Returns how many sessions died with an engine, by bridge."""
        server.wait_files()
        wait_for(lambda: server.held() == 0, 10, "end of bytes in pipes")
        bridges = server.daemon.show("bridges")
        opened = sum(bridge["opened"] for bridge in bridges)
        closed = server.monitor.wait_count(opened, "session-closed")
        self.check_events(server, opened)
        died = Counter()
        for bridge in bridges:
            name = "%d:%s" % (server.number, bridge["name"])
            of_bridge = [e for e in closed if e["bridge"] == bridge["id"]]
            died[name] = self.check_bridge(bridge, name, of_bridge)
        kills = server.killer.killed if server.killer else 0
        assert sum(died.values()) <= kills, died
        print("%d kills, %d sessions, %d MB to dst, %d to src: %s" % (
            kills, opened, *(sum(b[way] for b in bridges) >> 20
                             for way in ("bytes-to-dst", "bytes-to-src")),
            dict(Counter(e["reason"] for e in closed))), flush=True)
        return died

    @staticmethod
    def check_events(server, opened):
        """None is missing, and none came twice."""
        monitor = server.monitor
        assert len(monitor.all("session-closed")) == opened == len(
            monitor.all("session-opened"))
        events = list(monitor.events)
        assert [e["seq"] for e in events] == list(range(1, 1 + len(events)))
        if server.killer:
            assert len(monitor.all("child-restarted", text="engine")) == \
                server.killer.killed

    def check_bridge(self, bridge, name, closed):
        carried, rough = self.traffic.carried[name], self.traffic.rough[name]
        assert bridge["opened"] <= bridge["accepted"] <= carried.peers, (
            bridge, carried.peers)
        reasons = Counter(e["reason"] for e in closed)
        if self.strict:
            assert bridge["opened"] == carried.accepted == carried.peers, (
                bridge, carried.accepted, carried.peers)
            assert bridge["failed"] == 0, bridge
        else:
            reasons.pop("peer-gone", 0)
        assert bridge["sessions"] == 0, bridge
        died = reasons.pop("engine-died", 0)
        assert died == 0 or self.doubt(bridge["name"]), (bridge, died)
        assert not set(reasons) - set(REASONS), (bridge["name"], reasons)
        for word, side in (("peer-reset", "peer"), ("dst-reset", "dst")):
            assert reasons[word] <= carried.broke[side], (
                bridge["name"], reasons, carried.broke)
        in_hand = RECORD if "seq" in name else PEEK
        for way, one, other in (("bytes-to-dst", "peer", "dst"),
                                ("bytes-to-src", "dst", "peer")):
            counted = sum(e.get(way, 0) for e in closed)
            assert counted == bridge[way], (bridge, way, counted)
            # what an end broke off was sent but may not have been carried;
            # that of which it is not known is not counted
            assert carried.got[other] - died * in_hand <= counted <= \
                carried.sent[one], (bridge, way, counted, carried.got,
                                    carried.sent)
            assert rough or died or carried.got[other] == carried.sent[one], \
                bridge
        return died
