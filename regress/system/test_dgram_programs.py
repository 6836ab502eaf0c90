"""Bridges of datagrams with programs that others wrote, and with many dsts
of every kind at once."""

import os
import re
import socket
import subprocess

from dgrams import check_sums, drops, expect_none
from ends import QUICK, app_directory, make, receiver
from lans import Lan
from program import wait_for
from shell import need, run

LONG = ["%03d " % i + 246 * "x" for i in range(14)]  # more than an MTU


def dnsmasq(context, host):
    """It answers for one.test and long.test at its host."""
    with host:
        context.program(
            need("dnsmasq"), "-k", "-C", "/dev/null", "-x", "", "-u", "root",
            "--no-resolv", "--no-hosts", "--bind-interfaces",
            "--listen-address=10.2.0.10,fd02::10", "--edns-packet-max=4096",
            "--host-record=one.test,192.0.2.1,2001:db8::1",
            "--txt-record=long.test," + ",".join(LONG))

        def listens():
            with open("/proc/thread-self/net/udp") as four, \
                    open("/proc/thread-self/net/udp6") as six:
                return ":0035 " in four.read() and ":0035 " in six.read()
        wait_for(listens, 20, "dnsmasq")


def drill(host, server, port, name, kind):
    """A question under way."""
    with host:
        return subprocess.Popen(
            (need("drill"), "-u", "-b", "4096", "-p", str(port),
             "@" + server, name, kind), stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT, text=True)


def test_questions_of_drill_to_dnsmasq(context):
    """Many at a time, over both families and between them; answers that are
    too long for one packet come whole."""
    near, far = Lan("ea", 1), Lan("eb", 2)
    asker = near.hosts[0]
    dnsmasq(context, far.hosts[0])
    daemon = context.daemon(QUICK + """
bridge "any" udp:*:53 udp:10.2.0.10:53 { reply yes }
bridge "six" udp:[fd01::1]:5353 udp:[fd02::10]:53 { reply yes }
bridge "cross" udp:10.1.0.1:5354 udp:[fd02::10]:53 { reply yes idle 1s }
""")
    servers = (("10.1.0.1", 53), ("fd01::1", 53), ("fd01::1", 5353),
               ("10.1.0.1", 5354))
    wanted = {("one.test", "A"): "192.0.2.1",
              ("one.test", "AAAA"): "2001:db8::1",
              ("long.test", "TXT"): " ".join('"%s"' % t for t in LONG)}
    asked = [(server, what, drill(asker, *server, *what))
             for _ in range(3) for server in servers for what in wanted]
    for server, what, process in asked:
        out = process.communicate(timeout=30)[0]
        assert wanted[what] in re.sub(r"\s+", " ", out), (server, what, out)
        assert "rcode: NOERROR" in out, out
    each = 3 * len(wanted)
    for bridge in check_sums(daemon):
        count = 2 * each if bridge["name"] == "any" else each
        assert bridge["messages-in"] == bridge["replies-out"] == count, bridge
        assert drops(bridge) == {}, bridge
        assert 0 < bridge["flows-made"] <= count, bridge


class Dsts:
    """The receivers of 64 bridges that share a src, of all kinds."""

    KINDS = ("udp:127.0.0.1:%d", "udp:[::1]:%d", "udplite:127.0.0.1:%d",
             "unixdgram:@dst%d", "unixdgram:{app}/dst%d", "udplite:[::1]:%d")

    def __init__(self, context, src):
        app = app_directory(context)
        self.names = [self.KINDS[i % 6].format(app=app) % context.port()
                      for i in range(64)]
        self.socks = [receiver(name) for name in self.names]
        self.daemon = context.daemon(
            QUICK + 'directory "%s"\n' % app + "".join(
                'bridge "b%d" "%s" "%s"\n' % (i, src, name)
                for i, name in enumerate(self.names)))

    def close(self, *numbers):
        for number in numbers:
            self.socks[number].close()

    def expect(self, number, messages):
        """All of them, in order, and nothing else."""
        for message in messages:
            got = self.socks[number].recv(1 << 17)
            assert got == message, (self.names[number], len(got))
        expect_none(self.socks[number])


