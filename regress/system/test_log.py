"""The log of a daemon in the background, while its log daemon comes, goes,
and does not read.  Traffic goes on meanwhile."""

import os
import re
import signal

from background import background, stop_background
from echo import Echo, ask, asked, tcp
from logd import LogDaemon, own_devices
from program import children_of


class Scene:
    """A daemon with a session on which an echo answers."""

    def __init__(self, context):
        echo, src = Echo(tcp(context)), tcp(context)
        self.context = context
        self.daemon, self.pid, self.err = background(
            context, "bridge %s %s\n" % (src, echo.text))
        self.peer = asked(src)

    def say(self, lines=1):
        """So many things that are logged, and traffic after each."""
        for _ in range(lines):
            self.daemon.add(tcp(self.context), tcp(self.context))
            ask(self.peer)

    def stop(self):
        self.peer.close()
        stop_background(self.daemon, self.pid)


def lost_lines(logd):
    """As many as the next line about it says."""
    priority, _, text = logd.expect(" lines were lost")
    assert priority == 28, text
    return int(re.fullmatch(r"log: (\d+) lines were lost", text).group(1))


def test_lines_go_to_the_log_daemon(context):
    logd = LogDaemon(own_devices(context))
    scene = Scene(context)
    assert scene.err.endswith("mctd: ready: 1 bridges\n"), scene.err
    scene.say()
    assert logd.expect("bridge 2 created")[:2] == (30, scene.pid)
    os.kill(children_of(scene.pid)[-1], signal.SIGKILL)
    assert logd.expect("ended by signal 9")[:2] == (28, scene.pid)
    scene.stop()
    assert logd.expect("ended") == (30, scene.pid, "ended")


def test_lines_wait_for_a_log_daemon_that_is_not_there_yet(context):
    path = own_devices(context)
    scene = Scene(context)
    assert "nobody listens at /dev/log" in scene.err, scene.err
    scene.say(3)
    logd = LogDaemon(path)
    assert lost_lines(logd) == 3
    scene.say()
    assert "bridge 5 created" in logd.line()[2]
    scene.stop()


def goes_and_comes(scene, logd, where):
    """Its socket is removed; another comes, there or elsewhere."""
    scene.say()
    logd.expect("created")
    logd.stop()
    scene.say(4)
    logd.path = where
    logd.start()
    assert lost_lines(logd) == 4
    scene.say()
    assert "created" in logd.line()[2]


def test_log_daemon_that_is_started_again_gets_lines_again(context):
    logd = LogDaemon(own_devices(context))
    scene = Scene(context)
    for _ in range(2):
        goes_and_comes(scene, logd, logd.path)
    scene.stop()


def test_log_daemon_behind_a_link_is_started_again(context):
    """And then one that puts its socket in the place of the link."""
    path = own_devices(context)
    behind = context.path("journal")
    os.mkdir(behind)
    there = os.path.join(behind, "dev-log")
    os.symlink(there, path)
    logd = LogDaemon(there)
    scene = Scene(context)
    assert "nobody listens" not in scene.err, scene.err
    goes_and_comes(scene, logd, there)
    os.unlink(path)
    goes_and_comes(scene, logd, path)
    scene.stop()


def test_log_daemon_that_does_not_read_stops_nothing(context):
    """What it cannot take is lost, and that is said when it reads."""
    logd = LogDaemon(own_devices(context))
    scene = Scene(context)
    scene.say(40)
    read = 0
    while "lines were lost" not in (text := logd.line()[2]):
        assert "bridge %d created" % (read + 2) in text, (read, text)
        read += 1
    lost = int(text.split()[1])
    assert read + lost == 40 and lost > 0, (read, lost)
    scene.say()
    assert "bridge 42 created" in logd.line()[2]
    scene.stop()


def test_full_log_daemon_that_is_replaced_is_left(context):
    """Its socket is not closed, so only the path tells that it is over."""
    logd = LogDaemon(own_devices(context))
    scene = Scene(context)
    scene.say(40)
    os.rename(logd.path, logd.path + ".old")
    other = LogDaemon(logd.path)
    assert lost_lines(other) > 0
    scene.say()
    assert "created" in other.line()[2]
    scene.stop()
