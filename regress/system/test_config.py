"""The configuration as the administrator meets it: its errors, what -n
shows, the command line, and what a user who is not root gets."""

import os
import re
import shutil
import subprocess

from echo import Echo, ask, asked, refused, served, tcp
from ends import connect
from mctd import environment
from program import wait_for

NOBODY = 65534
HOST = 4242  # a user without a name
DST = "tcp:192.0.2.1:80"

# Line 3 of a file, as its first two name user and chroot.
WRONG = (
    ("brigde tcp:*:80 " + DST, 3, 'unknown word "brigde"'),
    ("limits { bridge 5 }", 3, 'unknown word "bridge" in the braces'),
    ("\nlimits {\n\tsessions 10\n\tmore 5\n}", 6, 'unknown word "more"'),
    ("limits { sessions 0 }", 3, 'sessions "0": this is out of range (1 to '),
    ("limits { standby 9 }", 3, 'standby "9": this is out of range (0 to 8)'),
    ("limits { clients x }", 3, 'clients "x": this is not a number'),
    ("timeouts { idle 8d }", 3, 'idle "8d": this is out of range (0 to 604800'),
    ("drain 5x", 3, 'drain "5x": this is not a time'),
    ("bridge tcp:*:80 %s { max -1 }" % DST, 3, 'max "-1": this is not a'),
    ("limits {\nstandby 1\n", 3, 'the "}" to this "{" is missing'),
    ("limits { sessions 10\nuser x", 4, 'is a "}" missing?'),
    ("limits sessions 10 }", 3, 'unexpected "sessions"'),
    ("user other", 3, '"user" is given a second time'),
    ("user", 3, "something is missing at the end"),
    ('chroot "/x', 3, "quote"),
    ('socket "run/mctd.sock"', 3, "begins with '/'"),
    ('socket "/%s"' % (107 * "x"), 3, "is longer than 107 bytes"),
    ('socket "/x" mode 0999', 3, 'mode "0999": this is not an octal number'),
    ("bridge tcp:*:80", 3, "a bridge needs a src and a dst"),
    ("bridge tcp:*:80 %s %s %s" % (DST, DST, DST), 3, "unexpected"),
    ("bridge udp:*:80 udp:192.0.2.1:80 { backlog 5 }", 3, "with sessions"),
    ("bridge udp:*:80 udp:192.0.2.1:80 { join src 10.0.0.1 }", 3, "group"),
    ("bridge $web " + DST, 3, "web"),
    ("directory relative", 3, "begins with '/'"),
    ('directory "/a/../b"', 3, '".."'),
    ("bridge tcp:*:80 %s\nbridge tcp:*:80 tcp:192.0.2.2:80" % DST, 4,
     ":3 has the same src"),
    ("bridge a tcp:*:80 %s\nbridge a tcp:*:81 %s" % (DST, DST), 4,
     ":3 has the same name"),
    ("limits { bridges 1 }\nbridge tcp:*:80 %s\nbridge tcp:*:81 %s" % (
        DST, DST), 5, "more bridges than"),
)

# Each form of an address that does not parse; HERE is the src of a bridge.
ADDRESSES = (
    ("192.0.2.1:80", "unknown kind of address"),
    ("80", "an address begins with its kind and a colon"),
    ("seqtcp:192.0.2.1:80", "kind of address"),
    ("TCP:192.0.2.1:80", "unknown kind of address"),
    ("tcp:192.0.2.1", "the port is missing"),
    ("tcp:192.0.2.1:", "the port is not a number from 1 to 65535"),
    ("tcp:192.0.2.1:0", "the port is not a number from 1 to 65535"),
    ("tcp:192.0.2.1:65536", "the port is not a number from 1 to 65535"),
    ("tcp:192.0.2.1:http", "the port is not a number from 1 to 65535"),
    ("tcp:192.0.2.1:080", "the port is not a number from 1 to 65535"),
    ("tcp::80", "the host is missing"),
    ("tcp:192.0.2.256:80", "the host is not an IPv4 address"),
    ("tcp:192.0.2:80", "the host is not an IPv4 address"),
    ("tcp:0x7f.1:80", "the host is not an IPv4 address"),
    ("tcp:www.example.org:80", "the host is not a numeric address"),
    ("tcp:a/b:80", "the host is neither an address nor a name"),
    ("tcp:2001:db8::1:80", "an IPv6 address must stand in brackets"),
    ("tcp:[2001:db8::1:80", "the bracket is not closed"),
    ("tcp:[2001:db8::1]", "the port is missing"),
    ("tcp:[2001:db8::g]:80", "is not an IPv6 address"),
    ("tcp:[192.0.2.1]:80", "is not an IPv6 address"),
    ("tcp:[2001:db8::1%lo]:80", "only a link-local address"),
    ("tcp:[fe80::1%nosuch]:80", "no such interface"),
    ("tcp:[::ffff:192.0.2.1]:80", "an IPv4 address inside an IPv6 one"),
    ("unix:relative", "a local address is a path from / or a name after @"),
    ("unix:/" + 107 * "x", "the local address is too long"),
    ("unix:@" + 108 * "x", "the local address is too long"),
    (r'"unix:/tmp/\\q"', "a backslash must begin"),
)

