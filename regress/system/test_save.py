"""Every option of a bridge through mctctl: given, shown, saved, and read
back by another daemon; and what is shown of sessions that were."""

import errno
import os
import re
import subprocess

from ends import (Line, QUICK, app_directory, connect, exchange, expect_end,
                  expect_refusal, listen)
from mctd import environment
from program import wait_for

# A value for each option that is not what a bridge has without it, and what
# it is shown as: in JSON, and to people and in a configuration.
VALUES = {
    "max": ("50", 50, "50"),
    "max-per-source": ("20", 20, "20"),
    "connection-rate": ("1000", 1000, "1000"),
    "rate": ("10240K", 10 << 20, "10M"),
    "backlog": ("12", 12, "12"),
    "connect": ("180", 180, "3m"),
    "idle": ("36h", 129600, "36h"),
    "half-closed": ("0", 0, "0"),
    "lifetime": ("24h", 86400, "1d"),
    "keepalive": ("60s", 60, "1m"),
    "keepalive-interval": ("7", 7, "7s"),
    "keepalive-count": ("3", 3, "3"),
    "user-timeout": ("90", 90, "90s"),
    "hold": ("0", 0, "0"),
    "nodelay": ("no", "no", "no"),
    "dscp": ("46", 46, "46"),
    "mark": ("4294967295", 4294967295, "4294967295"),
    "bind-device": ("lo", "lo", "lo"),
    "source": ("127.0.0.1", "127.0.0.1", "127.0.0.1"),
}
# The same of datagrams, where it is not what is said above.
DATAGRAMS = {
    "min": ("2K", 2048, "2K"),
    "max": ("9000", 9000, "9000"),
    "rate": ("10240K", 10 << 20, "10M"),
    "datagram-rate": ("12345", 12345, "12345"),
    "hops": ("yes", "yes", "yes"),
    "broadcast": ("yes", "yes", "yes"),
    "loop": ("yes", "yes", "yes"),
    "receive-buffer": ("65536", 65536, "64K"),
    "send-buffer": ("100000", 100000, "100000"),
    "in-interface": ("lo", "lo", "lo"),
    "ttl": ("255", 255, "255"),
    "loopback": ("yes", "yes", "yes"),
    "affinity": ("lo", "lo", "lo"),
}
ANSWERS = {
    "reply": ("yes", "yes", "yes"),
    "flows": ("17", 17, "17"),
    "idle": ("1h", 3600, "1h"),
}
GROUPS = ("src 239.1.1.1 interface lo",
          "src 232.1.1.1 interface 1 source 127.0.0.9",
          "dst ff15::7 interface nosuch0")
CHANGING = ("id", "born", "age", "silent")


def option_names(daemon):
    """Those of the tool, by its own word."""
    usage = daemon.ctl()[2].partition("bridge add")[2]
    return re.findall(r"\[([a-z-]+) ", usage.partition("bridge close")[0])


def bridges(daemon):
    """All that is shown of them and does not change by itself."""
    return [{name: value for name, value in bridge.items()
             if name not in CHANGING} for bridge in daemon.show("bridges")]


def save(daemon):
    status, out, err = daemon.ctl("save")
    assert (status, err) == (0, ""), err
    return out


def saved_again(context, daemon, conf=""):
    """Another daemon with what the first one saved, which ends: it has the
    same bridges, and saves the same.  Returns the text."""
    text = save(daemon)
    before = bridges(daemon)
    daemon.stop()
    other = context.daemon(conf + text, start=False)
    status, _, err = other.run("-n")
    assert status == 0, err
    other.start()
    after = bridges(other)
    for bridge, again in zip(before, after):
        assert bridge == again, (bridge, again)
    assert len(before) == len(after)
    assert save(other) == text
    return text


def details(daemon, number=0):
    """What "show bridges -v" says of a bridge, by field."""
    status, out, err = daemon.ctl("show", "bridges", "-v")
    assert status == 0, err
    block = out.split("\n\n")[number]
    return dict(re.split(" +", line, maxsplit=1)
                for line in block.splitlines())


