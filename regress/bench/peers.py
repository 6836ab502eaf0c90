"""The relays that mctd is set beside, each with the configuration that
serves it best.  That is another for bulk, where a buffer or pipe of 1 MiB
is the fastest with all that can have one, than where sessions are many."""

import os
import sys

from relay import BULK, IDLE, SMALL, Relay, plain, split

HERE = os.path.dirname(os.path.abspath(__file__))
NGINX_STREAM = "/usr/lib/nginx/modules/ngx_stream_module.so"
PROXYD = "/lib/systemd/systemd-socket-proxyd"


class Haproxy(Relay):
    name = "haproxy"
    needs = ("haproxy",)
    families = {"tcp", "unix"}
    only_for = SMALL
    options = ""
    tuning = ""

    def end(self, address):
        return ("unix@" if address.startswith("unix:") else "") + \
            plain(address)

    def start(self):
        conf = ("global\n maxconn 6000\n nbthread 1\n%s"
                "defaults\n mode tcp\n timeout connect 5s\n"
                " timeout client 1m\n timeout server 1m\n%s"
                % (self.tuning, self.options))
        for service in self.services:
            conf += "listen %s\n bind %s backlog 4096\n server s %s\n" % (
                service, self.end(self.src(service)),
                self.end(self.dst(service)))
        self.run("haproxy", "-db", "-f", self.write("haproxy.cfg", conf))
        self.wait()


class HaproxyLarge(Haproxy):
    name = "haproxy-1m"
    only_for = BULK
    tuning = " tune.bufsize 1048576\n"


class HaproxySplice(Haproxy):

    name = "haproxy-splice"
    only_for = BULK
    options = " option splice-request\n option splice-response\n"
    tuning = " maxpipes 256\n tune.pipesize 1048576\n"


class Nginx(Relay):
    name = "nginx-16k"
    needs = ("nginx", NGINX_STREAM)
    families = {"tcp", "unix"}
    only_for = SMALL
    buffer_size = "16k"
    listen = "backlog=4096"
    events = ""

    def start(self):
        conf = ("load_module %s;\ndaemon off;\nuser nobody nogroup;\n"
                "worker_processes 1;\nworker_rlimit_nofile 20000;\n"
                "pid %s/nginx.pid;\nerror_log stderr;\n"
                "events { worker_connections 12000; %s}\n"
                "stream {\ntcp_nodelay on;\nproxy_buffer_size %s;\n"
                % (NGINX_STREAM, self.tmp, self.events, self.buffer_size))
        for service in self.services:
            conf += "server { listen %s %s; proxy_pass %s; }\n" % (
                self.end(self.src(service)), self.listen,
                self.end(self.dst(service)))
        self.run("nginx", "-p", self.tmp, "-e", "stderr", "-c",
                 self.write("nginx.conf", conf + "}\n"))
        self.wait()

    def end(self, address):
        return address if address.startswith("unix:") else plain(address)


class NginxMiddle(Nginx):
    name = "nginx-128k"
    only_for = BULK
    buffer_size = "128k"


class NginxLarge(Nginx):
    name = "nginx-1m"
    only_for = BULK
    buffer_size = "1m"


class NginxDgram(Nginx):
    """It keeps a session for each sender: without one, as proxy_responses 0
    has it, it makes a socket for each datagram.  multi_accept reads as long
    as there is anything."""

    name = "nginx-udp"
    families = {"udp"}
    only_for = None
    listen = "udp rcvbuf=4m"
    events = "multi_accept on; "


class Socat(Relay):
    name = "socat"
    needs = ("socat",)
    idle = 200  # a process each

    def start(self):
        for service in self.services:
            src = split(self.src(service))
            dst = split(self.dst(service))
            if src[0] == "udp":
                self.run("socat", "-u", "-b", "65536",
                         "UDP4-RECV:%d,bind=%s,rcvbuf=4194304" % (
                             src[2], src[1]), "UDP4:%s:%d" % dst[1:])
                continue
            self.run(
                "socat", "-b", "1048576",
                "UNIX-LISTEN:%s,fork,backlog=4096" % src[1]
                if src[0] == "unix" else
                "TCP-LISTEN:%d,bind=%s,fork,reuseaddr,nodelay,backlog=4096"
                % (src[2], src[1]),
                "UNIX-CONNECT:" + dst[1] if dst[0] == "unix" else
                "TCP:%s:%d,nodelay" % dst[1:])
        self.wait()


class Proxyd(Relay):
    """A process for each service, with a socket from outside."""

    name = "proxyd"
    needs = (PROXYD,)
    families = {"tcp", "unix"}
    idle = 3000  # six descriptors each

    def start(self):
        for service in self.services:
            self.run(sys.executable, "-B",
                     os.path.join(HERE, "activate.py"), self.src(service),
                     PROXYD, "--connections-max=%d" % (IDLE + 1000),
                     plain(self.dst(service)))
        self.wait()


class Rinetd(Relay):
    name = "rinetd"
    needs = ("rinetd",)
    families = {"tcp"}
    idle = 480  # it has select, with 1,024 descriptors

    def start(self):
        conf = ""
        for service in self.services:
            conf += "%s %d %s %d\n" % (split(self.src(service))[1:] +
                                       split(self.dst(service))[1:])
        self.run("rinetd", "-f", "-c", self.write("rinetd.conf", conf))
        self.wait()


class Loop(Relay):
    """Of ours, and no relay to use: the least that a program can do."""

    name = "loop"
    role = "limit"
    families = {"udp"}
    shares = True
    words = ()

    def start(self):
        for src in dict.fromkeys(map(self.src, self.services)):
            self.run(os.path.join(self.build, "pump"), "dgram-loop",
                     *self.words, src, *(self.dst(name)
                                         for name in self.services
                                         if self.src(name) == src))
        self.wait()


class LoopGroups(Loop):
    name = "loop-gro"
    words = ("-g",)
