"""Scenarios of datagrams: how many arrive of as many as a sender can, at
which rate nothing is lost, and how long each takes.

What decides is as much how the sender sends as what the relay does, so each
title says it: "in groups" is UDP_SEGMENT, up to 64 datagrams a call, which
stay together as far as the relay; "one by one" is sendmmsg.  The receiver
takes them as most programs do, without UDP_GRO.  A relay that sends in groups
makes it easier for the receiver than the sender itself does, so that more may
arrive by it than directly.
"""

import contextlib

from measure import Meter, pump, settle
from relay import FAN, WIRE_FAR, WIRE_HOSTS
from scenarios import CPU_MESSAGE, MESSAGES, P50, P99, Figure, scenario
from space import Space

STEPS = 7      # of the search for the rate without loss
STEP_PART = 5  # of a turn, each lasts
TRIES = 2      # of each rate, before it counts as one that loses
LATE = 1.1     # arriving may take as much longer than sending, and
LATE_S = 0.01
PACES = (1000, 10000, 100000)

DELIVERED = MESSAGES._replace(title="delivered/s")
LOSSLESS = Figure("lossless", "none lost up to/s", "%.0f", "more")

wires = []


def lay_wires():
    """Two networks beside this one, of a sender and of a receiver, with a
    wire to each and this one as the router between them."""
    if wires:
        return
    for number, (near, far) in enumerate(zip(WIRE_HOSTS, WIRE_FAR)):
        space = Space()
        space.wire("w%d" % number, near + "/24", far + "/24")
        space.ip("route", "add", "default", "via", near)
        wires.append(space)
    with open("/proc/sys/net/ipv4/ip_forward", "w") as stream:
        stream.write("1")


class Load:
    """Datagrams to all srcs of a relay, and who counts them at its dsts."""

    def __init__(self, relay, *words):
        self.relay = relay
        self.words = words
        self.srcs = sorted({relay.src(name) for name in relay.services})
        self.dsts = [relay.dst(name) for name in relay.services]
        self.near, self.far = wires if relay.services == ("wire",) else \
            (contextlib.nullcontext(), contextlib.nullcontext())

    def receiver(self):
        with self.far:
            return pump(self.relay, "dgram-recv",
                        *self.words[-2:],  # the size, for what has no stamp
                        *self.dsts[1:], address=self.dsts[0]).wait_line()

    def send(self, seconds, *words):
        """How many should arrive."""
        with self.near:
            sender = pump(self.relay, "dgram-send", "-t", seconds, *words,
                          *self.words, *self.srcs[1:], address=self.srcs[0])
        sent = sender.result()
        sent["count"] = sent["count"] * len(self.dsts) // len(self.srcs)
        return sent

    def pour(self, seconds, *words):
        """For so long; what was sent, what arrived."""
        receiver = self.receiver()
        sent = self.send(seconds, *words)
        settle(self.relay)
        got = receiver.result()
        check(got)
        return sent, got

    def carried(self, seconds, rate):
        """So many a second arrive in all: the rate that the sender kept, or
        None if any is lost, and whether it could keep this one.  What is
        still on its way long after was not carried but stored: the queue
        of a socket holds 50,000 small ones that are in groups."""
        for _ in range(TRIES):
            sent, got = self.pour(seconds, "-r",
                                  max(int(rate / len(self.dsts)), 1))
            kept = sent["count"] / sent["seconds"]
            if got["count"] >= sent["count"] and \
                    got["seconds"] < LATE * sent["seconds"] + LATE_S:
                return kept, kept > 0.9 * rate
        return None, True


def check(got):
    if got["wrong"]:
        raise AssertionError("datagrams: %s" % got)


def lossless(load, seconds, flood):
    """The highest rate at which all arrive, between the eighth part and the
    fourfold of what arrived in a flood."""
    low, high, found = flood / 8, flood * 4, 0
    for _ in range(STEPS):
        rate = (low * high) ** 0.5
        kept, could = load.carried(seconds / STEP_PART, rate)
        found = max(found, kept or 0)
        if kept and not could:
            break  # more is more than the sender can
        low, high = (rate, high) if kept else (low, rate)
    return found


def flood(relay, seconds, load):
    receiver = load.receiver()
    with Meter(relay) as meter:
        load.send(seconds)
    got = receiver.result()
    check(got)
    if not got["least"]:
        raise AssertionError("nothing came: %s" % got)
    rate = got["count"] / got["seconds"]
    yield "rate", rate
    yield from meter.per("cpu", got["count"], 1e-6)
    yield "lossless", lossless(load, seconds, rate)


def enter(name, title, *words, services=("dgram",)):
    @scenario(name, "UDP, " + title, DELIVERED, CPU_MESSAGE, LOSSLESS,
              services=services)
    def run(relay, seconds):
        yield from flood(relay, seconds, Load(relay, *words))
    return run


enter("dgram-64", "64 bytes, in groups", "-g", "-s", 64)
enter("dgram-64-each", "64 bytes, one by one", "-s", 64)
enter("dgram-1400", "1,400 bytes, in groups", "-g", "-s", 1400)
enter("dgram-1400-each", "1,400 bytes, one by one", "-s", 1400)
enter("dgram-8to1", "64 bytes, eight senders to one src, in groups",
      "-g", "-f", 8, "-s", 64)
enter("dgram-8to1-1400", "1,400 bytes, eight senders to one src, in groups",
      "-g", "-f", 8, "-s", 1400)
enter("dgram-1to8", "64 bytes, to eight dsts, in groups; direct and peers: "
      "sent eight times", "-g", "-s", 64, services=FAN)
enter("dgram-1to8-1400", "1,400 bytes, to eight dsts, in groups; direct and "
      "peers: sent eight\ntimes", "-g", "-s", 1400, services=FAN)
enter("dgram-mixed", "64 to 1,400 bytes, no size twice, one by one",
      "-m", "-s", 1400)
enter("dgram-senders", "64 bytes, 64 senders to one src, one by one",
      "-f", 64, "-s", 64)
enter("dgram-wire", "64 bytes, one by one, from another network by veth "
      "and on to a third;\ndirect: routed", "-s", 64, services=("wire",))


def delays():
    for pace in PACES:
        yield P50._replace(name="p50-%d" % pace,
                           title="%d/s: p50, us" % pace)
        yield P99._replace(name="p99-%d" % pace,
                           title="%d/s: p99, us" % pace)
        yield Figure("lost-%d" % pace, "%d/s: lost, %%" % pace, "%.2f",
                     None)


@scenario("dgram-delay", "UDP, 64 bytes, one by one at a steady pace: how "
          "long each takes", *delays(), services=("dgram",))
def delay(relay, seconds):
    load = Load(relay, "-s", 64)
    for pace in PACES:
        sent, got = load.pour(seconds, "-r", pace)
        yield "p50-%d" % pace, got["p50_us"]
        yield "p99-%d" % pace, got["p99_us"]
        yield "lost-%d" % pace, 100 * (1 - got["count"] / sent["count"])
