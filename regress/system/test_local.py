"""Local paths: only sockets directly below a configured directory, never
by way of a link, and what is not the daemon's stays as it was."""

import errno
import os
import select
import socket
import stat

from dgrams import Feed, check_sums
from ends import (Line, QUICK, accept, app_directory, connect, exchange,
                  expect_refusal, listen, receiver)
from program import wait_for
from watch import Monitor

OUTSIDE = "not directly below a configured directory"


class App:
    """A daemon with a directory, and a bridge that must keep working."""

    def __init__(self, context, configured=True):
        self.context = context
        self.path = app_directory(context)
        self.elsewhere = app_directory(context, "elsewhere")
        self.line = Line(context, conf='directory "%s"\n' % self.path
                         if configured else "")
        self.daemon = self.line.daemon
        self.monitor = Monitor(context, self.daemon)

    def name(self, name, kind="unix"):
        return "%s:%s/%s" % (kind, self.path, name)

    def src(self, kind="tcp"):
        return "%s:127.0.0.1:%d" % (kind, self.context.port())

    def refused(self, src, dst, words):
        status, out, err = self.daemon.ctl("bridge", "add", src, dst)
        assert status == 1 and out == "" and words in err, (status, err)
        self.line.check()

    def unreachable(self, dst, error):
        """A stream bridge to it is made, as dst may come later; a peer is
        reset, and the event says why."""
        src = self.src()
        number = self.daemon.add(src, dst)
        expect_refusal(src)
        event = self.monitor.wait("connect-failed", bridge=number)
        assert event["err"] == error, errno.errorcode[event["err"]]
        self.line.check()
        return src


def expect_untouched(*ends):
    """Nobody has connected there, and nothing has come."""
    assert select.select(ends, [], [], 0)[0] == []


def test_paths_outside_of_the_directories_are_refused(context):
    app = App(context)
    os.mkdir(app.path + "/deeper")
    os.chmod(app.path + "/deeper", 0o777)
    for path in (app.elsewhere + "/s", "/s", app.path, app.path + "/",
                 app.path + "/.", app.path + "/..", app.path + "/../s",
                 app.path + "/deeper/s", app.path + "/../elsewhere/s",
                 app.path + "//s", app.path + "x/s", "/tmp/s", "//" + "s",
                 app.path.upper() + "/s"):
        app.refused("unix:" + path, "tcp:127.0.0.1:9", OUTSIDE)
        app.refused("unixdgram:" + path, "udp:127.0.0.1:9", OUTSIDE)
        app.refused(app.src(), "unix:" + path, OUTSIDE)
        app.refused(app.src("udp"), "unixdgram:" + path, OUTSIDE)
    assert os.listdir(app.elsewhere) == []
    assert os.listdir(app.path) == ["deeper"]


def test_without_a_directory_no_path_is_taken(context):
    app = App(context, configured=False)
    listen("unix:%s/dst" % app.path)
    app.refused(app.name("src"), "tcp:127.0.0.1:9", OUTSIDE)
    app.refused(app.src(), app.name("dst"), OUTSIDE)
    app.refused(app.src("udp"), app.name("dst", "unixdgram"), OUTSIDE)
    # Abstract names need none.
    server = listen("unix:@dst")
    src = app.src()
    app.daemon.add(src, "unix:@dst")
    exchange(connect(src), accept(server))


def test_link_is_no_dst(context):
    """Wherever it leads, also inside of the directory."""
    app = App(context)
    ends = [begin("%s:%s/%s" % (kind, where, name))
            for where in (app.elsewhere, app.path)
            for kind, begin, name in (("unix", listen, "real"),
                                     ("unixdgram", receiver, "dgram"))]
    for name, target in (("a", app.elsewhere + "/real"), ("b", "real"),
                         ("c", "nothing"), ("d", "d")):
        os.symlink(target, "%s/%s" % (app.path, name))
        app.unreachable(app.name(name), errno.EACCES)
    for name, target in (("e", app.elsewhere + "/dgram"), ("f", "dgram")):
        os.symlink(target, "%s/%s" % (app.path, name))
        app.refused(app.src("udp"), app.name(name, "unixdgram"),
                    "symbolic link")
    expect_untouched(*ends)


