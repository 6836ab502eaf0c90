"""Bridges with reply: each asker gets its own answers, and nobody else's."""

import os
import select
import signal
import socket
import subprocess
import threading

from dgrams import is_even
from ends import QUICK, allow, app_directory, make, receiver
from program import wait_for
from space import Space, ip
from upgrade import upgrade


class Echo:
    """Answers each datagram at an address with what fn makes of it, in a
    thread; asked is what came, and from whom."""

    def __init__(self, text, fn=lambda data: b"re:" + data):
        self.sock, address = make(text)
        self.sock.bind(address)
        allow(self.sock, address)
        self.fn = fn
        self.asked = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            data, sender = self.sock.recvfrom(1 << 17)
            self.asked.append((data, sender))
            answer = self.fn(data)
            if answer is not None:
                self.sock.sendto(answer, sender)


def asker(text, local=None):
    """A socket that talks to that address alone."""
    sock, address = make(text)
    sock.settimeout(10)
    if local is not None:
        sock.bind(local)
    sock.connect(address)
    return sock


def ask(sock, data):
    sock.send(data)
    got = sock.recv(1 << 17)
    assert got == b"re:" + data, got


def bridge(daemon):
    return daemon.show("bridges")[0]


def check(daemon, forward, **counts):
    """The figures are even, and these; they come after what they count."""
    counts = {name.replace("_", "-"): value
              for name, value in counts.items()}

    def settled():
        b = bridge(daemon)
        return b if is_even(b) and b["messages-in"] >= forward and \
            counts == {name: b[name] for name in counts} else None

    b = wait_for(settled, 20, "%d messages and %s" % (forward, counts))
    assert b["messages-in"] == forward, b
    return b


def served(context, src, dst, options="", conf="", fn=None):
    """A daemon with one reply bridge, and an echo behind it."""
    echo = Echo(dst) if fn is None else Echo(dst, fn)
    daemon = context.daemon(QUICK + conf + 'bridge "b" "%s" "%s" { reply yes '
                            "%s }\n" % (src, dst, options))
    return daemon, echo


def check_pair(context, src, dst, conf=""):
    daemon, echo = served(context, src, dst, conf=conf)
    near = [asker(src.replace("*", "127.0.0.1")) for i in range(5)]
    for turn in range(3):
        for i, sock in enumerate(near):
            ask(sock, b"%d %d" % (turn, i))
    for size in (0, 1, 1472, 9000, 60000):
        ask(near[0], os.urandom(size))
    check(daemon, 20, replies_out=20, flows_made=5, flows_now=5)
    assert len({sender for data, sender in echo.asked}) == 5


def test_udp4_to_udp4(context):
    check_pair(context, "udp:127.0.0.1:%d" % context.port(),
               "udp:127.0.0.1:%d" % context.port())


def test_udp6_to_udp4(context):
    check_pair(context, "udp:[::1]:%d" % context.port(),
               "udp:127.0.0.1:%d" % context.port())


def test_dual_to_udp6(context):
    check_pair(context, "udp:*:%d" % context.port(),
               "udp:[::1]:%d" % context.port())


def test_udp_to_local(context):
    app = app_directory(context)
    check_pair(context, "udp:127.0.0.1:%d" % context.port(),
               "unixdgram:%s/dst" % app, 'directory "%s"\n' % app)


def test_local_to_local(context):
    """An asker with a name is answered; without one it is dropped."""
    app = app_directory(context)
    src = "unixdgram:%s/src" % app
    daemon, _ = served(context, src, "unixdgram:@dst",
                       conf='directory "%s"\n' % app)
    near = asker(src)  # connected to src: the answer is another's
    near.send(b"nobody")
    check(daemon, 1, drop_no_flow=1)
    named, address = make("unixdgram:@named")
    named.settimeout(10)
    named.bind(address)
    for data in (b"one", b"two"):
        named.sendto(data, make(src)[1])
        assert named.recv(100) == b"re:" + data
    check(daemon, 3, replies_out=2, flows_now=1)


