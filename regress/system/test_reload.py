"""A reload: what is new in the file is made, what is gone is closed, what
is the same goes on; and a file that cannot be applied changes nothing."""

import os
import signal
import threading

from echo import Echo, ask, asked, ending, refused, served, tcp
from ends import accept, app_directory, connect, listen, make, receiver
from fds import files_at_rest, wait_open_files
from program import wait_for
from watch import Monitor


def reload(daemon):
    status, _, err = daemon.ctl("reload")
    assert status == 0, err


def refuse(daemon, *words):
    """A reload that must fail, and say the words to client and log."""
    before = daemon.show("bridges")
    known = len(daemon.log_text())
    status, out, err = daemon.ctl("reload")
    assert status == 1 and out == "", (status, out)
    log = daemon.log_text()[known:]
    assert "configuration not changed: " in log
    for word in words:
        assert word in err, err
        assert word in log, log
    for old, new in zip(before, daemon.show("bridges"), strict=True):
        for field in ("id", "name", "state", "src", "dst", "max", "idle",
                      "accepted"):
            assert old[field] == new[field], (old, new)


def line(name, src, dst, options=""):
    return 'bridge "%s" %s %s { %s }\n' % (name, src, dst, options)


def ids(daemon):
    """Of each bridge, by name."""
    return {b["name"]: b["id"] for b in daemon.show("bridges")}


def field(daemon, name, what):
    return next(b[what] for b in daemon.show("bridges")
                if b["name"] == name)


class Three:
    """A daemon with bridges "stays" and "goes", each with a session."""

    def __init__(self, context):
        self.echo = Echo(tcp(context))
        self.stays, self.goes, self.new = (tcp(context) for _ in range(3))
        self.keep = line("stays", self.stays, self.echo.text)
        self.daemon = context.daemon(
            self.keep + line("goes", self.goes, self.echo.text))
        self.peer = asked(self.stays)
        self.other = asked(self.goes)
        self.ids = ids(self.daemon)

    def check_unchanged(self):
        """Both sessions and both listeners are as they were."""
        for peer in (self.peer, self.other):
            ask(peer)
        assert served(self.stays) and served(self.goes)
        assert ids(self.daemon) == self.ids


def change(context, order):
    three = Three(context)
    monitor = Monitor(context, three.daemon)
    three.daemon.write(three.keep + line("new", three.new,
                                         three.echo.text))
    order(three.daemon)
    wait_for(lambda: served(three.new), 20, "the new bridge")
    assert ending(three.other) == "reset"
    wait_for(lambda: refused(three.goes), 20, "end of the old listener")
    ask(three.peer)
    assert served(three.stays)
    now = ids(three.daemon)
    assert sorted(now) == ["new", "stays"]
    assert now["stays"] == three.ids["stays"]
    assert now["new"] not in three.ids.values()
    monitor.wait("config-loaded")
    monitor.wait("bridge-destroyed", id=three.ids["goes"])
    monitor.wait("bridge-created", id=now["new"])
    assert len(monitor.all("bridge-destroyed")) == 1


def test_hup_changes_only_what_the_file_changes(context):
    change(context, lambda daemon: os.kill(daemon.pid, signal.SIGHUP))


def test_mctctl_reload_changes_only_what_the_file_changes(context):
    change(context, reload)


def test_reload_of_the_same_file_changes_nothing(context):
    three = Three(context)
    for _ in range(5):
        reload(three.daemon)
    three.check_unchanged()
    assert not any(b["failed"] for b in three.daemon.show("bridges"))


def test_options_and_names_change_under_open_sessions(context):
    three = Three(context)
    three.daemon.write(
        line("other", three.stays, three.echo.text, "max 2 idle 7m") +
        line("goes", three.goes, three.echo.text) +
        "timeouts { connect 33s drain 1s }\n")
    reload(three.daemon)
    assert ids(three.daemon) == {"other": three.ids["stays"],
                                 "goes": three.ids["goes"]}
    assert field(three.daemon, "other", "idle") == 420
    assert field(three.daemon, "other", "max") == 2
    assert field(three.daemon, "goes", "connect") == 33
    ask(three.peer)
    # the new maximum holds: a third peer has to wait
    second, third = asked(three.stays), connect(three.stays)
    wait_for(lambda: field(three.daemon, "other", "state") == "paused")
    # and another reload lets it in
    three.daemon.write(three.keep)
    reload(three.daemon)
    ask(third)
    for peer in (three.peer, second):
        ask(peer)


