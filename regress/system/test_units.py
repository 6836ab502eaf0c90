"""The units for systemd: how exposed they leave the daemon, and that what
they forbid is nothing that it needs.  systemd itself does not run here, so
what it would do is compared with what the daemon does, or done by hand."""

import os
import pwd
import re
import resource
import subprocess

from echo import Echo, asked, lose, tcp
from ends import app_directory, make, receiver
from program import children_of, wait_for

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
PRIVILEGED = os.path.join(TOP, "etc", "mctd.service")
PROFILE = os.path.join(TOP, "etc", "apparmor", "usr.local.sbin.mctd")
CONFINED = os.path.join(TOP, "etc", "mctd-confined.service")
NET_BIND_SERVICE = 1 << 10
NAMESPACES = {"NEWNET": "net", "NEWNS": "mnt", "NEWIPC": "ipc",
              "NEWUTS": "uts", "NEWUSER": "user", "NEWPID": "pid",
              "NEWCGROUP": "cgroup", "NEWTIME": "time"}


def settings(path):
    """{name: [values in order]} of all sections."""
    found = {}
    with open(path) as stream:
        for line in stream:
            name, equals, value = line.strip().partition("=")
            if equals and not name.startswith(("#", "[")):
                found.setdefault(name, []).append(value)
    return found


def words(path, name):
    return " ".join(settings(path).get(name, [])).split()


def powers(path, name):
    return ["+" + word.removeprefix("CAP_").lower()
            for word in words(path, name)]


# -- What systemd says of them


def exposure(path):
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", path],
        text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        check=False)
    level = re.search(r"Overall exposure level for \S+: ([0-9.]+) ",
                      done.stdout)
    assert level, done.stdout + done.stderr
    return float(level[1])


def test_exposure_is_small(context):
    assert exposure(PRIVILEGED) <= 2.8, exposure(PRIVILEGED)
    assert exposure(CONFINED) <= 1.6, exposure(CONFINED)


def test_systemd_understands_every_line(context):
    """With the daemon where it was built, and no manual pages."""
    for path in (PRIVILEGED, CONFINED):
        with open(path) as stream:
            text = stream.read()
        assert "=/usr/local/sbin/mctd -d\n" in text
        copy = context.path(os.path.basename(path))
        with open(copy, "w") as stream:
            stream.write(text.replace("=/usr/local/sbin/mctd",
                                      "=%s/mctd" % context.build))
    for line in ("", "Nonsense=yes\n"):
        with open(copy, "a") as stream:
            stream.write("[Service]\n" + line)
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no",
             *(context.path(os.path.basename(path))
               for path in (PRIVILEGED, CONFINED))],
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            check=False)
        if line:
            assert "Nonsense" in done.stdout, done.stdout
        else:
            assert (done.returncode, done.stdout) == (0, ""), done.stdout


# -- What they forbid


def group(name, groups={}):
    """The calls of "@name", of groups within it as well."""
    if not groups:
        out = subprocess.run(["systemd-analyze", "syscall-filter"],
                             text=True, check=True, stdout=subprocess.PIPE)
        for block in out.stdout.split("\n\n"):
            lines = [line.strip() for line in block.splitlines()
                     if not line.strip().startswith("#")]
            if lines and lines[0].startswith("@"):
                groups[lines[0]] = lines[1:]
    calls = set()
    for call in groups[name]:
        calls |= group(call) if call.startswith("@") else {call}
    return calls


def allowed(path):
    calls = group("@default")
    for value in settings(path)["SystemCallFilter"]:
        named = set()
        for word in value.lstrip("~").split():
            named |= group(word) if word.startswith("@") else {word}
        calls = calls - named if value.startswith("~") else calls | named
    return calls


class Started:
    """A daemon with the user, the powers and the limits of a unit, traced.
    Seen from the outside, no_new_privs and a filter change nothing else."""

    def __init__(self, context, path, conf):
        self.place = context.path("trace")
        os.mkdir(self.place)
        self.sanitized = sanitized(context)
        confined = "User" in settings(path)
        self.daemon = context.daemon(conf, start=False, user="games")
        plain = self.daemon.command
        self.daemon.command = lambda *more: [
            "strace", "-D", "-ff", "-s", "100", "-o",
            os.path.join(self.place, "t"),
            # what the unit's RestrictNamespaces=yes has for an answer
            *(["-e", "inject=unshare:error=EPERM"] if confined else []),
            *as_unit(path, confined), *plain(*more)]
        self.daemon.start()

    def lines(self):
        """What mctd's processes did, from the first to the last."""
        self.daemon.stop()
        paths = [os.path.join(self.place, name)
                 for name in os.listdir(self.place)]

        def whole(path):
            with open(path) as stream:
                return "+++" in stream.read()[-100:]
        wait_for(lambda: all(map(whole, paths)), 20, "end of the trace")
        found = []
        for path in paths:
            with open(path) as stream:
                lines = stream.read().splitlines()
            begun = [number for number, line in enumerate(lines)
                     if re.match(r'execve\("[^"]*/mctd"', line)]
            found += lines[begun[-1] + 1:] if begun else lines
        return [line for line in found
                if not line.startswith(("---", "+++"))]


