"""mctctl: what it says, how it ends, and that people and programs can read
what it writes."""

import fcntl
import json
import os
import pty
import socket
import struct
import subprocess
import termios

from ends import Line, QUICK, connect, exchange, expect_refusal, listen
from mctd import environment
from program import wait_for
from watch import Monitor

SHOWS = ("summary", "bridges", "sessions", "ended")


def jq(text, expression="."):
    """What jq makes of it, which must be JSON."""
    done = subprocess.run(("jq", "-c", expression), input=text,
                          stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.splitlines()


def says(daemon, status, words, *argv):
    """Ends with that status, says that, and writes nothing else."""
    got, out, err = daemon.ctl(*argv)
    assert got == status, (argv, got, err)
    assert out == "" and words in err, (argv, out, err)
    assert err.startswith(("mctctl: ", "usage: ")), err


def terminal(daemon, columns, *words):
    """The lines that it writes to a terminal of that width."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0,
                                                     0))
    process = subprocess.Popen(
        (os.path.join(daemon.build, "mctctl"), "-s", daemon.socket) + words,
        stdin=its, stdout=its, stderr=its, env=environment())
    os.close(its)
    data = b""
    try:
        while piece := os.read(ours, 65536):
            data += piece
    except OSError:
        pass  # the terminal is closed at the other side
    os.close(ours)
    assert process.wait(30) == 0, data
    return data.decode().splitlines()


def test_exit_status_says_what_happened(context):
    line = Line(context)
    daemon = line.daemon
    assert daemon.ctl("show", "bridges")[0] == 0
    assert daemon.ctl("-V")[:2] == (0, "mctctl 0.1.0\n")
    for words in (("bridge", "close", "nobody"), ("session", "close", "77"),
                  ("bridge", "add", line.src, line.dst)):
        assert daemon.ctl(*words)[0] == 1, words
    for words in ((), ("-x",), ("what",), ("show",), ("show", "what"),
                  ("show", "bridges", "more"), ("bridge",),
                  ("bridge", "add"), ("bridge", "add", line.src),
                  ("bridge", "close"), ("bridge", "close", "0"),
                  ("session", "close", "name"), ("session", "close", "-1"),
                  ("stop", "now"), ("monitor", "since"),
                  ("monitor", "since", "x"), ("monitor", "since", "-1"),
                  ("reload", "x"), ("show", "")):
        status, out, err = daemon.ctl(*words)
        assert (status, out) == (2, "") and err, (words, status, out, err)
    daemon.stop()
    for words in (("show", "bridges"), ("stop",), ("monitor",),
                  ("bridge", "add", line.src, line.dst)):
        assert daemon.ctl(*words)[0] == 3, words
    # A socket that nobody listens at any more is no daemon either.
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(daemon.socket)
    assert daemon.ctl("show", "summary")[0] == 3


def test_daemon_that_ends_in_the_middle_is_status_3(context):
    daemon = context.daemon(QUICK)
    monitor = Monitor(context, daemon)
    daemon.stop()
    assert monitor.program.process.wait(20) == 3


def test_what_answers_and_is_no_daemon_is_refused(context):
    server = listen("unix:%s" % context.path("s"))
    process = context.program(
        os.path.join(context.build, "mctctl"), "-s", context.path("s"),
        "show", "summary", env=environment())
    peer, _ = server.accept()
    peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    assert process.process.wait(30) == 1
    with open(process.log) as stream:
        assert "is not mctd" in stream.read()


def test_usage_names_every_command(context):
    daemon = context.daemon(start=False)
    status, out, err = daemon.ctl()
    assert (status, out) == (2, "")
    for words in ("bridge add SRC DST [name NAME] [max N]", "[dst DST]...",
                  "bridge close", "session close", "show summary",
                  "show bridges [-v]", "show sessions", "show ended",
                  "show processes", "monitor [since SEQ]", "save", "reload",
                  "stop"):
        assert words in err, words
    for text in err.splitlines():
        assert len(text.expandtabs()) <= 80, text


def test_words_may_be_shortened_while_unique(context):
    line = Line(context)
    daemon = line.daemon
    whole = daemon.ctl("-j", "show", "summary")[1]
    assert json.loads(whole).keys() == json.loads(
        daemon.ctl("-j", "sh", "su")[1]).keys()
    assert len(jq(daemon.ctl("-j", "sh", "b")[1])) == 1
    src = "tcp:127.0.0.1:%d" % context.port()
    status, out, err = daemon.ctl("b", "a", src, line.dst, "na", "short",
                                  "half", "5m", "connect", "3", "id", "1h")
    assert status == 0, err
    made = daemon.show("bridges")[1]
    assert (made["name"], made["half-closed"], made["connect"],
            made["idle"]) == ("short", 300, 3, 3600)
    assert daemon.ctl("b", "c", out.strip())[0] == 0


def test_ambiguous_and_unknown_words_name_the_choices(context):
    daemon = context.daemon(start=False)
    says(daemon, 2, '"s" may be session, show, save or stop', "s", "summary")
    says(daemon, 2, '"s" may be summary or sessions', "show", "s")
    says(daemon, 2, "unknown word", "shwo", "bridges")
    says(daemon, 2, "expected summary, bridges, sessions, ended, groups or "
         "processes", "show", "x")
    says(daemon, 2, '"ma" may be', "bridge", "add", "tcp:127.0.0.1:1",
         "tcp:127.0.0.1:2", "ma", "3")
    # A whole word is not ambiguous, though it begins another.
    assert daemon.ctl("bridge", "add", "tcp:127.0.0.1:1", "tcp:127.0.0.1:2",
                      "max", "3")[0] == 3


def test_add_prints_the_id_alone(context):
    daemon = context.daemon(QUICK)
    dst = "tcp:127.0.0.1:9"
    for number in (1, 2):
        status, out, err = daemon.ctl(
            "bridge", "add", "tcp:127.0.0.1:%d" % context.port(), dst)
        assert (status, out, err) == (0, "%d\n" % number, "")
    status, out, _ = daemon.ctl(
        "-j", "bridge", "add", "tcp:127.0.0.1:%d" % context.port(), dst)
    assert (status, out) == (0, '{"id":3}\n')
    assert daemon.ctl("bridge", "close", "3") == (0, "", "")


def test_host_names_are_resolved_here_or_not_at_all(context):
    daemon = context.daemon(QUICK)
    src = "tcp:localhost:%d" % context.port()
    says(daemon, 2, "not a numeric address", "-n", "bridge", "add", src,
         "tcp:127.0.0.1:9")
    says(daemon, 2, "no.such.host.invalid", "bridge", "add",
         "tcp:no.such.host.invalid:1", "tcp:127.0.0.1:9")
    assert daemon.ctl("bridge", "add", src, "tcp:localhost:9")[0] == 0
    bridge, = daemon.show("bridges")
    assert bridge["dst"] in ("tcp:127.0.0.1:9", "tcp:[::1]:9"), bridge


def test_names_of_bridges(context):
    line = Line(context)
    daemon = line.daemon

    def add(name):
        return daemon.ctl("bridge", "add", "tcp:127.0.0.1:%d" %
                          context.port(), line.dst, "name", name)

    for name in ("a", "web-1.x_Y", "9a", "n" * 31):
        assert add(name)[0] == 0
    status, _, err = add("a")
    assert status == 1 and "has this name" in err, err
    for name in ("n" * 32, "two words", "123", "sl/ash", "\n", "\xe9"):
        status, _, err = add(name)
        assert status == 2 and err, (name, status, err)
    assert daemon.ctl("bridge", "close", "a")[0] == 0
    assert add("a")[0] == 0
    status, _, err = daemon.ctl("bridge", "close", "b")
    assert status == 1 and "no such bridge" in err
    names = [b["name"] for b in daemon.show("bridges")]
    assert sorted(names) == sorted(
        ["line", "a", "web-1.x_Y", "9a", "n" * 31])
    line.check()


def test_options_with_times_and_counts(context):
    daemon = context.daemon(
        "timeouts { connect 7s idle 2m half-closed 3h drain 0 }\n")

    def add(*options):
        return daemon.ctl("bridge", "add", "tcp:127.0.0.1:%d" %
                          context.port(), "tcp:127.0.0.1:9", *options)

    for options, want in (
            ((), (0, 0, 7, 120, 10800)),
            (("idle", "90"), (0, 0, 7, 90, 10800)),
            (("idle", "0"), (0, 0, 7, 0, 10800)),
            (("connect", "1s", "idle", "1m", "half-closed", "1h"),
             (0, 0, 1, 60, 3600)),
            (("idle", "7d", "max", "500000", "max-per-source", "3"),
             (500000, 3, 7, 604800, 10800))):
        assert add(*options)[0] == 0, options
        bridge = daemon.show("bridges")[-1]
        assert tuple(bridge[name] for name in (
            "max", "max-per-source", "connect", "idle",
            "half-closed")) == want, bridge
    for options, words in (
            (("idle", "8d"), "out of range"), (("idle", "1w"), "not a time"),
            (("idle", "-1"), "not a time"), (("idle", ""), "not a time"),
            (("idle", "1.5"), "not a time"),
            (("max", "500001"), "out of range"),
            (("max", "1s"), "not a number"), (("max",), "needs a value"),
            (("max", "99999999999999999999"), "out of range"),
            (("max", "1", "max", "2"), "twice"), (("colour", "1"),
                                                 "unknown word")):
        status, out, err = add(*options)
        assert (status, out) == (2, "") and words in err, (options, err)
    status, _, err = daemon.ctl(
        "bridge", "add", "udp:127.0.0.1:%d" % context.port(),
        "udp:127.0.0.1:9", "backlog", "3")
    assert status == 1 and "connectionless" in err, err


def test_groups_are_joined_shown_and_left(context):
    daemon = context.daemon(QUICK)
    name = daemon.add("udp:127.0.0.1:%d" % context.port(), "udp:127.0.0.1:9",
                      "name", "feed")
    assert daemon.show("groups") == []
    join = ("group", "join", "feed")
    for words in (("src", "239.1.1.1", "interface", "lo"),
                  ("src", "232.1.1.1", "source", "10.0.0.9", "int", "1"),
                  ("dst", "ff15::7", "interface", "nosuch0")):
        assert daemon.ctl(*join, *words) == (0, "", ""), words
    says(daemon, 1, "joined to this group", *join, "src", "239.1.1.1",
         "interface", "lo")
    says(daemon, 1, "not joined", "group", "leave", "feed", "dst",
         "239.1.1.1")
    says(daemon, 1, "no such bridge", "group", "join", "none", "src",
         "239.1.1.1")
    daemon.add("udp:127.0.0.1:%d" % context.port(), "udp:127.0.0.1:9", "name",
               "ask", "reply", "yes")
    says(daemon, 1, "joins no groups", "group", "join", "ask", "src",
         "239.1.1.1")
    assert daemon.ctl("bridge", "close", "ask")[0] == 0
    says(daemon, 2, "not the address of a group", *join, "src", "10.0.0.1")
    says(daemon, 2, "only a join of src", *join, "dst", "232.1.1.1",
         "source", "10.0.0.9")
    says(daemon, 2, "GROUP is missing", *join, "src")
    says(daemon, 2, "is not a TTL", "ttl", "feed", "256")
    says(daemon, 2, "cannot be an interface", "affinity", "feed", "a/b")
    first, second, third = daemon.show("groups")
    assert (first["bridge"], first["bridge-name"], first["end"],
            first["group"], first["interface"], first["interface-index"],
            first["state"], first["err"]) == (
                name, "feed", "src", "239.1.1.1", "lo", 1, "joined", 0), first
    assert (second["group-source"], second["interface"]) == (
        "10.0.0.9", "1"), second
    assert (third["end"], third["state"], third["interface-index"]) == (
        "dst", "waiting", 0), third
    # By its name for people, unless they want it as it is.
    for words, shown in (((), "lo"), (("-n",), "1")):
        line = daemon.ctl(*words, "show", "groups")[1].splitlines()[2]
        assert line.split()[:6] == ["feed", "src", "232.1.1.1", "10.0.0.9",
                                    shown, "joined"], line
    assert daemon.show("summary")[0]["groups"] == 3
    for words in (("ttl", "feed", "7"), ("affinity", str(name), "lo")):
        assert daemon.ctl(*words) == (0, "", ""), words
    bridge, = daemon.show("bridges")
    assert (bridge["ttl"], bridge["affinity"]) == (7, "lo"), bridge
    assert daemon.ctl("affinity", "feed", "any")[0] == 0
    assert daemon.ctl("ttl", "feed", "0")[0] == 0
    bridge, = daemon.show("bridges")
    assert (bridge["ttl"], bridge["affinity"]) == (0, ""), bridge
    assert daemon.ctl("group", "leave", "feed", "src", "239.1.1.1",
                      "interface", "lo")[0] == 0
    assert len(daemon.show("groups")) == 2
    monitor = Monitor(context, daemon)
    left = monitor.wait("group-left", bridge=name)
    assert left["text"] == "src 239.1.1.1 interface lo", left
    assert monitor.all("one-way", one_way="proven", bridge=name)
    assert len(monitor.all("group-joined")) == 2, monitor.events
    assert monitor.all("group-waiting",
                       text="dst ff15::7 interface nosuch0", err=0)


def busy(context):
    """A daemon that has something to show of every kind."""
    line = Line(context, "tcp:[::1]:%d" % context.port())
    daemon = line.daemon
    pairs = [line.pair() for _ in range(3)]
    exchange(*pairs[0], 2000000)
    for number in range(3):
        daemon.add("udp:[::1]:%d" % context.port(),
                   "udp:[::1]:%d" % context.port(),
                   "name", "a-long-name-of-a-bridge-%d" % number)
    return line, daemon, pairs


def test_json_is_read_by_jq(context):
    line, daemon, pairs = busy(context)
    texts = {what: daemon.ctl("-j", "show", what)[1] for what in SHOWS}
    assert len(jq(texts["summary"])) == 1
    assert jq(texts["bridges"], ".id") == ["1", "2", "3", "4"]
    assert len(jq(texts["sessions"], "select(.state == \"open\")")) == 3
    assert jq(texts["summary"], "[.sessions, .bridges]") == ["[3,4]"]
    assert jq(texts["bridges"], 'select(.name == "line") | .src') == [
        '"%s"' % line.src]
    # Numbers are exact, and a name that UTF-8 does not have is text.
    daemon.add("unix:@\\xff\"<\\x01>\\\\", line.dst)
    src = jq(daemon.ctl("-j", "show", "bridges")[1], ".src")[-1]
    assert "\\\\xff" in src or "\ufffd" in src, src
    monitor = Monitor(context, daemon)
    pairs[0][0].close()
    pairs[0][1].close()
    monitor.wait("session-closed")
    lines = "".join(json.dumps(e) + "\n" for e in monitor.events)
    assert len(jq(lines, ".seq")) == len(monitor.events)


def test_tables_fit_a_terminal(context):
    """Of 80 columns, with what a busy daemon has; every row is there."""
    _, daemon, _open = busy(context)
    src = "tcp:127.0.0.1:%d" % context.port()
    daemon.add(src, "tcp:127.0.0.1:%d" % context.port(), "name",
               "a-bridge-with-a-long-name")
    expect_refusal(src)
    wait_for(lambda: len(daemon.show("ended")) == 1)
    for what, count in (("bridges", 5 + 3), ("sessions", 3 + 1),
                        ("ended", 1 + 1)):
        lines = terminal(daemon, 80, "show", what)
        assert len(lines) == count, lines
        for text in lines:
            assert len(text) <= 80, (len(text), text)
            assert text == text.rstrip(), text
        wide = terminal(daemon, 200, "show", what)
        assert "~" not in "".join(wide), wide
        # Into a pipe nothing is cut.
        assert daemon.ctl("show", what)[1].splitlines() == wide
    for text in terminal(daemon, 80, "show", "summary"):
        assert len(text) <= 80, text


def test_columns_are_aligned(context):
    _, daemon, _open = busy(context)
    head, *rows = daemon.ctl("show", "sessions")[1].splitlines()
    for name in ("BRIDGE", "PEER", "DST", "STATE"):
        at = head.index(name)
        for row in rows:
            assert row[at - 1] == " " and row[at] != " ", (name, row)


def test_monitor_writes_what_happens(context):
    """Opened, closed, failed, bridges; each event once, in its order."""
    line = Line(context)
    daemon = line.daemon
    monitor = Monitor(context, daemon)
    peer, dst = line.pair()
    exchange(peer, dst, 777, end=True)
    src = "tcp:127.0.0.1:%d" % context.port()
    number = daemon.add(src, "tcp:127.0.0.1:%d" % context.port(), "name",
                        "to-nowhere")
    try:
        connect(src).close()
    except ConnectionResetError:
        pass
    monitor.wait("connect-failed")
    daemon.ctl("bridge", "close", "to-nowhere")
    monitor.wait("bridge-destroyed")
    assert [e["seq"] for e in monitor.events] == list(
        range(1, len(monitor.events) + 1))
    assert [e["event"] for e in monitor.events] == [
        "bridge-created", "session-opened", "session-closed",
        "bridge-created", "connect-failed", "bridge-destroyed"]
    assert monitor.events[3]["text"] == "to-nowhere"
    assert monitor.events[5]["id"] == number
    assert monitor.events[2]["bytes-to-dst"] == 777
    times = [e["time"] for e in monitor.events]
    assert times == sorted(times)


def test_monitor_since_replays_from_there(context):
    line = Line(context)
    for _ in range(5):
        line.check()
    line.wait_sessions(0)
    first = Monitor(context, line.daemon)
    first.wait_count(5, "session-closed")
    events = list(first.events)
    later = Monitor(context, line.daemon, since=events[4]["seq"])
    wait_for(lambda: len(later.events) >= len(events) - 4)
    assert later.events == events[4:]


def test_monitor_says_what_it_missed(context):
    line = Line(context, conf="limits { events 8 }\n")
    for _ in range(10):
        line.check()
    line.wait_sessions(0)
    monitor = Monitor(context, line.daemon)
    wait_for(lambda: len(monitor.events) >= 9)
    assert monitor.events[0] == {"missed": 21 - 8}, monitor.events[0]
    assert [e["seq"] for e in monitor.events[1:]] == list(range(14, 22))


def test_monitor_for_people_is_a_line_each(context):
    line = Line(context)
    program = context.program(
        os.path.join(line.daemon.build, "mctctl"), "-s", line.daemon.socket,
        "monitor", "since", "1", env=environment())
    line.check()
    words = [program.process.stdout.readline().split() for _ in range(3)]
    assert [w[3] for w in words] == [
        "bridge-created", "session-opened", "session-closed"], words
    assert "reason" in words[2] and "clean" in words[2]
    # Interrupted, it is done.
    assert program.stop() == 0


def test_output_that_nobody_reads_is_an_error(context):
    daemon = context.daemon(QUICK)
    with open("/dev/full", "w") as full:
        for words in (("show", "summary"), ("-j", "show", "summary")):
            done = subprocess.run(
                (os.path.join(daemon.build, "mctctl"), "-s", daemon.socket)
                + words, stdout=full, stderr=subprocess.PIPE, text=True,
                env=environment(), check=False)
            assert done.returncode == 1, done
            assert "writing the output" in done.stderr, done.stderr


def test_stop_returns_and_the_daemon_ends(context):
    line = Line(context)
    assert line.daemon.ctl("stop") == (0, "", "")
    assert line.daemon.process.wait(20) == 0
