"""What is measured.  Each scenario is a function that is given a relay, just
started with the services it wants, and for how many seconds to try; it gives
pairs of a figure's name and its value.  FIGURES says what these are.
"""

import collections
import os
import shutil
import time

import death
from ends import accept, connect as connect_end, listen
from measure import GIB, Meter, beside, client, one_processor, pipes, \
    pss_kib, server, serving, settle
from program import Program, wait_for
from relay import HOST, listening, split

STREAMS = 16
FLIGHT = 64
BUSY = 10
STOPPED = 100
SLEEPERS = 1000

Scenario = collections.namedtuple("Scenario", (
    "name", "title", "services", "function", "needs", "figures", "role"))

#      name, what it is, format, whether more or less of it is better
Figure = collections.namedtuple("Figure", "name title form better")

RATE = Figure("rate", "GiB/s", "%.2f", "more")
CPU = Figure("cpu", "CPU s/GiB", "%.3f", "less")
P50 = Figure("p50", "median, us", "%.1f", "less")
P99 = Figure("p99", "99th of 100, us", "%.1f", "less")
MESSAGES = Figure("rate", "messages/s", "%.0f", "more")
CPU_MESSAGE = Figure("cpu", "CPU us each", "%.2f", "less")

ALL = []


def scenario(name, title, *figures, services, needs=(), role=None):
    """Enters the function below in the list; with a role, it is for relays
    of that one alone."""
    def enter(function):
        ALL.append(Scenario(name, title, services, function, needs,
                            figures, role))
        return function
    return enter


def stream(relay, seconds, service, *words):
    """Bulk from our source to our sink; (GiB/s, meter, GiB)."""
    sink = server(relay, "sink", *words, service=service)
    with Meter(relay) as meter:
        source = client(relay, "source", "-t", seconds, *words,
                        service=service).result()
        got = sink.result()
    size, rate = got["bytes"] / GIB, got["bytes"] / GIB / got["seconds"]
    if "-b" in words:
        back = source["received"] / GIB
        size, rate = size + back, rate + back / source["seconds"]
    return rate, meter, size


def bulk(relay, seconds, service, *words):
    rate, meter, size = stream(relay, seconds, service, *words)
    yield "rate", rate
    yield from meter.per("cpu", size, 1)


@scenario("bulk", "TCP bulk, 1 stream", RATE, CPU, services=("bulk",))
def bulk_one(relay, seconds):
    yield from bulk(relay, seconds, "bulk")


@scenario("bulk-16", "TCP bulk, 16 streams", RATE, CPU, services=("bulk",))
def bulk_many(relay, seconds):
    yield from bulk(relay, seconds, "bulk", "-f", STREAMS)


@scenario("duplex", "TCP bulk, both directions of 1 stream, sum", RATE, CPU,
          services=("bulk",))
def duplex(relay, seconds):
    yield from bulk(relay, seconds, "bulk", "-b", "-t", seconds)


@scenario("local", "Bulk, AF_LOCAL to AF_LOCAL", RATE, CPU,
          services=("local",))
def local(relay, seconds):
    yield from bulk(relay, seconds, "local")


@scenario("local-tcp", "Bulk, AF_LOCAL to TCP", RATE, CPU,
          services=("local-tcp",))
def local_tcp(relay, seconds):
    yield from bulk(relay, seconds, "local-tcp")


@scenario("tcp-local", "Bulk, TCP to AF_LOCAL", RATE, CPU,
          services=("tcp-local",))
def tcp_local(relay, seconds):
    yield from bulk(relay, seconds, "tcp-local")


def ask(relay, seconds, *words):
    """Messages to our echo server and back; (answer, meter)."""
    with serving(relay, "echo", "echo"):
        with Meter(relay) as meter:
            got = client(relay, "pingpong", "-t", seconds, *words,
                         service="echo").result()
    return got, meter


def answers(relay, seconds, *words):
    got, meter = ask(relay, seconds, *words)
    yield "rate", got["rate"]
    yield from meter.per("cpu", got["count"], 1e-6)
    yield "p50", got["p50_us"]
    yield "p99", got["p99_us"]


@scenario("pingpong", "TCP ping-pong of 64 bytes, 1 connection, all on one "
          "processor", MESSAGES, CPU_MESSAGE, P50, P99, services=("echo",))
def pingpong(relay, seconds):
    with one_processor(relay):
        yield from answers(relay, seconds, "-s", 64)


@scenario("pingpong-free", "TCP ping-pong of 64 bytes, 1 connection",
          MESSAGES, CPU_MESSAGE, P50, P99, services=("echo",))
def pingpong_free(relay, seconds):
    yield from answers(relay, seconds, "-s", 64)


@scenario("pingpong-64", "TCP ping-pong of 64 bytes, 64 connections",
          MESSAGES, CPU_MESSAGE, P50, P99, services=("echo",))
def pingpong_many(relay, seconds):
    yield from answers(relay, seconds, "-s", 64, "-f", 64)


@scenario("requests", "TCP requests of 1 KiB, 50 connections",
          MESSAGES, CPU_MESSAGE, P50, P99, services=("echo",))
def requests(relay, seconds):
    yield from answers(relay, seconds, "-s", 1024, "-f", 50)


@scenario("redis", "redis-benchmark, SET and GET of 64 bytes, 50 "
          "connections", MESSAGES, CPU_MESSAGE, services=("redis",),
          needs=("redis-server", "redis-benchmark"))