def test_answer_from_where_it_was_asked(context):
    """A src at all addresses answers by the one that was asked: the kernel
    would choose 127.0.0.1."""
    port = context.port()
    daemon, _ = served(context, "udp:*:%d" % port,
                       "udp:127.0.0.1:%d" % context.port())
    for turn in range(2):
        for host in ("127.0.0.1", "127.0.0.5", "[::1]"):
            for i in range(3):
                # connected: nobody else's answer would come in
                ask(asker("udp:%s:%d" % (host, port)), b"%d" % i)
    check(daemon, 18, flows_made=18, replies_out=18, drop_no_flow=0)


def test_many_askers_at_once(context):
    """Each datagram has another sender, they come while sockets of flows are
    made, and none is taken by the flow of another."""
    def burst(src):
        near = [asker(src) for _ in range(200)]
        for i, sock in enumerate(near):
            sock.send(b"%d" % i)
        for i, sock in enumerate(near):
            assert sock.recv(100) == b"re:%d" % i
        return len(near)

    port, dst = context.port(), context.port()
    daemon, _ = served(context, "udp:*:%d" % port, "udp:127.0.0.1:%d" % dst,
                       "flows 1024", "limits { flows 1024 }\n")
    sent = burst("udp:127.0.0.1:%d" % port) + burst("udp:[::1]:%d" % port)
    check(daemon, sent, drop_no_flow=0, flows_made=sent)
    daemon.ctl("bridge", "close", "b")
    port = context.port()
    daemon.add("udp:127.0.0.1:%d" % port, "udp:127.0.0.1:%d" % dst,
               "reply", "yes", "flows", "1024", "name", "four")
    sent = burst("udp:127.0.0.1:%d" % port)
    check(daemon, sent, drop_no_flow=0, flows_made=sent)


def test_never_answered_gives_way_first(context):
    port = context.port()
    daemon, echo = served(
        context, "udp:127.0.0.1:%d" % port,
        "udp:127.0.0.1:%d" % context.port(), "flows 3",
        fn=lambda data: None if data == b"mute" else b"re:" + data)
    first, second, third = (asker("udp:127.0.0.1:%d" % port)
                            for _ in range(3))
    ask(first, b"1")
    second.send(b"mute")
    ask(third, b"3")
    check(daemon, 3, flows_now=3, flows_displaced=0)
    ask(asker("udp:127.0.0.1:%d" % port), b"4")  # second's place
    ask(first, b"5")
    ask(third, b"6")
    check(daemon, 6, flows_made=4, flows_displaced=1)
    ask(first, b"7")
    ask(asker("udp:127.0.0.1:%d" % port), b"8")  # that of the fourth
    ask(third, b"9")
    ask(first, b"10")
    b = check(daemon, 10, flows_made=5, flows_displaced=2, flows_now=3)
    assert b["drop-no-flow"] == 0
    daemon.wait_log("limit reached: flows")
    ports = [sender for data, sender in echo.asked]
    assert ports[0] == ports[4] == ports[6] == ports[9]


def test_idle_flow_ends(context):
    port = context.port()
    daemon, _ = served(context, "udp:127.0.0.1:%d" % port,
                       "udp:127.0.0.1:%d" % context.port(), "idle 1s")
    near = asker("udp:127.0.0.1:%d" % port)
    before = daemon_files(daemon)
    ask(near, b"1")
    wait_for(lambda: bridge(daemon)["flows-now"] == 0, 10, "end of the flow")
    # who asked for that goes away as well, maybe one that is in before, too
    wait_for(lambda: all(now <= was for now, was in
                         zip(daemon_files(daemon), before)), 10, "descriptors")
    ask(near, b"2")
    check(daemon, 2, flows_made=2, flows_displaced=0)


def test_flow_that_is_asked_while_it_ends_goes_on(context):
    """The engine has ended it, the parent has not; nothing is lost."""
    port = context.port()
    daemon, _ = served(context, "udp:127.0.0.1:%d" % port,
                       "udp:127.0.0.1:%d" % context.port(), "idle 1s")
    near = asker("udp:127.0.0.1:%d" % port)
    ask(near, b"1")
    engine, = daemon.pids()["engine"]
    files = "/proc/%d/fd" % engine
    held = len(os.listdir(files))
    os.kill(daemon.pid, signal.SIGSTOP)
    try:
        wait_for(lambda: len(os.listdir(files)) == held - 2, 10,
                 "end of the flow")
        near.send(b"2")
    finally:
        os.kill(daemon.pid, signal.SIGCONT)
    assert near.recv(100) == b"re:2"
    check(daemon, 2, replies_out=2, flows_made=1, flows_now=1)
    wait_for(lambda: bridge(daemon)["flows-now"] == 0, 10, "end of the flow")


