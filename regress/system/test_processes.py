"""mctctl show processes: what it reads of each process is what the kernel
has, and what is not as it should be is said."""

import json
import os
import re
import subprocess

from echo import Echo, asked, lose, tcp
from mctd import environment
from program import children_of, stop, title_of

NOBODY = 65534
GROUP = 4711
USER = 4242
NAMESPACES = ("net", "mnt", "ipc", "uts")


def status_of(pid, name):
    with open("/proc/%d/status" % pid) as stream:
        return re.search(r"^%s:[ \t]*(.*?)[ \t]*$" % name, stream.read(),
                         re.M)[1]


def look(daemon, **who):
    """(exit status, [a dictionary each], what it said)"""
    done = subprocess.run(
        [os.path.join(daemon.build, "mctctl"), "-s", daemon.socket, "-j",
         "show", "processes"], env=environment(), text=True, timeout=30,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, check=False, **who)
    daemon.check_text(done.stderr)
    return done.returncode, [json.loads(line) for line in
                             done.stdout.splitlines()], done.stderr


def all_well(daemon):
    status, rows, err = look(daemon)
    ill = [(row["role"], row["as-expected"], row["wrong"]) for row in rows
           if (row["as-expected"], row["wrong"]) != ("yes", "")]
    assert not ill, ill
    assert (status, err) == (0, "")
    return rows


def expect_true(rows):
    """Each row says what the kernel does."""
    names = {"none": 0, "net_bind_service": 1 << 10}
    for row in rows:
        pid = row["pid"]
        assert status_of(pid, "Uid").split() == 4 * [str(row["uid"])]
        assert status_of(pid, "Gid").split() == 4 * [str(row["gid"])]
        assert row["groups"] == (status_of(pid, "Groups") or "none")
        for name, key in (("effective", "Eff"), ("permitted", "Prm"),
                          ("ambient", "Amb")):
            assert names[row[name]] == int(status_of(pid, "Cap" + key), 16)
        assert (row["bounding"] == "none") == \
            (int(status_of(pid, "CapBnd"), 16) == 0), row
        assert row["no-new-privs"] == int(status_of(pid, "NoNewPrivs"))
        assert ["none", "strict", "filter"].index(row["seccomp"]) == \
            int(status_of(pid, "Seccomp"))
        assert "(%s)" % row["state"] in status_of(pid, "State") or \
            {row["state"], status_of(pid, "State")[3:-1]} == \
            {"sleeping", "running"}
        own = [name for name in NAMESPACES
               if os.readlink("/proc/%d/ns/%s" % (pid, name)) !=
               os.readlink("/proc/self/ns/" + name)]
        assert row["own-namespaces"] == (",".join(own) or "none")


def roles(rows):
    return sorted(row["role"] for row in rows)


def test_every_process_is_listed_and_well(context):
    daemon = context.daemon("engines 2\nlimits { standby 2 }\n")
    rows = all_well(daemon)
    assert roles(rows) == sorted(
        ["parent", "control", "engine 0", "engine 1"] +
        2 * ["standby engine", "standby control"])
    assert sorted(row["pid"] for row in rows) == sorted(daemon.all_pids())
    for row in rows:
        assert row["role"].split()[0] in title_of(row["pid"])
        assert row["root"] == (
            daemon.chroot if row["role"] == "parent" else "empty"), row
        assert row["uid"] == NOBODY
    expect_true(rows)


def test_kept_capability_is_shown_and_well(context):
    echo = Echo(tcp(context))
    daemon = context.daemon("bridge tcp:127.0.0.1:81 %s\n" % echo.text)
    rows = all_well(daemon)
    for row in rows:
        assert row["effective"] == row["permitted"] == (
            "net_bind_service" if row["role"] == "parent" else "none")
    expect_true(rows)


def test_who_took_over_is_listed(context):
    daemon = context.daemon("limits { standby 2 }\n")
    before = all_well(daemon)
    for kind in ("engine", "control"):
        lose(daemon, kind)
    after = all_well(daemon)
    assert len(after) == len(before) - 2
    assert sorted(row["pid"] for row in after) == sorted(daemon.all_pids())
    assert roles(after) == ["control", "engine 0", "parent",
                            "standby control", "standby engine"]


def test_start_by_another_user_is_well_as_that(context):
    daemon = context.daemon("limits { standby 1 }\n", uid=USER)
    rows = all_well(daemon)
    expect_true(rows)
    for row in rows:
        assert row["uid"] == USER
        assert row["root"] == ("/" if row["role"] == "parent" else "empty")