def sanitized(context):
    """Sanitizers make calls of their own, at any time."""
    with open(os.path.join(context.build, "mctd"), "rb") as stream:
        return b"__asan_init" in stream.read()


def as_unit(path, confined):
    """The words that start a command as a unit would."""
    ambient = ",".join(["-all"] + powers(path, "AmbientCapabilities"))
    bounding = ",".join(["-all"] + powers(path, "CapabilityBoundingSet"))
    files = int(words(path, "LimitNOFILE")[0])
    here = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    files = min(files, here) if here >= 0 else files
    user = ["--reuid", "games", "--regid", "games", "--clear-groups"]
    return ["prlimit", "--nofile=%d:%d" % (files, files),
            "setpriv", *(user if confined else []),
            "--inh-caps", ambient, "--ambient-caps", ambient,
            "--bounding-set", bounding, "--no-new-privs", "--"]


def work(started, context, echo, app):
    """Traffic, a death, a reload, other bridges."""
    daemon = started.daemon
    asked("tcp:127.0.0.1:81").close()
    asked("unix:%s/src" % app).close()
    sink = receiver("udp:127.0.0.1:83")
    sender, address = make("udp:127.0.0.1:82")
    sender.connect(address)
    sender.send(b"datagram")
    assert sink.recv(100) == b"datagram"
    lose(daemon, "engine")
    lose(daemon, "control")
    src = tcp(context)
    daemon.add(src, echo.text)
    asked(src).close()
    daemon.reload()
    daemon.wait_log("loaded")


def expect_within(path, lines):
    """No call, no family, no namespace, no memory beyond the unit."""
    calls = allowed(path)
    families = set(words(path, "RestrictAddressFamilies"))
    namespaces = set(words(path, "RestrictNamespaces"))
    assert "AF_INET6" in families and "socket" in calls
    seen = {line.partition("(")[0] for line in lines}
    assert {"socket", "bind", "execve", "capset"} <= seen, seen
    assert not seen - calls, seen - calls
    for line in lines:
        if line.startswith(("socket(", "socketpair(")):
            family = line.partition("(")[2].partition(",")[0]
            assert family in families, line
        elif line.startswith("unshare(") and "EPERM" not in line:
            asked_for = re.findall(r"CLONE_(\w+)", line)
            assert {NAMESPACES[name] for name in asked_for} <= namespaces, \
                line
        elif line.startswith(("mmap(", "mprotect(", "pkey_mprotect(")):
            assert "PROT_EXEC" not in line or (
                line.startswith("mmap(") and "PROT_WRITE" not in line), line


def configuration(context):
    app = app_directory(context)
    echo = Echo(tcp(context))
    os.chown(app, pwd.getpwnam("games").pw_uid, -1)
    return echo, app, '''limits { standby 1 }
        directory "%s"
        bridge tcp:127.0.0.1:81 %s\nbridge unix:%s/src %s
        bridge udp:127.0.0.1:82 udp:127.0.0.1:83\n''' % (
            app, echo.text, app, echo.text)


def test_root_s_unit_forbids_nothing_that_is_needed(context):
    echo, app, conf = configuration(context)
    started = Started(context, PRIVILEGED, conf)
    work(started, context, echo, app)
    lines = started.lines()
    if not started.sanitized:
        expect_within(PRIVILEGED, lines)
    assert any(line.startswith("pivot_root(") and line.endswith(" = 0")
               for line in lines)


def test_confined_unit_forbids_nothing_that_is_needed(context):
    """A port under 1024 among it, by a user who is not root."""
    echo, app, conf = configuration(context)
    started = Started(context, CONFINED, conf)
    uid = pwd.getpwnam("games").pw_uid
    for pid in started.daemon.all_pids():
        assert owner(pid) == uid
    work(started, context, echo, app)
    lines = started.lines()
    if not started.sanitized:
        expect_within(CONFINED, lines)
    assert any(line.startswith("unshare(") and "EPERM" in line
               for line in lines)


# -- The profile for AppArmor, which this kernel may not have


def parse(path):
    return subprocess.run(["apparmor_parser", "-Q", "-T", "-K", path],
                          text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)


def test_profile_is_understood(context):
    with open(PROFILE) as stream:
        text = stream.read()
    done = parse(PROFILE)
    assert done.returncode == 0, done.stdout
    copy = context.path("profile")
    with open(copy, "w") as stream:
        stream.write(text.replace("  unix,", "  unix", 1))
    assert parse(copy).returncode != 0


