"""Random traffic through random bridges, every byte checked in both
directions; at the end nothing is left, and the counters are those of what
was carried.

MCTD_SEED makes a run again, MCTD_RANDOM_S sets its seconds: both are for one
of the tests here.  What every end does follows from the seed alone; when it
does it depends on the machine.
"""

import os
import random
from collections import Counter

from ends import app_directory
from fds import files_at_rest, wait_open_files
from traffic import Traffic
from watch import Monitor

# Kinds of one group can be joined by a bridge: name, address.
KINDS = (
    (("tcp4", "tcp:127.0.0.1:{port}"), ("tcp6", "tcp:[::1]:{port}"),
     ("path", "unix:{app}/{port}"), ("abstract", "unix:@{port}"),
     ("mptcp4", "mptcp:127.0.0.1:{port}"), ("mptcp6", "mptcp:[::1]:{port}")),
    (("seqpath", "unixseq:{app}/{port}"), ("seqname", "unixseq:@{port}")),
)
REASONS = ("clean", "peer-reset", "dst-reset")
SECONDS, SANITIZED_SECONDS = 9, 5
CONF = 'limits { sessions 512 events 65536 }\ndirectory "%s"\n'


def is_sanitized(context):
    with open(os.path.join(context.build, "mctd"), "rb") as stream:
        return b"__asan_init" in stream.read()


def seconds(context):
    default = SANITIZED_SECONDS if is_sanitized(context) else SECONDS
    return float(os.environ.get("MCTD_RANDOM_S", default))


class Scene:
    """A daemon with a bridge from each kind to each that it can go to."""

    def __init__(self, context, rough, most=4 << 20, conf=""):
        seed = os.environ.get("MCTD_SEED") or str(random.randrange(1 << 32))
        print("MCTD_SEED=" + seed, flush=True)
        self.context = context
        self.traffic = Traffic(seed, most)
        app = app_directory(context)
        conf += CONF % app
        for kinds in KINDS:
            for src_kind, src in kinds:
                for dst_kind, dst in kinds:
                    name = "%s-%s" % (src_kind, dst_kind)
                    ends = [text.format(port=context.port(), app=app)
                            for text in (src, dst)]
                    self.traffic.bridge(name, *ends, rough(name))
                    conf += 'bridge "%s" %s %s\n' % (name, *ends)
        self.daemon = context.daemon(conf)
        self.monitor = Monitor(context, self.daemon)
        self.monitor.wait_count(len(self.traffic.srcs), "bridge-created")
        self.before = files_at_rest(self.daemon)

    def run(self, flight):
        self.traffic.run(seconds(self.context), flight)
        self.traffic.settle(lambda: self.daemon.show("sessions") == [])
        self.traffic.judge()
        self.check()
        self.traffic.close()

    def check(self):
        """Nothing is left, and what was counted is what was carried."""
        wait_open_files(self.daemon, self.before)
        bridges = self.daemon.show("bridges")
        opened = sum(bridge["opened"] for bridge in bridges)
        closed = self.monitor.wait_count(opened, "session-closed")
        assert len(closed) == opened == len(
            self.monitor.all("session-opened"))
        assert not [e for e in self.monitor.events if "missed" in e]
        for bridge in bridges:
            self.check_bridge(bridge, [e for e in closed
                                       if e["bridge"] == bridge["id"]])
        print("%d sessions, %d MB to dst, %d to src: %s" % (
            opened, *(sum(b[way] for b in bridges) >> 20
                      for way in ("bytes-to-dst", "bytes-to-src")),
            dict(Counter(e["reason"] for e in closed))))

    def check_bridge(self, bridge, closed):
        carried = self.traffic.carried[bridge["name"]]
        rough = self.traffic.rough[bridge["name"]]
        assert bridge["accepted"] == bridge["opened"] == carried.peers == \
            carried.accepted, (bridge, carried.peers, carried.accepted)
        assert bridge["failed"] == bridge["sessions"] == 0, bridge
        reasons = Counter(e["reason"] for e in closed)
        odd = [e for e in closed if e["reason"] not in REASONS]
        assert not odd, (bridge["name"], odd)
        for word, side in (("peer-reset", "peer"), ("dst-reset", "dst")):
            assert reasons[word] <= carried.broke[side], (
                bridge["name"], reasons, carried.broke)
        for way, one, other in (("bytes-to-dst", "peer", "dst"),
                                ("bytes-to-src", "dst", "peer")):
            counted = sum(e.get(way, 0) for e in closed)
            assert counted == bridge[way], (bridge, way, counted)
            # what an end broke off was sent but may not have been carried
            assert carried.got[other] <= counted <= carried.sent[one], \
                (bridge, way, carried.got, carried.sent)
            assert rough or carried.got[other] == carried.sent[one], bridge


def may_break(name):
    """Linux does not always tell an MPTCP end that the other one broke off:
    with no daemon in between, too, it may wait for ever."""
    return "mptcp" not in name


def test_every_byte_arrives_between_all_kinds(context):
    """Half-closes, pauses and readers that stop, but all go to their end."""
    Scene(context, lambda name: False).run(flight=30)


def test_what_breaks_off_harms_no_other(context):
    """One end in three resets, or closes in the middle."""
    Scene(context, may_break, most=1 << 20).run(flight=50)


def test_many_that_break_off_among_large_ones(context):
    """Half of the bridges have both; on two engines."""
    Scene(context, lambda name: may_break(name) and sum(name.encode()) % 2,
          most=16 << 20, conf="engines 2\n").run(flight=100)
