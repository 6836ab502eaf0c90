"""More programs that people use, through the bridges: secure shell, rsync,
redis, wrk, iperf3 and uploads.  All are packages of etc/debian-deps; one
that is missing makes its tests fail."""

import filecmp
import hashlib
import json
import os
import re
import subprocess

import nginx
from ends import QUICK, accept, app_directory, connect, exchange, listen
from program import wait_for
from shell import Shell, need, run, wait_service

FILE_BYTES = 30 << 20
HOST = "[::1]"

RSYNCD = """\
port = 9873
address = 127.0.0.1
use chroot = no
uid = root
gid = root
pid file = {tmp}/rsyncd.pid
[tree]
path = {tmp}/there
read only = no
"""


def wait_end(daemon):
    """All sessions are over, all dsts were reached; returns the bridges by
    name."""
    wait_for(lambda: daemon.show("sessions") == [], 20, "end of sessions")
    bridges = {bridge["name"]: bridge for bridge in daemon.show("bridges")}
    assert all(b["failed"] == 0 for b in bridges.values()), bridges
    return bridges


def digest_of(path):
    with open(path, "rb") as stream:
        return hashlib.sha256(stream.read()).hexdigest()


# Secure shell


def test_ssh_runs_a_command_with_data_both_ways(context):
    shell = Shell(context)
    data = os.urandom(5 << 20)
    assert shell.run("cat", input=data) == data
    told = shell.run("sha256sum", input=data).decode()
    assert told.split()[0] == hashlib.sha256(data).hexdigest()
    done = subprocess.run([need("ssh"), *shell.words(), "root@127.0.0.1",
                           "exit 7"], stdin=subprocess.DEVNULL, timeout=30,
                          check=False)
    assert done.returncode == 7
    bridge = wait_end(shell.daemon)["ssh"]
    assert bridge["opened"] == 3
    assert bridge["bytes-to-dst"] > 2 * len(data), bridge
    assert bridge["bytes-to-src"] > len(data), bridge


def test_ssh_with_forwarded_ports(context):
    """One forwarded to there and one to here, several connections each, in
    the one session of the bridge."""
    shell = Shell(context)
    there, here = listen("tcp:127.0.0.1:9101"), listen("tcp:127.0.0.1:9102")
    ssh = context.program(
        need("ssh"), *shell.words(), "-N", "-o", "ExitOnForwardFailure=yes",
        "-L", "127.0.0.1:8101:127.0.0.1:9101",
        "-R", "127.0.0.1:8102:127.0.0.1:9102", "root@127.0.0.1")
    for port, server in ((8101, there), (8102, here)):
        wait_service("tcp:127.0.0.1:%d" % port)
        accept(server).close()  # that was the one who looked
        for size in (0, 1, 100000, 3000000):
            with connect("tcp:127.0.0.1:%d" % port) as peer, \
                    accept(server) as end:
                exchange(peer, end, size, end=True)
    assert len(shell.daemon.show("sessions")) == 1
    ssh.stop()
    bridge = wait_end(shell.daemon)["ssh"]
    assert bridge["opened"] == 1
    assert min(bridge["bytes-to-dst"], bridge["bytes-to-src"]) > 6000000


# rsync

def make_tree(path):
    """Files of many sizes, empty ones, folders in folders, a link."""
    for number in range(60):
        folder = os.path.join(path, *"abc"[:number % 4], "d%d" % (number % 7))
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "f%d" % number), "wb") as stream:
            stream.write(os.urandom(number ** 3 * 13))
    os.symlink("d0", os.path.join(path, "link"))
    os.mkdir(os.path.join(path, "empty"))


def same_tree(one, other):
    """Whether names, links and every byte are the same."""
    def listing(top):
        return {os.path.relpath(os.path.join(folder, name), top)
                for folder, folders, names in os.walk(top)
                for name in folders + names}
    names = listing(one)
    assert names == listing(other) and len(names) > 60, (one, other)
    for name in names:
        paths = [os.path.join(top, name) for top in (one, other)]
        assert os.path.islink(paths[0]) == os.path.islink(paths[1])
        assert not os.path.isfile(paths[0]) or \
            filecmp.cmp(*paths, shallow=False), name


