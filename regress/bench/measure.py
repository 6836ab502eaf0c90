"""What scenarios measure with: our traffic maker, processor time, memory,
and on which processors everybody runs."""

import contextlib
import json
import os
import time

from program import Program

GIB = 1 << 30
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
QUIET_S = 0.001  # of processor time: less than that is rest


class Pump(Program):
    """Our maker of traffic."""

    def result(self):
        return json.loads(self.finish().splitlines()[-1])


def pump(relay, command, *words, address):
    program = Pump([os.path.join(relay.build, "pump"), command,
                    *map(str, words), address],
                   os.path.join(relay.tmp, "pump.log"))
    relay.pumps.append(program)
    return program


def server(relay, command, *words, service):
    """Ours at the dst, until it can be reached."""
    return pump(relay, command, *words,
                address=relay.dst(service)).wait_line()


def client(relay, command, *words, service):
    return pump(relay, command, *words, address=relay.src(service))


@contextlib.contextmanager
def beside(program):
    """A program that runs while something is measured, and its end."""
    yield program.wait_line()
    program.finish()


def serving(relay, command, service):
    return beside(pump(relay, command, address=relay.dst(service)))


def tasks(pid):
    """The threads of a process, none when it is gone."""
    try:
        return [int(name) for name in os.listdir("/proc/%d/task" % pid)]
    except OSError:
        return []


def words_of(path):
    """What a file of /proc says, after the name in brackets if any."""
    try:
        with open(path) as stream:
            return stream.read().rsplit(")", 1)[-1].split()
    except OSError:
        return []


def cpu_seconds(pids):
    """Processor time of processes and of their ended children.  Where the
    kernel tells it to the nanosecond that is taken; stat has ticks."""
    total = 0
    for pid in pids:
        stat = words_of("/proc/%d/stat" % pid)
        lines = [words_of("/proc/%d/task/%d/schedstat" % (pid, task))
                 for task in tasks(pid)]
        if all(lines):
            total += sum(int(line[0]) for line in lines) / 1e9
        else:
            total += sum(map(int, stat[11:13])) * TICK_S
        total += sum(map(int, stat[13:15])) * TICK_S
    return total


def settle(relay):
    """Until the relay has nothing left to do, so that its processor time
    is all there; 2 s at most.  Returns that time."""
    end = time.monotonic() + 2
    before = cpu_seconds(relay.pids())
    while time.monotonic() < end:
        time.sleep(0.03)
        now = cpu_seconds(relay.pids())
        if now - before < QUIET_S:
            break
        before = now
    return cpu_seconds(relay.pids())


class Meter:
    """Processor time that a relay spends within a "with"."""

    def __init__(self, relay):
        self.relay = relay
        self.seconds = 0

    def __enter__(self):
        self.before = settle(self.relay)
        return self

    def __exit__(self, *_error):
        self.seconds = settle(self.relay) - self.before

    def per(self, figure, count, unit):
        """The figure, if there is a relay that spent anything."""
        if self.relay.role != "direct":
            yield figure, self.seconds / count / unit


@contextlib.contextmanager
def one_processor(relay):
    """All on the same: what is seen is the length of the way, and not
    where the scheduler happens to wake whom."""
    everywhere = os.sched_getaffinity(0)
    pin(relay, {min(everywhere)})
    try:
        yield
    finally:
        pin(relay, everywhere)


def pin(relay, processors):
    """This process, and so what it starts, and all of the relay."""
    os.sched_setaffinity(0, processors)
    for pid in relay.pids():
        for task in tasks(pid):
            os.sched_setaffinity(task, processors)


def pss_kib(pids):
    """Memory of processes, what they share divided among those who do."""
    total = 0
    for pid in pids:
        try:
            with open("/proc/%d/smaps_rollup" % pid) as stream:
                for line in stream:
                    if line.startswith("Pss:"):
                        total += int(line.split()[1])
        except OSError:
            continue
    return total


def pipes(pids):
    """How many pipes these hold, each counted once."""
    found = set()
    for pid in pids:
        folder = "/proc/%d/fd" % pid
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        for name in names:
            with contextlib.suppress(OSError):
                target = os.readlink(os.path.join(folder, name))
                if target.startswith("pipe:"):
                    found.add(target)
    return len(found)
