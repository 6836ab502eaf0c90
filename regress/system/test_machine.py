"""What the machine does to a daemon that carries traffic: disks fill, it is
stopped and goes on, interfaces go and come, the kernel is short of memory,
ports are used up.  What was open lives, nothing is lost that need not be."""

import errno
import os
import re
import signal
import subprocess
import threading

from dgrams import Feed, check_sums, drops
from echo import Echo, ask, asked, at_work, served, tcp
from ends import (Line, accept, connect, exchange,
                  expect_refusal, listen, receiver, run, silent_net, take)
from faults import Inject
from program import wait_for
from space import Space, ip
from watch import Monitor


class Scene:
    """A daemon with a session on which an echo answers."""

    def __init__(self, context, conf="", options=""):
        self.context = context
        self.echo, self.src = Echo(tcp(context)), tcp(context)
        self.daemon = context.daemon(
            conf + "bridge %s %s { %s }\n" % (self.src, self.echo.text,
                                              options), start=False)
        self.peer = None

    def start(self):
        self.daemon.start()
        self.peer = asked(self.src)
        return self

    def carry(self):
        """What was open lives, and a new session too."""
        ask(self.peer)
        assert served(self.src)


# -- Full disks


CREATED = re.compile(r"mctd: bridge \d+ created: tcp:127\.0\.0\.1:\d{5} to "
                     r"tcp:127\.0\.0\.1:\d{5}")


def small_disk(context, name, options):
    place = context.path(name)
    os.mkdir(place)
    subprocess.run(["mount", "-t", "tmpfs", "-o", options + ",mode=777",
                    "tmpfs", place], check=True)
    return place


def fill_disk(place):
    """Returns what takes all of its room."""
    filler = os.path.join(place, "filler")
    with open(filler, "wb", buffering=0) as stream:
        try:
            while stream.write(b"x" * 4096):
                pass
        except OSError as error:
            assert error.errno == errno.ENOSPC, error
    return filler


def test_full_disk_of_the_log_loses_lines_and_says_so(context):
    disk = small_disk(context, "log", "size=64k")
    scene = Scene(context)
    scene.daemon.log = os.path.join(disk, "mctd.log")
    scene.start()
    filler = fill_disk(disk)
    for _ in range(200):  # the last page of the log has some room yet
        scene.daemon.add(tcp(context), tcp(context))
    scene.carry()
    full = scene.daemon.log_text()
    assert "bridge 201 created" not in full
    os.unlink(filler)
    scene.carry()
    scene.daemon.add(tcp(context), tcp(context))
    scene.daemon.wait_log("bridge 202 created")
    lines = scene.daemon.log_text().split("\n")
    said = [line for line in lines if "lines were lost" in line]
    lost = int(said[0].split()[2])
    whole = [line for line in lines if CREATED.fullmatch(line)]
    assert len(said) == 1 and lost + len(whole) == 202, (said, len(whole))


def test_full_disk_of_paths_refuses_and_harms_nothing(context):
    disk = small_disk(context, "run", "nr_inodes=5")
    scene = Scene(context, 'directory "%s"\n' % disk).start()
    for number in range(10):
        status, _, err = scene.daemon.ctl(
            "bridge", "add", "unix:%s/%d" % (disk, number), scene.echo.text)
        if status != 0:
            break
    assert status == 1 and "No space left on device" in err, err
    assert number > 0
    scene.carry()
    assert served("unix:%s/0" % disk)
    assert scene.daemon.ctl("bridge", "close", "2")[0] == 0
    number = scene.daemon.add("unix:%s/new" % disk, scene.echo.text)
    assert served("unix:%s/new" % disk)
    scene.carry()


def test_full_disk_of_the_control_socket_is_said(context):
    """It takes two files there, for it and for the socket of upgrades."""
    disk = small_disk(context, "run", "nr_inodes=3")
    scene = Scene(context)
    scene.daemon.socket = os.path.join(disk, "mctd.sock")
    fillers = [os.path.join(disk, name) for name in ("one", "two")]
    for path in fillers:
        with open(path, "w"):
            pass
    for what, end in (("control", ""), ("upgrade", ".upgrade")):
        status, _, err = scene.daemon.run("-d")
        assert status == 1 and "%s socket %s%s: No space left on device" % (
            what, scene.daemon.socket, end) in err, err
        assert not os.path.exists(scene.daemon.socket)
        os.unlink(fillers.pop())
    scene.start().carry()


# -- Stopped and continued


STOPPED_S = 3


