"""What the daemon owes to whom: its places on disk, its names, its
standard descriptors, its clients and its children."""

import fcntl
import grp
import os
import subprocess
import sys

from echo import Echo, ask, asked, ending, served, tcp
from ends import app_directory, connect, listen, receiver
from handle import Handle
from mctd import environment
from program import children_of, title_of, wait_for

STRANGER = 60000
HOST = 4242
LARGE = 16 << 20
GROUP = "games"
GID = grp.getgrnam(GROUP).gr_gid


def reload(daemon):
    status, _, err = daemon.ctl("reload")
    assert status == 0, err


def refuse(daemon, words):
    before = named(daemon)
    status, _, err = daemon.ctl("reload")
    assert status == 1 and words in err, (status, err)
    assert named(daemon) == before


def line(name, src, dst):
    return 'bridge "%s" %s %s\n' % (name, src, dst)


def named(daemon):
    """Bridges by name: id and src."""
    return {b["name"]: (b["id"], b["src"]) for b in daemon.show("bridges")}


# -- Standard descriptors


def fill_pipe(fd):
    """Until it takes no more; a write that waits would wait for ever."""
    flags = fcntl.fcntl(fd, fcntl.F_GETFL)
    fcntl.fcntl(fd, fcntl.F_SETFL, flags | os.O_NONBLOCK)
    try:
        while True:
            os.write(fd, b"x" * 4096)
    except BlockingIOError:
        pass
    finally:
        fcntl.fcntl(fd, fcntl.F_SETFL, flags)