def test_every_option_is_shown_saved_and_read_back(context):
    # a mark takes a power that is kept only when mctd.conf has one
    daemon = context.daemon(QUICK + 'bridge "m" %s %s { mark 1 }\n' % tuple(
        "tcp:127.0.0.1:%d" % context.port() for _ in range(2)))
    assert daemon.ctl("bridge", "close", "m")[0] == 0
    assert sorted(option_names(daemon)) == sorted(
        ["name", "dst", "join", *{**VALUES, **DATAGRAMS, **ANSWERS}])
    words = ["name", "all.of_it-1"]
    for name, (value, _, _) in VALUES.items():
        words += [name, value]
    src = "tcp:127.0.0.1:%d" % context.port()
    dsts = ["tcp:127.0.0.1:%d" % context.port() for _ in range(8)]
    for dst in dsts[1:]:
        words += ["dst", dst]
    daemon.add(src, dsts[0], *words)
    bridge, = daemon.show("bridges")
    shown = details(daemon)
    for name, (_, number, text) in VALUES.items():
        assert bridge[name] == number, (name, bridge[name])
        assert shown[name] == text, (name, shown[name])
    names = ["dst"] + ["dst-%d" % n for n in range(2, 9)]
    assert [bridge[name] for name in names] == dsts
    assert [shown[name] for name in names] == dsts
    assert (bridge["held"], bridge["src"]) == ("", src)
    text = saved_again(context, daemon)
    for name, (_, _, value) in VALUES.items():
        assert re.search('^\t%s "?%s"?$' % (name, re.escape(value)), text,
                         re.M), (name, text)
    assert re.findall("^\tdst (.*)$", text, re.M) == dsts[1:]


def test_options_of_datagrams_are_shown_saved_and_read_back(context):
    daemon = context.daemon(QUICK)
    made = []
    for values in (DATAGRAMS, ANSWERS):
        words = [word for name, (value, _, _) in values.items()
                 for word in (name, value)]
        if values is DATAGRAMS:
            for group in GROUPS:
                words += ["join", group]
        ends = ["udp:127.0.0.1:%d" % context.port() for _ in range(2)]
        made.append(daemon.add(*ends, *words))
    for number, values in enumerate((DATAGRAMS, ANSWERS)):
        bridge = daemon.show("bridges")[number]
        shown = details(daemon, number)
        for name, (_, value, text) in values.items():
            assert bridge[name] == value, (name, bridge[name])
            assert shown[name] == text, (name, shown[name])
    assert bridge["flows-now"] == 0 and "backlog" not in bridge, bridge
    # What a running bridge is asked for is saved as well.
    assert daemon.ctl("group", "join", str(made[0]), "dst", "239.1.1.9",
                      "interface", "lo")[0] == 0
    assert daemon.ctl("group", "leave", str(made[0]), "src", "239.1.1.1",
                      "interface", "lo")[0] == 0
    assert daemon.ctl("ttl", str(made[0]), "9")[0] == 0
    text = saved_again(context, daemon)
    for name, (_, _, value) in {**DATAGRAMS, **ANSWERS}.items():
        value = "9" if name == "ttl" else value
        assert re.search('^\t%s "?%s"?$' % (name, re.escape(value)), text,
                         re.M), (name, text)
    assert re.findall("^\tjoin (.*)$", text, re.M) == [
        *GROUPS[1:], "dst 239.1.1.9 interface lo"]


def test_bridges_of_all_kinds_are_saved(context):
    """Those of the configuration and of clients, with and without names;
    what a name or a path can have is quoted."""
    app = app_directory(context)
    line = Line(context, conf="directory %s\n" % app)
    daemon = line.daemon
    daemon.add("unix:%s/a\\x20\"b\\\\c" % app, "unix:@\\xff{#}$", "name",
               "odd")
    daemon.add("unix:%s/plain" % app, "tcp:[::1]:9")
    daemon.add("udp:127.0.0.1:%d" % context.port(), "udp:[::1]:9", "name",
               "feed")
    daemon.add("unixdgram:%s/d" % app, "udp:127.0.0.1:9")
    daemon.add("unixseq:%s/seq" % app, "unixseq:@seq", "lifetime", "5m")
    daemon.add("tcp:*:%d" % context.port(), "tcp:127.0.0.1:9", "idle", "0")
    text = saved_again(context, daemon, "directory %s\n" % app)
    assert len(re.findall("^bridge ", text, re.M)) == 7, text
    assert re.search('^bridge "feed" udp:.* udp:\\[::1\\]:9$', text, re.M)