def copy_and_back(context, remote, *more):
    """A tree to there, changed, again, and back from there."""
    make_tree(context.path("here"))
    for folder in ("a", "moved/a"):
        run("rsync", "-a", "--delete", *more, context.path("here/"), remote)
        same_tree(context.path("here"), context.path("there"))
        with open(context.path("here/d0/f0"), "ab") as stream:
            stream.write(os.urandom(200000))
        os.unlink(context.path("here/link"))
        os.symlink("nowhere", context.path("here/link"))
        os.renames(context.path("here/" + folder),
                   context.path("here/moved/" + folder))
    run("rsync", "-a", *more, remote, context.path("back"))
    same_tree(context.path("there"), context.path("back"))


def test_rsync_over_ssh(context):
    shell = Shell(context)
    copy_and_back(context, "root@127.0.0.1:%s/" % context.path("there"),
                  "-e", " ".join([need("ssh"), *shell.words()]))
    assert wait_end(shell.daemon)["ssh"]["opened"] == 3


def test_rsync_to_its_own_server(context):
    """From a local socket by way of TCP, and over IPv6."""
    os.mkdir(context.path("there"))
    with open(context.path("rsyncd.conf"), "w") as stream:
        stream.write(RSYNCD.format(tmp=context.tmp))
    context.program(need("rsync"), "--daemon", "--no-detach", "--config",
                    context.path("rsyncd.conf"))
    wait_service("tcp:127.0.0.1:9873")
    daemon = context.daemon(QUICK + 'bridge "one" tcp:[::1]:8873 unix:@two\n'
                            'bridge "two" unix:@two tcp:127.0.0.1:9873\n')
    copy_and_back(context, "rsync://%s:8873/tree/" % HOST)
    bridges = wait_end(daemon)
    for way in ("opened", "bytes-to-dst", "bytes-to-src"):
        assert bridges["one"][way] == bridges["two"][way], bridges
    assert bridges["one"]["opened"] == 3


# redis

def test_redis_benchmark(context):
    """Few and many requests under way, over TCP and local sockets."""
    app = app_directory(context)
    context.program(need("redis-server"), "--port", "9379", "--bind",
                    "127.0.0.1", "--save", "", "--appendonly", "no",
                    "--unixsocket", app + "/redis", "--unixsocketperm",
                    "777", "--dir", context.tmp)
    wait_service("unix:%s/redis" % app)
    wait_service("tcp:127.0.0.1:9379")
    daemon = context.daemon(
        '%sdirectory "%s"\nbridge "tcp" tcp:[::1]:8379 tcp:127.0.0.1:9379\n'
        'bridge "local" unix:%s/src unix:%s/redis\n'
        % (QUICK, app, app, app))
    ways = {"tcp": ("-h", "::1", "-p", "8379"), "local": ("-s", app + "/src")}
    for way in ways.values():
        for pipeline in ("1", "16"):
            out = run("redis-benchmark", *way, "-q", "-n", "6000", "-c",
                      "50", "-P", pipeline, "-d", "100", "-r", "1000",
                      "-t", "set,get,lrange_100").decode()
            assert len(re.findall(r"\d requests per second", out)) == 4, out
        run("redis-cli", *way, "set", "word", "through " + way[0])
        assert run("redis-cli", *way, "get", "word") == \
            b"through %s\n" % way[0].encode()
    bridges = wait_end(daemon)
    assert bridges["tcp"]["opened"] == bridges["local"]["opened"] >= 300


# The web

