"""What the start makes: numbers of descriptors, pipes, powers; and what a
reload cannot change, and an end that nobody asked for."""

import fcntl
import os
import pwd
import resource
import signal
import socket
import struct
import subprocess

from echo import Echo, ask, asked, at_work, tcp
from ends import QUICK, app_directory, connect
from fds import files_of
from mctd import environment
from program import title_of, wait_for

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
LOW_FDS = 32
PIPE_LEAST = 64 * 1024


def channels_of_all():
    """Every SEQPACKET socket that has no name: the children's channels."""
    with open("/proc/net/unix") as stream:
        rows = [line.split() for line in stream][1:]
    return {"socket:[%s]" % row[6] for row in rows
            if row[4] == "0005" and len(row) == 7}


def expect_low(daemon, children):
    """Everything the parent reads has a low number, and no low number is
    free for traffic."""
    found = files_of(daemon.pid)
    read = channels_of_all() | {os.path.dirname(daemon.conf)}
    numbers = [fd for fd, what in found.items() if what in read or
               what.startswith(("anon_inode:", "pipe:"))]
    assert len(numbers) >= children + 3, found
    assert max(numbers) < LOW_FDS, found
    assert set(range(LOW_FDS)) <= set(found), found


def test_channels_have_low_numbers(context):
    for engines, standby in ((16, 1), (12, 3), (6, 4), (1, 8), (11, 4)):
        echo = Echo(tcp(context))
        src = tcp(context)
        conf = QUICK + "engines %d\nlimits { standby %d pipes 0 }\n" % (
            engines, standby)
        for number in range(8):
            name = context.path("d%d" % number)
            os.makedirs(name, exist_ok=True)
            conf += 'directory "%s"\n' % name
        daemon = context.daemon(conf)
        children = 1 + engines + 2 * standby
        assert sum(map(len, daemon.pids().values())) == 1 + children
        expect_low(daemon, children)
        before = set(files_of(daemon.pid).items())
        daemon.write(conf + "bridge %s %s\n" % (src, echo.text))
        status, _, err = daemon.ctl("reload")
        assert status == 0, err
        with asked(src):
            now = set(files_of(daemon.pid).items())
            more = {fd for fd, what in now - before
                    if what.startswith("socket:")}
            assert len(more) >= 3 and min(more) >= LOW_FDS, more
        daemon.stop()