DSTS = (
    ("tcp:*:80", "dst"),
    ("tcp:0.0.0.0:80", "dst"),
    ("tcp:[::]:80", "dst"),
    ("tcp:[::ffff:192.0.2.1]:80", "an IPv4 address inside an IPv6 one"),
    ("tcp:[fe80::1]:80", "interface"),
    ("udp:192.0.2.1:80", "type"),
    ("unixdgram:@x", "type"),
    ("unix:/run/app.sock", "is not directly below one of the directories"),
)


def check(context, text, line, words, *args):
    """-n and a start both refuse the text, say where, and exit with 1."""
    daemon = context.daemon(text + "\n# no drain\n", start=False)
    for more in (("-n", *args), ("-d", *args)):
        status, out, err = daemon.run(*more)
        assert status == 1, (text, status, err)
        assert out == "", out
        assert err.startswith("%s:%d: " % (daemon.conf, line)), (text, err)
        assert words in err, (text, err)
        assert len(err.splitlines()) == 1, err


def test_wrong_statements_are_refused_with_file_and_line(context):
    for text, line, words in WRONG:
        check(context, text, line, words)


def test_each_wrong_address_is_refused(context):
    for address, words in ADDRESSES:
        check(context, "\n# a comment\nbridge %s %s" % (address, DST), 5,
              words)


def test_each_wrong_dst_is_refused(context):
    for address, words in DSTS:
        check(context, "bridge tcp:127.0.0.1:80 " + address, 3, words)


def test_local_paths_must_lie_directly_in_a_directory(context):
    os.mkdir(context.path("app"))
    head = 'directory "%s"\n' % context.path("app")
    for name in ("sock", "app/sub/sock", "app/../sock", "app/", "app",
                 "app/.", "app/..", "application/sock"):
        check(context, head + "bridge unix:%s %s" % (
            context.path(name), DST), 4, "is not directly below one of")
    check(context, head + "bridge unix:%s %s" % (
        "/" + context.path("app/sock"), DST), 4, "is not directly below")


def write(path, text):
    with open(path, "w") as stream:
        stream.write(text)
    os.chmod(path, 0o644)


def test_includes_say_their_own_file_and_line(context):
    write(context.path("more.conf"), "# this\nbridge nonsense x\n")
    daemon = context.daemon('include "more.conf"\n', start=False)
    status, _, err = daemon.run("-n")
    assert status == 1
    assert err.startswith(context.path("more.conf") + ":2: ") or \
        err.startswith("more.conf:2: "), err


def expect_bad_include(context, name, words):
    daemon = context.daemon('\ninclude "%s"\n' % name, start=False)
    status, _, err = daemon.run("-n")
    assert status == 1 and words in err, err
    return err


def test_includes_do_not_go_in_circles_or_elsewhere(context):
    expect_bad_include(context, "mctd.conf", "mctd.conf:4: ")
    write(context.path("one.conf"), 'include "two.conf"\n')
    write(context.path("two.conf"), '\ninclude "one.conf"\n')
    err = expect_bad_include(context, "one.conf", "two.conf:2: ")
    assert "one.conf" in err, err
    expect_bad_include(context, "nosuch.conf", "No such file")
    os.symlink("one.conf", context.path("link.conf"))
    for name in ("link.conf", "../x.conf", "/etc/hostname"):
        err = expect_bad_include(context, name, "cannot open")
        assert re.search(r"mctd\d\.conf:4: ", err), err


