"""Descriptors that run out while mctd runs: accepting pauses, nothing
spins, nothing else suffers, and it goes on by itself."""

import subprocess

from echo import Echo, ask, asked, descriptors, lose, served, tcp, \
    turned_away
from ends import connect
from fds import cpu_s, files_at_rest
from program import wait_for
from watch import Monitor

NOBODY = 65534


def set_limit(daemon, soft):
    """As the parent's own user, who needs no capability for it."""
    subprocess.run(["prlimit", "--pid", str(daemon.pid),
                    "--nofile=%d:" % soft], check=True, user=NOBODY,
                   group=NOBODY, extra_groups=[])


def limit(daemon, more):
    """From now on the parent may have so many descriptors more."""
    files_at_rest(daemon)
    top = sorted(descriptors(daemon))
    assert top == list(range(len(top))), top
    set_limit(daemon, len(top) + more)


def unlimit(daemon):
    set_limit(daemon, 1000)


class Scene:
    """A daemon with a bridge to an echo, and one who hears its events."""

    def __init__(self, context, more):
        self.echo, self.src = Echo(tcp(context)), tcp(context)
        self.daemon = context.daemon("bridge %s %s\n" % (
            self.src, self.echo.text))
        # none that goes now leaves a number free below the monitor's
        files_at_rest(self.daemon)
        self.monitor = Monitor(context, self.daemon)
        self.monitor.wait("bridge-created")
        self.monitor.wait("bridge-created")
        limit(self.daemon, more)

    def wait_limit(self, count=1):
        """Until the parent has said so often that there are none; it does
        at most once a second."""
        return self.monitor.wait_count(count, "limit-reached")

    def bridge(self):
        return self.daemon.show("bridges")[0]


def test_peers_wait_until_a_session_ends(context):
    scene = Scene(context, 4)
    peers = [asked(scene.src) for _ in range(2)]
    waiting = connect(scene.src)
    assert "descriptors" in scene.wait_limit()[0].values()
    waiting.sendall(b"early")
    for peer in peers:
        ask(peer)
    peers.pop().close()
    assert waiting.recv(100) == b"early"
    ask(waiting)
    ask(peers[0])
    unlimit(scene.daemon)
    wait_for(lambda: scene.bridge()["state"] == "listening")
    assert scene.bridge()["paused"] >= 1
    assert scene.bridge()["accepted"] == 3
    assert scene.bridge()["failed"] == 0


def test_accepting_goes_on_when_the_limit_is_raised(context):
    scene = Scene(context, 0)
    waiting = connect(scene.src)
    scene.wait_limit()
    unlimit(scene.daemon)
    ask(waiting)


def test_waiting_takes_no_processor_time(context):
    scene = Scene(context, 2)
    peer = asked(scene.src)
    waiting = [connect(scene.src) for _ in range(5)]
    first = scene.wait_limit()[-1]
    before = {pid: cpu_s(pid) for pid in scene.daemon.all_pids()}
    last = scene.wait_limit(4)[-1]
    # by the daemon's own clock this took so long, however slow we are
    seconds = (last["time"] - first["time"]) / 1e9
    assert seconds > 2.5, (first, last)
    for pid, spent in before.items():
        assert cpu_s(pid) - spent < seconds / 5, pid
    ask(peer)
    unlimit(scene.daemon)
    for one in waiting:
        ask(one)
    # it has looked again ten times a second, not more
    assert scene.bridge()["paused"] < 15 * (seconds + 2)


def test_one_descriptor_is_too_few_for_a_session(context):
    """There is one to accept with, but none to reach dst."""
    scene = Scene(context, 3)
    peer = asked(scene.src)
    assert turned_away(scene.src)
    scene.wait_limit()
    ask(peer)
    peer.close()
    wait_for(lambda: served(scene.src), 20, "service")


def test_control_waits_for_descriptors_as_well(context):
    scene = Scene(context, 2)
    peer = asked(scene.src)
    client = connect("unix:" + scene.daemon.socket)
    other = connect(scene.src)
    scene.wait_limit()
    ask(peer)
    peer.close()
    ask(other)
    unlimit(scene.daemon)
    assert scene.bridge()["sessions"] == 1
    client.close()


def test_reload_and_bridges_need_descriptors_and_say_so(context):
    scene = Scene(context, 0)
    daemon = scene.daemon
    log = len(daemon.log_text())
    # the file is read with a descriptor that is kept for it
    daemon.reload()
    daemon.wait_log("configuration loaded")
    daemon.write("bridge %s %s\nbridge %s %s\n" % (
        scene.src, scene.echo.text, tcp(context), scene.echo.text))
    daemon.reload()
    daemon.wait_log(":4: bridge: Too many open files")
    assert "configuration loaded" in daemon.log_text()[log:]
    unlimit(daemon)
    assert served(scene.src)
    assert len(daemon.show("bridges")) == 1


def test_take_over_works_without_descriptors(context):
    scene = Scene(context, 2)
    daemon = scene.daemon
    peer = asked(scene.src)
    waiting = connect(scene.src)
    scene.wait_limit()
    lose(daemon, "engine")
    ask(peer)
    peer.close()
    ask(waiting)
    unlimit(daemon)
    assert daemon.show("summary")[0]["standby-engines"] == 0


def test_pause_for_max_is_shown_and_ends(context):
    echo, src = Echo(tcp(context)), tcp(context)
    daemon = context.daemon("bridge %s %s { max 2 }\n" % (src, echo.text))
    peers = [asked(src), asked(src)]
    waiting = connect(src)
    wait_for(lambda: daemon.show("bridges")[0]["state"] == "paused")
    for peer in peers:
        ask(peer)
    peers.pop().close()
    ask(waiting)
    assert daemon.show("bridges")[0]["sessions"] == 2