def test_saved_times_hold_whatever_the_configuration_says(context):
    """A bridge keeps what it has where another file has other timeouts."""
    daemon = context.daemon(
        "timeouts { connect 7s idle 2m half-closed 0 drain 0 }\n")
    for options in ((), ("idle", "0"), ("connect", "0")):
        daemon.add("tcp:127.0.0.1:%d" % context.port(), "tcp:127.0.0.1:9",
                   *options)
    saved_again(context, daemon,
                "timeouts { connect 1s idle 0 half-closed 9s drain 0 }\n")


def test_nothing_to_save_is_an_empty_file(context):
    daemon = context.daemon(QUICK)
    assert save(daemon) == ""
    number = daemon.add("tcp:127.0.0.1:%d" % context.port(),
                        "tcp:127.0.0.1:9")
    assert save(daemon) != ""
    assert daemon.ctl("bridge", "close", str(number))[0] == 0
    assert save(daemon) == ""
    assert daemon.ctl("save", "all")[0] == 2
    with open("/dev/full", "w") as full:
        daemon.add("tcp:127.0.0.1:%d" % context.port(), "tcp:127.0.0.1:9")
        done = subprocess.run(
            (os.path.join(daemon.build, "mctctl"), "-s", daemon.socket,
             "save"), stdout=full, stderr=subprocess.PIPE, text=True,
            env=environment(), check=False)
    assert done.returncode == 1 and "writing" in done.stderr, done
    daemon.stop()
    assert daemon.ctl("save")[0] == 3


def test_options_that_cannot_be_are_refused_with_the_reason(context):
    daemon = context.daemon(QUICK)
    src = "tcp:127.0.0.1:%d" % context.port()
    many = [word for n in range(8)
            for word in ("dst", "tcp:127.0.0.1:%d" % (100 + n))]
    for status, options, words in (
            (2, ("nodelay", "maybe"), 'nodelay "maybe"'),
            (2, ("dscp", "64"), "0 to 63"),
            (2, ("rate", "1T"), "not a number of bytes"),
            (2, ("bind-device", "a-name-much-too-long"), "1 to 15"),
            (2, ("source", "tcp:127.0.0.1:1"), "source"),
            (2, ("dst", "127.0.0.1:1"), "dst"),
            (2, ("dst", "tcp:no.such.host.invalid:1"),
             "no.such.host.invalid"),
            (2, ("dst",), "dst needs a value"),
            (2, ("idle", "1", "dst", "tcp:127.0.0.1:8", "idle", "2"),
             "idle is given twice"),
            (2, many, "at most 8 dsts"),
            (1, ("dst", "udp:127.0.0.1:1"), ""),
            (1, ("dst", "tcp:127.0.0.1:9"), ""),
            (1, ("source", "::1"), "famil"),
            (1, ("hold", "5"), "several dsts"),
            (1, ("keepalive-count", "5"), "keepalive")):
        got, out, err = daemon.ctl("bridge", "add", src, "tcp:127.0.0.1:9",
                                   *options)
        assert (got, out) == (status, ""), (options, got, out, err)
        assert words in err and err.startswith("mctctl: "), (options, err)
    assert daemon.show("bridges") == []


def test_host_names_of_further_dsts_are_resolved_here(context):
    daemon = context.daemon(QUICK)
    words = ("bridge", "add", "tcp:127.0.0.1:%d" % context.port(),
             "tcp:127.0.0.1:9", "dst", "tcp:localhost:10")
    status, _, err = daemon.ctl("-n", *words)
    assert status == 2 and "not a numeric address" in err, err
    assert daemon.ctl(*words)[0] == 0
    bridge, = daemon.show("bridges")
    assert bridge["dst-2"] in ("tcp:127.0.0.1:10", "tcp:[::1]:10"), bridge


