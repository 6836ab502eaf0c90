"""What goes through a stream bridge is what was sent: every family to every
other, both ways at once, of any size, in many sessions, at any speed."""

import socket
import subprocess

from ends import (Line, QUICK, accept, app_directory, connect, drain,
                  exchange, fill, listen, parse, run, take)
from fds import files_of
from program import wait_for

SIZES = (0, 1, 65535, 65536, 65537, 3000001)


def check_sizes(context, src, dst, conf=""):
    """Sessions one after the other, of all sizes, to their common end."""
    line = Line(context, src, dst, conf=conf)
    for size in SIZES:
        peer, end = line.pair()
        exchange(peer, end, size, end=True)
        peer.close()
        end.close()
    line.wait_sessions(0)
    bridge = line.bridge()
    assert bridge["opened"] == bridge["accepted"] == len(SIZES)
    assert bridge["bytes-to-dst"] == bridge["bytes-to-src"] == sum(SIZES)


def test_tcp4_to_tcp4(context):
    check_sizes(context, None, None)


def test_tcp4_to_tcp6(context):
    check_sizes(context, None, "tcp:[::1]:%d" % context.port())


def test_tcp6_to_tcp4(context):
    check_sizes(context, "tcp:[::1]:%d" % context.port(), None)


def test_tcp6_to_tcp6(context):
    check_sizes(context, "tcp:[::1]:%d" % context.port(),
                "tcp:[::1]:%d" % context.port())


def test_tcp_to_unix_path(context):
    app = app_directory(context)
    check_sizes(context, None, "unix:%s/dst" % app,
                'directory "%s"\n' % app)


def test_unix_path_to_tcp(context):
    app = app_directory(context)
    check_sizes(context, "unix:%s/src" % app, None,
                'directory "%s"\n' % app)


def test_unix_path_to_unix_path(context):
    """In directories of their own."""
    src, dst = app_directory(context, "a"), app_directory(context, "b")
    check_sizes(context, "unix:%s/src" % src, "unix:%s/dst" % dst,
                'directory "%s"\ndirectory "%s"\n' % (src, dst))


def test_unix_abstract_to_tcp_and_back(context):
    """Two bridges in a row, the local name between them."""
    port, end = context.port(), "tcp:[::1]:%d" % context.port()
    server = listen(end)
    context.daemon(QUICK + "bridge tcp:127.0.0.1:%d unix:@between\n"
                   "bridge unix:@between %s\n" % (port, end))
    for size in SIZES:
        peer = connect("tcp:127.0.0.1:%d" % port)
        exchange(peer, accept(server), size, end=True)


def test_abstract_name_of_any_bytes(context):
    name = bytes((0, 1, 10, 92, 128, 255)) + b"x"
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(20)
    sock.bind(b"\0" + name)
    sock.listen()
    daemon = context.daemon(QUICK)
    port = context.port()
    daemon.add("tcp:127.0.0.1:%d" % port,
               r"unix:@\x00\x01\x0a\\\x80\xffx", "name", "odd")
    peer = connect("tcp:127.0.0.1:%d" % port)
    exchange(peer, accept(sock))
    # What the listing prints makes the same bridge.
    text = daemon.show("bridges")[0]["dst"]
    daemon.ctl("bridge", "close", "odd")
    daemon.add("tcp:127.0.0.1:%d" % port, text)
    exchange(connect("tcp:127.0.0.1:%d" % port), accept(sock))


def test_wildcard_takes_both_families(context):
    port = context.port()
    line = Line(context, "tcp:*:%d" % port)
    for host in ("127.0.0.1", "[::1]", "127.0.0.2"):
        peer, dst = connect("tcp:%s:%d" % (host, port)), accept(line.server)
        exchange(peer, dst)
        # One that came over IPv4 is shown as such.
        session = line.wait_sessions(1)[0]
        assert session["peer"] == "tcp:%s:%d" % (
            "[::1]" if ":" in host else "127.0.0.1", peer.getsockname()[1])
        peer.close()
        dst.close()
        line.wait_sessions(0)


def test_wildcard_of_one_family_takes_that_alone(context):
    port = context.port()
    line4 = Line(context, "tcp:0.0.0.0:%d" % port)
    line6 = "tcp:[::]:%d" % port, "tcp:[::1]:%d" % context.port()
    server6 = listen(line6[1])
    for host in ("::1", "127.0.0.1"):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as sock:
            failed = sock.connect_ex((host, port))
            assert bool(failed) == (host == "::1")
    accept(line4.server).close()
    # Both have the same port, and do not meet.
    line4.daemon.add(*line6)
    exchange(connect("tcp:[::1]:%d" % port), accept(server6))
    exchange(connect("tcp:127.0.0.1:%d" % port), accept(line4.server))


