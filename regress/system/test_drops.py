"""Datagrams that are lost are counted, each at one bridge and by reason,
and a dst that loses some harms no other."""

import os
import signal
import socket
import subprocess

from dgrams import (Feed, check_sums, drops, expect_none, random_messages,
                    udp_queue)
from ends import app_directory, make, parse, receiver
from program import wait_for
from space import Space, ip
from watch import Monitor

LOCAL_QUEUE = "/proc/sys/net/unix/max_dgram_qlen"


def feed_udp(context, *dsts):
    return Feed(context, "udp:127.0.0.1:%d" % context.port(), *dsts)


def test_receiver_that_is_gone_and_back(context):
    """The first datagram after its return arrives, although the error of
    an earlier one was still to be told."""
    name = "udp:127.0.0.1:%d" % context.port()
    feed = feed_udp(context, name)
    feed.carry(b"first")
    for _ in range(5):
        feed.dsts[0].close()
        for count in range(3):
            feed.send(b"nobody")
            check_sums(feed.daemon, feed.sent)
        feed.dsts[0] = receiver(name)
        feed.carry(b"back")
        feed.carry(*random_messages(1, 2, 3))
    check_sums(feed.daemon, feed.sent)


def test_local_receiver_that_is_replaced(context):
    """What is sent meanwhile is counted as refused."""
    app = app_directory(context)
    name = "unixdgram:%s/dst" % app
    feed = Feed(context, "udp:127.0.0.1:%d" % context.port(), name,
                conf='directory "%s"\n' % app)
    feed.carry(b"first")
    for _ in range(3):
        feed.dsts[0].close()
        os.unlink(name.partition(":")[2])
        feed.send(b"nobody")
        bridge, = check_sums(feed.daemon, feed.sent)
        assert set(drops(bridge)) == {"drop-refused"}, bridge
        feed.dsts[0] = receiver(name)
        wait_reached(feed)
        feed.carry(*random_messages(1, 0, 1000))
    bridge, = check_sums(feed.daemon, feed.sent)
    assert set(drops(bridge)) == {"drop-refused"}, bridge


def wait_reached(feed):
    """Sends until one comes."""
    feed.dsts[0].setblocking(False)

    def reached():
        feed.send(b"anybody?")
        check_sums(feed.daemon, feed.sent)
        try:
            return feed.dsts[0].recv(100)
        except BlockingIOError:
            return None

    wait_for(reached, 20, "datagram at the receiver that is back")
    feed.dsts[0].settimeout(20)


def test_abstract_receiver_that_is_replaced(context):
    feed = feed_udp(context, "unixdgram:@dst")
    feed.carry(b"first")
    feed.dsts[0].close()
    feed.send(b"nobody")
    check_sums(feed.daemon, feed.sent)
    feed.dsts[0] = receiver("unixdgram:@dst")
    wait_reached(feed)
    feed.carry(b"back")


def test_dead_dst_does_not_hurt_the_others(context):
    """One has no receiver, one does not read, one lost its socket."""
    dead = "udp:127.0.0.1:%d" % context.port()
    feed = feed_udp(context, "udp:[::1]:%d" % context.port(), dead,
                    "unixdgram:@stuck", "unixdgram:@gone",
                    "udp:127.0.0.1:%d" % context.port())
    living, stuck_one = [feed.dsts[0], feed.dsts[4]], feed.dsts[2]
    feed.dsts[1].close()
    feed.dsts[3].close()
    feed.dsts = living
    for begun in range(0, 1000, 50):
        feed.carry(*(b"%d" % n for n in range(begun, begun + 50)))
    by_name = {b["name"]: b for b in check_sums(feed.daemon, feed.sent)}
    for name in ("feed-0", "feed-4"):
        assert drops(by_name[name]) == {}, by_name[name]
    assert drops(by_name["feed-3"]) == {"drop-refused": 1000}
    stuck = by_name["feed-2"]
    assert set(drops(stuck)) == {"drop-no-buffer"}
    for number in range(stuck["messages-out"]):
        assert stuck_one.recv(100) == b"%d" % number
    expect_none(stuck_one)


