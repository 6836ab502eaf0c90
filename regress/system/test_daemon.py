"""The life of a daemon: its start, what it tells whom, its end."""

import contextlib
import os
import re
import signal
import socket
import struct
import subprocess

from background import (background, listener_pid, mctd_processes,
                        stop_background)
from echo import Echo, ask, asked, ending, refused, tcp
from ends import connect, listen
from mctd import environment
from program import children_of, title_of, wait_for


@contextlib.contextmanager
def notify_socket(name):
    """What a service manager has; of a process started meanwhile."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(name.replace("@", "\0"))
        sock.settimeout(20)
        os.environ["NOTIFY_SOCKET"] = name
        yield sock
        del os.environ["NOTIFY_SOCKET"]


def with_echo(context, conf=""):
    echo, src = Echo(tcp(context)), tcp(context)
    return context.daemon("%sbridge %s %s\n" % (conf, src, echo.text)), src


# -- The start


def test_caller_returns_when_the_daemon_is_ready(context):
    echo, src = Echo(tcp(context)), tcp(context)
    daemon, pid, _ = background(
        context, "limits { standby 1 }\nbridge %s %s\n" % (src, echo.text))
    asked(src).close()
    assert title_of(pid) == "mctd: parent"
    with open("/proc/%d/stat" % pid) as stream:
        fields = stream.read().rsplit(")", 1)[1].split()
    _, parent, _, session, terminal = map(int, [0] + fields[1:5])
    assert terminal == 0
    assert parent == 1  # who was called, and the one between, are gone
    assert session not in (pid, os.getsid(0))
    for process in [pid] + children_of(pid):
        for fd in range(3):
            assert os.readlink("/proc/%d/fd/%d" % (process, fd)) == \
                "/dev/null", (title_of(process), fd)
    stop_background(daemon, pid)


def expect_failure(context, words, conf="", **more):
    daemon = context.daemon(conf, start=False, **more)
    for foreground in ((), ("-d",)):
        status, out, err = daemon.run(*foreground)
        assert status == 1, (status, out, err)
        assert words in err and out == "", err
        assert not mctd_processes()
        assert not os.path.exists(daemon.socket)


def test_caller_hears_why_the_daemon_does_not_start(context):
    taken = tcp(context)
    free = tcp(context)
    with listen(taken):
        expect_failure(context, "mctd.conf:4: bridge: Address already in "
                       "use", "bridge %s %s\nbridge %s %s\n" % (
                           free, taken, taken, tcp(context)))
    expect_failure(context, 'no user "nosuchuser"', raw=True,
                   conf="user nosuchuser\n")
    expect_failure(context, 'user "root" is root', raw=True,
                   conf="user root\n")
    expect_failure(context, 'no group "nosuchgroup"',
                   'socket "/x" group nosuchgroup\n')
    expect_failure(context, '.conf:3: unknown word "bridges"',
                   "bridges\n")
    expect_failure(context, "chroot /nonexistent: No such file", raw=True,
                   conf='user nobody\nchroot "/nonexistent"\n')
    expect_failure(context, "directory /nonexistent: No such file",
                   'directory "/nonexistent"\n')


def test_configuration_must_stay_readable(context):
    daemon = context.daemon("", start=False)
    os.chmod(daemon.conf, 0o600)
    status, _, err = daemon.run("-d")
    assert status == 1
    assert "cannot be read again by the user mctd runs as" in err, err


def test_daemon_outlives_the_session_of_its_caller(context):
    echo, src = Echo(tcp(context)), tcp(context)
    daemon = context.daemon("bridge %s %s\n" % (src, echo.text),
                            start=False)
    shell = subprocess.run(
        ["sh", "-c", '"$@" && kill -KILL 0', "sh"] + daemon.command(),
        start_new_session=True, env=environment(), check=False,
        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert shell.returncode == -signal.SIGKILL, shell.stderr
    asked(src).close()
    stop_background(daemon, listener_pid(daemon))


# -- What it tells the service manager and the log


def tell_manager(context, name):
    with notify_socket(name) as manager:
        daemon = context.daemon(start=False)
        with open(daemon.log, "wb") as log:
            daemon.process = subprocess.Popen(
                daemon.command("-d"), env=environment(), stderr=log)
        assert manager.recv(100) == b"READY=1"
        assert daemon.ctl("show", "summary")[0] == 0
        os.kill(daemon.pid, signal.SIGTERM)
        assert manager.recv(100) == b"STOPPING=1"
        assert daemon.process.wait(20) == 0


def test_service_manager_hears_of_start_and_end(context):
    tell_manager(context, context.path("notify"))
    tell_manager(context, "@notify")


# -- The end


def drain(context, order, status=0):
    """Ended by order, a daemon lets its session go on."""
    daemon, src = with_echo(context, "timeouts { drain 1h }\n")
    udp = "udp:127.0.0.1:%d" % context.port()
    daemon.add(udp, udp.replace("127.0.0.1", "127.0.0.2"))
    peer = asked(src)
    order(daemon)
    wait_for(lambda: refused(src), 20, "end of the listener")
    for _ in range(10):
        ask(peer)
    assert daemon.process.poll() is None
    bridge = daemon.show("bridges")[0]
    assert (bridge["state"], bridge["sessions"]) == ("closing", 1), bridge
    code, _, err = daemon.ctl("bridge", "add", tcp(context), tcp(context))
    assert code == 1 and "mctd is stopping" in err, err
    code, _, err = daemon.ctl("reload")
    assert code == 1 and "mctd is stopping" in err, err
    children = children_of(daemon.pid)
    peer.shutdown(socket.SHUT_WR)
    assert ending(peer) == "end"
    assert daemon.process.wait(20) == status
    assert not any(map(title_of, children))
    assert not os.path.exists(daemon.socket)


def test_term_lets_sessions_end(context):
    drain(context, lambda daemon: os.kill(daemon.pid, signal.SIGTERM))


def test_int_lets_sessions_end(context):
    drain(context, lambda daemon: os.kill(daemon.pid, signal.SIGINT))


def test_mctctl_stop_lets_sessions_end(context):
    def order(daemon):
        status, _, err = daemon.ctl("stop")
        assert status == 0, err
    drain(context, order)


def test_sessions_are_closed_when_the_drain_is_over(context):
    daemon, src = with_echo(context, "timeouts { drain 1s }\n")
    peer = asked(src)
    os.kill(daemon.pid, signal.SIGTERM)
    assert ending(peer) == "reset"
    assert daemon.process.wait(20) == 0
    assert "closing 1 sessions that did not end" in daemon.log_text()


def test_drain_of_no_time_closes_sessions_at_once(context):
    daemon, src = with_echo(context, "timeouts { drain 0 }\n")
    peer = asked(src)
    daemon.stop()
    assert ending(peer) == "reset"


def test_second_signal_ends_the_drain(context):
    daemon, src = with_echo(context, "timeouts { drain 1h }\n")
    peer = asked(src)
    os.kill(daemon.pid, signal.SIGTERM)
    daemon.wait_log("stopping: 1 sessions have 3600 s to end")
    ask(peer)
    os.kill(daemon.pid, signal.SIGTERM)
    assert ending(peer) == "reset"
    assert daemon.process.wait(20) == 0


def test_signals_to_the_children_do_nothing(context):
    daemon, src = with_echo(context, "limits { standby 1 }\n")
    peer = asked(src)
    before = children_of(daemon.pid)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP,
                   signal.SIGPIPE):
        for pid in children_of(daemon.pid):
            os.kill(pid, number)
    ask(peer)
    assert set(children_of(daemon.pid)) == set(before)


# -- The control socket


def test_socket_of_a_killed_daemon_is_replaced(context):
    daemon, src = with_echo(context)
    daemon.kill()
    assert os.path.exists(daemon.socket)
    wait_for(lambda: not mctd_processes(), 20, "end of mctd")
    daemon.start()
    asked(src).close()


def test_second_daemon_on_a_socket_is_refused(context):
    daemon, src = with_echo(context)
    for foreground in ((), ("-d",)):
        status, _, err = daemon.run(*foreground)
        assert status == 1
        assert "%s: another mctd listens there" % daemon.socket in err, err
    asked(src).close()
    daemon.show("summary")


def test_socket_takes_no_place_but_that_of_a_socket(context):
    daemon = context.daemon(start=False)
    with open(daemon.socket, "w") as stream:
        stream.write("precious")
    status, _, err = daemon.run("-d")
    assert status == 1
    assert "there is a file that is not a socket" in err, err
    with open(daemon.socket) as stream:
        assert stream.read() == "precious"


def test_abstract_control_socket(context):
    daemon = context.daemon(start=False)
    daemon.socket = "mctd-test"
    with open(daemon.log, "ab") as log:
        daemon.process = subprocess.Popen(
            daemon.command("-d"), env=environment(), stderr=log)
    daemon.wait_log("ready")
    daemon.show("summary")


def test_directory_of_the_socket_is_made(context):
    daemon = context.daemon(start=False)
    os.rmdir(os.path.dirname(daemon.socket))
    daemon.start()
    assert os.stat(os.path.dirname(daemon.socket)).st_uid == 65534
    daemon.stop()
    assert not os.path.exists(daemon.socket)


def test_ready_is_said_when_every_child_is(context):
    daemon = context.daemon("limits { standby 8 }\n", start=False)
    with notify_socket("@ready") as manager:
        with open(daemon.log, "wb") as log:
            daemon.process = subprocess.Popen(
                daemon.command("-d"), env=environment(), stderr=log)
        assert manager.recv(100) == b"READY=1"
        assert len(children_of(daemon.pid)) == 18
        assert daemon.ctl("show", "summary")[0] == 0