def test_no_low_number_is_free_in_the_background(context):
    """Nor is that of the pipe to who started it."""
    daemon = context.daemon(QUICK, start=False)
    status, _, err = daemon.run()
    assert status == 0, err
    with connect("unix:" + daemon.socket) as client:
        pid, _, _ = struct.unpack("iII", client.getsockopt(
            socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    wait_for(lambda: set(range(LOW_FDS)) <= set(
        map(int, os.listdir("/proc/%d/fd" % pid))), 5, "low numbers taken")
    assert daemon.ctl("stop")[0] == 0
    wait_for(lambda: not title_of(pid), 20, "end of mctd")


def test_smallest_tables_and_all_engines(context):
    echo = Echo(tcp(context))
    src = tcp(context)
    context.daemon(
        QUICK + "engines 16\nlimits { bridges 1 sessions 1 clients 1 "
        "events 64 standby 1 pipes 0 }\nbridge %s %s\n" % (src, echo.text))
    asked(src).close()


def pipe_sizes(pid):
    """What the pipes of a process hold, which it keeps."""
    sizes = {}
    folder = "/proc/%d/fd/" % pid
    for fd, name in files_of(pid).items():
        if name.startswith("pipe:") and fd >= LOW_FDS:
            pipe = os.open(folder + str(fd), os.O_RDONLY | os.O_NONBLOCK)
            sizes[name] = fcntl.fcntl(pipe, 1032)  # F_GETPIPE_SZ
            os.close(pipe)
    return list(sizes.values())


def pipe_limit(name):
    with open("/proc/sys/fs/" + name) as stream:
        return int(stream.read())


def test_pipes_of_a_user(context):
    """Root's daemon gets all of them; another user's those that are large,
    every engine as many."""
    page = os.sysconf("SC_PAGESIZE")
    soft = pipe_limit("pipe-user-pages-soft") * page
    largest = pipe_limit("pipe-max-size")
    engines, each = 3, 256
    if not 0 < soft < engines * each * min(largest, 1 << 20):
        return "fs.pipe-user-pages-soft does not lessen anything here"
    conf = "engines %d\nlimits { pipes %d standby 1 }\n" % (engines, each)
    user = pwd.getpwnam("games").pw_uid
    echo = Echo(tcp(context))
    src = tcp(context)
    daemon = context.daemon(
        QUICK + conf + "bridge %s %s\n" % (src, echo.text), uid=user,
        raw=True)
    with connect(src) as peer:
        ask(peer, 3000000)
    sizes = pipe_sizes(daemon.pid)
    assert sizes and min(sizes) == max(sizes) >= PIPE_LEAST, sizes
    kept, rest = divmod(len(sizes), engines)
    assert 0 < kept < each and rest == 0, len(sizes)
    for pid in daemon.pids()["engine"]:
        assert len(os.listdir("/proc/%d/fd" % pid)) >= 2 * kept
    text = daemon.log_text()
    assert "%d pipes for an engine instead of %d" % (kept, each) in text
    assert "fs.pipe-user-pages-soft" in text
    assert ("fs.pipe-max-size" in text) == (largest < 1 << 20), text


def unit_settings():
    """What the unit for systemd allows: capabilities, and descriptors."""
    powers, files_most = [], None
    with open(os.path.join(TOP, "etc", "mctd.service")) as stream:
        for line in stream:
            name, _, value = line.strip().partition("=")
            if name == "CapabilityBoundingSet":
                powers += [p.removeprefix("CAP_").lower()
                           for p in value.split()]
            elif name == "LimitNOFILE":
                files_most = int(value)
    here = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return powers, min(files_most, here) if here >= 0 else files_most


def test_the_unit_allows_enough(context):
    """With the powers and limits of the unit all engines start, ports under
    1024 are bound, and every pipe has its full size."""
    echo = Echo(tcp(context))
    powers, files_most = unit_settings()
    daemon = context.daemon(
        QUICK + "engines 4\nlimits { pipes 64 standby 1 }\n"
        "bridge tcp:127.0.0.1:81 %s\n" % echo.text, start=False)
    command = daemon.command
    daemon.command = lambda *more: [
        "prlimit", "--nofile=%d:%d" % (files_most, files_most), "setpriv",
        "--inh-caps", "-all", "--bounding-set",
        "-all," + ",".join("+" + power for power in powers),
        "--", *command(*more)]
    daemon.start()
    asked("tcp:127.0.0.1:81").close()
    sizes = pipe_sizes(daemon.pid)
    full = min(1 << 20, pipe_limit("pipe-max-size"))
    assert len(sizes) == 4 * 64 and set(sizes) == {full}, sizes
    if full == 1 << 20:
        assert "pipe" not in daemon.log_text(), daemon.log_text()


def test_reload_says_what_it_leaves(context):
    daemon = context.daemon(QUICK)
    daemon.ctl("reload")
    assert "take effect" not in daemon.log_text()
    for words, said in (
            ("engines 3", "engines and spin take effect"),
            ("spin 50", "engines and spin take effect"),
            ("limits { pipes 3 }", "limits take effect"),
            ('socket "/run/elsewhere.sock"', "socket's path takes effect")):
        before = daemon.log_text().count(said)
        daemon.write(QUICK + words + "\n")
        status, _, err = daemon.ctl("reload")
        assert status == 0, err
        daemon.wait_log(said)
        assert daemon.log_text().count(said) == before + 1, words


def test_paths_go_when_no_standby_is_left(context):
    for kind in ("engine", "control"):
        app = app_directory(context, kind)
        daemon = context.daemon(
            QUICK + 'limits { standby 0 }\ndirectory "%s"\n'
            'bridge unix:%s/s tcp:127.0.0.1:9\n'
            'bridge unixdgram:%s/d udp:127.0.0.1:9\n' % (app, app, app))
        assert sorted(os.listdir(app)) == ["d", "s"]
        os.kill(at_work(daemon, kind), signal.SIGKILL)
        assert daemon.process.wait(20) == 1
        assert os.listdir(app) == []
        assert not os.path.exists(daemon.socket)


def test_missing_power_is_named(context):
    """A mark, where the machine does not let mctd keep what it takes."""
    daemon = context.daemon(
        "bridge %s tcp:127.0.0.1:9 { mark 1 }\n" % tcp(context), start=False)
    done = subprocess.run(
        ["setpriv", "--bounding-set", "-net_admin", "--",
         *daemon.command("-d")], env=environment(), cwd="/", timeout=30,
        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        check=False)
    assert done.returncode == 1
    assert "mark" in done.stderr and "CAP_NET_ADMIN" in done.stderr, \
        done.stderr
    assert not os.path.exists(daemon.socket)
    daemon.start()