def test_verbose_has_a_block_for_each_bridge(context):
    line = Line(context)
    daemon = line.daemon
    daemon.add("udp:127.0.0.1:%d" % context.port(), "udp:127.0.0.1:9")
    line.check()
    line.wait_sessions(0)
    for words in (("show", "bridges", "-v"), ("show", "bridges", "verbose"),
                  ("-v", "show", "bridges"), ("sh", "b", "v")):
        status, out, err = daemon.ctl(*words)
        assert status == 0, (words, err)
        blocks = out.split("\n\n")
        assert [b.splitlines()[0].split() for b in blocks] == [
            ["id", "1"], ["id", "2"]], out
    stream, datagram = details(daemon, 0), details(daemon, 1)
    assert (stream["name"], stream["accepted"]) == ("line", "1")
    assert (stream["connect"], stream["source"]) == ("10s", "-")
    assert "idle" not in datagram and datagram["messages-in"] == "0"
    # JSON has all fields anyway.
    assert daemon.ctl("-j", "show", "bridges", "-v")[1].count("\n") == 2


def test_held_dst_is_shown(context):
    """The first of two refuses; it is left out, and said to be."""
    src = "tcp:127.0.0.1:%d" % context.port()
    dsts = ["tcp:127.0.0.1:%d" % context.port() for _ in range(2)]
    server = listen(dsts[1])
    daemon = context.daemon(QUICK)
    daemon.add(src, dsts[0], "dst", dsts[1], "hold", "1h")
    with connect(src), server.accept()[0]:
        wait_for(lambda: daemon.show("bridges")[0]["held"] == "1")
        shown = details(daemon)
        assert shown["dst"] == dsts[0] + " (held)", shown
        assert shown["dst-2"] == dsts[1], shown
        session, = daemon.show("sessions")
        assert session["dst"] == dsts[1], session
    assert "held" not in save(daemon)


def test_ended_sessions_are_shown_with_their_figures(context):
    line = Line(context)
    daemon = line.daemon
    assert daemon.show("ended") == []
    peer, dst = line.pair()
    name = "tcp:127.0.0.1:%d" % peer.getsockname()[1]
    exchange(peer, dst, 12345)
    living, = daemon.show("sessions")
    assert "reason" not in living and living["engine"] == 0, living
    peer.close()
    expect_end(dst)
    dst.close()
    line.wait_sessions(0)
    ended, = daemon.show("ended")
    for field in ("id", "bridge", "bridge-name", "peer", "dst", "born"):
        assert ended[field] == living[field], (field, ended)
    assert (ended["peer"], ended["state"]) == (name, "ended")
    assert (ended["reason"], ended["err"]) == ("clean", 0), ended
    assert ended["bytes-to-dst"] == ended["bytes-to-src"] == 12345
    assert ended["ended"] >= ended["born"]
    assert ended["lasted"] < 60000 and ended["ago"] < 60, ended
    head, row = daemon.ctl("show", "ended")[1].splitlines()
    assert head.split() == ["ID", "BRIDGE", "PEER", "DST", "REASON",
                            "TO-DST", "TO-SRC", "LASTED", "AGO"], head
    assert row.split()[:5] == [str(ended["id"]), "line", name, line.dst,
                               "clean"], row


def test_session_that_failed_is_remembered_with_its_error(context):
    """Also when its bridge has gone; then by the bridge's number."""
    src = "tcp:127.0.0.1:%d" % context.port()
    daemon = context.daemon(QUICK)
    number = daemon.add(src, "tcp:127.0.0.1:%d" % context.port(), "name", "x")
    expect_refusal(src)
    wait_for(lambda: daemon.show("ended") != [])
    ended, = daemon.show("ended")
    assert (ended["reason"], ended["err"]) == (
        "connect-failed", errno.ECONNREFUSED), ended
    head, row = daemon.ctl("show", "ended")[1].splitlines()
    assert row[head.index("ERROR"):].startswith(
        os.strerror(errno.ECONNREFUSED)), (head, row)
    assert row.split()[1] == "x", row
    assert daemon.ctl("bridge", "close", "x")[0] == 0
    row = daemon.ctl("show", "ended")[1].splitlines()[1]
    assert row.split()[1] == str(number), row
