"""Upgrade in place: what is the daemon's own goes on, and whoever may not,
cannot or does not take its place changes nothing."""

import contextlib
import os
import random
import signal
import socket
import struct
import subprocess

from dgrams import Feed, drops
from echo import Echo, ask, asked, ending, lose, served, tcp
from ends import (QUICK, Line, accept, app_directory, connect, exchange,
                  expect_nothing, listen)
from fds import files_at_rest
from handle import Handle
from mctd import environment
from program import children_of, title_of, wait_for
from upgrade import (FORMAT, HEADER, MAGIC, N2O_COMMIT, N2O_GO, N2O_HELLO,
                     O2N_DONE, O2N_END, SAME, Next, Upgrades, figures,
                     learn_same, path_of, refused, start, upgrade)

NOBODY = 65534
UPGRADE_S = 5


# -- What is the daemon's own


def test_requests_go_on(context):
    """A client that is connected asks on, and is who it was; what it made
    is its own."""
    daemon = context.daemon(
        'socket "/unused" mode 0666\n', start=False)
    daemon.start()
    handle = Handle(daemon)
    handle.call("mct_event_attach", 1)
    number = handle.add(tcp(context), tcp(context))
    upgrade(daemon)
    other = handle.add(tcp(context), tcp(context))
    handle.call("mct_session_close", number)
    upgrade(daemon)
    handle.call("mct_session_close", other)
    assert daemon.show("bridges") == []
    handle.call("mct_event_detach")
    handle.call("mct_fini")


def test_configuration_is_applied(context):
    """As a reload does it: bridges go, come and change; those of clients,
    and those that stay, with their sessions, are as they were."""
    echo = Echo(tcp(context))
    stay, go, come, client = (tcp(context) for _ in range(4))
    daemon = context.daemon(
        QUICK + 'bridge "stay" %s %s\nbridge "go" %s %s\n' % (
            stay, echo.text, go, echo.text))
    made = daemon.add(client, echo.text)
    peers = [asked(src) for src in (stay, client)]
    gone = asked(go)
    numbers = {b["src"]: b["id"] for b in daemon.show("bridges")}
    daemon.write(QUICK + 'bridge "stay" %s %s { max 7 }\n'
                 'bridge "come" %s %s\n' % (
                     stay, echo.text, come, echo.text))
    upgrade(daemon)
    for peer in peers:
        ask(peer)
    asked(come).close()
    assert ending(gone) == "reset"
    wait_for(lambda: not served(go), 10, "end of a bridge")
    after = {b["src"]: b for b in daemon.show("bridges")}
    assert after.keys() == {stay, come, client}
    assert after[stay]["id"] == numbers[stay]
    assert after[client]["id"] == made
    assert after[stay]["max"] == 7
    for peer in (*peers, gone):
        peer.close()


def test_bad_configuration_is_refused(context):
    """Before anything is given up: what cannot be read, and what cannot be
    opened beside what there is."""
    line = Line(context)
    pair = line.pair()
    with listen(tcp(context)) as taken:
        at = "tcp:127.0.0.1:%d" % taken.getsockname()[1]
        good = 'bridge "line" "%s" "%s"\n' % (line.src, line.dst)
        for text, words in (
                ("nonsense\n", 'unknown word "nonsense"'),
                (good + "bridge %s %s\n" % (at, line.dst),
                 "Address already in use")):
            line.daemon.write(QUICK + text)
            refused(line.daemon, words)
            exchange(*pair, 1000)
    line.daemon.write(QUICK + good)
    upgrade(line.daemon)
    exchange(*pair, 1000, end=True)


def test_sockets_of_its_own(context):
    """Paths stay while it is upgraded, and are removed at its end; a local
    src keeps its file."""
    app = app_directory(context)
    echo = Echo(tcp(context))
    src = "unix:%s/src" % app
    daemon = context.daemon(QUICK + 'directory "%s"\nbridge %s %s\n' % (
        app, src, echo.text))
    paths = [daemon.socket, path_of(daemon), app + "/src"]
    before = [os.stat(path).st_ino for path in paths]
    assert os.stat(path_of(daemon)).st_mode & 0o777 == 0o600
    with asked(src) as peer:
        for _ in range(2):
            upgrade(daemon)
            assert [os.stat(path).st_ino for path in paths] == before
            ask(peer)
            asked(src).close()
    daemon.stop()
    assert not any(map(os.path.exists, paths))