def test_64_dsts_of_one_src(context):
    """Of all kinds, and datagrams of all sizes: those that nobody reads, that
    are full or that are gone take nothing from the others."""
    src = "udp:127.0.0.1:%d" % context.port()
    dsts = Dsts(context, src)
    gone = (0, 1, 2, 3, 4, 5)  # one of each kind
    stuck = (9, 10)  # local ones: their queues fill
    small = 12  # of UDP: its receiver loses, and the daemon cannot know
    dsts.close(*gone)
    dsts.socks[small].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 0)
    sender, address = make(src)
    sender.connect(address)
    living = [i for i in range(64) if i not in (*gone, *stuck, small)]
    count = 0
    for turn in range(12):
        messages = [os.urandom(size) for size in (
            0, 1, 64, 64, 64, 1400, 1400, 700, 9000, 0, 65000 // (turn + 1))]
        for message in messages:
            sender.send(message)
        count += len(messages)
        for number in living:
            dsts.expect(number, messages)
    bridges = check_sums(dsts.daemon, count)
    for number in (*living, small):
        assert drops(bridges[number]) == {}, bridges[number]
    for number in stuck:
        taken = bridges[number]["messages-out"]
        assert drops(bridges[number]) == {"drop-no-buffer": count - taken}
        for _ in range(taken):
            dsts.socks[number].recv(1 << 17)
        expect_none(dsts.socks[number])
    for number in gone:
        assert bridges[number]["messages-out"] < count, bridges[number]
        assert set(drops(bridges[number])) == {"drop-refused"}


def test_logger_by_local_socket_and_over_the_wire(context):
    """A host's messages go from a socket with a path to another host, and
    there into a socket with a path again; beside them those of programs that
    send by UDP."""
    app = app_directory(context)
    far = Lan("ea", 1).hosts[0]
    context.program("socat", "-u", "UNIX-RECV:%s/end,mode=666" % app,
                    "CREATE:" + context.path("got"))
    wait_for(lambda: os.path.exists(app + "/end"), 20, "socat")
    context.daemon(QUICK + 'directory "%s"\n' % app +
                   "bridge udp:10.1.0.1:514 unixdgram:%s/end\n" % app)
    with far:
        sender = context.daemon(
            QUICK + 'directory "%s"\n' % app +
            'bridge "local" unixdgram:%s/log udp:10.1.0.1:514\n' % app +
            'bridge "wire" udp:127.0.0.1:514 udp:10.1.0.1:514\n')
        for number in range(5):
            for way in (("-u", app + "/log"),
                        ("-d", "-n", "127.0.0.1", "-P", "514")):
                run("logger", *way, "-t", "test", "message %d" % number)
    for bridge in check_sums(sender, 5):
        assert drops(bridge) == {}, bridge
    bridge, = check_sums(context.daemons[0], 10)
    assert drops(bridge) == {}, bridge

    def numbers():
        """A message ends where its datagram does, and not with a line."""
        with open(context.path("got")) as stream:
            return re.findall(r"message (\d)", stream.read())
    wait_for(lambda: sorted(numbers()) == sorted(2 * "01234"), 20, "all")


def iperf_server(context, host, port):
    with host:
        server = context.program(need("iperf"), "-s", "-u", "-V", "-B",
                                 "fd02::10", "-p", str(port))
    wait_for(lambda: "listening" in server.process.stdout.readline(), 20,
             "iperf")
    return server


def iperf_report(host, port, count):
    """(lost, all) as the server tells it."""
    with host:
        done = run("iperf", "-c", "10.1.0.1", "-u", "-p", str(port), "-l",
                   "500", "-b", "1000pps", "-n", str(500 * count)).decode()
    lost, total = re.search(r"Server Report:.* ms +(\d+)/ *(\d+)", done,
                            re.S).groups()
    return int(lost), int(total), done


def test_iperf_hears_of_its_losses_by_the_way_back(context):
    """What the server missed is what a limit of the bridge dropped, and
    nothing without one."""
    near, far = Lan("ea", 1), Lan("eb", 2)
    servers = [iperf_server(context, far.hosts[0], port)
               for port in (5000, 5001)]
    daemon = context.daemon(QUICK + """
bridge "all" udp:10.1.0.1:5000 udp:[fd02::10]:5000 { reply yes }
bridge "few" udp:10.1.0.1:5001 udp:[fd02::10]:5001 {
	reply yes
	datagram-rate 200
}
""")
    lost, total, out = iperf_report(near.hosts[0], 5000, 400)
    every, _ = check_sums(daemon)
    assert lost == 0 and 400 <= total <= every["messages-in"], out
    assert drops(every) == {}, every
    lost, total, out = iperf_report(near.hosts[0], 5001, 400)
    _, few = check_sums(daemon)
    # its sign of the end may be dropped too, and comes again
    assert 0 < lost <= few["drop-rate"] <= lost + 10, (few, out)
    assert set(drops(few)) == {"drop-rate"}, few
    for server in servers:
        server.process.kill()
