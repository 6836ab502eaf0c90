"""Datagrams: what arrives at src goes to each dst, one way, as it is."""

import contextlib
import os
import socket

from dgrams import (SIZES, Feed, check_sums, drops, expect_none,
                    random_messages, udp_queue)
from ends import (QUICK, app_directory, make, parse, receiver, run)
from program import wait_for


def check_sizes(context, src, dst, conf=""):
    """Each size by itself, then a burst of mixed sizes."""
    feed = Feed(context, src, dst, conf=conf)
    for size in SIZES:
        feed.carry(os.urandom(size))
    feed.carry(*random_messages(5, 5, 0, 700, 5, 20000, 1, 700, 0))
    feed.check()
    bridge, = feed.daemon.show("bridges")
    assert bridge["state"] == "relaying" and bridge["src"] == src
    assert bridge["bytes-in"] == bridge["bytes-to-dst"] == \
        sum(SIZES) + 21416
    assert "bytes-to-src" not in bridge or bridge["bytes-to-src"] == 0


def test_udp4_to_udp4(context):
    check_sizes(context, "udp:127.0.0.1:%d" % context.port(),
                "udp:127.0.0.1:%d" % context.port())


def test_udp4_to_udp6(context):
    check_sizes(context, "udp:127.0.0.1:%d" % context.port(),
                "udp:[::1]:%d" % context.port())


def test_udp6_to_udp4(context):
    check_sizes(context, "udp:[::1]:%d" % context.port(),
                "udp:127.0.0.1:%d" % context.port())


def test_udp6_to_udp6(context):
    check_sizes(context, "udp:[::1]:%d" % context.port(),
                "udp:[::1]:%d" % context.port())


def test_udp_to_local_path(context):
    app = app_directory(context)
    check_sizes(context, "udp:127.0.0.1:%d" % context.port(),
                "unixdgram:%s/dst" % app, 'directory "%s"\n' % app)


def test_local_path_to_udp(context):
    app = app_directory(context)
    check_sizes(context, "unixdgram:%s/src" % app,
                "udp:[::1]:%d" % context.port(), 'directory "%s"\n' % app)


def test_local_name_to_local_name(context):
    check_sizes(context, "unixdgram:@src", "unixdgram:@dst")


def test_wildcard_takes_both_families(context):
    port = context.port()
    feed = Feed(context, "udp:127.0.0.1:%d" % context.port(),
                "udp:127.0.0.1:%d" % context.port())
    feed.daemon.add("udp:*:%d" % port, "udp:127.0.0.1:%d" %
                    feed.dsts[0].getsockname()[1])
    for host in ("127.0.0.1", "[::1]", "127.0.0.3"):
        sock, address = make("udp:%s:%d" % (host, port))
        sock.sendto(host.encode(), address)
        feed.expect(host.encode())


def test_order_is_kept(context):
    """Under way at a time are so many as every queue holds."""
    feed = Feed(context, "udp:127.0.0.1:%d" % context.port(),
                "udp:[::1]:%d" % context.port())
    for begun in range(0, 10000, 100):
        feed.carry(*(b"%d" % n * (n % 50) for n in range(begun, begun + 100)))
    feed.check()


def test_order_is_kept_when_sizes_are_mixed(context):
    feed = Feed(context, "udp:127.0.0.1:%d" % context.port(),
                "udp:127.0.0.1:%d" % context.port())
    for _ in range(20):
        sizes = [int.from_bytes(os.urandom(2), "big") >> shift
                 for shift in (15, 12, 8, 8, 5, 6, 6, 6, 2, 9, 9, 16, 9)]
        feed.carry(*random_messages(*sizes))
    feed.check()


def test_sender_that_groups_its_datagrams(context):
    """UDP_SEGMENT at the sender, with a last one that is shorter, or not,
    and with single datagrams between; larger groups than go at once."""
    dsts = ["udp:127.0.0.1:%d" % context.port(),
            "udp:[::1]:%d" % context.port()]
    feed = Feed(context, "udp:127.0.0.1:%d" % context.port(), *dsts)
    for size, length in ((1000, 10300), (1000, 10000), (1, 60), (1, 64),
                         (1400, 64 * 1000), (700, 701), (9000, 63001),
                         (16, 1001), (20000, 60001)):
        data = os.urandom(length)
        parts = feed.send_group(data, size)
        single = os.urandom(size + 1)
        feed.send(single)
        feed.expect(*parts, single)
    feed.check()


def test_groups_to_a_local_dst_are_taken_apart(context):
    feed = Feed(context, "udp:127.0.0.1:%d" % context.port(),
                "unixdgram:@dst")
    for size, length in ((100, 950), (1000, 3001), (1, 7)):
        feed.expect(*feed.send_group(os.urandom(length), size))
    feed.check()


def test_many_senders_to_one_src(context):
    """None is lost, and each sender's come in its order."""
    feed = Feed(context, "udp:*:%d" % context.port(),
                "udp:127.0.0.1:%d" % context.port())
    port = parse(feed.src)[2][1]
    senders = [make("udp:%s:%d" % (("127.0.0.1", "[::1]")[i % 2], port))
               for i in range(50)]
    for turn in range(40):
        for number, (sock, address) in enumerate(senders):
            sock.sendto(b"%d %d" % (number, turn), address)
        got = sorted(tuple(map(int, feed.dsts[0].recv(100).split()))
                     for _ in senders)
        assert got == [(n, turn) for n in range(len(senders))]
    feed.sent = 50 * 40
    feed.check()


