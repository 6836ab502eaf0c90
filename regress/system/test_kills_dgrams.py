"""Engines die while datagrams go by: at most the batch that one had in its
hands is lost, and the sums tell; none comes twice, or out of its turn."""

import random
import select
import struct
import threading
import time

from dgrams import check_sums, expect_none, udp_queue
from ends import QUICK, app_directory, make, receiver
from kills import Killer, STANDBY, seed_of_test
from program import wait_for
from watch import Monitor

BATCH = 64  # datagrams that an engine reads at once
BURST = 150
HEAD = struct.Struct(">Q")
ROOM = 4096
WAYS = ("kill", "call", "kill", "gap", "both", "call", "kill", "stop")


def message(number):
    """Of different sizes, and its number tells all of it."""
    return HEAD.pack(number) + bytes([number & 255]) * (number * 7 % 1400)


class Sender(threading.Thread):
    """Bursts, so that there are batches."""

    def __init__(self, src):
        super().__init__(daemon=True)
        self.sock, address = make(src)
        self.sock.connect(address)
        self.sent = 0
        self.ends = threading.Event()

    def run(self):
        while not self.ends.is_set():
            for _ in range(BURST):
                self.one()
            time.sleep(0.005)

    def one(self):
        self.sock.send(message(self.sent))
        self.sent += 1

    def end(self):
        self.ends.set()
        self.join(30)
        assert not self.is_alive(), "a sender hangs"


class Sink:
    """What comes must be as it was sent, and in its order."""

    def __init__(self, dst, name):
        self.sock = receiver(dst)
        self.sock.setblocking(False)
        self.name = name
        self.got = 0
        self.last = -1

    def read(self):
        for _ in range(BURST):
            try:
                data = self.sock.recv(ROOM)
            except BlockingIOError:
                return
            number, = HEAD.unpack_from(data)
            assert number > self.last, (self.name, number, self.last)
            assert data == message(number), (self.name, number, len(data))
            self.last = number
            self.got += 1


class Flood:
    """A daemon with a src that has two dsts, and one of another family."""

    def __init__(self, context):
        app = app_directory(context)
        udp = ["udp:127.0.0.1:%d" % context.port() for _ in range(3)]
        local = ["unixdgram:%s/%s" % (app, name) for name in ("src", "dst")]
        self.udp_port = int(udp[0].rpartition(":")[2])
        ends = {"one": (udp[0], udp[1]), "two": (udp[0], udp[2]),
                "local": local}
        self.sinks = {name: Sink(dst, name)
                      for name, (_, dst) in ends.items()}
        self.daemon = context.daemon(
            QUICK + 'limits { standby %d }\ndirectory "%s"\n' % (
                STANDBY, app) +
            "".join('bridge "%s" "%s" "%s"\n' % (name, *pair)
                    for name, pair in ends.items()))
        udp_sender, local_sender = Sender(udp[0]), Sender(local[0])
        self.senders = {"one": udp_sender, "two": udp_sender,
                        "local": local_sender}

    def turn(self):
        socks = {sink.sock: sink for sink in self.sinks.values()}
        for sock in select.select(list(socks), [], [], 0.01)[0]:
            socks[sock].read()

    def run(self, killer):
        senders = set(self.senders.values())
        for sender in senders:
            sender.start()
        killer.start()
        while killer.is_alive():
            self.turn()
        if killer.error:
            raise killer.error
        for sender in senders:
            sender.end()
        wait_for(self.is_empty, 20, "end of what was sent")
        # this one tells what the kernel had no room for before
        for sender in senders:
            sender.one()
        wait_for(self.is_through, 20, "the last")
        return check_sums(self.daemon)

    def is_empty(self):
        """Nothing waits to be read any more."""
        self.turn()
        return udp_queue(self.udp_port)[0] == 0

    def is_through(self):
        """The last of each has come."""
        self.turn()
        return all(
            sink.last == self.senders[name].sent - 1
            for name, sink in self.sinks.items())


def test_datagrams_lose_at_most_the_batch_in_hand(context):
    flood = Flood(context)
    monitor = Monitor(context, flood.daemon)
    killer = Killer(flood.daemon, random.Random(seed_of_test()), WAYS, 0.3)
    bridges = flood.run(killer)
    for bridge in bridges:
        name = bridge["name"]
        sent, got = flood.senders[name].sent, flood.sinks[name].got
        died = bridge.get("drop-engine-death", 0)
        full = bridge.get("drop-overflow", 0)
        print("%s: sent %d, got %d, in the hands of the dead %d, "
              "overflow %d" % (name, sent, got, died, full))
        assert bridge["messages-out"] <= got <= \
            bridge["messages-out"] + died, (bridge, got)
        assert bridge["messages-in"] == sent, (bridge, sent)
        assert died <= BATCH * killer.killed, bridge
        assert name != "local" or full == 0, bridge
        if name != "local":
            assert full == udp_queue(flood.udp_port)[1], bridge
    for sink in flood.sinks.values():
        expect_none(sink.sock)
    monitor.wait_count(killer.killed, "child-restarted", text="engine")
