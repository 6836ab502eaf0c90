"""Programs that people use, through the bridges: they must not notice."""

import hashlib
import json
import os
import subprocess

import nginx
from dgrams import check_sums
from ends import QUICK, app_directory, connect
from program import wait_for

FILE_BYTES = 20 << 20


def run(*argv, **more):
    done = subprocess.run(argv, stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.PIPE, timeout=50, check=False,
                          **more)
    assert done.returncode == 0, (argv, done.returncode, done.stderr)
    return done.stdout


class Web:
    """nginx with one file, and bridges to it of three kinds."""

    PORTS = (8001, 8002, 8003)

    def __init__(self, context):
        self.context = context
        app = app_directory(context)
        os.mkdir(context.path("www"), 0o755)
        content = os.urandom(FILE_BYTES)
        self.digest = hashlib.sha256(content).hexdigest()
        with open(context.path("www/file"), "wb") as stream:
            stream.write(content)
        context.program("nginx", *nginx.words(context.tmp, (
            "listen 127.0.0.1:9080", "listen [::1]:9080",
            "listen unix:%s/web.sock" % app, "root " + context.path("www"))))
        wait_for(lambda: os.path.exists(app + "/web.sock"), 10, "nginx")
        self.daemon = context.daemon(
            '%sdirectory "%s"\n'
            "bridge tcp:127.0.0.1:8001 tcp:127.0.0.1:9080\n"
            "bridge tcp:127.0.0.1:8002 tcp:[::1]:9080\n"
            "bridge tcp:[::1]:8003 unix:%s/web.sock\n" % (QUICK, app, app))

    def url(self, port):
        return "http://%s:%d/file" % (
            "[::1]" if port == 8003 else "127.0.0.1", port)


def digest_of(path):
    with open(path, "rb") as stream:
        return hashlib.sha256(stream.read()).hexdigest()


def test_curl_gets_a_file_from_nginx(context):
    web = Web(context)
    for port in web.PORTS:
        path = context.path("got")
        run("curl", "-gsS", "--fail", "--noproxy", "*", "-o", path,
            web.url(port))
        assert digest_of(path) == web.digest, port
    for bridge in web.daemon.show("bridges"):
        assert bridge["bytes-to-src"] > FILE_BYTES


def test_curl_gets_many_parts_at_once_over_kept_connections(context):
    web = Web(context)
    argv = ["curl", "--parallel", "--parallel-max", "6"]
    parts, size = 24, FILE_BYTES // 24
    for number in range(parts):
        last = "" if number == parts - 1 else (number + 1) * size - 1
        argv += ["--next"] if number > 0 else []
        argv += ["-gsS", "--fail", "--noproxy", "*",
                 "-r", "%s-%s" % (number * size, last),
                 "-o", context.path("part%02d" % number),
                 web.url(web.PORTS[number % 3])]
    run(*argv)
    digest = hashlib.sha256()
    for number in range(parts):
        with open(context.path("part%02d" % number), "rb") as stream:
            digest.update(stream.read())
    assert digest.hexdigest() == web.digest


def test_download_that_is_broken_off_ends_at_the_server(context):
    """Nothing stays behind of a client that goes in the middle."""
    web = Web(context)
    with connect("tcp:127.0.0.1:8001") as sock:
        sock.sendall(b"GET /file HTTP/1.1\r\nHost: a\r\n\r\n")
        assert sock.recv(1000)
    wait_for(lambda: web.daemon.show("sessions") == [], 10, "end")


def test_iperf3_both_ways(context):
    """Its control connection and its streams, TCP.  A server turns away who
    comes before it has put the last test away: each test has its own."""
    daemon = context.daemon(
        QUICK + "bridge tcp:[::1]:8201 tcp:127.0.0.1:9201\n")
    for more in ((), ("-R",)):
        server = context.program("iperf3", "-s", "-1", "-B", "127.0.0.1",
                                 "-p", "9201")
        wait_for(lambda: listens(9201), 10, "iperf3")
        result = json.loads(run("iperf3", "-c", "::1", "-p", "8201", "-J",
                                "-t", "1", "-P", "2", *more))
        assert "error" not in result, result["error"]
        end = result["end"]
        assert end["sum_received"]["bytes"] > 1 << 20
        server.process.wait(20)
    wait_for(lambda: daemon.show("sessions") == [], 10, "end")
    bridge, = daemon.show("bridges")
    assert bridge["opened"] == 6 and bridge["failed"] == 0, bridge


