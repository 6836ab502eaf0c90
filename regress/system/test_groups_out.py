"""Groups that a dst is joined to, or is: what leaves for them, by which
interface, with what TTL, and that nothing else does."""

import os
import signal

from dgrams import drops, expect_none
from ends import QUICK, make, receiver
from lans import HERE, Lan, Wire, groups_on, ip, listener, speaker
from program import wait_for
from upgrade import upgrade

GROUPS = ("239.2.2.2", "ff15::8", "ff02::8")


class Feed:
    """A daemon with a bridge "feed", and a sender to its src."""

    def __init__(self, context, dst, options="", conf=""):
        self.lans = [Lan(name, i + 1) for i, name in enumerate(("ea", "eb"))]
        self.wires = {name: Wire(name) for name in ("ea", "eb")}
        self.port = context.port()
        self.src = "udp:127.0.0.1:%d" % context.port()
        self.dst = dst % self.port
        self.daemon = context.daemon(
            QUICK + conf + 'bridge "feed" "%s" "%s" { %s }\n' % (
                self.src, self.dst, options))
        self.sock, address = make(self.src)
        self.sock.connect(address)
        self.sent = 0

    def ctl(self, *words):
        status, out, err = self.daemon.ctl(*words)
        assert status == 0, err
        return out

    def say(self):
        """Something to src; returns it when the bridge has it."""
        self.sent += 1
        data = b"word %d" % self.sent
        self.sock.send(data)
        wait_for(lambda: self.bridge()["messages-in"] == self.sent and
                 self.is_even(), 20, "a word more")
        return data

    def bridge(self):
        bridge, = self.daemon.show("bridges")
        return bridge

    def is_even(self):
        b = self.bridge()
        return b["messages-in"] + b["copies"] == b["messages-out"] + sum(
            drops(b).values())

    def expect(self, **devices):
        """What leaves now for each of the devices: {group: TTL}."""
        data = self.say()
        for device, wire in self.wires.items():
            found = {p[0]: p[2] for p in wire.all(data)}
            assert found == devices.get(device, {}), (device, found, devices)
        return data


def test_joined_dst(context):
    """Nothing leaves for a group until a TTL is set; then by its interface,
    with that TTL, beside what goes to the dst itself."""
    plain = "udp:127.0.0.1:%d"
    feed = Feed(context, plain, "".join(
        "join dst %s interface eb\n" % group for group in GROUPS))
    sock = receiver(feed.dst)
    there = [listener(feed.lans[1].hosts[0], group, feed.port)
             for group in GROUPS]
    feed.expect()
    assert drops(feed.bridge()) == {"drop-no-ttl": 3}
    for ttl in (1, 7, 255):
        feed.ctl("ttl", "feed", str(ttl))
        data = feed.expect(eb=dict.fromkeys(GROUPS, ttl))
        assert [s.recv(99) for s in there] == 3 * [data]
    feed.ctl("ttl", "feed", "0")
    feed.expect()
    assert drops(feed.bridge()) == {"drop-no-ttl": 6}
    feed.ctl("ttl", "feed", "4")
    for group in GROUPS:
        feed.ctl("group", "join", "feed", "dst", group, "interface", "ea")
    both = dict.fromkeys(GROUPS, 4)
    feed.expect(ea=both, eb=both)
    for group in GROUPS:
        feed.ctl("group", "leave", "feed", "dst", group, "interface", "eb")
    feed.expect(ea=both)
    for i in range(feed.sent):
        assert sock.recv(99) == b"word %d" % (i + 1)
    assert not set(GROUPS) & (groups_on("ea") | groups_on("eb"))


def test_affinity_decides(context):
    """A group without an interface of its own leaves there; one with, not."""
    feed = Feed(context, "udp:127.0.0.1:%d", "ttl 3 affinity ea\n"
                "join dst 239.2.2.2\njoin dst ff15::8\n"
                "join dst 239.3.3.3 interface eb\n")
    receiver_ = receiver(feed.dst)
    two = {"239.2.2.2": 3, "ff15::8": 3}
    feed.expect(ea=two, eb={"239.3.3.3": 3})
    # once the command is done, also after an interface that is not there
    feed.ctl("affinity", "feed", "nosuch0")
    feed.expect(eb={"239.3.3.3": 3})
    feed.ctl("affinity", "feed", "eb")
    feed.expect(eb=dict(two, **{"239.3.3.3": 3}))
    assert {p[3] for p in feed.wires["eb"].all(to="239.2.2.2")} == \
        {"10.2.0.1"}, "the address of the interface"
    # as the system routes
    ip("route", "add", "239.0.0.0/8", "dev", "ea")
    feed.ctl("affinity", "feed", "any")
    data = feed.say()
    assert feed.wires["ea"].all(data, "239.2.2.2")
    assert feed.wires["eb"].all(data, "239.3.3.3")
    receiver_.close()