def test_link_local_with_interface(context):
    def ip(*words):
        subprocess.run(("ip",) + words, check=True)
    ip("link", "add", "va", "type", "veth", "peer", "name", "vb")
    for name, address in (("va", "fe80::a/64"), ("vb", "fe80::b/64")):
        ip("link", "set", name, "up")
        ip("addr", "add", address, "dev", name, "nodad")
    line = Line(context, "tcp:[fe80::a%%va]:%d" % context.port(),
                "tcp:[fe80::b%%vb]:%d" % context.port())
    line.check()
    bridge = line.bridge()
    assert (bridge["src"], bridge["dst"]) == (line.src, line.dst)
    peer, _ = line.pair()
    assert "[fe80::a%va]" in line.sessions()[-1]["peer"]
    peer.close()


def test_many_sessions_at_once(context):
    """All open together, each with bytes of its own."""
    line = Line(context)
    pairs = [line.pair() for _ in range(150)]
    assert len(line.sessions()) == len(pairs)
    for begun in range(0, len(pairs), 30):
        run(*((exchange, peer, dst, 1000 * number, True)
              for number, (peer, dst) in
              enumerate(pairs[begun:begun + 30])))
    line.wait_sessions(0)


def test_sessions_are_not_mixed_up_when_they_come_and_go(context):
    line = Line(context, conf="limits { sessions 40 }\n")

    def peer(number):
        for turn in range(20):
            with connect(line.src) as sock:
                word = b"%d.%d " % (number, turn) * (turn * 100 + 1)
                sock.sendall(word)
                sock.shutdown(socket.SHUT_WR)
                assert drain(sock) == word

    def serve():
        for _ in range(8 * 20):
            with accept(line.server) as sock:
                sock.sendall(drain(sock))

    run((serve,), *((peer, n) for n in range(8)))


def test_slow_reader_gets_every_byte(context):
    """The sender is held up, nothing is stored, and others go on."""
    line = Line(context)
    other = line.pair()
    for slow, fast in (line.pair(), reversed(line.pair())):
        sent = fill(slow)
        exchange(*other)
        got = take(fast, len(sent) // 2)
        exchange(*other)
        while len(got) < len(sent):
            got += fast.recv(30011)
        assert got == sent
        exchange(slow, fast)


def test_stuck_sessions_use_no_memory_of_the_daemon(context):
    def resident():
        total = 0
        for pid in line.daemon.all_pids():
            with open("/proc/%d/statm" % pid) as stream:
                total += int(stream.read().split()[1]) * 4096
        return total

    line = Line(context)
    line.check()
    before = resident()
    stuck = [line.pair() for _ in range(4)]
    sent = sum(len(data) for data in
               run(*((fill, peer) for peer, _ in stuck)))
    assert sent > 4 << 20
    assert resident() - before < 1 << 20


def test_bytes_are_counted_exactly(context):
    line = Line(context)
    peer, dst = line.pair()
    exchange(peer, dst, 123456)
    peer.sendall(b"x" * 1000)
    take(dst, 1000)

    def counts(record):
        return record["bytes-to-dst"], record["bytes-to-src"]

    wait_for(lambda: counts(line.sessions()[0]) == (124456, 123456))
    assert counts(line.bridge()) == (124456, 123456)
    peer.close()
    drain(dst)
    dst.close()
    line.wait_sessions(0)
    assert counts(line.bridge()) == (124456, 123456)
    peer, dst = line.pair()
    exchange(peer, dst, 44)
    wait_for(lambda: counts(line.bridge()) == (124500, 123500))


def test_session_shows_peer_and_dst(context):
    line = Line(context)
    peer, dst = line.pair()
    session = line.wait_sessions(1)[0]
    assert session["kind"] == "session" and session["state"] == "open"
    assert session["peer"] == "tcp:%s:%d" % peer.getsockname()
    assert session["dst"] == line.dst
    assert session["bridge"] == line.bridge()["id"]
    assert session["bridge-name"] == "line"
    assert dst.getsockname() == parse(line.dst)[2]


def test_urgent_byte_keeps_its_place(context):
    """It goes on as one byte among others, and nothing is lost."""
    line = Line(context)
    peer, dst = line.pair()
    peer.sendall(b"before")
    peer.send(b"!", socket.MSG_OOB)
    peer.sendall(b"after")
    peer.shutdown(socket.SHUT_WR)
    assert drain(dst) == b"before!after"


def test_descriptors_on_a_local_stream_are_not_carried(context):
    line = Line(context, "unix:@src", "unix:@dst")
    peer, dst = line.pair()
    with open("/dev/null") as stream:
        socket.send_fds(peer, [b"with"], [stream.fileno()])
    peer.sendall(b" and without")
    data, fds, _, _ = socket.recv_fds(dst, 4, 1)
    assert (data, fds) == (b"with", [])
    assert take(dst, 12) == b" and without"
    # Nor do they stay in the daemon.
    engine = line.daemon.pids()["engine"][0]
    wait_for(lambda: not any(
        fd > 2 and what == "/dev/null"
        for fd, what in files_of(engine).items()))