def test_stopped_daemon_goes_on_where_it_was(context):
    """As a machine that was suspended.  What came meanwhile waits."""
    scene = Scene(context, options="idle 1h").start()
    line = listen("tcp:127.0.0.1:7001")
    scene.daemon.add("tcp:127.0.0.1:7000", "tcp:127.0.0.1:7001")
    peer = connect("tcp:127.0.0.1:7000")
    dst = accept(line)
    data = os.urandom(20 << 20)
    sender = threading.Thread(target=peer.sendall, args=(data,), daemon=True)
    sender.start()
    got = take(dst, 1 << 20)
    pids = scene.daemon.all_pids()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    waiting = [connect(scene.src) for _ in range(20)]
    for one in waiting:
        one.sendall(b"early")
    over = threading.Event()
    threading.Timer(STOPPED_S, over.set).start()
    assert over.wait(20)
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    assert got + take(dst, len(data) - len(got)) == data
    sender.join()
    for one in waiting:
        assert take(one, 5) == b"early"
        ask(one)
    exchange(peer, dst)
    scene.carry()
    assert scene.daemon.ctl("show", "summary")[0] == 0


# -- Interfaces


def hardware(space):
    """Of the other end of the wire."""
    out = subprocess.run(
        ("nsenter", "--net=/proc/%d/fd/%d" % (os.getpid(), space.fd), "ip",
         "-o", "link", "show", "w0"), check=True, stdout=subprocess.PIPE,
        pass_fds=(space.fd,), text=True).stdout
    return out.partition("link/ether ")[2].split()[0]


def set_up(space, address):
    ip("link", "set", "w0", "up")
    ip("neighbour", "replace", "10.1.0.2", "lladdr", address, "dev", "w0",
       "nud", "permanent")


def test_stream_lives_over_an_interface_that_goes_and_comes(context):
    space = Space()
    space.wire("w0", "10.1.0.1/24", "10.1.0.2/24")
    address = hardware(space)
    with space:
        server = listen("tcp:10.1.0.2:7001")
    daemon = context.daemon("bridge tcp:127.0.0.1:7000 tcp:10.1.0.2:7001\n")
    peer = connect("tcp:127.0.0.1:7000")
    dst = accept(server)
    exchange(peer, dst)
    for _ in range(2):
        ip("link", "set", "w0", "down")
        words = os.urandom(200000)
        sender = threading.Thread(target=peer.sendall, args=(words,),
                                  daemon=True)
        sender.start()
        # new ones are refused, with a reason
        expect_refusal("tcp:127.0.0.1:7000")
        set_up(space, address)
        assert take(dst, len(words)) == words
        sender.join()
        exchange(peer, dst)
        other = connect("tcp:127.0.0.1:7000")
        end = accept(server)
        exchange(other, end)
        other.close()
        end.close()
    bridge, = daemon.show("bridges")
    assert bridge["failed"] == 2, bridge


def test_datagrams_go_on_after_an_interface_was_down(context):
    space = Space()
    space.wire("w0", "10.1.0.1/24", "10.1.0.2/24")
    address = hardware(space)
    with space:
        sink = receiver("udp:10.1.0.2:7001")
    daemon = context.daemon("bridge udp:127.0.0.1:7000 udp:10.1.0.2:7001\n")
    sender = connect("udp:127.0.0.1:7000")
    sent = 0

    def send(text):
        nonlocal sent
        sender.send(text)
        sent += 1
        check_sums(daemon, sent)

    send(b"before")
    assert sink.recv(100) == b"before"
    ip("link", "set", "w0", "down")
    send(b"meanwhile")
    set_up(space, address)

    def back():
        send(b"after")
        sink.setblocking(False)
        try:
            return sink.recv(100) == b"after"
        except BlockingIOError:
            return False

    wait_for(back, 20, "datagram after the interface was up again")
    bridge, = check_sums(daemon, sent)
    assert sum(drops(bridge).values()) >= 1, bridge


def test_src_on_an_address_that_went_and_came_is_reached(context):
    """By those who could not reach it meanwhile."""
    space = Space()
    space.wire("w0", "10.1.0.1/24", "10.1.0.2/24")
    address = hardware(space)
    echo = Echo(tcp(context))
    context.daemon("bridge tcp:10.1.0.1:7000 %s\n" % echo.text)

    def from_there():
        with space:
            return served("tcp:10.1.0.1:7000")

    assert from_there()
    with space:
        peer = asked("tcp:10.1.0.1:7000")
    ip("link", "set", "w0", "down")
    ip("address", "del", "10.1.0.1/24", "dev", "w0")
    ip("address", "add", "10.1.0.1/24", "dev", "w0")
    set_up(space, address)
    assert from_there()
    ask(peer)


# -- The kernel is short of something


def test_streams_lose_nothing_when_the_kernel_is_short_of_buffers(context):
    """Of every three calls of the engine that send or splice, one fails."""
    line = Line(context)
    peer, dst = line.pair()
    exchange(peer, dst)
    for error in ("ENOBUFS", "ENOMEM"):
        inject = Inject(context, at_work(line.daemon, "engine"),
                        "sendto,splice", error, "2+3")
        exchange(peer, dst, size=2000000)
        inject.wait(3)
        inject.detach()
        exchange(peer, dst)
    line.check()