def test_log_that_nobody_reads_does_not_hold_up_service(context):
    daemon = context.daemon(start=False)
    reader, writer = os.pipe()
    fill_pipe(writer)
    daemon.process = subprocess.Popen(
        daemon.command("-d", "-v"), env=environment(), stderr=writer,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    wait_for(daemon.answers, 20, "answer from mctd")
    handle = Handle(daemon)
    handle.call("mct_timeout", 20000)
    src = tcp(context)
    for _ in range(1000):
        handle.call("mct_session_close",
                    handle.add(src, "tcp:127.0.0.1:9"))
    handle.call("mct_fini")
    reload(daemon)
    assert daemon.show("bridges") == []
    assert daemon.ctl("stop")[0] == 0
    assert daemon.process.wait(20) == 0
    os.close(writer)
    os.close(reader)


def serves(context, daemon, pid):
    """A reload gives it a bridge, and no descriptor is in a wrong place."""
    echo, src = Echo(tcp(context)), tcp(context)
    daemon.write(line("new", src, echo.text))
    reload(daemon)
    ask(connect(src))
    for process in [pid] + children_of(pid):
        for fd in range(3):
            where = os.readlink("/proc/%d/fd/%d" % (process, fd))
            assert where[0] == "/", (title_of(process), fd, where)


def closing(*fds):
    """What makes a process that has none of them."""
    return lambda: [os.close(fd) for fd in fds]


def test_foreground_needs_no_standard_descriptor(context):
    for fds in ((0,), (1,), (2,), (0, 1), (0, 1, 2)):
        daemon = context.daemon(start=False)
        with open(daemon.log, "wb") as log:
            daemon.process = subprocess.Popen(
                daemon.command("-d"), env=environment(), stderr=log,
                stdin=subprocess.DEVNULL, stdout=log,
                preexec_fn=closing(*fds))
        wait_for(daemon.answers, 20, "answer from mctd")
        serves(context, daemon, daemon.pid)
        daemon.stop()


def test_background_needs_no_standard_descriptor(context):
    for fds in ((0,), (1,), (2,), (0, 1), (0, 1, 2)):
        daemon = context.daemon(start=False)
        with open(daemon.log, "wb") as log:
            status = subprocess.run(
                daemon.command(), env=environment(), stderr=log, stdout=log,
                stdin=subprocess.DEVNULL, preexec_fn=closing(*fds),
                timeout=30, check=False).returncode
        assert status == 0, (fds, daemon.log_text())
        pid = next(int(entry) for entry in os.listdir("/proc") if
                   entry.isdigit() and "mctd: parent" in
                   title_of(int(entry)))
        serves(context, daemon, pid)
        assert daemon.ctl("stop")[0] == 0
        wait_for(lambda pid=pid: not title_of(pid), 20, "end of mctd")


# -- Paths


def replace_by_file(path):
    os.unlink(path)
    with open(path, "w") as stream:
        stream.write("precious")


def left_alone(context, end):
    """A file, and sockets, that took the places of a daemon's."""
    app = app_directory(context)
    places = {kind + name: "%s/%s%s" % (app, kind, name)
              for kind in ("unix", "unixdgram") for name in "abc"}
    daemon = context.daemon('directory "%s"\n' % app)
    numbers = [daemon.add("%s:%s" % (name[:-1], path),
                          "tcp:127.0.0.1:9" if name[:-1] == "unix"
                          else "udp:127.0.0.1:9")
               for name, path in places.items()]
    for name, path in places.items():
        if name[-1] == "a":
            replace_by_file(path)
    os.unlink(places["unixb"])
    os.unlink(places["unixdgramb"])
    server = listen("unix:" + places["unixb"])
    sink = receiver("unixdgram:" + places["unixdgramb"])
    end(daemon, numbers)
    assert sorted(os.listdir(app)) == ["unixa", "unixb", "unixdgrama",
                                       "unixdgramb"]
    for name in ("unixa", "unixdgrama"):
        with open(places[name]) as stream:
            assert stream.read() == "precious"
    connect("unix:" + places["unixb"]).close()
    connect("unixdgram:" + places["unixdgramb"]).send(b"x")
    assert sink.recv(10) == b"x"
    server.close()


def test_close_of_a_bridge_removes_nothing_of_others(context):
    def end(daemon, numbers):
        for number in numbers:
            status, _, err = daemon.ctl("bridge", "close", str(number))
            assert status == 0, err
    left_alone(context, end)


def test_end_of_the_daemon_removes_nothing_of_others(context):
    left_alone(context, lambda daemon, _: daemon.stop())


def test_reload_removes_nothing_of_others(context):
    app = app_directory(context)
    head = 'directory "%s"\n' % app
    daemon = context.daemon(head + line("a", "unix:%s/a" % app,
                                        "tcp:127.0.0.1:9"))
    replace_by_file(app + "/a")
    daemon.write(head)
    reload(daemon)
    assert daemon.show("bridges") == []
    assert os.listdir(app) == ["a"]


def test_end_of_one_daemon_leaves_the_socket_of_the_next(context):
    first = context.daemon()
    paths = (first.socket, first.socket + ".upgrade")
    for path in paths:
        os.unlink(path)
    second = context.daemon(start=False)
    second.socket = first.socket
    second.start()
    first.stop()
    second.show("summary")
    assert all(map(os.path.exists, paths))
    second.stop()
    assert not any(map(os.path.exists, paths))


def test_end_of_the_daemon_leaves_a_file_in_place_of_its_socket(context):
    daemon = context.daemon()
    replace_by_file(daemon.socket)
    daemon.stop()
    with open(daemon.socket) as stream:
        assert stream.read() == "precious"


# -- Names, and who owns a bridge


def test_refused_reload_does_not_take_a_bridge_from_its_client(context):
    echo, one, mine, taken = (Echo(tcp(context)), tcp(context), tcp(context),
                              tcp(context))
    keep = line("one", one, echo.text)
    daemon = context.daemon(keep)
    daemon.add(mine, echo.text)
    peer = asked(mine)
    before = named(daemon)
    with listen(taken):
        daemon.write(keep + "bridge %s %s\n" % (mine, echo.text) +
                     line("taken", taken, echo.text))
        refuse(daemon, "Address already in use")
    daemon.write(keep)
    reload(daemon)
    assert named(daemon) == before
    ask(peer)
    assert served(mine)


def test_bridge_of_the_file_takes_no_name_of_a_clients_bridge(context):
    echo, one, mine, new = (Echo(tcp(context)), tcp(context), tcp(context),
                            tcp(context))
    daemon = context.daemon(line("one", one, echo.text))
    daemon.add(mine, echo.text, "name", "two")
    for text in (line("two", one, echo.text),  # would be renamed
                 line("one", one, echo.text) + line("two", new, echo.text)):
        daemon.write(text)
        refuse(daemon, "name")
    assert served(one) and served(mine)


def test_names_may_go_from_one_bridge_to_another(context):
    """Exchanged, and given on to a new bridge."""
    echo = Echo(tcp(context))
    one, two, three = (tcp(context) for _ in range(3))
    daemon = context.daemon(line("a", one, echo.text) +
                            line("b", two, echo.text))
    first, second = (named(daemon)[name] for name in "ab")
    peers = [asked(one), asked(two)]
    daemon.write(line("b", one, echo.text) + line("a", two, echo.text))
    reload(daemon)
    assert named(daemon) == {"b": first, "a": second}
    for text in (line("c", one, echo.text) + line("b", three, echo.text) +
                 line("a", two, echo.text),
                 line("b", two, echo.text) + line("a", one, echo.text) +
                 line("c", three, echo.text)):
        daemon.write(text)
        reload(daemon)
        found = named(daemon)
        assert len(found) == 3
        assert {(number, src) for number, src in found.values()} >= {
            first, second}
        for words in text.splitlines():
            _, name, src, _ = words.split()
            assert found[name.strip('"')][1] == src, (text, found)
    assert served(three)
    for peer in peers:
        ask(peer)


def test_closed_name_is_closed_and_not_its_successor(context):
    """A name leads to the bridge that has it now."""
    echo, one, three = Echo(tcp(context)), tcp(context), tcp(context)
    daemon = context.daemon(line("a", one, echo.text))
    daemon.write(line("b", one, echo.text) + line("a", three, echo.text))
    reload(daemon)
    peer = asked(one)
    assert daemon.ctl("bridge", "close", "a")[0] == 0
    assert list(named(daemon)) == ["b"]
    ask(peer)


# -- Clients

KNOCK = """
import collections, socket, sys
held = collections.deque()
print("ready", flush=True)
while True:
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(5)
    try:
        sock.connect("\\0" + sys.argv[1])
    except OSError:
        continue
    held.append(sock)
    if len(held) > 200:
        held.popleft().close()
"""


def test_stranger_who_knocks_does_not_lock_out_root(context):
    """An abstract name has no mode: everyone may connect."""
    daemon = context.daemon("limits { clients 4 }\n", start=False)
    daemon.socket = "mctd-test"
    with open(daemon.log, "ab") as log:
        daemon.process = subprocess.Popen(
            daemon.command("-d"), env=environment(), stderr=log)
    daemon.wait_log("ready")
    for _ in range(2):
        context.program(sys.executable, "-c", KNOCK, daemon.socket,
                        user=STRANGER, group=STRANGER,
                        extra_groups=[]).wait_line()
    daemon.wait_log("client refused: not permitted")
    for _ in range(20):
        assert daemon.show("summary")[0]["clients"] == 1
    echo, src = Echo(tcp(context)), tcp(context)
    daemon.add(src, echo.text)
    ask(connect(src))
    daemon.stop()


MEMBER = {"user": HOST, "group": GID, "extra_groups": []}


def watches(context, daemon):
    """Whether a member of the group is let in, who then stays."""
    program = context.program(
        os.path.join(context.build, "mctctl"), "-s", daemon.socket,
        "monitor", "since", "1", env=environment(), **MEMBER)
    return program.process.stdout.readline() != ""


def root_gets_in(daemon):
    """The one before may still be leaving."""
    wait_for(lambda: daemon.ctl("show", "summary")[0] == 0, 5, "place")


def test_clients_of_the_group_leave_a_place_for_root(context):
    daemon = context.daemon(
        'socket "/unused" mode 0660 group %s\nlimits { clients 4 }\n'
        "bridge %s %s\n" % (GROUP, tcp(context), tcp(context)))
    for _ in range(3):
        wait_for(lambda: watches(context, daemon), 20, "place for a member")
    for _ in range(5):
        done = subprocess.run(
            [os.path.join(context.build, "mctctl"), "-s", daemon.socket,
             "show", "summary"], env=environment(), text=True, timeout=30,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, check=False, **MEMBER)
        assert done.returncode == 1, done
        assert "serves as many clients as it may" in done.stderr, done
        root_gets_in(daemon)
    wait_for(lambda: daemon.ctl("stop")[0] == 0, 5, "place")
    assert daemon.process.wait(20) == 0


# -- Children


def owner(pid):
    return os.stat("/proc/%d/mem" % pid).st_uid


def test_memory_of_the_processes_is_open_to_root_alone(context):
    """Though they run as one user, none can look into another."""
    for more in ({}, {"uid": HOST}):
        daemon = context.daemon("limits { standby 1 }\n", **more)
        pids = daemon.all_pids()
        assert len(pids) == 5
        for pid in pids:
            assert owner(pid) == 0, (title_of(pid), owner(pid), more)
            assert subprocess.run(
                ["head", "-c0", "/proc/%d/environ" % pid], check=False,
                stderr=subprocess.DEVNULL,
                user=HOST if more else "nobody").returncode != 0, more
        daemon.stop()


def written_memory(pid):
    """What a process has in memory that it can write, but large tables."""
    with open("/proc/%d/maps" % pid) as maps, \
            open("/proc/%d/mem" % pid, "rb") as mem:
        for line in maps:
            place, rights = line.split()[:2]
            begin, end = (int(part, 16) for part in place.split("-"))
            if rights.startswith("rw") and end - begin < LARGE:
                mem.seek(begin)
                yield mem.read(end - begin)


def test_stopped_children_end_with_the_parent(context):
    """Those that cannot see that their channel has ended."""
    for more in {}, {"uid": HOST}:
        daemon = context.daemon("limits { standby 1 }\n", **more)
        children = children_of(daemon.pid)
        for pid in children:
            os.kill(pid, 19)
        os.kill(daemon.pid, 9)
        daemon.process.wait(20)
        wait_for(lambda: not any(os.path.exists("/proc/%d" % pid)
                                 for pid in children), 10, "end of all")


def test_children_know_nothing_of_the_environment(context):
    """Not by /proc, nor in their memory; and have room for their titles."""
    os.environ["MCTD_TEST"] = word = "a-secret-of-who-starts-it"
    daemon = context.daemon("engines 11\nlimits { standby 1 }\n")
    del os.environ["MCTD_TEST"]
    for pid in children_of(daemon.pid):
        with open("/proc/%d/environ" % pid) as stream:
            assert word not in stream.read()
        assert not any(word.encode() in part
                       for part in written_memory(pid)), title_of(pid)
    titles = {title_of(pid) for pid in children_of(daemon.pid)}
    assert titles == {"mctd: control", "mctd: standby"} | {
        "mctd: engine %d" % i for i in range(11)}, titles


def test_standby_at_work_is_open_to_root_alone(context):
    daemon = context.daemon("limits { standby 1 }\n")
    for kind in ("engine", "control"):
        old = daemon.pids()[kind]
        os.kill(old[0], 9)
        new = wait_for(lambda kind=kind, old=old: [
            pid for pid in daemon.pids()[kind] if pid not in old])
        assert owner(new[0]) == 0