def test_link_is_no_src(context):
    """It is not followed, replaced or removed."""
    app = App(context)
    for name, target in (("a", app.elsewhere + "/made"), ("b", "made")):
        path = "%s/%s" % (app.path, name)
        os.symlink(target, path)
        for kind, dst in (("unix", "tcp:127.0.0.1:9"),
                          ("unixdgram", "udp:127.0.0.1:9")):
            app.refused(app.name(name, kind), dst, "in use")
        assert os.readlink(path) == target
    assert os.listdir(app.elsewhere) == []
    assert sorted(os.listdir(app.path)) == ["a", "b"]


def test_link_that_replaces_a_dst_is_not_followed(context):
    app = App(context)
    outside = listen("unix:%s/out" % app.elsewhere)
    server = listen(app.name("dst"))
    src = app.src()
    number = app.daemon.add(src, app.name("dst"))
    old = connect(src), accept(server)
    exchange(*old)
    os.unlink(app.path + "/dst")
    os.symlink(app.elsewhere + "/out", app.path + "/dst")
    expect_refusal(src)
    event = app.monitor.wait("connect-failed", bridge=number)
    assert event["err"] == errno.EACCES, event
    expect_untouched(outside)
    exchange(*old)


def test_link_that_replaces_a_receiver_is_not_followed(context):
    """Nor when the daemon looks for the receiver again by itself."""
    path = app_directory(context)
    feed = Feed(context, "udp:127.0.0.1:%d" % context.port(),
                "unixdgram:%s/dst" % path, conf='directory "%s"\n' % path)
    elsewhere = receiver("unixdgram:%s" % context.path("other"))
    feed.carry(b"first")
    feed.dsts[0].close()
    os.unlink(path + "/dst")
    os.symlink(context.path("other"), path + "/dst")
    for _ in range(5):
        feed.send(b"not for others")
        bridge, = check_sums(feed.daemon, feed.sent)
    assert bridge["drop-refused"] == 5, bridge
    expect_untouched(elsewhere)


def test_file_that_is_no_socket(context):
    """As dst it is refused; as src it is in the way, and is kept."""
    app = App(context)
    with open(app.path + "/file", "w") as stream:
        stream.write("precious")
    os.mkdir(app.path + "/dir")
    os.mkfifo(app.path + "/fifo")
    for name in ("file", "dir", "fifo"):
        app.unreachable(app.name(name), errno.EACCES)
        app.refused(app.src("udp"), app.name(name, "unixdgram"),
                    "not a socket")
        app.refused(app.name(name), "tcp:127.0.0.1:9", "in use")
        app.refused(app.name(name, "unixdgram"), "udp:127.0.0.1:9",
                    "in use")
    with open(app.path + "/file") as stream:
        assert stream.read() == "precious"


def test_stale_socket_is_replaced_and_a_live_one_is_not(context):
    app = App(context)
    for kind, dst in (("unix", "tcp:127.0.0.1:%d"),
                      ("unixdgram", "udp:127.0.0.1:%d")):
        name = app.name("s", kind)
        owner = listen(name) if kind == "unix" else receiver(name)
        app.refused(name, dst % 9, "in use")
        # The other type is in the way as well.
        if kind == "unix":
            app.refused(app.name("s", "unixdgram"), "udp:127.0.0.1:9",
                        "in use")
        owner.close()
        assert os.path.exists(app.path + "/s")
        number = app.daemon.add(name, dst % context.port())
        assert app.daemon.ctl("bridge", "close", str(number))[0] == 0
        assert os.listdir(app.path) == []


def test_closed_bridge_removes_the_path_it_made(context):
    """And only a last one of several that share it does."""
    app = App(context)
    stream = app.daemon.add(app.name("stream"), "tcp:127.0.0.1:9")
    dgrams = [app.daemon.add(app.name("dgram", "unixdgram"),
                             "udp:127.0.0.1:%d" % context.port())
              for _ in range(2)]
    assert sorted(os.listdir(app.path)) == ["dgram", "stream"]
    app.daemon.ctl("bridge", "close", str(dgrams[0]))
    app.daemon.ctl("bridge", "close", str(stream))
    assert os.listdir(app.path) == ["dgram"]
    app.daemon.ctl("bridge", "close", str(dgrams[1]))
    assert os.listdir(app.path) == []