def test_abstract_control_socket(context):
    line = Line(context)
    line.daemon.stop()
    line.daemon.socket = "upgrade-test"
    with open(line.daemon.log, "ab") as stream:
        line.daemon.process = subprocess.Popen(
            line.daemon.command("-d"), env=environment(), stdout=stream,
            stdin=subprocess.DEVNULL, stderr=stream, cwd="/")
    wait_for(lambda: line.daemon.ctl("show", "summary")[0] == 0, 20, "mctd")
    pair = line.pair()
    old = line.daemon.process
    line.daemon.process = start(line.daemon)
    assert old.wait(20) == 0
    exchange(*pair)
    assert line.daemon.ctl("show", "summary")[0] == 0
    for name in (line.daemon.socket, line.daemon.socket + ".upgrade"):
        status, _, err = line.daemon.ctl("bridge", "add", tcp(context),
                                         "unix:@" + name)
        assert status == 1 and "control socket" in err, (name, err)


def test_most_children_in_the_background(context):
    """Low numbers suffice for all that is no traffic, upgraded or not."""
    name = context.path("notify")
    with notify_socket(name) as manager:
        os.chmod(name, 0o777)
        daemon = context.daemon(
            "engines 11\nlimits { standby 4 pipes 0 }\n", start=False)
        status, _, err = daemon.run()
        assert status == 0, err
        assert manager.recv(100) == b"READY=1"
        for _ in range(2):
            status, _, err = daemon.run("-U")
            assert status == 0, err
            told = {manager.recv(100), manager.recv(100)}
            assert b"READY=1" in told, told
        assert daemon.ctl("stop")[0] == 0
        assert manager.recv(100) == b"STOPPING=1"
        wait_for(lambda: not os.path.exists(daemon.socket), 20, "end")


def test_nothing_is_left_behind(context):
    """Descriptors and processes, after many upgrades and refused ones."""
    line = Line(context)
    pair = line.pair()
    exchange(*pair, 1 << 20)
    daemon = line.daemon
    upgrade(daemon)
    counts = sorted(files_at_rest(daemon).values())
    for _ in range(3):
        old = daemon.all_pids()
        upgrade(daemon)
        wait_for(lambda old=old: not any(map(title_of, old)), 10, "end")
        with Next(daemon) as next_:
            next_.send(N2O_GO)
            next_.expect_end()
        assert sorted(files_at_rest(daemon).values()) == counts
    exchange(*pair)


def test_two_at_once_take_turns(context):
    line = Line(context)
    pair = line.pair()
    old = line.daemon.process
    new = [start(line.daemon) for _ in range(2)]
    assert old.wait(30) == 0
    wait_for(lambda: [p.poll() for p in new].count(None) == 1, 30, "one")
    last, = (p for p in new if p.poll() is None)
    first, = (p for p in new if p.poll() is not None)
    line.daemon.process = last
    assert first.returncode == 0
    wait_for(line.daemon.answers)
    exchange(*pair)


def test_without_a_standby(context):
    """The remedy when the last one is at work."""
    line = Line(context, conf="limits { standby 1 }\n")
    lose(line.daemon, "engine")
    lose(line.daemon, "control")
    pair = line.pair()
    same, _ = learn_same(line.daemon)
    with Next(line.daemon) as next_:
        next_.prepare(same)
        next_.send(N2O_GO)
    exchange(*pair, 1000)
    upgrade(line.daemon)
    exchange(*pair, 1000)
    lose(line.daemon, "engine")
    exchange(*pair, 1000)


def test_service_manager_is_told(context):
    """Who is the main process now, by the one that was; the next one goes
    on with the same socket."""
    name = context.path("notify")
    with notify_socket(name) as manager:
        os.chmod(name, 0o777)
        line = Line(context)
        assert manager.recv(100) == b"READY=1"
        del os.environ["NOTIFY_SOCKET"]
        upgrade(line.daemon)
        assert {manager.recv(100), manager.recv(100)} == {
            b"READY=1", b"MAINPID=%d" % line.daemon.pid}
        line.check()
        line.daemon.stop()
        assert manager.recv(100) == b"STOPPING=1"