def test_configuration_must_be_a_text(context):
    for data in (b"user nobody\0\n", b"user nob\xc3\xb6dy\n", b"\xff"):
        daemon = context.daemon(start=False, raw=True)
        with open(daemon.conf, "wb") as stream:
            stream.write(data)
        status, _, err = daemon.run("-n")
        assert status == 1 and daemon.conf + ":1: " in err, err
        assert err.isascii() and err.rstrip("\n").isprintable(), err
    daemon = context.daemon(start=False)
    os.unlink(daemon.conf)
    status, _, err = daemon.run("-n")
    assert status == 1 and "No such file" in err, err


RICH = '''socket "/run/x y.sock" mode 0660 group nogroup
limits { bridges 7 sessions 50 clients 3 events 10 standby 1 }
timeouts { connect 90s idle 1h half-closed 0 drain 2d }
directory "/tmp"
directory "/var/tmp"
bridge "web" tcp:*:80 tcp:[2001:db8::1]:8080 {
	max 5 max-per-source 2 connect 1 idle 0 half-closed 61s
}
bridge udp:[::]:53 udp:192.0.2.1:53 {
	join src 232.1.1.1 interface eth1 source 10.0.0.9
	join dst ff15::7 interface 3 ttl dst 4 max 1400
}
bridge udp:[::]:53 unixdgram:@feed
bridge "unix:/tmp/a b" "tcp:[fe80::1%lo]:1" { max 45 }
'''


def printed(daemon, *args):
    """What -n -v prints of the configuration, and the rest of it."""
    status, out, err = daemon.run("-n", "-v", *args)
    assert status == 0, err
    assert err == "configuration OK\n", err
    conf, mark, rest = out.partition("# memory, in bytes\n")
    assert mark
    assert all(line.startswith("# ") for line in rest.splitlines())
    whole = context_free(daemon, out)
    assert whole == out, whole
    return conf, re.sub(r"^# ", "", rest, flags=re.M)


def context_free(daemon, text):
    """What -n -v prints of all that it printed."""
    path = daemon.conf + ".again"
    with open(path, "w") as stream:
        stream.write(text)
    status, out, err = daemon.run("-n", "-v", "-f", path)
    assert status == 0, err
    return out


def test_what_is_printed_parses_back_to_the_same(context):
    for text in ("", RICH):
        daemon = context.daemon(text, start=False)
        conf, rest = printed(daemon)
        again = context.daemon(conf, start=False, raw=True)
        again.socket = daemon.socket
        assert printed(again) == (conf, rest)
    for words in ("max 5", "max-per-source 2", "connect 90s", "idle 1h",
                  'bridge "web" tcp:*:80 tcp:[2001:db8::1]:8080',
                  "mode 0660", 'group "nogroup"', 'directory "/var/tmp"',
                  "standby 1", "drain 2d", "half-closed 61s"):
        assert words in conf, (words, conf)


def test_budget_and_capabilities_are_printed(context):
    _, rest = printed(context.daemon(RICH, start=False))
    total = each = 0
    for line in rest.splitlines():
        row = re.match(r"  (\w+) .* (\d+) +(\d+) +(\d+)$", line)
        if row:
            assert int(row[2]) * int(row[3]) == int(row[4]), line
            each += int(row[4])
        elif line.startswith("  all "):
            total = int(line.split()[-1])
    assert total == each > 1000000
    parent = int(re.search(r"^  parent +(\d+)$", rest, re.M)[1])
    assert parent > 2 * 50 + 2 * 7 + 3 + 2 + 32
    assert "RLIMIT_NOFILE is soft" in rest
    assert "capabilities\n  CAP_NET_BIND_SERVICE\n" in rest
    assert "warning" not in rest
    _, rest = printed(context.daemon(
        "bridge tcp:*:1024 %s\nbridge tcp:*:1025 %s\n" % (DST, DST),
        start=False))
    assert "capabilities\n  none\n" in rest
    assert "together may have 8192 sessions, the table 4096" in rest


def test_check_changes_nothing(context):
    daemon, src = context.daemon(RICH, start=False), tcp(context)
    printed(daemon)
    assert not os.path.exists(daemon.socket)
    daemon.write("bridge %s %s\n" % (src, DST))
    printed(daemon)
    assert refused(src)