def test_flow_that_gives_way_with_something_unread_is_counted(context):
    port = context.port()
    daemon, _ = served(context, "udp:127.0.0.1:%d" % port,
                       "udp:127.0.0.1:%d" % context.port(), "flows 1")
    first, second = (asker("udp:127.0.0.1:%d" % port) for _ in range(2))
    ask(first, b"1")
    engine, = daemon.pids()["engine"]
    files = "/proc/%d/fd" % engine
    held = len(os.listdir(files))
    os.kill(daemon.pid, signal.SIGSTOP)
    try:
        second.send(b"2")
        wait_for(lambda: len(os.listdir(files)) == held - 2, 10,
                 "end of the flow")
        first.send(b"lost")
    finally:
        os.kill(daemon.pid, signal.SIGCONT)
    assert second.recv(100) == b"re:2"
    check(daemon, 2, replies_out=2, flows_made=2, flows_displaced=1,
          flows_unread=1, flows_now=1)


def daemon_files(daemon):
    return [len(os.listdir("/proc/%d/fd" % pid)) for pid in
            (daemon.pid, daemon.pids()["engine"][0])]


def test_flood_of_askers(context):
    """Thousands of new askers in seconds: descriptors are as many as 16 flows
    need, and all is counted."""
    port = context.port()
    daemon, echo = served(context, "udp:127.0.0.1:%d" % port,
                          "udp:127.0.0.1:%d" % context.port(), "flows 16")
    empty = daemon_files(daemon)
    address = ("127.0.0.1", port)
    pages = daemon_pages(daemon)
    for begun in range(0, 4000, 50):
        near = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                for _ in range(50)]
        for sock in near:
            sock.sendto(b"x", address)
        near[-1].settimeout(10)
        assert near[-1].recv(10) == b"re:x"
        for sock in near:
            sock.close()
        files = daemon_files(daemon)
        assert files[0] <= empty[0] + 2 * 17 and \
            files[1] <= empty[1] + 2 * 16, (empty, files)
    b = check(daemon, 4000, drop_no_flow=0, flows_now=16)
    assert b["flows-made"] > 3900, b  # a port may come twice
    assert daemon_pages(daemon) == pages


def daemon_pages(daemon):
    """Of each process, its address space."""
    sizes = []
    for pid in (daemon.pid, daemon.pids()["engine"][0]):
        with open("/proc/%d/statm" % pid) as stream:
            sizes.append(stream.read().split()[0])
    return sizes


def asked_until_answered(sock):
    """How often it took."""
    for times in range(1, 20):
        sock.send(b"last")
        while select.select([sock], [], [], 1)[0]:
            if sock.recv(100) == b"re:last":
                return times
    return 0


def test_kills_lose_no_flow(context):
    """Engines die under way: flows stay, and every datagram and every answer
    is counted."""
    port = context.port()
    daemon, echo = served(context, "udp:127.0.0.1:%d" % port,
                          "udp:127.0.0.1:%d" % context.port(), "",
                          "limits { standby 8 }\n")
    near = [asker("udp:127.0.0.1:%d" % port) for _ in range(8)]
    for i, sock in enumerate(near):
        ask(sock, b"%d" % i)
    senders = {sender for _, sender in echo.asked}
    sent = len(near)
    for kill in range(5):
        for turn in range(200):
            for sock in near:
                sock.send(b"%d" % turn)
                sent += 1
            if turn == 20 * kill + 20:
                os.kill(daemon.pids()["engine"][0], signal.SIGKILL)
        wait_for(lambda: bridge(daemon)["messages-in"] == sent, 20,
                 "all that was sent")
    for sock in near:
        # the echo's own queue may be full of what came before
        times = asked_until_answered(sock)
        assert times > 0, "no answer"
        sent += times
    check(daemon, sent, flows_made=8, flows_displaced=0, drop_no_flow=0)
    assert {sender for _, sender in echo.asked} == senders


