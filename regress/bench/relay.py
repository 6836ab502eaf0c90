"""What every relay under measurement has in common.

A relay is started with the services that a scenario wants, each from a src,
where clients go, to a dst, where our servers listen.  Addresses are written
as mctd writes them.  "direct" is no relay: clients go to the dst themselves,
so that between two families it is the family of dst alone.
"""

import os
import shutil

from mctd import Daemon
from program import Program, children_of, tail, wait_for

HOST = "127.0.0.1"
IDLE = 5000
WIRE_HOSTS = "10.77.1.1", "10.77.2.1"  # ours, of the wires to the two
WIRE_FAR = "10.77.1.2", "10.77.2.2"    # networks beside this one
FAN = tuple("fan%d" % number for number in range(8))

#             src     dst
SERVICES = {
    "bulk": ("tcp", "tcp"),
    "echo": ("tcp", "tcp"),
    "hold": ("tcp", "tcp"),
    "redis": ("tcp", "tcp"),
    "local": ("unix", "unix"),
    "local-tcp": ("unix", "tcp"),
    "tcp-local": ("tcp", "unix"),
    "dgram": ("udp", "udp"),
    "wire": ("udp", "udp"),
    **dict.fromkeys(FAN, ("udp", "udp")),
}

# Scenarios in which much is to be moved, those of many small messages, and
# all that are not the former.
BULK = {"bulk", "bulk-16", "duplex", "local", "local-tcp", "tcp-local"}
ANSWERS = {"pingpong", "pingpong-free", "pingpong-64", "requests", "redis"}
SMALL = ANSWERS | {"connect", "idle", "slow"}


def family(pid):
    """A process and all below it."""
    found = [pid]
    for child in children_of(pid):
        found += family(child)
    return found


def split(address):
    """"tcp:127.0.0.1:80" -> ("tcp", "127.0.0.1", 80), and for a path
    ("unix", path, None)."""
    kind, _, place = address.partition(":")
    if kind == "unix":
        return kind, place, None
    host, port = place.rsplit(":", 1)
    return kind, host, int(port)


def plain(address):
    """HOST:PORT, or the path."""
    return address.partition(":")[2]


def listening(address):
    """Whether a socket listens there, or is bound for datagrams.  A path
    may have been another's before, path.123.tmp with haproxy."""
    kind, place, port = split(address)
    with open("/proc/net/" + kind) as stream:
        lines = [line.split() for line in stream.readlines()[1:]]
    if kind == "unix":
        return os.path.exists(place) and any(
            words[-1].startswith(place) and words[3] == "00010000"
            for words in lines)
    state = "0A" if kind == "tcp" else "07"
    return any(words[3] == state and
               int(words[1].split(":")[1], 16) == port for words in lines)


class Direct:
    """Nothing in between."""

    name = "direct"
    needs = ()          # programs and files
    role = "direct"     # or "ours", "peer", "limit"
    families = {"tcp", "unix", "udp"}
    only_for = None     # scenarios, unless asked for by name
    shares = False      # one src for all that FAN names
    idle = IDLE         # sessions at a time

    def __init__(self, tmp, build, services):
        self.tmp = tmp
        self.build = build
        self.services = services
        self.ends = os.path.join(tmp, "ends")
        self.programs = []
        self.pumps = []  # what makes the traffic
        os.mkdir(self.ends)
        os.chmod(self.ends, 0o777)
        try:
            self.start()
        except BaseException:
            self.stop()
            raise

    @classmethod
    def missing(cls, _tmp, _build):
        """Why it cannot be measured here, or None."""
        for need in cls.needs:
            if not (shutil.which(need) or os.path.exists(need)):
                return "no " + need
        return None

    @classmethod
    def carries(cls, services):
        return all(set(SERVICES[service]) <= cls.families
                   for service in services)

    def start(self):
        pass

    def address(self, service, end):
        kind = SERVICES[service][end]
        number = list(SERVICES).index(service)
        if kind == "unix":
            return "unix:%s/%s.%s" % (self.ends, service,
                                      ("src", "dst")[end])
        host = HOST if service != "wire" else (WIRE_HOSTS[0], WIRE_FAR[1])[end]
        return "%s:%s:%d" % (kind, host, (7001, 8001)[end] + number)

    def src(self, service):
        return self.dst(service)

    def dst(self, service):
        return self.address(service, 1)

    def run(self, *argv):
        log = os.path.join(self.tmp, "relay%d.log" % len(self.programs))
        self.programs.append(Program(list(argv), log))

    def write(self, name, text):
        path = os.path.join(self.tmp, name)
        with open(path, "w") as stream:
            stream.write(text)
        return path

    def wait(self):
        """Until the relay can be reached."""
        def there():
            for program in self.programs:
                if program.process.poll() is not None:
                    raise AssertionError(tail(program.log))
            return all(listening(self.src(service))
                       for service in self.services)
        wait_for(there, 20, "start of " + self.name)

    def pids(self):
        return [pid for program in self.programs
                for pid in family(program.pid)]

    def stop(self):
        """With all that it forked."""
        pids = self.pids()
        for program in self.programs:
            program.stop()
        for pid in pids:
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                pass


class Relay(Direct):
    role = "peer"

    def src(self, service):
        if self.shares and service in FAN:
            service = FAN[0]
        return self.address(service, 0)


class Mctd(Relay):
    name = "mctd"
    role = "ours"
    shares = True
    daemon = None
    more = ""

    @classmethod
    def missing(cls, tmp, build):
        trial = os.path.join(tmp, "trial-" + cls.name)
        os.mkdir(trial, 0o755)
        status, _, error = Daemon(trial, build, cls.more,
                                  start=False).run("-n")
        if status == 0:
            return None
        return "mctd refuses it: " + (error.splitlines() or ["?"])[0]

    def start(self):
        conf = 'limits { sessions %d }\ndirectory "%s"\n%s' % (
            IDLE + 1000, self.ends, self.more)
        for service in self.services:
            conf += 'bridge "%s" "%s" "%s"\n' % (
                service, self.src(service), self.dst(service))
        self.daemon = Daemon(self.tmp, self.build, conf)

    def pids(self):
        return self.daemon.all_pids()

    def stop(self):
        if self.daemon is None:
            return
        try:
            self.daemon.stop()
        finally:
            self.daemon.kill()


class MctdSpin(Mctd):
    """Polls before it sleeps: for what is all wake-ups, where there is a
    processor for that."""

    name = "mctd-spin"
    more = "spin 50\n"
    only_for = ANSWERS - {"pingpong"} | {"dgram-delay"}


class MctdTwo(Mctd):
    name = "mctd-2"
    more = "engines 2\n"
    only_for = {"bulk-16", "pingpong-64", "requests", "redis", "connect",
                "idle"}