def test_macros_of_the_command_line_take_precedence(context):
    src = tcp(context)
    text = 'dst = "nonsense"\nbridge %s $dst\n' % src
    check(context, text.rstrip(), 4, "nonsense")
    daemon = context.daemon(text, args=("-D", "dst=" + DST))
    assert daemon.show("bridges")[0]["dst"] == DST
    for bad in ("dst", "=x", "a b=c"):
        status, _, err = daemon.run("-n", "-D", bad)
        assert status == 1 and err, bad


def test_usage_is_an_error_and_version_is_none(context):
    daemon = context.daemon(start=False)
    for words in (("-q",), ("word",), ("-x", "other"), ("-f",)):
        status, out, err = daemon.run(*words)
        assert status == 1 and out == "", words
        assert "usage: mctd" in err, err
    status, out, err = daemon.run("-V")
    assert (status, err) == (0, "") and re.match(r"mctd \d+\.\d+\.\d+\n", out)


def test_socket_name_may_be_as_long_as_an_address_holds(context):
    daemon = context.daemon(start=False)
    for name in ("/" + 107 * "x", 108 * "x", "/" + 1000 * "x"):
        for more in ("-n", "-d"):
            status, _, err = daemon.run(more, "-s", name)
            assert status == 1 and "too long" in err, err
    daemon.socket = 107 * "x"  # abstract
    start_unseen(daemon, daemon.command("-d"))
    daemon.stop()
    daemon.socket = "/run/" + 102 * "x"
    own_etc(context)
    start_unseen(daemon, daemon.command("-d"))


def few_descriptors(daemon, limit):
    """-n, and a start, by root who may not raise the limit."""
    for more in (("-n",), ("-d",)):
        done = subprocess.run(
            ["setpriv", "--bounding-set", "-sys_resource", "prlimit",
             "--nofile=%d:%d" % (limit, limit), *daemon.command(*more)],
            env=environment(), stderr=subprocess.PIPE, text=True,
            check=False)
        yield done.returncode, done.stderr


def test_too_few_descriptors_are_an_error_with_the_number(context):
    daemon = context.daemon("limits { sessions 1000 bridges 10 }\n",
                            start=False)
    _, rest = printed(daemon)
    need = re.search(r"^  parent +(\d+)$", rest, re.M)[1]
    for status, err in few_descriptors(daemon, int(need) - 1):
        assert status == 1
        assert "%s descriptors are needed and %d allowed" % (
            need, int(need) - 1) in err, err
        assert "RLIMIT_NOFILE" in err and "to %s," % need in err, err
    status, err = next(few_descriptors(daemon, int(need)))
    assert status == 0, err


def test_soft_limit_is_raised_to_what_is_needed(context):
    daemon = context.daemon("limits { sessions 1000 }\n", start=False)
    daemon.build = context.build
    command = daemon.command
    daemon.command = lambda *more: ["prlimit", "--nofile=64:10000",
                                    *command(*more)]
    daemon.start()
    with open("/proc/%d/limits" % daemon.pid) as stream:
        limits = re.search(r"^Max open files +(\d+) +(\d+)", stream.read(),
                           re.M)
    assert int(limits[1]) > 2000


# -- Without a file


def own_etc(context):
    """An /etc of this test alone, without mctd.conf and _mctd; a /var and
    a /run that are empty."""
    etc = context.path("etc")
    os.mkdir(etc)
    for name in ("passwd", "group", "nsswitch.conf", "ld.so.cache"):
        if os.path.exists("/etc/" + name):
            shutil.copy("/etc/" + name, etc)
    with open("/etc/passwd") as old, \
            open(os.path.join(etc, "passwd"), "w") as new:
        new.writelines(line for line in old if not line.startswith("_mctd:"))
    subprocess.run(["mount", "--bind", etc, "/etc"], check=True)
    for place in ("/var", "/run"):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs",
                        place], check=True)


def start_unseen(daemon, command):
    """Starts it where it is not known that the socket is a file."""
    with open(daemon.log, "wb") as log:
        daemon.process = subprocess.Popen(command, stderr=log,
                                          env=environment())
    daemon.wait_log("ready: ")
    daemon.show("summary")


def bare(context, *args):
    return [os.path.join(context.build, "mctd"), *args]