class Web:
    """nginx that gives files and takes them, behind bridges."""

    def __init__(self, context):
        app = self.app = app_directory(context)
        os.mkdir(context.path("www"), 0o755)
        with open(context.path("www/small"), "wb") as stream:
            stream.write(b"x" * 1000)
        context.program(need("nginx"), *nginx.words(context.tmp, (
            "listen [::1]:9080", "listen unix:%s/web" % app,
            "root " + context.path("www"), "dav_methods PUT"), "root"))
        wait_service("unix:%s/web" % app)
        os.chmod(app + "/web", 0o777)
        wait_service("tcp:[::1]:9080")
        self.daemon = context.daemon(
            '%sdirectory "%s"\n'
            'bridge "4to6" tcp:127.0.0.1:8080 tcp:[::1]:9080\n'
            'bridge "6tolocal" tcp:[::1]:8081 unix:%s/web\n'
            'bridge "localto6" unix:%s/src tcp:[::1]:9080\n'
            'bridge "local" unix:%s/src2 unix:%s/web\n' % (
                QUICK, app, app, app, app, app))

    def ways(self):
        """Words for curl, for each bridge."""
        return (("http://127.0.0.1:8080/",), ("http://[::1]:8081/",),
                ("http://web/", "--unix-socket", self.app + "/src"),
                ("http://web/", "--unix-socket", self.app + "/src2"))


def test_curl_uploads_and_downloads_a_large_file(context):
    web = Web(context)
    sent, got = context.path("sent"), context.path("got")
    with open(sent, "wb") as stream:
        stream.write(os.urandom(FILE_BYTES))
    for number, (url, *more) in enumerate(web.ways()):
        words = ("-gsS", "--fail", "--noproxy", "*", *more)
        run("curl", *words, "-T", sent, "%sup%d" % (url, number))
        assert filecmp.cmp(sent, context.path("www/up%d" % number),
                           shallow=False)
        run("curl", *words, "-o", got, "%sup%d" % (url, number))
        assert digest_of(got) == digest_of(sent)
        os.unlink(got)
    for bridge in wait_end(web.daemon).values():
        assert bridge["opened"] == 2, bridge
        for way in ("bytes-to-dst", "bytes-to-src"):
            assert FILE_BYTES < bridge[way] < FILE_BYTES + 4096, bridge


def test_wrk(context):
    """Requests on kept connections, and with one for each."""
    web = Web(context)
    for url, more in (("http://127.0.0.1:8080/small", ()),
                      ("http://[::1]:8081/small", ()),
                      ("http://127.0.0.1:8080/small",
                       ("-H", "Connection: close"))):
        out = run("wrk", "-t", "1", "-c", "20", "-d", "1s", "--timeout",
                  "20s", *more, url).decode()
        count = int(re.search(r"(\d+) requests in", out)[1])
        assert count > 0, out
        assert "Socket errors" not in out and "Non-2xx" not in out, out
    # those of the first, and one for each request of the last
    assert wait_end(web.daemon)["4to6"]["opened"] >= 20 + count


# iperf3

def listens_at(port):
    with open("/proc/net/tcp6") as stream:
        return re.search(r":%04X 0{32}:0000 0A" % port, stream.read())


def test_iperf3_in_all_directions(context):
    daemon = context.daemon(
        QUICK + 'bridge "iperf3" tcp:127.0.0.1:8201 tcp:[::1]:9201\n')
    for more in ((), ("-R",), ("--bidir",)):
        # one for each: for a moment after a test it calls itself busy
        server = context.program(need("iperf3"), "-s", "-1", "-B", "::1",
                                 "-p", "9201")
        # one who only looked would be a client to it
        wait_for(lambda: listens_at(9201), 20, "iperf3")
        result = json.loads(run(
            "iperf3", "-c", "127.0.0.1", "-p", "8201", "-J", "-t", "1",
            "-P", "4", *more))
        assert "error" not in result, result["error"]
        sums = [value for name, value in result["end"].items()
                if name.startswith("sum_received")]
        assert len(sums) == 2 if more == ("--bidir",) else 1, result["end"]
        for one in sums:
            assert one["bytes"] > 1 << 20, one
        server.process.wait(20)
        wait_for(lambda: not listens_at(9201), 20, "end of iperf3")
    bridge = wait_end(daemon)["iperf3"]
    assert bridge["opened"] == 5 + 5 + 9, bridge
    assert min(bridge["bytes-to-dst"], bridge["bytes-to-src"]) > 1 << 20