def test_src_of_flows_is_its_own(context):
    port = context.port()
    src, dst = "udp:127.0.0.1:%d" % port, "udp:127.0.0.1:%d" % context.port()
    other = "udp:127.0.0.1:%d" % context.port()
    daemon = context.daemon(QUICK)
    daemon.add(src, dst, "name", "plain")
    status, _, err = daemon.ctl("bridge", "add", src, other, "reply", "yes")
    assert status == 1 and "src is in use by bridge" in err, err
    daemon.ctl("bridge", "close", "plain")
    daemon.add(src, dst, "reply", "yes")
    status, _, err = daemon.ctl("bridge", "add", src, other)
    assert status == 1 and "src is in use by bridge" in err, err


def test_asker_with_the_address_of_dst(context):
    """It would be answered with its own answers, for ever."""
    port = context.port()
    daemon, echo = served(context, "udp:127.0.0.1:%d" % port,
                          "udp:127.0.0.1:%d" % context.port())
    echo.sock.sendto(b"round", ("127.0.0.1", port))
    check(daemon, 1, drop_no_flow=1, flows_made=0)
    assert echo.asked == []


def test_limits_hold_for_questions(context):
    port = context.port()
    daemon, _ = served(context, "udp:127.0.0.1:%d" % port,
                       "udp:127.0.0.1:%d" % context.port(), "min 2 max 5")
    near = asker("udp:127.0.0.1:%d" % port)
    ask(near, b"12345")
    near.send(b"1")
    near.send(b"123456")
    ask(near, b"12")
    check(daemon, 4, drop_size=2, replies_out=2)


def test_upgrade_keeps_flows(context):
    port = context.port()
    daemon, echo = served(context, "udp:127.0.0.1:%d" % port,
                          "udp:127.0.0.1:%d" % context.port())
    near = [asker("udp:127.0.0.1:%d" % port) for _ in range(20)]
    for sock in near:
        ask(sock, b"before")
    upgrade(daemon)
    for sock in near:
        ask(sock, b"after")
    ask(asker("udp:127.0.0.1:%d" % port), b"new")
    check(daemon, 41, flows_made=21, flows_now=21, replies_out=41)
    assert len({sender for _, sender in echo.asked}) == 21
    before = daemon_files(daemon)
    daemon.ctl("bridge", "close", "b")
    wait_for(lambda: daemon_files(daemon)[0] <= before[0] - 2 * 21 - 2, 10,
             "the end of all sockets")


def test_reload_to_reply_and_back(context):
    port, dst = context.port(), context.port()
    src = "udp:127.0.0.1:%d" % port
    echo = Echo("udp:127.0.0.1:%d" % dst)
    text = 'bridge "b" "%s" "udp:127.0.0.1:%d"' % (src, dst)
    daemon = context.daemon(QUICK + text + "\n")
    near = asker(src)
    near.send(b"one way")
    wait_for(lambda: len(echo.asked) == 1, 10, "the datagram")
    for turn in range(2):
        for options in ("{ reply yes }", ""):
            daemon.write(QUICK + text + options + "\n")
            status, _, err = daemon.ctl("reload")
            assert status == 0, err
            wait_for(lambda: bridge(daemon)["state"] == "relaying", 10, "it")
            if options:
                ask(near, b"two ways")
            else:
                n = len(echo.asked)
                near.send(b"one way")
                wait_for(lambda: len(echo.asked) == n + 1, 10, "the datagram")


def test_source_client(context):
    """dst sees the asker itself, by whom it is sent to, and its answers come
    back: it needs no route but that by the daemon."""
    front, back = Space(), Space()
    front.wire("f0", "10.1.0.1/24", "10.1.0.2/24")
    back.wire("b0", "10.2.0.1/24", "10.2.0.2/24")
    with back:
        ip("route", "add", "default", "via", "10.2.0.1")
        echo = Echo("udp:10.2.0.2:53")
    ip("rule", "add", "iif", "b0", "lookup", "100")
    ip("route", "add", "local", "default", "dev", "lo", "table", "100")
    with open("/proc/sys/net/ipv4/conf/b0/rp_filter", "w") as stream:
        stream.write("0")
    daemon = context.daemon(
        QUICK + 'bridge "b" "udp:10.1.0.1:53" "udp:10.2.0.2:53" '
        "{ reply yes source client }\n")
    with front:
        near = [asker("udp:10.1.0.1:53", ("10.1.0.2", 4000 + i))
                for i in range(3)]
    for turn in range(3):
        for sock in near:
            ask(sock, b"who am I")
    check(daemon, 9, replies_out=9, flows_made=3)
    assert {sender for _, sender in echo.asked} == \
        {("10.1.0.2", 4000 + i) for i in range(3)}