def test_default_configuration_serves_root_alone(context):
    own_etc(context)
    done = subprocess.run(bare(context), env=environment(), text=True,
                          stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert 'no user "_mctd"' in done.stderr, done.stderr
    daemon = context.daemon(start=False)
    daemon.socket = "/run/mctd/mctd.sock"
    start_unseen(daemon, bare(context, "-d"))
    assert 'no user "_mctd": nobody serves' in daemon.log_text()
    assert daemon.show("bridges") == []
    assert os.stat("/run/mctd").st_uid == NOBODY
    assert os.stat(daemon.socket).st_mode & 0o777 == 0o600
    assert os.stat("/var/empty/mctd").st_uid == 0
    status, _, err = daemon.ctl("show", "summary", uid=HOST)
    assert status == 1 and "Permission denied" in err, err
    # a file that comes later is read
    src = tcp(context)
    write("/etc/mctd.conf", "bridge %s %s\n" % (src, DST))
    status, _, err = daemon.ctl("reload")
    assert status == 0, err
    assert [b["src"] for b in daemon.show("bridges")] == [src]


def test_file_that_is_named_must_exist(context):
    own_etc(context)
    for name in ("/etc/mctd.conf", "/nosuch/mctd.conf"):
        done = subprocess.run(bare(context, "-n", "-f", name), text=True,
                              env=environment(), stderr=subprocess.PIPE,
                              check=False)
        assert done.returncode == 1, done.stderr
        assert "No such file or directory" in done.stderr, done.stderr


# -- Not root


def test_other_users_get_no_daemon_but_with_d(context):
    daemon = context.daemon(start=False, uid=HOST)
    status, _, err = daemon.run()
    assert status == 1
    assert "not started by root: only with -d" in err, err


def test_other_users_run_their_own_daemon(context):
    echo, src = Echo(tcp(context)), tcp(context)
    daemon = context.daemon("bridge %s %s\n" % (src, echo.text), uid=HOST)
    assert "not started by root: no chroot, no other user; " \
        "capabilities: none" in daemon.log_text()
    with open("/proc/%d/status" % daemon.pid) as stream:
        status = stream.read()
    assert re.search(r"^Uid:\t4242\t4242\t4242\t4242$", status, re.M)
    assert re.search(r"^NoNewPrivs:\t1$", status, re.M)
    more = tcp(context)
    for words in (("bridge", "add", more, echo.text, "name", "mine"),
                  ("bridge", "close", "1"), ("reload",)):
        status, _, err = daemon.ctl(*words, uid=HOST)
        assert status == 0, (words, err)
    asked(more).close()
    asked(src).close()  # the reload made it anew
    status, _, err = daemon.ctl("show", "summary", uid=HOST + 1)
    assert status == 1 and "Permission denied" in err, err
    status, _, err = daemon.ctl("stop", uid=HOST)
    assert status == 0, err
    assert daemon.process.wait(20) == 0


# -- Ports under 1024


def test_low_ports_work_after_the_privileges_are_gone(context):
    echo = Echo(tcp(context))
    daemon = context.daemon("bridge tcp:127.0.0.1:80 %s\n" % echo.text)
    assert served("tcp:127.0.0.1:80")
    daemon.add("tcp:127.0.0.1:81", echo.text)
    assert served("tcp:127.0.0.1:81")


def expect_low_port_refused(daemon, number):
    status, _, err = daemon.ctl("bridge", "add",
                                "tcp:127.0.0.1:%d" % number, DST)
    assert status == 1
    assert "ports under 1024 need CAP_NET_BIND_SERVICE" in err, err


def test_low_port_without_the_capability_is_refused_with_reason(context):
    src = tcp(context)
    echo = Echo(tcp(context))
    daemon = context.daemon("bridge %s %s\n" % (src, echo.text))
    expect_low_port_refused(daemon, 80)
    daemon.add("tcp:127.0.0.1:1024", echo.text)
    daemon.write("bridge %s %s\nbridge tcp:*:80 %s\n" % (
        src, echo.text, echo.text))
    status, _, err = daemon.ctl("reload")
    assert status == 1
    assert ".conf:4: bridge: ports under 1024 need" in err, err
    with connect(src) as peer:
        ask(peer)


def test_low_port_in_the_file_of_another_user_is_an_error(context):
    daemon = context.daemon("bridge tcp:*:80 %s\n" % DST, start=False,
                            uid=HOST)
    status, _, err = daemon.run("-d")
    assert status == 1
    assert ".conf:3: bridge: ports under 1024 need" in err, err
    wait_for(lambda: not os.path.exists(daemon.socket))