def test_ambient_start_is_well_as_that(context):
    echo = Echo(tcp(context))
    daemon = context.daemon("limits { standby 1 }\nbridge tcp:127.0.0.1:81 "
                            "%s\n" % echo.text, start=False, user="games",
                            raw=True)
    plain = daemon.command
    keep = "-all,+net_bind_service,+net_admin"
    daemon.command = lambda *more: [
        "setpriv", "--reuid", "games", "--regid", "games", "--clear-groups",
        "--inh-caps", keep, "--ambient-caps", keep, "--bounding-set", keep,
        "--", *plain(*more)]
    daemon.start()
    rows = all_well(daemon)
    expect_true(rows)
    for row in rows:
        assert row["effective"] == row["permitted"] == (
            "net_bind_service" if row["role"] == "parent" else "none")
    asked("tcp:127.0.0.1:81").close()


def test_shared_namespaces_are_told(context):
    """Where the system lets nobody have one: as if, by strace."""
    daemon = context.daemon("limits { standby 1 }\n", start=False)
    plain = daemon.command
    daemon.command = lambda *more: [
        "strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e",
        "inject=unshare:error=EPERM", "-e", "trace=unshare", *plain(*more)]
    daemon.start()
    status, rows, err = look(daemon)
    assert status == 1 and "not all processes are what they should" in err
    for row in rows:
        if row["role"] == "parent":
            assert (row["as-expected"], row["wrong"]) == ("yes", "")
        else:
            assert row["as-expected"] == "NO"
            assert row["wrong"] == ", ".join(
                "shares the parent's %s namespace" % name
                for name in NAMESPACES)
    status, out, _ = daemon.ctl("show", "processes")
    assert status == 1 and "NO: shares the parent's net namespace" in out


def test_mounts_that_are_not_empty_are_told(context):
    """Where the system lets nobody mount: the chroot is left."""
    for call in ("mount", "pivot_root"):
        daemon = context.daemon("limits { standby 1 }\n", start=False)
        plain = daemon.command
        daemon.command = lambda *more: [
            "strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e",
            "inject=%s:error=EPERM" % call, "-e", "trace=" + call,
            *plain(*more)]
        daemon.start()
        status, rows, _ = look(daemon)
        assert status == 1
        for row in rows:
            assert row["root"] == daemon.chroot
            assert row["wrong"] == (
                "" if row["role"] == "parent" else
                "has more mounted than an empty root"), row
        daemon.stop()


def test_stopped_process_is_shown_as_such(context):
    daemon = context.daemon("limits { standby 1 }\n")
    standby = daemon.pids()["standby"][0]
    stop(standby)
    try:
        row, = (row for row in look(daemon)[1] if row["pid"] == standby)
        assert row["state"] == "stopped", row
    finally:
        os.kill(standby, 18)


def test_who_may_not_read_all_sees_what_he_may(context):
    daemon = context.daemon(
        'socket "/unused" mode 0666\nlimits { standby 1 }\n')
    status, rows, err = look(daemon, user=USER, group=GROUP,
                             extra_groups=[])
    assert status == 0, (status, err)
    assert "not all could be read: root can" in err
    assert len(rows) == 5
    for row in rows:
        assert row["root"] is None and row["own-namespaces"] is None
        assert row["as-expected"] is None and row["wrong"] == ""
        assert row["uid"] == NOBODY and row["no-new-privs"] == 1


def test_other_numbers_of_processes_are_noticed(context):
    daemon = context.daemon("limits { standby 1 }\n")
    done = subprocess.run(
        ["unshare", "--pid", "--fork", "--mount-proc",
         os.path.join(context.build, "mctctl"), "-s", daemon.socket, "-j",
         "show", "processes"], env=environment(), text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert "have other numbers here" in done.stderr, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) == 5
    for row in rows:
        assert row["uid"] is None and row["as-expected"] is None


def test_table_has_all_of_it(context):
    daemon = context.daemon("limits { standby 1 }\n")
    status, out, err = daemon.ctl("show", "processes")
    assert (status, err) == (0, ""), err
    head, *rows = out.splitlines()
    assert head.split() == [
        "PID", "ROLE", "STATE", "UID", "GID", "GROUPS", "EFFECTIVE",
        "PERMITTED", "BOUNDING", "AMBIENT", "NNP", "SECCOMP", "ROOT",
        "OWN-NS", "AS-EXPECTED"]
    assert len(rows) == 1 + len(children_of(daemon.pid))
    assert all(row.endswith("yes") for row in rows), out