def test_source_client_one_way(context):
    """Without reply nothing is read from behind."""
    front = Space()
    front.wire("f0", "10.1.0.1/24", "10.1.0.2/24")
    echo = Echo("udp:10.1.0.1:53")
    port = context.port()
    daemon = context.daemon(
        QUICK + 'bridge "b" "udp:10.1.0.1:%d" "udp:10.1.0.1:53" '
        "{ source client }\n" % port)
    with front:
        near = asker("udp:10.1.0.1:%d" % port, ("10.1.0.2", 4000))
    for i in range(3):
        near.send(b"%d" % i)
    check(daemon, 3, replies_in=0, flows_made=1)
    wait_for(lambda: len(echo.asked) == 3, 10, "all of them")
    assert {sender for _, sender in echo.asked} == {("10.1.0.2", 4000)}


def test_source_client_needs_a_power(context):
    """It is refused when it is asked for, not with the first datagram."""
    daemon = context.daemon()
    status, _, err = daemon.ctl(
        "bridge", "add", "udp:127.0.0.1:%d" % context.port(),
        "udp:127.0.0.1:%d" % context.port(), "source", "client")
    assert status == 1 and "CAP_NET_ADMIN" in err, (status, err)
    assert daemon.show("bridges") == []


def test_socat_asks_socat(context):
    """A server that takes a process for each question, asked by programs of
    another's making."""
    port, dst = context.port(), context.port()
    context.program("socat", "UDP4-RECVFROM:%d,bind=127.0.0.1,fork" % dst,
                    "EXEC:rev")
    wait_for(lambda: udp_queue_exists(dst), 10, "the server")
    daemon = context.daemon(
        QUICK + 'bridge "b" "udp:[::1]:%d" "udp:127.0.0.1:%d" { reply yes }\n'
        % (port, dst))
    near = [subprocess.Popen(["socat", "STDIO", "UDP6:[::1]:%d" % port],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            for _ in range(3)]
    for i, program in enumerate(near):
        program.stdin.write(b"abc%d\n" % i)
        program.stdin.flush()
    for i, program in enumerate(near):
        assert program.stdout.readline() == b"%dcba\n" % i
        program.kill()
        program.wait()
    check(daemon, 3, replies_out=3, flows_made=3)


def udp_queue_exists(port):
    with open("/proc/net/udp") as stream:
        return any(line.split()[1].endswith(":%04X" % port)
                   for line in list(stream)[1:])


def test_hops_and_rate_of_questions(context):
    """A TTL leaves less one; what is over the rate is dropped."""
    port = context.port()
    daemon, echo = served(context, "udp:127.0.0.1:%d" % port,
                          "udp:127.0.0.1:%d" % context.port(),
                          "hops yes datagram-rate 4")
    near = asker("udp:127.0.0.1:%d" % port)
    near.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 1)
    near.send(b"last hop")
    check(daemon, 1, drop_hops=1)
    near.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 9)
    ask(near, b"1")
    for i in range(200):
        near.send(b"2")
    b = check(daemon, 202)
    assert b["drop-rate"] > 150, b


def test_new_askers_are_answered_when_full(context):
    """Each burst of new ones, though all flows are taken by answered ones."""
    port = context.port()
    daemon, _ = served(context, "udp:127.0.0.1:%d" % port,
                       "udp:127.0.0.1:%d" % context.port(), "flows 40")
    for turn in range(12):
        near = [asker("udp:127.0.0.1:%d" % port) for _ in range(10)]
        for sock in near:
            sock.send(b"x")
        for sock in near:
            assert sock.recv(10) == b"re:x"
    check(daemon, 120, replies_out=120, flows_now=40, drop_no_flow=0)
