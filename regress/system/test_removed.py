"""Paths that are removed under a running daemon, as by a cleaning of /run:
what goes on, and what is made again."""

import os
import subprocess

from echo import Echo, ask, asked, descriptors, served, tcp
from ends import app_directory, connect, receiver
from fds import files_of
from program import wait_for
from watch import Monitor


class Scene:
    """A bridge from a stream, a record and a datagram path each."""

    def __init__(self, context):
        self.app = app_directory(context)
        self.srcs = ["%s:%s/%s" % (kind, self.app, kind)
                     for kind in ("unix", "unixseq")]
        echoes = [Echo(tcp(context)), Echo("unixseq:@echo")]
        self.feed = "unixdgram:%s/feed" % self.app
        self.sink = receiver("udp:127.0.0.1:7000")
        conf = 'directory "%s"\n' % self.app + "".join(
            'bridge "%s" "%s"\n' % (src, echo.text)
            for src, echo in zip(self.srcs, echoes))
        conf += 'bridge "feed" "%s" udp:127.0.0.1:7000\n' % self.feed
        self.daemon = context.daemon(conf)
        self.peers = [asked(src) for src in self.srcs]
        self.sender = connect(self.feed)

    def carry(self):
        """What was open before works on."""
        for peer in self.peers:
            ask(peer)

    def feeds(self, sender):
        sender.send(b"datagram")
        assert self.sink.recv(100) == b"datagram"

    def clean(self):
        """All that the daemon made in its directory."""
        for name in ("unix", "unixseq", "feed"):
            os.unlink(os.path.join(self.app, name))


def gone(src):
    try:
        connect(src).close()
    except FileNotFoundError:
        return True
    return False


def test_reload_makes_removed_paths_again(context):
    scene = Scene(context)
    before = descriptors(scene.daemon)
    scene.clean()
    assert all(gone(src) for src in (*scene.srcs, scene.feed))
    scene.carry()
    scene.feeds(scene.sender)
    status, _, err = scene.daemon.ctl("reload")
    assert status == 0, err
    for src in scene.srcs:
        asked(src).close()
    scene.carry()
    scene.feeds(connect(scene.feed))
    assert [b["state"] for b in scene.daemon.show("bridges")] == [
        "listening", "listening", "relaying"]
    wait_for(lambda: len(scene.daemon.show("sessions")) == 2)
    wait_for(lambda: len(descriptors(scene.daemon)) == len(before), 20,
             "descriptors as before")
    # a second one finds nothing to do
    log = scene.daemon.log_text().count("made again")
    assert scene.daemon.ctl("reload")[0] == 0
    assert scene.daemon.log_text().count("made again") == log == 2
    for peer in scene.peers:
        peer.close()
    scene.daemon.stop()
    assert os.listdir(scene.app) == []


def test_removed_control_socket_comes_again_by_itself(context):
    """Meanwhile those who were connected are served, and traffic flows."""
    scene = Scene(context)
    monitor = Monitor(context, scene.daemon)
    monitor.wait("bridge-created")
    os.unlink(scene.daemon.socket)
    status, _, err = scene.daemon.ctl("show", "summary")
    assert status != 0 and "No such file" in err, err
    scene.carry()
    with connect(scene.srcs[0]) as peer:
        ask(peer)
    monitor.wait_count(3, "session-opened")
    wait_for(lambda: os.path.exists(scene.daemon.socket), 30,
             "control socket")
    assert scene.daemon.ctl("show", "summary")[0] == 0
    assert os.stat(scene.daemon.socket).st_mode & 0o777 == 0o600
    assert scene.daemon.ctl("show", "summary", uid=1)[0] != 0
    monitor.wait("session-closed")
    scene.carry()
    scene.daemon.stop()
    assert not os.path.exists(scene.daemon.socket)


def test_socket_made_again_leaves_no_low_number_free(context):
    """On those the parent may read and send: no traffic has one."""
    src, echo = tcp(context), Echo(tcp(context))
    daemon = context.daemon("bridge %s %s\n" % (src, echo.text))
    for path in (daemon.socket, daemon.socket + ".upgrade"):
        os.unlink(path)
        daemon.reload()
        wait_for(lambda path=path: os.path.exists(path), 20, path)
    with asked(src):
        folder = "/proc/%d/fd/" % daemon.pid
        assert set(range(32)) <= set(map(int, os.listdir(folder)))
        with open("/proc/net/tcp") as stream:
            traffic = {"socket:[%s]" % line.split()[9] for line in stream}
        numbers = {fd for fd, what in files_of(daemon.pid).items()
                   if what in traffic}
        assert len(numbers) == 3 and min(numbers) >= 32, numbers


def test_removed_directory_takes_a_restart_and_that_is_said(context):
    scene = Scene(context)
    run = os.path.dirname(scene.daemon.socket)
    subprocess.run(("rm", "-r", run, scene.app), check=True)
    os.makedirs(run)
    os.mkdir(scene.app)
    os.chmod(scene.app, 0o777)
    scene.daemon.reload()
    scene.daemon.wait_log("control socket: its path was removed, and is not "
                          "made again: its directory was removed as well")
    scene.carry()
    scene.feeds(scene.sender)
    scene.daemon.stop()
    scene.daemon.start()
    assert all(served(src) for src in scene.srcs)


def test_what_others_put_in_the_place_is_left(context):
    """A socket of somebody else's, and a file."""
    scene = Scene(context)
    scene.clean()
    other = Echo(scene.srcs[0])
    with open(os.path.join(scene.app, "unixseq"), "w") as stream:
        stream.write("text")
    assert scene.daemon.ctl("reload")[0] == 0
    assert served(other.text)
    with open(os.path.join(scene.app, "unixseq")) as stream:
        assert stream.read() == "text"
    scene.carry()
