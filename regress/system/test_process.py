"""The processes of a running mctd: which there are, what each may still do,
and what is lost when one of them dies."""

import os
import pwd
import signal
import subprocess

from echo import Echo, ask, asked, at_work, descriptors, ending, lose, \
    served, tcp
from ends import FOUR_STANDBY, accept, app_directory, connect, exchange, \
    listen, make, receiver
from fds import files_at_rest, files_of
from handle import Handle
from program import children_of, title_of, wait_for
from watch import Monitor

NOBODY = pwd.getpwnam("nobody")
CAP_NET_BIND_SERVICE = 1 << 10
LOW_FDS = 32
NAMESPACES = ("net", "mnt", "ipc", "uts")


def status_of(pid):
    """/proc/PID/status as a dictionary of texts."""
    with open("/proc/%d/status" % pid) as stream:
        return dict(line.rstrip("\n").split(":\t", 1)
                    if ":\t" in line else (line.rstrip(":\n"), "")
                    for line in stream)


def capabilities(pid):
    status = status_of(pid)
    return {name: int(status["Cap" + name], 16)
            for name in ("Inh", "Prm", "Eff", "Bnd", "Amb")}


def test_titles_tell_the_processes_apart(context):
    for standby in (0, 2, 8):
        daemon = context.daemon("limits { standby %d }\n" % standby)
        wanted = sorted(["mctd: parent", "mctd: control", "mctd: engine"] +
                        2 * standby * ["mctd: standby"])
        wait_for(lambda wanted=wanted: wanted == sorted(
            map(title_of, daemon.all_pids())), 10, str(wanted))
        daemon.stop()
    daemon = context.daemon("# standby as by default")
    assert len(children_of(daemon.pid)) == 10


def test_every_process_runs_as_the_user_and_in_the_chroot(context):
    daemon = context.daemon("limits { standby 1 }\n")
    chroot = os.stat(daemon.chroot)
    for pid in daemon.all_pids():
        status = status_of(pid)
        assert status["Uid"].split() == 4 * [str(NOBODY.pw_uid)], status
        assert status["Gid"].split() == 4 * [str(NOBODY.pw_gid)], status
        assert status["Groups"].split() == [], status
        assert status["NoNewPrivs"] == "1", status
        assert status["Threads"] == "1", status
        for place in ("root", "cwd"):
            found = os.stat("/proc/%d/%s" % (pid, place))
            same = os.path.samestat(found, chroot)
            # a child's is its own, and empty: see test_cages
            assert same if pid == daemon.pid else not same


def test_no_capability_is_kept_that_nothing_needs(context):
    daemon = context.daemon("limits { standby 1 }\n"
                            "bridge tcp:*:1024 tcp:127.0.0.1:80\n")
    for pid in daemon.all_pids():
        assert not any(capabilities(pid).values()), capabilities(pid)


def test_parent_keeps_the_capability_for_low_ports(context):
    daemon = context.daemon("limits { standby 1 }\n"
                            "bridge tcp:*:1023 tcp:127.0.0.1:80\n")
    for pid in daemon.all_pids():
        one = CAP_NET_BIND_SERVICE if pid == daemon.pid else 0
        has = capabilities(pid)
        assert has.pop("Bnd") & ~one == 0, title_of(pid)
        assert has == {"Inh": 0, "Prm": one, "Eff": one, "Amb": 0}, has


def test_children_have_empty_namespaces_where_allowed(context):
    daemon = context.daemon("limits { standby 1 }\n")
    for name, option in zip(NAMESPACES, ("--net", "--mount", "--ipc",
                                         "--uts")):
        def namespace(pid, name=name):
            return os.readlink("/proc/%s/ns/%s" % (pid, name))
        assert namespace(daemon.pid) == namespace("self")
        if subprocess.run(["unshare", option, "true"],
                          check=False).returncode != 0:
            continue
        seen = [namespace(pid) for pid in daemon.all_pids()]
        assert len(set(seen)) == len(seen), (name, seen)
    for pid in children_of(daemon.pid):
        with open("/proc/%d/net/dev" % pid) as stream:
            assert len(stream.readlines()) <= 3  # a head, and "lo"


def kinds_of(pid):
    """Of its descriptors but the standard ones, each pipe's ends once."""
    targets = {what for fd, what in files_of(pid).items() if fd > 2}
    return sorted(target.split(":")[0] for target in targets)


def test_children_have_no_descriptor_but_channel_and_loop(context):
    """And the engine at work its pipes."""
    daemon = context.daemon("limits { standby 1 pipes 3 }\n")
    engine, = daemon.pids()["engine"]
    for pid in children_of(daemon.pid):
        # one pipe is libevent's, for signals
        pipes = ["pipe"] * (4 if pid == engine else 1)
        wanted = ["anon_inode", *pipes, "socket"]
        # the client that saw the daemon ready may still be leaving
        wait_for(lambda pid=pid: kinds_of(pid) == wanted, 10, str(wanted))


def test_low_descriptors_are_taken_before_traffic(context):
    """So that what the parent may read can be told by its number."""
    echo, src = Echo(tcp(context)), tcp(context)
    lines = ["limits { standby 8 }", "bridge %s %s" % (src, echo.text)]
    for n in range(8):
        os.mkdir(context.path("d%d" % n))
        lines.append('directory "%s"' % context.path("d%d" % n))
    daemon = context.daemon("\n".join(lines) + "\n")
    files_at_rest(daemon)
    before = descriptors(daemon)
    assert set(range(LOW_FDS)) <= before
    with asked(src):
        assert len(descriptors(daemon) - before) == 2
        assert before <= descriptors(daemon)