def test_own_service_manager_where_there_was_none(context):
    """Else it is the one that knows the daemon."""
    line = Line(context)
    first, second = context.path("first"), context.path("second")
    with notify_socket(first) as manager:
        os.chmod(first, 0o777)
        upgrade(line.daemon)
        assert manager.recv(100) == b"READY=1"
        with notify_socket(second) as other:
            upgrade(line.daemon)
            told = {manager.recv(100), manager.recv(100)}
            assert told == {b"READY=1",
                            b"MAINPID=%d" % line.daemon.pid}, told
            line.check()
            line.daemon.stop()
            assert manager.recv(100) == b"STOPPING=1"
            other.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                assert not other.recv(100)


def test_stop_before_it_is_given_up(context):
    """The daemon stops, and the next one is told so."""
    line = Line(context)
    same, _ = learn_same(line.daemon)
    with Next(line.daemon) as next_:
        next_.prepare(same)
        next_.send(N2O_GO)
        while next_.receive()[0] != O2N_END:
            pass
        os.kill(line.daemon.pid, signal.SIGTERM)
        next_.send(N2O_COMMIT)
        assert next_.expect_error() == "mctd is stopping"
    assert line.daemon.process.wait(20) == 0
    assert not os.path.exists(line.daemon.socket)


def test_stop_in_the_last_moment(context):
    """When the old ones are killed, the next one is the daemon, and stops."""
    line = Line(context)
    old = line.daemon.process
    with subprocess.Popen([
            "strace", "-qq", "-o", "/dev/null", "-p", str(line.daemon.pid),
            "-e", "trace=kill", "-e", "inject=kill:signal=TERM:when=1"]):
        wait_for(lambda: traced(old.pid), 20, "strace")
        line.daemon.process = start(line.daemon)
        assert old.wait(20) == 0
    assert line.daemon.process.wait(20) == 0
    log = line.daemon.log_text()
    assert "process %d was told to stop" % old.pid in log, log
    assert not os.path.exists(line.daemon.socket)


def traced(pid):
    with open("/proc/%d/status" % pid) as stream:
        return "TracerPid:\t0\n" not in stream.read()


@contextlib.contextmanager
def notify_socket(name):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(name)
        sock.settimeout(20)
        os.environ["NOTIFY_SOCKET"] = name
        yield sock


def test_in_the_background(context):
    """Without -d: who called it waits until it is the daemon."""
    line = Line(context)
    pair = line.pair()
    status, out, err = line.daemon.run("-U")
    assert (status, out) == (0, ""), err
    assert line.daemon.process.wait(20) == 0
    exchange(*pair)
    for end in pair:
        end.close()
    status, _, err = line.daemon.run("-U")
    assert status == 0, err
    line.check()
    assert line.daemon.ctl("stop")[0] == 0
    wait_for(lambda: not os.path.exists(line.daemon.socket), 20, "end")


def test_unprivileged(context):
    """By the user that started it, and by nobody else but root; and as it
    was started."""
    src, echo = tcp(context), Echo(tcp(context))
    daemon = context.daemon("bridge %s %s\n" % (src, echo.text), uid=NOBODY,
                            raw=True)
    with asked(src) as peer:
        upgrade(daemon)
        ask(peer)
        daemon.uid = None
        refused(daemon, "started by root (1) or not (0)")
        daemon.uid = NOBODY + 1
        status, _, err = daemon.run("-d", "-U")
        assert status == 1 and "Permission denied" in err, err
        daemon.uid = NOBODY
        ask(peer)


# -- Who is refused


def test_nobody_to_take_over_from(context):
    daemon = context.daemon("", start=False)
    for more in (("-d",), ()):
        status, out, err = daemon.run("-U", *more)
        assert (status, out) == (1, "")
        assert "no mctd to take over from" in err, err
        assert not os.path.exists(daemon.socket)