def test_profile_allows_what_the_units_do(context):
    with open(PROFILE) as stream:
        text = stream.read()
    for path in (PRIVILEGED, CONFINED):
        for power in powers(path, "CapabilityBoundingSet"):
            assert "  capability %s,\n" % power[1:] in text, power
        for family in words(path, "RestrictAddressFamilies"):
            for kind in ("raw",) if family == "AF_NETLINK" else (
                    "stream", "dgram", "seqpacket"):
                assert "  network %s %s,\n" % (
                    family.removeprefix("AF_").lower(), kind) in text
        program = words(path, "ExecStart")[0]
        assert "profile mctd %s " % program in text
        assert "  %s mrix,\n" % program in text


# -- A start as who is not root, with capabilities


def status_of(pid, name):
    with open("/proc/%d/status" % pid) as stream:
        return re.search(r"^%s:\s+(.*)$" % name, stream.read(), re.M)[1]


def owner(pid):
    return int(status_of(pid, "Uid").split()[0])


def sets(pid, *names):
    return [int(status_of(pid, "Cap" + name), 16) for name in names]


def ambient_start(context, conf, *capabilities):
    daemon = context.daemon(conf, start=False, user="games", raw=True)
    plain = daemon.command
    keep = ",".join(["-all", *capabilities])
    daemon.command = lambda *more: [
        "setpriv", "--reuid", "games", "--regid", "games", "--clear-groups",
        "--inh-caps", keep, "--ambient-caps", keep, "--bounding-set", keep,
        "--", *plain(*more)]
    return daemon


def test_parent_keeps_of_ambient_capabilities_what_it_needs(context):
    echo = Echo(tcp(context))
    low = "bridge tcp:127.0.0.1:81 %s\n" % echo.text
    for conf, kept in ((low, NET_BIND_SERVICE), ("", 0)):
        daemon = ambient_start(context, conf, "+net_bind_service",
                               "+net_admin", "+setuid")
        daemon.start()
        assert "not started by root: no chroot, no other user; " \
            "capabilities: %s\n" % (
                "CAP_NET_BIND_SERVICE" if kept else "none") in \
            daemon.log_text()
        assert sets(daemon.pid, "Eff", "Prm", "Inh", "Amb") == \
            [kept, kept, 0, 0]
        for pid in children_of(daemon.pid):
            assert sets(pid, "Eff", "Prm", "Inh", "Amb") == 4 * [0]
        if kept:
            asked("tcp:127.0.0.1:81").close()
            lose(daemon, "engine")
            asked("tcp:127.0.0.1:81").close()
        daemon.stop()


def test_bounding_set_is_emptied_where_that_is_allowed(context):
    daemon = ambient_start(context, "", "+net_bind_service", "+setpcap")
    daemon.start()
    for pid in daemon.all_pids():
        assert sets(pid, "Eff", "Prm", "Inh", "Amb", "Bnd") == 5 * [0]


def test_low_port_without_its_capability_is_an_error(context):
    daemon = ambient_start(context, "bridge tcp:127.0.0.1:81 %s\n" %
                           tcp(context), "+net_admin")
    status, _, err = daemon.run("-d")
    assert status == 1 and "ports under 1024 need" in err, err


def test_check_says_whether_the_capabilities_are_there(context):
    conf = "bridge tcp:127.0.0.1:81 tcp:127.0.0.1:82\n"
    for given, here in (("+net_bind_service", True), ("+setuid", False)):
        status, out, _ = ambient_start(context, conf, given).run("-nv")
        assert status == 0
        assert "# capabilities\n#   CAP_NET_BIND_SERVICE\n" in out, out
        assert ("not all are here" not in out) == here, out
    status, out, _ = ambient_start(context, "").run("-nv")
    assert status == 0 and "# capabilities\n#   none\n" in out
    assert "not all are here" not in out, out


def test_without_d_a_start_takes_root_all_the_same(context):
    daemon = ambient_start(context, "", "+net_bind_service")
    status, _, err = daemon.run()
    assert status == 1
    assert "not started by root: only with -d" in err, err


def test_children_of_any_user_have_empty_namespaces(context):
    if subprocess.run(["unshare", "-U", "--net", "true"], check=False,
                      user="games", stderr=subprocess.DEVNULL).returncode:
        return "the system allows no user a namespace"
    daemon = ambient_start(context, "")
    daemon.start()
    for name in ("net", "mnt", "ipc", "uts", "user"):
        seen = [os.readlink("/proc/%d/ns/%s" % (pid, name))
                for pid in daemon.all_pids()]
        assert len(set(seen)) == len(seen), (name, seen)
    for pid in children_of(daemon.pid):
        assert sets(pid, "Eff", "Prm", "Inh", "Amb", "Bnd") == 5 * [0]
        with open("/proc/%d/net/dev" % pid) as stream:
            assert len(stream.readlines()) <= 3  # a head, and "lo"
    return None