def with_echo(context, more=""):
    """A daemon, and the src of its bridge to an echo."""
    echo, src = Echo(tcp(context)), tcp(context)
    return context.daemon(
        "bridge %s %s\n" % (src, echo.text) + more), src


def datagrams(context):
    """The configuration of a bridge, its sender and its receiver."""
    src = "udp:127.0.0.1:%d" % context.port()
    dst = "udp:127.0.0.1:%d" % context.port()
    sender, address = make(src)
    sender.connect(address)
    return "bridge %s %s\n" % (src, dst), sender, receiver(dst)


def test_engine_death_costs_nothing(context):
    line, sender, sink = datagrams(context)
    daemon, src = with_echo(context, line + FOUR_STANDBY)
    before = children_of(daemon.pid)
    peer = asked(src)
    lose(daemon, "engine")
    ask(peer, 100000)
    assert set(children_of(daemon.pid)) < set(before)
    assert len(before) == 10
    assert daemon.show("summary")[0]["standby-engines"] == 3
    with connect(src) as peer:
        ask(peer, 100000)
    for n in range(20):
        sender.send(b"%d" % n)
        assert sink.recv(100) == b"%d" % n
    daemon.wait_log("took over")


def test_datagrams_wait_while_there_is_no_engine(context):
    line, sender, sink = datagrams(context)
    daemon = context.daemon(line)
    # the parent sleeps, so nobody takes over before they are all sent
    os.kill(daemon.pid, signal.SIGSTOP)
    engine = at_work(daemon, "engine")
    os.kill(engine, signal.SIGKILL)
    wait_for(lambda: title_of(engine) == "", 10, "death of the engine")
    for n in range(50):
        sender.send(b"%d" % n)
    os.kill(daemon.pid, signal.SIGCONT)
    for n in range(50):
        assert sink.recv(100) == b"%d" % n


def test_engine_death_does_not_end_what_is_connecting(context):
    """A local dst with a full queue: it stands when somebody accepts."""
    src = tcp(context)
    dst = "unix:%s/busy" % app_directory(context)
    server = listen(dst, backlog=0)
    before = connect(dst)
    daemon = context.daemon('directory "%s"\nbridge %s %s\n' % (
        os.path.dirname(dst[5:]), src, dst))
    peer = connect(src)
    wait_for(lambda: daemon.show("bridges")[0]["connecting"] == 1)
    lose(daemon, "engine")
    accept(server).close()
    exchange(peer, accept(server))
    before.close()


def test_control_death_costs_nothing(context):
    """More on clients in test_control_death.py."""
    daemon, src = with_echo(context, FOUR_STANDBY)
    peer = asked(src)
    handle = Handle(daemon)
    lose(daemon, "control")
    ask(peer)
    handle.add(tcp(context), tcp(context))
    assert daemon.show("sessions")[0]["state"] == "open"
    summary = daemon.show("summary")[0]
    assert summary["clients"] == 2
    assert summary["standby-controls"] == 3


def test_death_of_a_child_is_an_event(context):
    daemon = context.daemon("limits { standby 2 }\n")
    monitor = Monitor(context, daemon)
    lose(daemon, "engine")
    assert "engine" in monitor.wait("child-restarted").values()
    lose(daemon, "control")
    restarted = monitor.wait_count(2, "child-restarted")
    assert "control" in restarted[1].values(), restarted


def test_death_of_a_standby_is_counted_only(context):
    daemon = context.daemon("limits { standby 1 }\n")
    before = [at_work(daemon, kind) for kind in ("engine", "control")]
    for pid in set(children_of(daemon.pid)) - set(before):
        os.kill(pid, signal.SIGKILL)

    def none_left():
        summary = daemon.show("summary")[0]
        return summary["standby-engines"] == 0 == \
            summary["standby-controls"]
    wait_for(none_left, 10, "end of the standbys")
    assert [at_work(daemon, "engine"), at_work(daemon, "control")] == before


def use_up(context, kind):
    daemon = context.daemon("limits { standby 1 }\n")
    lose(daemon, kind)
    daemon.wait_log("no standby %s is left: upgrade in place" % kind)
    children = children_of(daemon.pid)
    os.kill(at_work(daemon, kind), signal.SIGKILL)
    assert daemon.process.wait(20) == 1
    assert "no standby %s is left: the daemon ends" % kind in \
        daemon.log_text()
    assert not any(map(title_of, children))
    assert not os.path.exists(daemon.socket)


def test_daemon_ends_when_no_standby_engine_is_left(context):
    use_up(context, "engine")


def test_daemon_ends_when_no_standby_control_is_left(context):
    use_up(context, "control")


def test_no_child_outlives_the_parent(context):
    daemon, src = with_echo(context)
    peer = asked(src)
    children = children_of(daemon.pid)
    daemon.kill()
    wait_for(lambda: not any(map(title_of, children)), 10,
             "end of the children")
    assert ending(peer) in ("end", "reset")


def test_hung_engine_is_replaced_when_it_must_end_a_session(context):
    daemon, src = with_echo(context)
    peer = asked(src)
    os.kill(at_work(daemon, "engine"), signal.SIGSTOP)
    session = daemon.show("sessions")[0]["id"]
    status, _, err = daemon.ctl("session", "close", str(session))
    assert status == 0, err
    assert ending(peer) == "reset"
    daemon.wait_log("does not do what it is told")
    wait_for(lambda: served(src), 10, "service by a standby")


def test_hung_children_do_not_hold_up_the_end(context):
    daemon = context.daemon("limits { standby 1 }\n")
    for pid in children_of(daemon.pid):
        os.kill(pid, signal.SIGSTOP)
    daemon.stop()