def listens(port):
    with open("/proc/net/tcp") as stream:
        return any(":%04X 00000000:0000 0A" % port in line
                   for line in stream)


def test_socat_at_both_ends(context):
    """A file from its standard input to the other's output, and the end of
    the one is the end of the other."""
    app = app_directory(context)
    daemon = context.daemon(
        '%sdirectory "%s"\n'
        'bridge unix:%s/in tcp:127.0.0.1:9301\n' % (QUICK, app, app))
    data = os.urandom(3 << 20)
    with open(context.path("sent"), "wb") as stream:
        stream.write(data)
    got = context.path("got")
    server = context.program("socat", "-u", "TCP-LISTEN:9301,reuseaddr",
                             "CREATE:" + got)
    wait_for(lambda: listens(9301), 10, "socat")
    run("socat", "-u", "FILE:" + context.path("sent"),
        "UNIX-CONNECT:%s/in" % app)
    assert server.process.wait(20) == 0
    assert digest_of(got) == hashlib.sha256(data).hexdigest()
    bridge, = daemon.show("bridges")
    assert bridge["bytes-to-dst"] == len(data)


def test_socat_datagrams(context):
    """A line each, from UDP to a local socket."""
    app = app_directory(context)
    got = context.path("got")
    context.program("socat", "-u",
                    "UNIX-RECV:%s/log,mode=666" % app, "CREATE:" + got)
    wait_for(lambda: os.path.exists(app + "/log"), 10, "socat")
    daemon = context.daemon('directory "%s"\n'
                            "bridge udp:127.0.0.1:8401 unixdgram:%s/log\n" %
                            (app, app))
    for number in range(20):
        run("socat", "-u", "-", "UDP-SENDTO:127.0.0.1:8401",
            input="line %d\n" % number)
        check_sums(daemon, number + 1)
    wait_for(lambda: os.path.getsize(got) == 10 * 7 + 10 * 8, 10, "lines")
    with open(got) as stream:
        assert stream.read() == "".join(
            "line %d\n" % number for number in range(20))


def test_bridges_in_front_of_a_relay_of_nginx(context):
    """Two relays in a row, ours and its, and ours again."""
    conf = context.path("nginx.conf")
    with open(conf, "w") as stream:
        stream.write(
            "load_module /usr/lib/nginx/modules/ngx_stream_module.so;\n"
            "daemon off;\nuser nobody nogroup;\nworker_processes 1;\n"
            "pid %s/nginx.pid;\nerror_log stderr;\nevents { }\n"
            "stream { server { listen 127.0.0.1:9501;\n"
            "proxy_pass 127.0.0.1:8502; } }\n" % context.tmp)
    context.program("nginx", "-p", context.tmp, "-e", "stderr", "-c", conf)
    wait_for(lambda: listens(9501), 10, "nginx")
    context.daemon(
        QUICK + "bridge tcp:127.0.0.1:8501 tcp:127.0.0.1:9501\n"
        "bridge tcp:127.0.0.1:8502 tcp:127.0.0.1:9502\n")
    data = os.urandom(1 << 20)
    with open(context.path("sent"), "wb") as stream:
        stream.write(data)
    server = context.program(
        "socat", "-u", "TCP-LISTEN:9502,reuseaddr",
        "CREATE:" + context.path("got"))
    wait_for(lambda: listens(9502), 10, "socat")
    run("socat", "-u", "FILE:" + context.path("sent"),
        "TCP:127.0.0.1:8501")
    assert server.process.wait(20) == 0
    assert digest_of(context.path("got")) == hashlib.sha256(data).hexdigest()