def test_datagrams_are_counted_when_the_kernel_is_short_of_buffers(context):
    feed = Feed(context, "udp:127.0.0.1:7000", "udp:127.0.0.1:7001")
    feed.carry(b"before")
    inject = Inject(context, at_work(feed.daemon, "engine"), "sendto",
                    "ENOBUFS", "1+2")
    for _ in range(20):
        feed.send(b"meanwhile")
        check_sums(feed.daemon, feed.sent)
    inject.detach()
    bridge, = check_sums(feed.daemon, feed.sent)
    lost = sum(drops(bridge).values())
    assert 0 < lost < 20, bridge
    feed.expect(*[b"meanwhile"] * (20 - lost))
    feed.carry(b"after")
    bridge, = check_sums(feed.daemon, feed.sent)
    assert sum(drops(bridge).values()) == lost, bridge


def short_of_memory(context, kind, calls, when="1+"):
    """Sessions are served or ended with a word, and afterwards served."""
    scene = Scene(context).start()
    monitor = Monitor(context, scene.daemon)
    monitor.wait("session-opened")
    inject = Inject(context, at_work(scene.daemon, kind) if kind != "parent"
                    else scene.daemon.pid, calls, "ENOMEM", when)
    peers = run(*[(try_one, scene.src)] * 10)
    ask(scene.peer)
    inject.wait()
    inject.detach()
    scene.carry()
    for peer in filter(None, peers):
        peer.close()
    wait_for(lambda: len(scene.daemon.show("sessions")) == 1, 20, "end")
    return scene, monitor, peers.count(None)


def try_one(src):
    """A peer that was served or waits to be, or None that was reset."""
    try:
        peer = connect(src)
        peer.settimeout(0.5)
        ask(peer)
    except TimeoutError:
        return peer
    except (ConnectionError, AssertionError):
        return None
    return peer


def test_accept_without_memory_waits(context):
    _, monitor, refused = short_of_memory(context, "parent", "accept4")
    assert refused == 0
    monitor.wait("limit-reached", text="descriptors")


def test_dial_without_memory_refuses_and_says_so(context):
    scene, monitor, refused = short_of_memory(context, "parent", "socket")
    event = monitor.wait("connect-failed")
    assert refused > 0 and event["err"] == errno.ENOMEM, event
    bridge, = scene.daemon.show("bridges")
    assert bridge["failed"] >= refused, bridge


def test_engine_without_memory_to_watch_ends_the_session(context):
    _, monitor, refused = short_of_memory(context, "engine", "epoll_ctl")
    event = monitor.wait("session-closed", reason="error")
    assert refused > 0 and event["err"] == errno.ENOMEM, event


def test_dial_that_cannot_be_watched_refuses_and_says_so(context):
    """The dst does not stand at once, so the parent has to wait for it."""
    scene = Scene(context).start()
    src = tcp(context)
    scene.daemon.add(src, silent_net())
    monitor = Monitor(context, scene.daemon)
    inject = Inject(context, scene.daemon.pid, "epoll_ctl", "ENOMEM")
    expect_refusal(src)
    event = monitor.wait("connect-failed")
    assert event["err"] == errno.ENOMEM, event
    scene.carry()
    inject.detach()
    waiting = connect(src)
    wait_for(lambda: "connecting" in [s["state"] for s in
                                      scene.daemon.show("sessions")])
    waiting.close()
    scene.carry()


# -- Ports


def test_ports_that_are_used_up_are_said_and_waited_for(context):
    with open("/proc/sys/net/ipv4/ip_local_port_range", "w") as stream:
        stream.write("40000 40001")
    server = listen("tcp:127.0.0.1:7001")
    daemon = context.daemon("bridge unix:@src tcp:127.0.0.1:7001\n")
    monitor = Monitor(context, daemon)
    pairs = []
    for _ in range(2):
        peer = connect("unix:@src")
        pairs.append((peer, accept(server)))
        exchange(*pairs[-1])
    with connect("unix:@src") as peer:
        assert peer.recv(1) == b""
    event = monitor.wait("connect-failed")
    assert event["err"] == errno.EADDRNOTAVAIL, event
    daemon.wait_log("Cannot assign requested address")
    bridge, = daemon.show("bridges")
    assert (bridge["failed"], bridge["state"]) == (1, "listening"), bridge
    for pair in pairs:
        exchange(*pair)
    # who accepted ends first, so that the port is free at once
    peer, dst = pairs.pop()
    dst.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")
    dst.close()
    peer.close()
    wait_for(lambda: len(daemon.show("sessions")) == 1, 20, "end")
    peer = connect("unix:@src")
    exchange(peer, accept(server))
    exchange(*pairs[0])