def test_end_of_the_daemon_removes_its_paths(context):
    app = App(context)
    app.daemon.add(app.name("stream"), "tcp:127.0.0.1:9")
    app.daemon.add(app.name("dgram", "unixdgram"), "udp:127.0.0.1:9")
    app.daemon.stop()
    assert os.listdir(app.path) == []


def test_path_of_a_daemon_that_was_killed_is_taken_over(context):
    """By the next one, though the last could not remove it."""
    app = App(context)
    src = app.name("src")
    app.daemon.add(src, app.line.dst)
    app.daemon.kill()
    wait_for(lambda: not listening(src))
    app.daemon.start()
    app.daemon.add(src, app.line.dst)
    exchange(connect(src), accept(app.line.server))
    app.line.check()


def listening(name):
    try:
        connect(name).close()
    except ConnectionRefusedError:
        return False
    return True


def test_dst_of_another_type_is_refused(context):
    """EPROTOTYPE, in both directions."""
    app = App(context)
    ends = receiver(app.name("dgram", "unixdgram")), listen(app.name("s"))
    app.unreachable(app.name("dgram"), errno.EPROTOTYPE)
    app.refused(app.src("udp"), app.name("s", "unixdgram"),
                os.strerror(errno.EPROTOTYPE))
    expect_untouched(*ends)


def test_dst_that_the_user_may_not_write_to_is_refused(context):
    app = App(context)
    server = listen(app.name("dst"))
    os.chmod(app.path + "/dst", 0o700)
    src = app.unreachable(app.name("dst"), errno.EACCES)
    os.chmod(app.path + "/dst", 0o777)
    exchange(connect(src), accept(server))


def test_src_lies_where_the_user_may_write(context):
    app = App(context)
    os.chmod(app.path, 0o755)
    app.refused(app.name("src"), "tcp:127.0.0.1:9",
                os.strerror(errno.EACCES))
    os.chmod(app.path, 0o777)
    app.daemon.add(app.name("src"), app.line.dst)
    mode = os.stat(app.path + "/src").st_mode
    assert stat.S_ISSOCK(mode) and mode & 0o777 == 0o666, oct(mode)


def test_directory_that_is_moved_is_still_the_one(context):
    """It is known by a descriptor from the start: what is put in its place
    is not looked at."""
    app = App(context)
    server = listen(app.name("dst"))
    os.rename(app.path, app.path + ".old")
    os.rename(app.elsewhere, app.path)
    wrong = listen(app.name("dst"))
    src = app.src()
    app.daemon.add(src, app.name("dst"))
    exchange(connect(src), accept(server))
    wrong.close()


def test_control_socket_is_no_end_of_a_bridge(context):
    """A peer at src would else be the daemon's own user."""
    daemon = context.daemon(start=False)
    run = os.path.dirname(daemon.socket)
    daemon.write(QUICK + 'directory "%s"\n' % run)
    daemon.start()
    src = "tcp:127.0.0.1:%d" % context.port()
    status, _, err = daemon.ctl("bridge", "add", src,
                                "unix:" + daemon.socket)
    assert status == 1, "a bridge to the control socket"
    assert "control socket" in err, err
    status, _, err = daemon.ctl("bridge", "add", "unix:" + daemon.socket,
                                "tcp:127.0.0.1:9")
    assert status == 1, "a bridge in the place of the control socket"
    assert daemon.show("bridges") == []


def test_path_of_odd_bytes(context):
    app = App(context)
    path = os.fsencode(app.path) + b"/a b\\c\n\xe9"
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(20)
    sock.bind(path)
    os.chmod(path, 0o777)
    sock.listen()
    src = app.src()
    app.daemon.add(src, r"unix:%s/a b\\c\x0a\xe9" % app.path)
    exchange(connect(src), accept(sock))