def test_one_src_to_several_dsts(context):
    """Bridges that name the same src share it; each shows that."""
    feed = Feed(context, "udp:127.0.0.1:%d" % context.port(),
                "udp:127.0.0.1:%d" % context.port(), "unixdgram:@dst",
                "udp:[::1]:%d" % context.port())
    feed.carry(*random_messages(1, 0, 1400, 65507, 3))
    assert [b["src-shared"] for b in feed.daemon.show("bridges")] == [3] * 3
    feed.check()
    # One more, and one less, while it runs.
    late = receiver("udp:127.0.0.1:%d" % context.port())
    feed.daemon.add(feed.src, "udp:127.0.0.1:%d" % late.getsockname()[1])
    feed.dsts.append(late)
    feed.carry(b"to all four")
    feed.daemon.ctl("bridge", "close", "feed-1")
    gone = feed.dsts.pop(1)
    feed.carry(b"to three")
    expect_none(gone)
    assert [b["src-shared"] for b in feed.daemon.show("bridges")] == [3] * 3
    check_sums(feed.daemon)


def test_src_is_free_when_its_last_bridge_is_closed(context):
    feed = Feed(context, "udp:127.0.0.1:%d" % context.port(),
                "udp:127.0.0.1:%d" % context.port(), "unixdgram:@dst")
    for name in ("feed-0", "feed-1"):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            try:
                sock.bind(parse(feed.src)[2])
            except OSError:
                pass
            else:
                raise AssertionError("src is not there, or can be shared")
        assert feed.daemon.ctl("bridge", "close", name)[0] == 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(parse(feed.src)[2])


def test_nothing_goes_back_to_src(context):
    """What dst sends to where its datagrams come from reaches nobody, not
    even the daemon."""
    for host in ("127.0.0.1", "[::1]"):
        feed = Feed(context, "udp:%s:%d" % (host, context.port()),
                    "udp:%s:%d" % (host, context.port()))
        feed.send(b"there")
        _, back = feed.dsts[0].recvfrom(100)
        _, before = udp_queue(back[1])
        for number in range(100):
            feed.dsts[0].sendto(b"back", back)
        assert udp_queue(back[1]) == (0, before + 100)
        feed.carry(b"there again")
        expect_none(feed.sender)
        feed.check()


def test_stranger_cannot_send_to_dst_from_behind(context):
    """The daemon's own sockets take nothing from anybody."""
    feed = Feed(context, "udp:127.0.0.1:%d" % context.port(),
                "udp:127.0.0.1:%d" % context.port())
    feed.send(b"there")
    _, back = feed.dsts[0].recvfrom(100)
    sock, _ = make("udp:127.0.0.1:1")
    sock.sendto(b"from elsewhere", back)
    assert udp_queue(back[1])[0] == 0
    feed.carry(b"there again")
    expect_none(feed.dsts[0])
    feed.check()


def test_local_dst_has_nobody_to_answer(context):
    feed = Feed(context, "udp:127.0.0.1:%d" % context.port(),
                "unixdgram:@dst")
    feed.send(b"there")
    _, back = feed.dsts[0].recvfrom(100)
    assert not back, back
    feed.check()


def test_bridges_in_a_row(context):
    """Two of them make one way, and the other way is another pair."""
    app = app_directory(context)
    first = "udp:127.0.0.1:%d" % context.port()
    last = "udp:[::1]:%d" % context.port()
    end = receiver(last)
    daemon = context.daemon(
        '%sdirectory "%s"\n'
        'bridge "a" unixdgram:%s/mid %s\n' % (QUICK, app, app, last))
    daemon.add(first, "unixdgram:%s/mid" % app, "loop", "yes")
    sender, address = make(first)
    for message in random_messages(0, 1, 30000):
        sender.sendto(message, address)
        assert end.recv(65536) == message
    check_sums(daemon, 3)


def test_streams_and_datagrams_have_ports_of_their_own(context):
    port = context.port()
    feed = Feed(context, "udp:127.0.0.1:%d" % port,
                "udp:127.0.0.1:%d" % context.port())
    feed.daemon.add("tcp:127.0.0.1:%d" % port, "tcp:127.0.0.1:9")
    feed.carry(b"still")


def test_closing_a_busy_bridge_is_quick_and_exact(context):
    """While its src is flooded; another bridge on it goes on."""
    feed = Feed(context, "udp:127.0.0.1:%d" % context.port(),
                "udp:127.0.0.1:%d" % context.port())
    name = "udp:127.0.0.1:%d" % context.port()
    other = receiver(name)
    stop = []

    def flood():
        while not stop:
            feed.sender.send(b"x" * 100)

    def close_and_add():
        for _ in range(10):
            number = feed.daemon.add(feed.src, name)
            other.recv(1000)
            assert feed.daemon.ctl("bridge", "close", str(number))[0] == 0
            assert len(feed.daemon.show("bridges")) == 1
        stop.append(1)

    def read():
        feed.dsts[0].settimeout(0.1)
        while not stop:
            with contextlib.suppress(TimeoutError):
                feed.dsts[0].recv(1000)

    run((flood,), (close_and_add,), (read,))
    wait_for(lambda: udp_queue(parse(feed.src)[2][1])[0] == 0)
    bridge, = feed.daemon.show("bridges")
    check_sums(feed.daemon, bridge["messages-in"])
    assert set(drops(bridge)) <= {"drop-overflow"}, bridge