def test_dst_changes_behind_a_listener_that_stays(context):
    """Nobody is refused meanwhile."""
    src, old, new = tcp(context), Echo(tcp(context)), Echo(tcp(context))
    daemon = context.daemon(line("a", src, old.text))
    peer = asked(src)
    refusals, connects, done = [], [], threading.Event()

    def knock():
        while not done.is_set():
            try:
                connect(src).close()
                connects.append(1)
            except ConnectionRefusedError as error:
                refusals.append(error)
            except ConnectionResetError:
                pass  # accepted, then its bridge was closed
    thread = threading.Thread(target=knock, daemon=True)
    thread.start()
    for n in range(20):
        daemon.write(line("a", src, (new, old)[n % 2].text))
        reload(daemon)
        wanted = len(connects) + 5
        wait_for(lambda wanted=wanted: len(connects) > wanted)
    done.set()
    thread.join()
    assert not refusals
    assert ending(peer) == "reset"
    old.socket.close()
    daemon.write(line("a", src, new.text))
    reload(daemon)
    assert served(src)
    assert [b["dst"] for b in daemon.show("bridges")] == [new.text]


def test_local_listener_stays_when_its_dst_changes(context):
    app = app_directory(context)
    src, new = "unix:%s/src" % app, Echo(tcp(context))
    head = 'directory "%s"\n' % app
    daemon = context.daemon(head + line("a", src, tcp(context)))
    inode = os.stat(src[5:]).st_ino
    daemon.write(head + line("a", src, new.text))
    reload(daemon)
    assert os.stat(src[5:]).st_ino == inode
    assert served(src)
    daemon.write(head)
    reload(daemon)
    wait_for(lambda: not os.path.exists(src[5:]), 20, "end of the socket")


def test_datagram_bridge_changes_its_dst(context):
    src = "udp:127.0.0.1:%d" % context.port()
    dsts = ["udp:127.0.0.1:%d" % context.port() for _ in range(3)]
    old, both, new = map(receiver, dsts)
    sender, address = make(src)
    sender.connect(address)
    daemon = context.daemon("bridge %s %s\nbridge %s %s\n" % (
        src, dsts[0], src, dsts[1]))
    sender.send(b"before")
    assert old.recv(100) == both.recv(100) == b"before"
    daemon.write("bridge %s %s\nbridge %s %s\n" % (
        src, dsts[1], src, dsts[2]))
    reload(daemon)
    wait_for(lambda: [b["state"] for b in daemon.show("bridges")] ==
             ["relaying", "relaying"])

    def arrives_at_new():
        sender.send(b"after")
        new.setblocking(False)
        try:
            return new.recv(100) == b"after"
        except BlockingIOError:
            return False
    wait_for(arrives_at_new, 20, "datagram at the new dst")
    assert both.recv(100) == b"after"
    old.setblocking(False)
    try:
        raise AssertionError(old.recv(100))
    except BlockingIOError:
        pass


def test_bad_file_changes_nothing(context):
    three = Three(context)
    daemon = three.daemon
    daemon.write(three.keep + "bridge %s nonsense\n" % three.new)
    refuse(daemon, daemon.conf + ":4: ", "nonsense")
    daemon.write("timeouts { idle 1s }\nlimits {\n# no drain, standby\n")
    refuse(daemon, daemon.conf + ":4: ", 'the "}"')
    os.rename(daemon.conf, daemon.conf + ".away")
    refuse(daemon, daemon.conf + ": ", "No such file")
    os.mkdir(daemon.conf)
    refuse(daemon, daemon.conf)
    os.rmdir(daemon.conf)
    os.symlink(daemon.conf + ".away", daemon.conf)
    refuse(daemon, daemon.conf)
    os.unlink(daemon.conf)
    daemon.write("")
    os.chmod(daemon.conf, 0o600)
    refuse(daemon, daemon.conf, "Permission denied")
    three.check_unchanged()
    assert refused(three.new)


def test_bridge_that_cannot_be_opened_changes_nothing(context):
    three = Three(context)
    taken, app = tcp(context), app_directory(context)
    with listen(taken):
        three.daemon.write(
            line("stays", three.stays, three.echo.text, "max 5") +
            line("new", three.new, three.echo.text) +
            line("taken", taken, three.echo.text))
        refuse(three.daemon, three.daemon.conf + ":5: bridge: ",
               "Address already in use")
        # the one that could be opened is closed again
        assert refused(three.new)
    three.daemon.write(three.keep + 'directory "%s"\n' % app +
                       "bridge unix:%s/x %s\n" % (app, three.echo.text))
    refuse(three.daemon, "not directly below a configured directory")
    three.check_unchanged()


def test_bridge_may_move_to_another_name_and_dst(context):
    """What a gone bridge had is free for its successors."""
    one, two = tcp(context), tcp(context)
    first, second = Echo(tcp(context)), Echo(tcp(context))
    daemon = context.daemon(line("a", one, first.text) +
                            line("b", two, second.text))
    daemon.write(line("b", one, second.text) + line("a", two, first.text))
    reload(daemon)
    assert served(one) and served(two)
    assert {b["name"]: (b["src"], b["dst"])
            for b in daemon.show("bridges")} == {
                "b": (one, second.text), "a": (two, first.text)}


def test_names_may_be_exchanged(context):
    one, two, echo = tcp(context), tcp(context), Echo(tcp(context))
    daemon = context.daemon(line("a", one, echo.text) +
                            line("b", two, echo.text))
    before = ids(daemon)
    peer = asked(one)
    daemon.write(line("b", one, echo.text) + line("a", two, echo.text))
    reload(daemon)
    assert ids(daemon) == {"a": before["b"], "b": before["a"]}
    ask(peer)