def test_too_long_for_a_dst_of_another_family(context):
    """IPv6 can carry 20 bytes more than IPv4."""
    feed = Feed(context, "udp:[::1]:%d" % context.port(),
                "udp:127.0.0.1:%d" % context.port(),
                "udp:[::1]:%d" % context.port())
    feed.carry(os.urandom(65507))
    longest = os.urandom(65527)
    feed.send(longest)
    feed.send(os.urandom(65508))
    assert feed.dsts[1].recv(1 << 17) == longest
    assert len(feed.dsts[1].recv(1 << 17)) == 65508
    feed.carry(b"and on")
    v4, v6 = check_sums(feed.daemon, 4)
    assert drops(v4) == {"drop-too-long": 2}, v4
    assert drops(v6) == {}, v6


def test_too_long_for_the_daemon_is_not_cut(context):
    """A local datagram can be longer than any other."""
    feed = Feed(context, "unixdgram:@src", "unixdgram:@dst")
    feed.sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    feed.carry(os.urandom(65000))
    feed.send(os.urandom(100000))
    feed.send(os.urandom(65537))
    feed.carry(os.urandom(65536))
    bridge, = check_sums(feed.daemon, 4)
    assert drops(bridge) == {"drop-too-long": 2}, bridge


def test_full_queue_of_a_local_dst(context):
    with open(LOCAL_QUEUE, "w") as stream:
        stream.write("10")
    feed = feed_udp(context, "unixdgram:@dst")
    for number in range(50):
        feed.send(b"%d" % number)
        check_sums(feed.daemon, feed.sent)
    bridge, = check_sums(feed.daemon, feed.sent)
    assert set(drops(bridge)) == {"drop-no-buffer"}, bridge
    assert bridge["messages-out"] in (10, 11), bridge
    # Those that it took are the first, and it takes more when it reads.
    for number in range(bridge["messages-out"]):
        assert feed.dsts[0].recv(100) == b"%d" % number
    feed.carry(b"and on")


def test_overflow_of_src_is_counted(context):
    """The engine is held up for a moment, as by a busy machine."""
    feed = feed_udp(context, "udp:127.0.0.1:%d" % context.port(),
                    "udp:[::1]:%d" % context.port())
    engine, = feed.daemon.pids()["engine"]
    port = parse(feed.src)[2][1]
    feed.carry(b"before")
    os.kill(engine, signal.SIGSTOP)
    try:
        wait_for(lambda: flood(feed, port), 30, "overflow")
    finally:
        os.kill(engine, signal.SIGCONT)
    wait_for(lambda: udp_queue(port)[0] == 0, 20, "engine at work")
    _, lost = udp_queue(port)
    feed.send(b"the next tells of it")
    for bridge in check_sums(feed.daemon, feed.sent):
        assert drops(bridge) == {"drop-overflow": lost}, (lost, bridge)
    for dst in feed.dsts:
        count = 0
        while dst.recv(1 << 17) != b"the next tells of it":
            count += 1
        assert count == feed.sent - lost - 2


def flood(feed, port):
    for _ in range(20):
        feed.send(b"x" * 60000)
    return udp_queue(port)[1] > 30


def test_dst_without_route_is_found_again(context):
    subprocess.run("ip addr add 198.51.100.1/32 dev lo", shell=True,
                   check=True)
    name = "udp:198.51.100.1:%d" % context.port()
    feed = feed_udp(context, name)
    feed.carry(b"first")
    feed.dsts.pop().close()
    subprocess.run("ip addr del 198.51.100.1/32 dev lo", shell=True,
                   check=True)

    def unrouted():
        feed.send(b"nowhere")
        return check_sums(feed.daemon, feed.sent)[0]["drop-no-route"] > 0

    wait_for(unrouted, 20, "drop for want of a route")
    subprocess.run("ip addr add 198.51.100.1/32 dev lo", shell=True,
                   check=True)
    feed.dsts = [receiver(name)]
    wait_reached(feed)
    feed.carry(b"back")
    check_sums(feed.daemon, feed.sent)


def test_dst_is_reached_from_a_new_address(context):
    """The one that the system chose is another now."""
    far = Space()
    far.wire("w0", "10.1.0.1/24", "10.1.0.2/24")
    src = "udp:127.0.0.1:%d" % context.port()
    with far:
        dst = receiver("udp:10.1.0.2:7300")
    daemon = context.daemon('bridge %s udp:10.1.0.2:7300\n' % src)
    sender, address = make(src)
    sender.sendto(b"first", address)
    assert dst.recvfrom(100)[1][0] == "10.1.0.1"
    ip("address", "del", "10.1.0.1/24", "dev", "w0")
    ip("address", "add", "10.1.0.3/24", "dev", "w0")
    dst.setblocking(False)

    def reached():
        sender.sendto(b"again", address)
        try:
            return dst.recvfrom(100)
        except BlockingIOError:
            return None

    assert wait_for(reached, 20, "datagram")[1][0] == "10.1.0.3"
    bridge, = check_sums(daemon)
    assert set(drops(bridge)) == {"drop-no-route"}, bridge


