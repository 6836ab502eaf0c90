"""Groups that srcs are joined to: what is sent to them comes in, on the
interface, from the sources and at the bridges that are meant."""

import os
import select
import signal
import subprocess

from dgrams import expect_none
from ends import QUICK, receiver
from lans import Lan, groups_on, heard_before, ip, sources_of, speaker
from program import wait_for
from watch import Monitor

GROUPS = ("239.1.1.1", "ff15::7", "ff02::7")


class Feed:
    """A daemon with a bridge "feed" of src to a receiver here."""

    def __init__(self, context, src, options="", conf="", lans=("ea", "eb")):
        self.lans = [Lan(name, i + 1) for i, name in enumerate(lans)]
        self.says = [speaker(lan.hosts[0]) for lan in self.lans]
        self.port = context.port()
        self.dst = "udp:127.0.0.1:%d" % context.port()
        self.sock = receiver(self.dst)
        self.src = src % self.port
        self.daemon = context.daemon(
            QUICK + conf + 'bridge "feed" "%s" "%s" { %s }\n' % (
                self.src, self.dst, options))

    def ctl(self, *words):
        status, out, err = self.daemon.ctl(*words)
        assert status == 0, err
        return out

    def join(self, group, *more):
        self.ctl("group", "join", "feed", "src", group, *more)

    def leave(self, group, *more):
        self.ctl("group", "leave", "feed", "src", group, *more)

    def states(self):
        return {(row["group"], row["interface"]): row["state"]
                for row in self.daemon.show("groups")}

    def wait_states(self, **states):
        """The state of each group there is, by its interface."""
        wait_for(lambda: {row["interface"]: row["state"]
                          for row in self.daemon.show("groups")} == states,
                 20, "groups %s, not %s" % (states, self.states()))

    def said(self, group, *lans):
        """Said at these networks, what comes out at dst."""
        for lan in lans:
            self.says[lan](group, self.port, b"%s %d" % (
                group.encode(), lan))
        return sorted(heard_before(self.says[0], self.sock, self.port))

    def expect(self, group, said, heard):
        expected = [b"%s %d" % (group.encode(), lan) for lan in heard]
        got = self.said(group, *said)
        assert got == expected, (group, got, expected)


def test_joined_and_left_while_it_runs(context):
    feed = Feed(context, "udp:10.1.0.1:%d")
    for group in GROUPS:
        for device in ("ea", "eb"):
            assert group not in groups_on(device)
        feed.expect(group, (0, 1), ())
        feed.join(group, "interface", "ea")
        assert group in groups_on("ea") and group not in groups_on("eb")
        feed.expect(group, (0, 1), (0,))
        feed.join(group, "interface", "eb")
        assert group in groups_on("ea") and group in groups_on("eb")
        feed.expect(group, (0, 1), (0, 1))
        feed.leave(group, "interface", "ea")
        assert group not in groups_on("ea") and group in groups_on("eb")
        feed.expect(group, (0, 1), (1,))
    for group in GROUPS:
        feed.leave(group, "interface", "eb")
        assert group not in groups_on("eb")
        feed.expect(group, (0, 1), ())
    assert feed.daemon.show("groups") == []


def test_of_one_source(context):
    feed = Feed(context, "udp:10.1.0.1:%d", lans=("ea",))
    other = speaker(feed.lans[0].host(7))
    for group, source in (("232.1.1.1", "10.1.0.10"),
                          ("ff3e::7", "fd01::10")):
        feed.join(group, "interface", "ea", "source", source)
        assert sources_of("ea", group) == {source: (1, 0)}
        other(group, feed.port, b"not this")
        feed.expect(group, (0,), (0,))
        feed.leave(group, "interface", "ea", "source", source)
        assert sources_of("ea", group) == {}
        assert group not in groups_on("ea")


def test_bridges_of_one_src_do_not_share_groups(context):
    feed = Feed(context, "udp:10.1.0.1:%d", lans=("ea",))
    dst = "udp:127.0.0.1:%d" % context.port()
    second = receiver(dst)
    feed.daemon.add(feed.src, dst, "name", "second")

    def heard(sock):
        """Since the last time; marks are of both."""
        got = [sock.recv(1000)]
        while got[-1] != b"mark 1":
            got.append(sock.recv(1000))
        return [data for data in got if not data.startswith(b"mark")]

    for group in GROUPS:
        feed.join(group, "interface", "ea")
        feed.expect(group, (0,), (0,))
        assert heard(second) == []
        feed.ctl("group", "join", "second", "src", group, "interface", "ea")
        feed.expect(group, (0,), (0,))
        assert heard(second) == [group.encode() + b" 0"]
        feed.leave(group, "interface", "ea")
        feed.expect(group, (0,), ())
        assert heard(second) == [group.encode() + b" 0"]