def test_src_that_meets_its_own_old_listener_is_refused(context):
    echo, port = Echo(tcp(context)), context.port()
    daemon = context.daemon(line("a", "tcp:*:%d" % port, echo.text))
    src = "tcp:127.0.0.1:%d" % port
    peer = asked(src)
    daemon.write(line("a", src, echo.text))
    refuse(daemon, ".conf:3: bridge: Address already in use")
    ask(peer)
    assert daemon.ctl("bridge", "close", "a")[0] == 0
    reload(daemon)
    assert served(src)


def test_full_table_is_said_and_changes_nothing(context):
    echo, src = Echo(tcp(context)), tcp(context)
    head = "limits { bridges 2 }\n"
    daemon = context.daemon(head + line("a", src, echo.text))
    daemon.add(tcp(context), echo.text)
    daemon.write(head + line("a", src, echo.text) +
                 line("b", tcp(context), echo.text))
    refuse(daemon, ".conf:5: bridge: as many bridges as the limit allows")
    assert served(src)


def test_included_files_are_read_again(context):
    """They lie outside of the chroot, as the file itself does."""
    echo, old, new = Echo(tcp(context)), tcp(context), tcp(context)
    os.mkdir(context.path("conf.d"))
    more = context.path("conf.d/more.conf")

    def write(text):
        with open(more, "w") as stream:
            stream.write(text)
        os.chmod(more, 0o644)
    write(line("old", old, echo.text))
    daemon = context.daemon('include "conf.d/more.conf"\n')
    assert not os.path.exists(daemon.chroot + more)
    peer = asked(old)
    write(line("old", old, echo.text) + line("new", new, echo.text))
    reload(daemon)
    assert served(new)
    ask(peer)
    write("\n\nbridge x\n")
    refuse(daemon, "more.conf:3: ")
    # a file put in the place of the old one by rename is seen
    os.rename(more, more + ".old")
    write(line("new", new, echo.text))
    reload(daemon)
    assert ending(peer) == "reset"
    assert served(new)
    os.unlink(more)
    refuse(daemon, "more.conf", "No such file")


def test_bridges_of_clients_survive_a_reload(context):
    echo, mine, his = Echo(tcp(context)), tcp(context), tcp(context)
    daemon = context.daemon(line("his", his, echo.text))
    number = daemon.add(mine, echo.text, "name", "mine")
    peer = asked(mine)
    daemon.write("")
    reload(daemon)
    assert ids(daemon) == {"mine": number}
    ask(peer)
    # from when the file names it, it is the file's
    daemon.write(line("mine", mine, echo.text))
    reload(daemon)
    assert ids(daemon) == {"mine": number}
    ask(peer)
    daemon.write("")
    reload(daemon)
    assert ending(peer) == "reset"
    wait_for(lambda: ids(daemon) == {}, 20, "end of the bridge")


def test_file_may_not_take_the_src_of_a_clients_bridge(context):
    echo, src = Echo(tcp(context)), tcp(context)
    daemon = context.daemon()
    number = daemon.add(src, echo.text)
    daemon.write(line("a", src, tcp(context)))
    refuse(daemon, "src is in use by bridge %d" % number)
    assert served(src)


def test_what_a_reload_cannot_change_is_said(context):
    daemon = context.daemon()
    daemon.write('limits { sessions 7 }\nsocket "/x" mode 0666\n'
                 'directory "/tmp"\n')
    reload(daemon)
    for word in ("limits take", "mode and group take", "directories take"):
        daemon.wait_log(word + " effect at the next start")
    assert daemon.show("summary")[0]["sessions-limit"] == 4096


def test_reload_takes_no_descriptor(context):
    three = Three(context)
    before = files_at_rest(three.daemon)
    for n in range(10):
        three.daemon.write(three.keep + line(
            "goes", three.goes, three.echo.text) + "x" * (n % 2) + "\n")
        three.daemon.ctl("reload")
    wait_open_files(three.daemon, before)
    three.check_unchanged()


def test_new_drain_is_the_one_that_counts(context):
    echo, src = Echo(tcp(context)), tcp(context)
    daemon = context.daemon("drain 1h\n" + line("a", src, echo.text))
    daemon.write("drain 0\n" + line("a", src, echo.text))
    reload(daemon)
    peer = asked(src)
    daemon.stop()
    assert ending(peer) == "reset"


def test_sessions_of_the_new_dst_are_its_own(context):
    src, old, new = tcp(context), tcp(context), tcp(context)
    with listen(old) as first, listen(new) as second:
        daemon = context.daemon(line("a", src, old))
        peer = connect(src)
        other = accept(first)
        daemon.write(line("a", src, new))
        reload(daemon)
        assert ending(peer) == ending(other) == "reset"
        peer = connect(src)
        accept(second).sendall(b"second")
        assert peer.recv(100) == b"second"