def test_a_differing_one_is_refused(context):
    """Each difference is named, and nothing is given up for it."""
    line = Line(context)
    pair = line.pair()
    _, told = learn_same(line.daemon)
    assert len(told) > len(SAME) / 2, told
    with Next(line.daemon) as next_:
        next_.hello([0] * len(SAME), form=FORMAT + 1)
        assert next_.expect_error() == \
            "upgrade format: the running mctd has %d, the new one %d" % (
                FORMAT, FORMAT + 1)
    for limit in ("sessions", "bridges", "clients", "events", "pipes"):
        line.daemon.write(QUICK + "limits { %s 17 }\n" % limit)
        refused(line.daemon, "limits { %s }: the running mctd has" % limit)
    line.daemon.write(QUICK + "engines 2\n")
    refused(line.daemon, "engines: the running mctd has 1, the new one 2")
    exchange(*pair)


def test_another_user_is_refused(context):
    """Closed without a word, and said in the log."""
    line = Line(context)
    path = path_of(line.daemon)
    os.chmod(path, 0o777)
    code = ("import socket,sys\n"
            "s=socket.socket(socket.AF_UNIX,socket.SOCK_SEQPACKET)\n"
            "s.connect(sys.argv[1])\n"
            "s.settimeout(20)\n"
            "try: sys.exit(s.recv(100) != b'')\n"
            "except ConnectionResetError: pass\n")
    done = subprocess.run(["/usr/bin/python3", "-c", code, path],
                          user=NOBODY, check=False, timeout=30)
    assert done.returncode == 0
    line.daemon.wait_log("of user %d may not" % NOBODY)
    line.check()
    upgrade(line.daemon)


def test_what_is_not_defined_is_hung_up_on(context):
    """At each state, whatever it is; and nothing else happens."""
    line = Line(context)
    pair = line.pair()
    same, _ = learn_same(line.daemon)
    hello = struct.pack(">IHI", MAGIC, FORMAT, 1) + struct.pack(
        ">%dI" % len(same), *same) + b"\0\4test"
    draw = random.Random(1)
    for body in (b"", hello[:-1], hello + b"\0", b"\0" * len(hello),
                 draw.randbytes(300)):
        with Next(line.daemon) as next_:
            next_.send(N2O_HELLO, body)
            next_.expect_end()
    for raw in (b"x", b"\0" * 12, draw.randbytes(16384),
                draw.randbytes(20000), HEADER.pack(99, N2O_HELLO, 0, 0)):
        with Next(line.daemon) as next_:
            next_.socket.send(raw)
            next_.expect_end()
    for kind in (N2O_HELLO, N2O_COMMIT, O2N_DONE, O2N_END, 0, 65535):
        with Next(line.daemon) as next_:
            next_.prepare(same)
            next_.send(kind)
            next_.expect_end()
    with Next(line.daemon) as next_:
        socket.send_fds(next_.socket, [HEADER.pack(12, N2O_GO, 0, 0)], [0])
        next_.expect_end()
    assert line.daemon.process.poll() is None
    exchange(*pair)
    line.check()


# -- Who fails in the middle


def messages_of(daemon, same):
    """How many messages there are from GO to END."""
    with Next(daemon) as next_:
        next_.prepare(same)
        next_.send(N2O_GO)
        count = 1
        while next_.receive()[0] != O2N_END:
            count += 1
    return count


def test_next_one_dies_at_each_message(context):
    """The daemon goes on as if nothing had been: same children, and not a
    byte, a session or a datagram less."""
    echo = Echo(tcp(context))
    src = tcp(context)
    feed = Feed(context, "udp:127.0.0.1:%d" % context.port(),
                "udp:127.0.0.1:%d" % context.port(),
                conf="bridge %s %s\n" % (src, echo.text))
    daemon = feed.daemon
    peers = [asked(src) for _ in range(70)]
    same, _ = learn_same(daemon)
    children = sorted(children_of(daemon.pid))
    before = figures(daemon)["sessions"]
    sent = [1000] * len(peers)
    for count in range(messages_of(daemon, same) + 1):
        with Next(daemon) as next_:
            next_.prepare(same)
            next_.send(N2O_GO)
            for _ in range(count):
                next_.receive()
            peers[count % len(peers)].sendall(b"x" * 10)
            next_.socket.shutdown(socket.SHUT_RDWR)
        assert peers[count % len(peers)].recv(10) == b"x" * 10
        sent[count % len(peers)] += 10
        feed.carry(b"datagram")
    for peer in peers:
        ask(peer)
    assert sorted(children_of(daemon.pid)) == children
    after = figures(daemon)["sessions"]
    assert [(s["id"], s["state"]) for s in after] == \
        [(s["id"], s["state"]) for s in before]
    assert sum(s["bytes-to-dst"] for s in after) == \
        sum(sent) + 1000 * len(peers)
    assert all(drops(b) == {} and b["messages-in"] == feed.sent
               for b in daemon.show("bridges") if "messages-in" in b)