def redis(relay, seconds):
    each = max(int(40000 * seconds), 1000)
    dst, src = relay.dst("redis"), relay.src("redis")
    log = os.path.join(relay.tmp, "redis.log")
    daemon = Program(["redis-server", "--port", str(split(dst)[2]),
                      "--bind", HOST, "--save", "", "--dir", relay.tmp,
                      "--logfile", log], log)
    try:
        wait_for(lambda: listening(dst), 20, "redis-server")
        with Meter(relay) as meter:
            out = Program(["redis-benchmark", "-h", HOST, "-p",
                           str(split(src)[2]), "-c", "50", "-n", str(each),
                           "-d", "64", "-t", "set,get", "--csv"],
                          log).finish(60)
    finally:
        daemon.stop()
    rates = [float(line.split(",")[1].strip('"'))
             for line in out.splitlines() if line[:4] in ('"SET', '"GET')]
    if len(rates) != 2:
        raise AssertionError("redis-benchmark said: " + out)
    yield "rate", 2 / sum(1 / rate for rate in rates)
    yield from meter.per("cpu", 2 * each, 1e-6)


@scenario("connect", "TCP connections, 64 at a time",
          MESSAGES._replace(title="connections/s"), CPU_MESSAGE,
          services=("echo",))
def connect(relay, seconds):
    with serving(relay, "echo", "echo"):
        with Meter(relay) as meter:
            got = client(relay, "connect", "-t", seconds, "-f", FLIGHT,
                         service="echo").result()
    if got["failed"]:
        raise AssertionError("%d connections failed" % got["failed"])
    yield "rate", got["rate"]
    yield from meter.per("cpu", got["count"], 1e-6)


@scenario("idle", "TCP, %d connections busy with 64 bytes beside 5,000 "
          "that are idle\n(socat 200, rinetd 480, proxyd 3,000)" % BUSY,
          MESSAGES, CPU_MESSAGE,
          Figure("session", "KiB an idle one", "%.3f", "less"),
          Figure("pipes", "pipes for them", "%.0f", None),
          Figure("memory", "MiB before", "%.1f", None),
          services=("echo",))
def idle(relay, seconds):
    """Memory of all processes before and with sessions that do nothing."""
    with serving(relay, "echo", "echo"):
        client(relay, "pingpong", "-n", 100, service="echo").result()
        settle(relay)
        memory, held = pss_kib(relay.pids()), pipes(relay.pids())
        with beside(client(relay, "idle", "-n", relay.idle,
                           service="echo")):
            settle(relay)
            more = pss_kib(relay.pids()) - memory
            held = pipes(relay.pids()) - held
            with Meter(relay) as meter:
                got = client(relay, "pingpong", "-t", seconds, "-s", 64,
                             "-f", BUSY, service="echo").result()
    yield "rate", got["rate"]
    yield from meter.per("cpu", got["count"], 1e-6)
    if relay.role != "direct":
        yield "session", more / relay.idle
        yield "pipes", held
        yield "memory", memory / 1024


@scenario("slow", "TCP, 1 fast connection beside %d of which nobody reads: "
          "bulk, then\nping-pong on one processor" % STOPPED,
          Figure("rate", "bulk, GiB/s", "%.2f", None),
          Figure("part", "of it alone", "%.2f", None),
          Figure("p50", "median, us", "%.1f", None),
          Figure("p50-part", "of it alone", "%.2f", None),
          Figure("rest", "CPU % at rest", "%.1f", None),
          services=("bulk", "echo", "hold"))
def slow(relay, seconds):
    """Alone before and after, as a machine may change its speed."""
    def fast():
        rate = stream(relay, seconds / 2, "bulk")[0]
        with one_processor(relay):
            return rate, ask(relay, seconds / 2, "-s", 64)[0]["p50_us"]
    alone = [fast()]
    with serving(relay, "hold", "hold"), \
            beside(client(relay, "stall", "-n", STOPPED, service="hold")):
        before, begun = settle(relay), time.monotonic()
        time.sleep(seconds / 4)
        rest = settle(relay) - before
        rest /= time.monotonic() - begun
        rate, p50 = fast()
    alone.append(fast())
    rates, p50s = zip(*alone)
    yield "rate", rate
    yield "part", 2 * rate / sum(rates)
    yield "p50", p50
    yield "p50-part", 2 * p50 / sum(p50s)
    if relay.role != "direct":
        yield "rest", 100 * rest


def silence(name, load):
    """The figures of a death under that load."""
    return (Figure(name, load + ": gap, ms", "%.2f", "less"),
            Figure(name + "-first", "from the kill, ms", "%.2f", None))


@scenario("death", "An engine is killed: the longest time between two pieces "
          "that come, and\nhow long after the kill that ends; %d idle "
          "sessions beside the last" % SLEEPERS,
          *silence("bulk", "bulk"), *silence("ping", "ping-pong"),
          *silence("idle", "and idle"), services=("bulk", "echo"),
          role="ours")
def dying(relay, seconds):
    """Of its standbys three are used up."""
    def once(name, step):
        clock = death.Clock(step)
        yield from zip((name, name + "-first"), death.kill(relay, clock))
        clock.end()

    with listen(relay.dst("bulk")) as listener:
        source = client(relay, "source", "-t", 30 + seconds, service="bulk")
        with accept(listener) as sink:
            yield from once("bulk", death.reader(sink))
        source.process.kill()
    with serving(relay, "echo", "echo"), \
            connect_end(relay.src("echo")) as peer:
        yield from once("ping", death.asker(peer))
        with beside(client(relay, "idle", "-n", SLEEPERS, service="echo")):
            yield from once("idle", death.asker(peer))


def choose(what):
    """The scenarios of these names, and of those that cannot be, (name,
    why)."""
    chosen, left_out = [], []
    for entry in ALL:
        if what and entry.name not in what:
            continue
        gone = [need for need in entry.needs if not shutil.which(need)]
        if gone:
            left_out.append((entry.name, "no " + " and no ".join(gone)))
        else:
            chosen.append(entry)
    return chosen, left_out