def test_bridges_that_share_a_group_hear_their_own_interface(context):
    """Whoever sends, and whichever of them was joined first."""
    feed = Feed(context, "udp:10.1.0.1:%d")
    dst = "udp:127.0.0.1:%d" % context.port()
    socks = {"feed": feed.sock, "second": receiver(dst)}
    feed.daemon.add(feed.src, dst, "name", "second")
    for group in GROUPS:
        for first, name in enumerate(("second", "feed")):
            lans = dict(zip((name, *set(socks) - {name}), (0, 1)))
            for bridge, lan in lans.items():
                feed.ctl("group", "join", bridge, "src", group,
                         "interface", ("ea", "eb")[lan])
            for turn in range(8):  # the kernel's choice depends on the sender
                for bridge, lan in lans.items():
                    data = b"%d %d" % (turn, lan)
                    speaker(feed.lans[lan].hosts[0])(group, feed.port, data)
                    assert socks[bridge].recv(99) == data, (group, first)
            for sock in socks.values():
                expect_none(sock)
            for bridge, lan in lans.items():
                feed.ctl("group", "leave", bridge, "src", group,
                         "interface", ("ea", "eb")[lan])


def test_port_of_a_group_is_free_when_it_is_left(context):
    """For a src at all addresses, which nobody shares."""
    feed = Feed(context, "udp:10.1.0.1:%d", lans=("ea",))
    for _ in range(10):
        for group in GROUPS[:2]:
            feed.join(group, "interface", "ea")
        feed.ctl("bridge", "close", "feed")
        feed.daemon.add("udp:*:%d" % feed.port, feed.dst, "name", "all")
        feed.ctl("bridge", "close", "all")
        feed.daemon.add(feed.src, feed.dst, "name", "feed")


def test_src_at_all_addresses(context):
    """It is in nobody's way, and hears no group that it did not join."""
    feed = Feed(context, "udp:*:%d", "join src 239.1.1.1 interface ea\n"
                "join src ff15::7 interface ea\n")
    feed.expect("239.1.1.1", (0, 1), (0,))
    feed.expect("ff15::7", (0, 1), (0,))
    feed.join("239.1.1.1", "interface", "eb")
    feed.expect("239.1.1.1", (0, 1), (0, 1))
    # where others are who came first
    src = "udp:10.1.0.1:%d" % context.port()
    feed.daemon.add(src, feed.dst, "name", "one")
    feed.ctl("group", "join", "one", "src", "239.1.1.2", "interface", "ea")
    feed.daemon.add(src.replace("10.1.0.1", "0.0.0.0"), feed.dst)
    assert {row["state"] for row in feed.daemon.show("groups")} == {"joined"}


def test_interface_comes_and_goes(context):
    """Each change is an event, and what is sent to the group comes in while
    its interface is there."""
    feed = Feed(context, "udp:10.1.0.1:%d", lans=("ea", "eb"),
                options="".join("join src %s interface late\n" % group
                                for group in GROUPS))
    lan = feed.lans[1]
    monitor = Monitor(context, feed.daemon)
    joined = waiting = 0

    def wait_all(word):
        nonlocal joined, waiting
        if word == "joined":
            joined += len(GROUPS)
            monitor.wait_count(joined, "group-joined")
        else:
            waiting += len(GROUPS)
            monitor.wait_count(waiting, "group-waiting")
        assert set(feed.states().values()) == {word}

    def heard(word):
        wait_all(word)
        for group in GROUPS:
            feed.expect(group, (0, 1), (1,) if word == "joined" else ())

    heard("waiting")
    lan.plug("late")
    heard("joined")
    assert set(GROUPS) <= groups_on("late")
    lan.unplug("late")
    heard("waiting")
    lan.plug("late")  # of another number than before
    heard("joined")
    ip("link", "set", "late", "down")
    ip("link", "set", "late", "name", "other")
    heard("waiting")
    assert not set(GROUPS) & groups_on("other")
    ip("link", "set", "other", "name", "late")
    wait_all("joined")
    ip("link", "set", "late", "up")
    lan.settle("late")
    for group in GROUPS:
        feed.expect(group, (0, 1), (1,))
    assert joined == len(monitor.all("group-joined"))
    feed.ctl("bridge", "close", "feed")
    monitor.wait_count(len(GROUPS), "group-left")
    assert not set(GROUPS) & groups_on("late")
    assert not monitor.all("child-restarted")