def test_next_one_says_nothing_more(context):
    """Nor goes away: the daemon goes on after a while."""
    line = Line(context)
    pair = line.pair()
    same, _ = learn_same(line.daemon)
    with Next(line.daemon) as next_:
        next_.prepare(same)
        next_.send(N2O_GO)
        exchange(*pair)
        line.daemon.wait_log("given up", 3 * UPGRADE_S)
    line.check()
    exchange(*pair)


def test_next_one_dies_when_it_said_commit(context):
    """The daemon goes on as it is, for it may have no standby."""
    line = Line(context, conf="limits { standby 0 }\n")
    pair = line.pair()
    exchange(*pair)
    same, _ = learn_same(line.daemon)
    with Next(line.daemon) as next_:
        next_.prepare(same)
        next_.send(N2O_GO)
        while next_.receive()[0] != O2N_END:
            pass
        os.kill(line.daemon.pid, signal.SIGSTOP)
        next_.send(N2O_COMMIT)
    os.kill(line.daemon.pid, signal.SIGCONT)
    exchange(*pair)
    assert line.daemon.process.poll() is None
    line.check()


def test_next_one_is_killed(context):
    """A real one, wherever it is."""
    line = Line(context)
    pair = line.pair()
    draw = random.Random(2)
    for _ in range(5):
        new = start(line.daemon)
        with contextlib.suppress(subprocess.TimeoutExpired):
            new.wait(draw.random() / 10)
        old = line.daemon.process
        new.kill()
        new.wait()
        if old.poll() is not None:
            # it was too late: the daemon is gone with it
            line.daemon.start()
            pair = line.pair()
        exchange(*pair)
    upgrade(line.daemon)
    exchange(*pair)


def test_hung_engine_is_taken_over_from(context):
    """It does not halt when told to, so it is stopped where it is."""
    line = Line(context)
    pair = line.pair()
    exchange(*pair)
    os.kill(line.daemon.pids()["engine"][0], signal.SIGSTOP)
    pair[0].sendall(b"waits")
    upgrade(line.daemon)
    assert pair[1].recv(5) == b"waits"
    exchange(*pair)


def test_processes_are_what_they_should_be(context):
    """The new ones are as confined as the old ones were."""
    daemon = context.daemon("")
    for _ in range(2):
        upgrade(daemon)
        status, out, err = daemon.ctl("show", "processes")
        assert status == 0, (out, err)
        assert {p["pid"] for p in daemon.show("processes")} == \
            set(daemon.all_pids())


def test_removed_path_is_made_again(context):
    line = Line(context)
    pair = line.pair()
    os.unlink(path_of(line.daemon))
    line.daemon.reload()
    wait_for(lambda: os.path.exists(path_of(line.daemon)), 20, "socket")
    upgrade(line.daemon)
    exchange(*pair)
    line.daemon.stop()
    assert not os.path.exists(path_of(line.daemon))


def test_new_peers_are_served_meanwhile(context):
    """None is refused or reset, whenever it comes."""
    line = Line(context)
    upgrades = Upgrades(line.daemon)
    count = 0
    try:
        while upgrades.count < 4 and upgrades.error is None:
            line.check()
            count += 1
    finally:
        upgrades.finish()
    bridge = line.bridge()
    assert bridge["opened"] == bridge["accepted"] == count, (bridge, count)
    assert bridge["failed"] == bridge["refused"] == 0, bridge
