"""What is measured.  Each function takes a relay and how long to try, and
gives pairs of a figure's name (see report.FIGURES) and its value."""

import json
import os

import relays
from program import Program

FLIGHT = 64


def pin(pids, processors):
    """All these on these processors only."""
    for pid in pids:
        os.sched_setaffinity(pid, processors)


def pump(relay, command, *words, service, at_dst=False):
    """Our traffic maker, as server at the dst or as client of the relay."""
    port = relays.SERVICES[service][1] if at_dst else relay.port(service)
    kind = "udp" if service == "dgram" else "tcp"
    return Program([os.path.join(relay.build, "pump"), command, *words,
                    "%s:%s:%d" % (kind, relays.HOST, port)],
                   os.path.join(relay.tmp, "pump.log"))


def bulk(relay, seconds):
    sink = pump(relay, "sink", service="bulk", at_dst=True).wait_line()
    relays.settle(relay)
    before = relays.cpu_seconds(relay.pids())
    pump(relay, "source", "-t", str(seconds), service="bulk").finish()
    got = json.loads(sink.finish())
    relays.settle(relay)
    cpu = relays.cpu_seconds(relay.pids()) - before
    yield "bulk", got["bytes"] / got["seconds"] / 1e9
    if relay.idle:
        yield "bulk-cpu", cpu / (got["bytes"] / 1e9)


def pingpong(relay, seconds):
    """On one processor: what is seen is the length of the way, and not
    where the scheduler happens to wake whom."""
    all_of_them = os.sched_getaffinity(0)
    pids = [0] + relay.pids()
    pin(pids, {min(all_of_them)})
    echo = pump(relay, "echo", service="echo", at_dst=True).wait_line()
    got = json.loads(pump(relay, "pingpong", "-t", str(seconds), "-s", "64",
                          service="echo").finish())
    echo.finish()
    pin(pids, all_of_them)
    yield "pingpong-p50", got["p50_us"]
    yield "pingpong-p99", got["p99_us"]


def connect(relay, seconds):
    echo = pump(relay, "echo", service="echo", at_dst=True).wait_line()
    got = json.loads(pump(relay, "connect", "-t", str(seconds), "-f",
                          str(FLIGHT), service="echo").finish())
    echo.finish()
    if got["failed"]:
        raise AssertionError("%s: %d connections failed" % (
            relay.name, got["failed"]))
    yield "connect", got["rate"]


def idle(relay, _seconds):
    """Memory before and with many sessions that do nothing."""
    if not relay.idle:
        return
    echo = pump(relay, "echo", service="echo", at_dst=True).wait_line()
    pump(relay, "pingpong", "-n", "10", service="echo").finish()
    relays.settle(relay)
    before = relays.pss_kib(relay.pids())
    clients = pump(relay, "idle", "-n", str(relay.idle),
                   service="echo").wait_line()
    after = relays.pss_kib(relay.pids())
    clients.finish()
    echo.finish()
    yield "idle", (after - before) / relay.idle
    yield "memory", before / 1024


def dgram(relay, seconds):
    """As many as a sender can; what arrives counts.  A relay that sends in
    groups makes it easier for the receiver than the sender itself does."""
    if not relay.datagrams:
        return
    receiver = pump(relay, "dgram-recv", "-s", "64", service="dgram",
                    at_dst=True).wait_line()
    pump(relay, "dgram-send", "-s", "64", "-t", str(seconds),
         service="dgram").finish()
    relays.settle(relay)
    got = json.loads(receiver.finish())
    if got["wrong"] or not got["count"]:
        raise AssertionError("%s: datagrams: %s" % (relay.name, got))
    yield "dgram", got["count"] / got["seconds"]


ONCE = (("memory", idle),)
EACH_ROUND = (
    ("bulk", bulk),
    ("ping-pong", pingpong),
    ("connections", connect),
    ("datagrams", dgram),
)
