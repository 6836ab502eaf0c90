"""The relays, each with the configuration that serves it best.

Three services, all on 127.0.0.1: clients go to a src port, the relay to the
dst port.  "direct" is no relay: clients go to the dst port themselves.
"""

import os
import shutil
import time

from mctd import Daemon
from program import Program, children_of, tail, wait_for

#            src   dst
SERVICES = {
    "bulk": (7001, 8001),
    "echo": (7002, 8002),
    "dgram": (7003, 8003),
}
IDLE = 5000
HOST = "127.0.0.1"
NGINX_STREAM = "/usr/lib/nginx/modules/ngx_stream_module.so"


def listening(port, table="tcp"):
    """Whether a socket listens there, or is bound for datagrams."""
    state = "0A" if table == "tcp" else "07"
    with open("/proc/net/" + table) as stream:
        for line in stream.readlines()[1:]:
            words = line.split()
            if words[3] == state and \
                    int(words[1].split(":")[1], 16) == port:
                return True
    return False


def family(pid):
    """A process and all below it."""
    found = [pid]
    for child in children_of(pid):
        found += family(child)
    return found


class Direct:
    """Nothing in between."""

    name = "direct"
    needs = ()
    idle = 0
    datagrams = True

    def __init__(self, tmp, build):
        self.tmp = tmp
        self.build = build
        self.programs = []
        self.start()

    def start(self):
        pass

    def port(self, service):
        return SERVICES[service][1]

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
            return listening(SERVICES["bulk"][0]) and \
                listening(SERVICES["echo"][0]) and \
                (not self.datagrams or
                 listening(SERVICES["dgram"][0], "udp"))
        wait_for(there, 20, "start of " + self.name)

    def pids(self):
        return [pid for program in self.programs
                for pid in family(program.pid)]

    def stop(self):
        for program in self.programs:
            program.stop()


class Relay(Direct):
    idle = IDLE

    def port(self, service):
        return SERVICES[service][0]


class Mctd(Relay):
    name = "mctd"
    daemon = None

    def start(self):
        conf = "limits { sessions %d }\n" % (IDLE + 1000)
        for service, (src, dst) in SERVICES.items():
            kind = "udp" if service == "dgram" else "tcp"
            conf += 'bridge "%s" %s:%s:%d %s:%s:%d\n' % (
                service, kind, HOST, src, kind, HOST, dst)
        self.daemon = Daemon(self.tmp, self.build, conf)

    def pids(self):
        return self.daemon.all_pids()

    def stop(self):
        self.daemon.stop()


class Haproxy(Relay):
    name = "haproxy"
    needs = ("haproxy",)
    datagrams = False
    options = ""
    tuning = ""

    def start(self):
        conf = ("global\n maxconn 6000\n nbthread 1\n%s"
                "defaults\n mode tcp\n timeout connect 5s\n"
                " timeout client 1m\n timeout server 1m\n%s"
                % (self.tuning, self.options))
        for service in ("bulk", "echo"):
            conf += "listen %s\n bind %s:%d backlog 4096\n server s %s:%d\n" \
                % (service, HOST, SERVICES[service][0], HOST,
                   SERVICES[service][1])
        self.run("haproxy", "-db", "-f", self.write("haproxy.cfg", conf))
        self.wait()


class HaproxySplice(Haproxy):
    name = "haproxy-splice"
    options = " option splice-request\n option splice-response\n"
    tuning = " maxpipes 256\n tune.pipesize 1048576\n"


class Nginx(Relay):
    name = "nginx"
    needs = ("nginx", NGINX_STREAM)
    buffer_size = "16k"

    def start(self):
        conf = ("load_module %s;\ndaemon off;\nuser nobody nogroup;\n"
                "worker_processes 1;\nworker_rlimit_nofile 20000;\n"
                "pid %s/nginx.pid;\nerror_log stderr;\n"
                "events { worker_connections 12000; }\n"
                "stream {\ntcp_nodelay on;\nproxy_buffer_size %s;\n"
                % (NGINX_STREAM, self.tmp, self.buffer_size))
        for service, (src, dst) in SERVICES.items():
            how = "udp" if service == "dgram" else "backlog=4096"
            conf += "server { listen %s:%d %s; proxy_pass %s:%d; }\n" % (
                HOST, src, how, HOST, dst)
        self.run("nginx", "-p", self.tmp, "-e", "stderr", "-c",
                 self.write("nginx.conf", conf + "}\n"))
        self.wait()


class NginxLarge(Nginx):
    name = "nginx-64k"
    buffer_size = "64k"


class Socat(Relay):
    name = "socat"
    needs = ("socat",)
    idle = 200  # a process each

    def start(self):
        for service in ("bulk", "echo"):
            src, dst = SERVICES[service]
            self.run("socat", "-b", "262144", "TCP-LISTEN:%d,bind=%s,fork,"
                     "reuseaddr,nodelay,backlog=4096" % (src, HOST),
                     "TCP:%s:%d,nodelay" % (HOST, dst))
        src, dst = SERVICES["dgram"]
        self.run("socat", "-u", "UDP-RECV:%d,bind=%s" % (src, HOST),
                 "UDP-SENDTO:%s:%d" % (HOST, dst))
        self.wait()


KINDS = (Direct, Mctd, Haproxy, HaproxySplice, Nginx, NginxLarge, Socat)


def installed(only):
    """Those whose programs are here."""
    return [kind for kind in KINDS
            if (not only or kind.name in only)
            and all(shutil.which(need) or os.path.exists(need)
                    for need in kind.needs)]


def settle(relay):
    """Until the relay has nothing left to do, so that its processor time
    is all there; 2 s at most."""
    end = time.monotonic() + 2
    before = -1
    while time.monotonic() < end:
        now = cpu_seconds(relay.pids())
        if now == before:
            return
        before = now
        time.sleep(0.05)


def cpu_seconds(pids):
    """Processor time of processes and of their ended children."""
    total = 0
    ticks = os.sysconf("SC_CLK_TCK")
    for pid in pids:
        try:
            with open("/proc/%d/stat" % pid) as stream:
                fields = stream.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += sum(map(int, fields[11:15])) / ticks
    return total


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
