"""The memory of every process before and after much of everything: flat."""

import json

from ends import QUICK
from program import title_of, wait_for
from watch import Monitor

SESSIONS, DATAGRAMS = 10000, 1000000
FIELDS = ("VmRSS", "RssAnon", "VmData", "VmStk")

# The stack may reach a page that it had not before.
PAGES_KB = 4 * 4


def memory(pid):
    """In kB.  VmRSS has in it what all processes share, which is counted for
    each as it looks at it."""
    with open("/proc/%d/status" % pid) as stream:
        rows = (line.split() for line in stream)
        return {row[0][:-1]: int(row[1]) for row in rows
                if row[0][:-1] in FIELDS}


def of_all(daemon):
    return {pid: memory(pid) for pid in daemon.all_pids()}


def report(before, after):
    for pid in before:
        print("note: %s: %s" % (title_of(pid), ", ".join(
            "%s %d -> %d kB" % (name, before[pid][name], after[pid][name])
            for name in FIELDS)))


def is_sanitized(context):
    with open(context.build + "/mctd", "rb") as stream:
        return b"__asan_init" in stream.read()


def total(daemon, name, what):
    return next(b for b in daemon.show("bridges") if b["name"] == name)[what]


def churn(context, daemon, count):
    """So many sessions, one after the other at each of 16."""
    while (done := total(daemon, "line", "opened")) < count:
        pump = context.pump("connect", "-f", "16", "-t", "1",
                            "tcp:127.0.0.1:7000")
        assert json.loads(pump.finish())["count"] > 0
        assert total(daemon, "line", "opened") > done
    wait_for(lambda: total(daemon, "line", "sessions") == 0, 20, "end")


def pour(context, daemon, count):
    """So many datagrams that reach mctd; it may be that more are sent."""
    while (left := count - total(daemon, "feed", "messages-in")) > 0:
        pump = context.pump("dgram-send", "-s", "64", "-t", "20", "-n",
                            str(left), "udp:127.0.0.1:7000")
        pump.finish()


def bother(daemon, rounds):
    """What clients ask for, rightly or not, and reloads."""
    for _ in range(rounds):
        status, _, _ = daemon.ctl("bridge", "add", "tcp:127.0.0.1:7000",
                                  "tcp:127.0.0.1:1")
        assert status == 1
        number = daemon.add("tcp:127.0.0.1:7002", "tcp:127.0.0.1:1")
        assert daemon.ctl("bridge", "close", str(number))[0] == 0
        assert daemon.ctl("reload")[0] == 0
        daemon.show("sessions")


def test_memory_is_flat(context):
    small = is_sanitized(context)
    part = 20 if small else 1
    context.pump("echo", "tcp:127.0.0.1:7001").wait_line()
    context.pump("dgram-recv", "udp:127.0.0.1:7001").wait_line()
    daemon = context.daemon(
        QUICK + 'limits { standby 1 }\n'
        'bridge "line" tcp:127.0.0.1:7000 tcp:127.0.0.1:7001\n'
        'bridge "feed" udp:127.0.0.1:7000 udp:127.0.0.1:7001\n')
    before = of_all(daemon)
    monitor = Monitor(context, daemon)
    churn(context, daemon, SESSIONS // part)
    pour(context, daemon, DATAGRAMS // part)
    bother(daemon, 20)
    monitor.wait_count(20, "config-loaded")
    after = of_all(daemon)
    print("note: %d sessions, %d datagrams" % (
        total(daemon, "line", "opened"),
        total(daemon, "feed", "messages-in")))
    report(before, after)
    assert after.keys() == before.keys(), "a process was replaced"
    for pid in before:
        for name in ("RssAnon", "VmData", "VmStk"):
            grown = after[pid][name] - before[pid][name]
            assert small or grown <= PAGES_KB, (title_of(pid), name, grown)