def bound_to(port):
    """The interfaces that UDP sockets connected to that port are bound to."""
    rows = subprocess.run(["ss", "-Huna", "dport", "=", ":%d" % port],
                          stdout=subprocess.PIPE, check=True, text=True)
    return [row.split()[3].rpartition(":")[0].partition("%")[2]
            for row in rows.stdout.splitlines()]


def test_dst_keeps_its_interface(context):
    """When it is connected again, as options change or the interface is made
    anew."""
    far = Space()
    far.wire("w0", "10.1.0.1/24", "10.1.0.2/24")
    src = "udp:127.0.0.1:%d" % context.port()
    conf = 'bridge %s udp:10.1.0.2:7300 { bind-device w0 mark %%d }\n' % src
    with far:
        dst = receiver("udp:10.1.0.2:7300")
    daemon = context.daemon(conf % 1)
    sender, address = make(src)
    sender.sendto(b"first", address)
    assert dst.recv(100) == b"first"
    daemon.write(conf % 2)
    status, _, err = daemon.ctl("reload")
    assert status == 0, err
    assert bound_to(7300) == ["w0"]
    ip("link", "del", "w0")
    sender.sendto(b"nowhere", address)
    far.wire("w0", "10.1.0.1/24", "10.1.0.2/24")
    with far:
        dst.close()
        dst = receiver("udp:10.1.0.2:7300")
    dst.setblocking(False)

    def reached():
        sender.sendto(b"again", address)
        try:
            return dst.recv(100)
        except BlockingIOError:
            return None

    wait_for(reached, 20, "datagram")
    assert bound_to(7300) == ["w0"]
    check_sums(daemon)


def test_drop_events_are_sums_at_most_one_a_second(context):
    """For each bridge and reason, and what they say adds up."""
    feed = Feed(context, "unixdgram:@src", "unixdgram:@one",
                "unixdgram:@two")
    feed.sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    monitor = Monitor(context, feed.daemon)
    ids = [b["id"] for b in feed.daemon.show("bridges")]
    feed.dsts[1].close()
    count = 0
    while len(monitor.all("dropped-packet", bridge=ids[0])) < 3:
        feed.send(b"x" * 70000)
        feed.send(b"y")
        assert feed.dsts[0].recv(10) == b"y"
        count += 1
        check_sums(feed.daemon, feed.sent)
    check_events(monitor, ids[0], "drop-too-long", count)
    check_events(monitor, ids[1], "drop-too-long", count)
    check_events(monitor, ids[1], "drop-refused", count)
    expect_none(feed.dsts[0])


def check_events(monitor, bridge, reason, total):
    def events():
        return [e for e in monitor.all("dropped-packet", bridge=bridge)
                if e.get(reason)]

    wait_for(lambda: sum(e[reason] for e in events()) == total, 20,
             "events about %d drops" % total)
    times = [e["time"] / 1e9 for e in events()]
    assert len(times) >= 3
    for before, after in zip(times, times[1:]):
        assert after - before > 0.9, times
    for event in events():
        assert event["reason"] == reason, event
        assert [name for name in event if name.startswith("drop")
                and event[name]] == [reason], event


def test_sender_that_sends_too_fast_harms_nobody_else(context):
    """A stream session keeps going while a src is flooded."""
    feed = feed_udp(context, "udp:127.0.0.1:%d" % context.port())
    local = receiver("udp:127.0.0.1:%d" % context.port())
    quiet = "udp:127.0.0.1:%d" % context.port()
    feed.daemon.add(quiet, "udp:127.0.0.1:%d" % local.getsockname()[1])
    sender, address = make(quiet)
    for number in range(200):
        for _ in range(50):
            feed.sender.send(b"x" * 500)
        sender.sendto(b"%d" % number, address)
        assert local.recv(100) == b"%d" % number
    check_sums(feed.daemon)