def test_without_an_interface_it_is_that_of_the_route(context):
    """It moves when the route does, and waits while there is none."""
    feed = Feed(context, "udp:10.1.0.1:%d",
                options="join src 239.1.1.1 join src ff15::7")
    v4, v6 = "239.1.1.1", "ff15::7"
    wait_for(lambda: feed.states()[v4, ""] == "waiting", 20, "no route")
    assert v6 in groups_on("ea") | groups_on("eb")
    ip("route", "add", "239.0.0.0/8", "dev", "eb")
    wait_for(lambda: v4 in groups_on("eb"), 20, "the group on eb")
    feed.expect(v4, (0, 1), (1,))
    ip("route", "change", "239.0.0.0/8", "dev", "ea")
    wait_for(lambda: v4 in groups_on("ea"), 20, "the group on ea")
    wait_for(lambda: v4 not in groups_on("eb"), 20, "no group on eb")
    feed.expect(v4, (0, 1), (0,))
    for device in ("ea", "eb"):
        there = 0 if device == "ea" else 1
        ip("-6", "route", "replace", "ff15::/16", "dev", device,
           "table", "local", "metric", "1")
        wait_for(lambda: v6 in groups_on(device), 20, "the group moved")
        feed.expect(v6, (0, 1), (there,))
    assert set(feed.states().values()) == {"joined"}


def test_a_group_as_src(context):
    """Bridges share it; its interface comes and goes."""
    lans = [Lan("ea", 1), Lan("eb", 2)]
    says = [speaker(lan.hosts[0]) for lan in lans]
    port = context.port()
    dsts = ["udp:127.0.0.1:%d" % context.port() for _ in range(2)]
    socks = [receiver(dst) for dst in dsts]
    for src, more in (("239.1.1.1", ("in-interface", "eb")),
                      ("[ff15::7]", ("in-interface", "eb")),
                      ("[ff02::7%eb]", ())):
        daemon = context.daemon(QUICK)
        group = src.strip("[]").partition("%")[0]
        for dst in dsts:
            daemon.add("udp:%s:%d" % (src, port), dst, *more)
        assert group in groups_on("eb") and group not in groups_on("ea")

        def heard():
            says[0](group, port, b"no")
            says[1](group, port, b"yes")
            assert [sock.recv(99) for sock in socks] == [b"yes", b"yes"]
            for sock in socks:
                expect_none(sock)

        def wait_state(state):
            wait_for(lambda: [row["state"] for row in daemon.show("groups")]
                     == 2 * [state], 20, "%s twice" % state)

        heard()
        lans[1].unplug()
        wait_state("waiting")
        lans[1].plug()
        wait_state("joined")
        assert group in groups_on("eb")
        heard()
        daemon.ctl("bridge", "close", str(daemon.show("bridges")[0]["id"]))
        assert group in groups_on("eb")
        daemon.ctl("bridge", "close", str(daemon.show("bridges")[0]["id"]))
        wait_for(lambda: group not in groups_on("eb"), 20, "it left")
        daemon.stop()


def test_a_flood_of_news_hides_nothing(context):
    """More changes than the parent's socket holds, and one that counts."""
    feed = Feed(context, "udp:10.1.0.1:%d", lans=("ea",),
                options="join src 239.1.1.1 interface late\n")
    os.kill(feed.daemon.pid, signal.SIGSTOP)
    flood = "".join("route add 10.200.%d.%d dev ea\n" % (i >> 8, i & 255)
                    for i in range(5000))
    subprocess.run(["ip", "-batch", "-"], input=flood, text=True, check=True)
    with open("/proc/net/netlink") as stream:
        assert any(int(line.split()[8]) > 0 for line in list(stream)[1:]), \
            "some were dropped"
    feed.lans[0].plug("late")
    os.kill(feed.daemon.pid, signal.SIGCONT)
    wait_for(lambda: "239.1.1.1" in groups_on("late"), 20, "the group")
    feed.expect("239.1.1.1", (0,), (0,))


def test_src_hears_an_interface_made_anew(context):
    """in-interface is a name, whatever number the kernel gives it."""
    feed = Feed(context, "udp:10.1.0.1:%d")
    dst = "udp:127.0.0.1:%d" % context.port()
    sock, port = receiver(dst), context.port()
    feed.lans[1].plug("late")
    feed.daemon.add("udp:0.0.0.0:%d" % port, dst, "in-interface", "late")
    for count in range(3):
        word = b"word %d" % count

        def is_heard():
            feed.says[0]("10.1.0.255", port, b"by another")
            feed.says[1]("10.2.0.255", port, word)
            return select.select([sock], [], [], 0.05)[0]

        wait_for(is_heard, 20, "a word by way of the interface")
        while select.select([sock], [], [], 0)[0]:
            assert sock.recv(99) == word
        feed.lans[1].unplug("late")
        feed.lans[1].plug("late")