def test_a_group_as_dst(context):
    feed = Feed(context, "udp:239.2.2.2:%d", "affinity eb\n")
    feed.expect()
    assert drops(feed.bridge()) == {"drop-no-ttl": 1}
    feed.ctl("ttl", "feed", "9")
    feed.expect(eb={"239.2.2.2": 9})
    feed.ctl("affinity", "feed", "ea")
    feed.expect(ea={"239.2.2.2": 9})
    # the interface of an address stays what it is
    feed.daemon.add("udp:127.0.0.1:%d" % context.port(),
                    "udp:[ff02::9%%eb]:%d" % feed.port, "name", "scoped")
    feed.ctl("affinity", "scoped", "ea")
    assert "cannot be set" not in feed.daemon.log_text()
    assert feed.ctl("bridge", "close", "scoped") == ""


def test_loopback_only_when_asked_for(context):
    feed = Feed(context, "udp:127.0.0.1:%d", "ttl 3 affinity ea\n"
                "join dst 239.2.2.2\njoin dst ff15::8\n")
    dst = "udp:127.0.0.1:%d" % feed.port
    here = [listener(HERE, group, feed.port, "ea")
            for group in ("239.2.2.2", "ff15::8")]
    feed.expect(ea={"239.2.2.2": 3, "ff15::8": 3})
    for sock in here:
        expect_none(sock)
    head = QUICK + 'bridge "feed" "%s" "%s" { ' % (feed.src, dst)
    feed.daemon.write(head + "ttl 3 affinity ea loopback yes\n"
                      "join dst 239.2.2.2\njoin dst ff15::8 }\n")
    status, out, err = feed.daemon.ctl("reload")
    assert status == 0, err
    data = feed.say()
    assert [sock.recv(99) for sock in here] == [data, data]


def test_interface_of_a_dst_comes_and_goes(context):
    feed = Feed(context, "udp:127.0.0.1:%d", "ttl 3\n" + "".join(
        "join dst %s interface late\n" % group for group in GROUPS))
    dst = receiver(feed.dst)

    def wait_state(state):
        wait_for(lambda: [row["state"] for row in feed.daemon.show("groups")]
                 == len(GROUPS) * [state], 20, state)

    for _ in range(2):
        wait_state("waiting")
        data = feed.say()
        assert dst.recv(99) == data
        feed.lans[1].plug("late")
        wait_state("joined")
        there = [listener(feed.lans[1].hosts[0], group, feed.port)
                 for group in GROUPS]
        data = feed.say()
        assert [sock.recv(99) for sock in there] == len(GROUPS) * [data]
        assert dst.recv(99) == data
        feed.lans[1].unplug("late")


def test_engine_death_and_upgrade_leave_groups_as_they_are(context):
    """No membership is left or joined again, and all goes on."""
    feed = Feed(context, "udp:127.0.0.1:%d", "ttl 3\n"
                "join src 239.1.1.1 interface ea join src ff15::1\n"
                "join dst 239.2.2.2 interface eb\n", "limits { standby 1 }\n")
    dst = receiver(feed.dst)
    feed.daemon.add("udp:239.9.9.9:%d" % feed.port, feed.dst,
                    "in-interface", "ea", "name", "own")
    say = speaker(feed.lans[0].hosts[0])
    src_port = int(feed.src.rpartition(":")[2])
    marks = 0

    def works():
        nonlocal marks
        for group, port in (("239.1.1.1", src_port), ("239.9.9.9", feed.port),
                            ("ff15::1", src_port)):
            if group == "ff15::1" and group not in groups_on("ea"):
                continue
            marks += 1
            data = b"mark %d" % marks
            say(group, port, data)
            assert dst.recv(99) == data
            if group != "239.9.9.9":
                assert feed.wires["eb"].wait(data, "239.2.2.2")[2] == 3

    works()
    before = groups_on("ea")
    shown = feed.daemon.show("groups")
    reports = {n: len(w.all(to="igmp")) for n, w in feed.wires.items()}
    for act in ("kill", "upgrade", "kill", "upgrade"):
        if act == "kill":
            engine, = wait_for(lambda: feed.daemon.pids()["engine"], 20,
                               "an engine")
            os.kill(engine, signal.SIGKILL)
            wait_for(lambda: engine not in feed.daemon.all_pids(), 20, "end")
        else:
            upgrade(feed.daemon)
        works()
        assert groups_on("ea") == before
        assert feed.daemon.show("groups") == shown
    # 239.1.1.1 and 239.9.9.9 were reported when they were joined
    last = {n: [p[1] for p in w.all(to="igmp")[reports[n]:]]
            for n, w in feed.wires.items()}
    assert not any(p[0] == 0x17 for found in last.values() for p in found)
    feed.ctl("group", "leave", "feed", "src", "239.1.1.1", "interface", "ea")
    assert "239.1.1.1" not in groups_on("ea")
    works_not = b"not heard"
    say("239.1.1.1", src_port, works_not)
    say("239.9.9.9", feed.port, b"heard")
    assert dst.recv(99) == b"heard"
