"""Multicast between networks, with programs that others wrote at its ends:
who hears what on which link, with which TTL, and what is asked of routers."""

import ctypes
import os
import re

from dgrams import check_sums, drops
from ends import QUICK
from handle import Handle
from lans import Lan, groups_on, into, sources_of, speaker
from program import wait_for
from shell import need, run
from tcpdump import Tcpdump

COUNT, SIZE = 150, 200

# (group in, of which source, dst, group out or None when dst is one); the
# kernel lists sources only when the group that was joined last has one
CASES = (
    ("239.1.1.1", None, "10.2.0.10", "239.2.2.2"),
    ("ff02::7", None, "[ff02::8%eb]", None),
    ("ff05::7", None, "[fd02::10]", "ff05::8"),
    ("ff0e::7", None, "[fd02::10]", "ff0e::8"),
    ("239.1.1.2", None, "[ff15::9]", None),
    ("ff15::10", None, "10.2.0.10", "239.2.2.3"),
    ("232.1.1.1", "10.1.0.10", "232.2.2.2", None),
    ("ff3e::7", "fd01::10", "[fd02::10]", "ff3e::8"),
)


class Case:
    """A bridge, what sends to it at one host and receives at another."""

    def __init__(self, number, group, source, dst, out):
        self.name, self.port = "b%d" % number, 5000 + number
        self.ttl = 3 + number
        self.group, self.source = group, source
        self.out = out or dst.strip("[]").partition("%")[0]
        self.src = "[fd01::1]" if ":" in group else "10.1.0.1"
        self.text = 'bridge "%s" "udp:%s:%d" "udp:%s:%d" {\n' \
            "affinity eb join src %s interface ea %s\n%s }\n" % (
                self.name, self.src, self.port, dst, self.port, group,
                "source " + source if source else "",
                "join dst %s interface eb" % out if out else "")

    def receive(self, context, host):
        ours = "fd02::1" if ":" in self.out else "10.2.0.1"
        return receive(context, host, self.out, self.port,
                       ours if self.source else None)

    def say(self, host, data):
        with host:
            if ":" in self.group:
                run("socat", "-u", "-", "UDP6-DATAGRAM:[%s]:%d" % (
                    self.group, self.port), input=data.encode())
            else:
                run("socat", "-u", "-", "UDP4-DATAGRAM:%s:%d,"
                    "ip-multicast-ttl=9" % (self.group, self.port),
                    input=data.encode())


def receive(context, host, group, port, source=None):
    """What hears a group there.  A function that waits until all is heard
    that was sent, so much, once and in order."""
    # iperf forgets the interface when it binds to a group of a link
    kind = Socat if group.startswith("ff02:") else Iperf
    with host:
        return kind(context, group, port, source).expect


class Iperf:
    def __init__(self, context, group, port, source):
        more = ("--ssm-host", source) if source else ()
        more += ("-V",) if ":" in group else ()
        self.program = context.program(
            need("iperf"), "-s", "-u", "-B", group + "%eth0", "-p",
            str(port), "-e", "-w", "2M", *more)

    def expect(self, sent):
        out = ""
        for line in self.program.process.stdout:
            out += line
            if " ms " in line:
                break
        self.program.process.kill()  # TERM would take it seconds
        lost, total = re.search(r" ms +(\d+)/(\d+) \(", out).groups()
        assert (int(lost), int(total)) == (0, sent), (sent, out)
        assert "out-of-order" not in out, out


class Socat:
    def __init__(self, context, group, port, _source):
        self.got = context.path("got-%d" % port)
        context.program("socat", "-u", "UDP6-RECV:%d,ipv6-join-group=[%s]:"
                        "eth0" % (port, group), "CREATE:" + self.got)

    def expect(self, sent):
        wait_for(lambda: os.path.getsize(self.got) >= sent * SIZE, 20,
                 "%d datagrams" % sent)
        with open(self.got) as stream:
            assert stream.read().split() == list(map(str, range(sent)))


def send(context, host, group, port):
    """Sends many datagrams to a group.  A function that waits for the end
    and returns how many they were."""
    with host:
        if group.startswith("ff02:"):  # not with iperf either
            client = context.program("socat", "-u", "-b", str(SIZE), "-",
                                     "UDP6-DATAGRAM:[%s]:%d" % (group, port))
        else:
            client = iperf(context, group, port)
    if group.startswith("ff02:"):
        client.process.stdin.write("".join(
            "%-*d" % (SIZE, number) for number in range(COUNT)))
        return lambda: client.finish() or COUNT
    # it counts one more than it sends
    return lambda: int(re.search(r"Sent (\d+) datagrams",
                                 client.finish())[1]) - 1


def iperf(context, group, port, count=COUNT, rate=1000):
    return context.program(
        need("iperf"), "-c", group, "-u", "-p", str(port), "-l", str(SIZE),
        "-b", "%dpps" % rate, "-n", str(count * SIZE), "-T", "9",
        *(("-V",) if ":" in group else ()))


class Net:
    """This machine between networks: hosts at ea that send, and another at
    each of eb and ec."""

    def __init__(self, context, *lans, senders=2):
        self.lans = {name: Lan(name, i + 1, senders if i == 0 else 1)
                     for i, name in enumerate(lans)}
        for lan in self.lans.values():
            for host in lan.hosts:
                host.ip("route", "add", "224.0.0.0/4", "dev", "eth0")
        self.links = {name: Tcpdump(context, name) for name in lans}
        self.senders = self.lans[lans[0]].hosts
        self.receiver = self.lans[lans[1]].hosts[0]

    def wait_joined(self, group):
        wait_for(lambda: group in self.groups(self.receiver), 20,
                 "a receiver of " + group)

    @staticmethod
    def groups(host):
        with host:
            return groups_on("eth0")


def test_groups_of_all_scopes(context):
    """From host to host, of any source and of one, by one link to the other
    and no further, with the TTL that was set and not before."""
    net = Net(context, "ea", "eb", "ec")
    cases = [Case(i, *case) for i, case in enumerate(CASES)]
    daemon = context.daemon(QUICK + "".join(c.text for c in cases))
    expect = [c.receive(context, net.receiver) for c in cases]
    for case in cases:
        net.wait_joined(case.out)
        assert case.group in groups_on("ea")
        assert case.group not in groups_on("eb") | groups_on("ec")
        assert case.out not in groups_on("ea") | groups_on("eb")
        wanted = {case.source: (1, 0)} if case.source else {}
        assert sources_of("ea", case.group) == wanted
        net.links["ea"].wait_report(
            case.group, *(("allow", case.source) if case.source else
                          ("to_ex", "")))
        # nothing leaves before a TTL is set
        case.say(net.senders[0], "word")
    for bridge in check_sums(daemon, 1):
        assert drops(bridge)["drop-no-ttl"] == 1, bridge
    net.links["eb"].until_now()
    for case in cases:
        assert net.links["eb"].packets(case.out) == []
        status, _, err = daemon.ctl("ttl", case.name, str(case.ttl))
        assert status == 0, err
        if case.source:
            case.say(net.senders[1], "not of that source")
    ends = [send(context, net.senders[0], case.group, case.port)
            for case in cases]
    sent = [end() for end in ends]
    wait_for(lambda: [b["messages-in"] - 1 for b in check_sums(daemon)]
             == sent, 20, "%s datagrams" % sent)
    for link in net.links.values():
        link.until_now()
    for case, count, bridge in zip(cases, sent, check_sums(daemon)):
        assert bridge["messages-in"] == count + 1, bridge
        if case.source:
            assert len({p.src for p in
                        net.links["ea"].packets(case.group)}) == 2
        there = net.links["eb"].packets(case.out)
        assert sum(p.length for p in there) == count * SIZE
        assert {p.ttl for p in there} == {case.ttl}
        assert {p.src for p in there} <= {"10.2.0.1", "fd02::1"}
        assert net.links["ea"].packets(case.out) == []
        assert net.links["eb"].packets(case.group) == []
    assert not [p for p in net.links["ec"].packets() if p.length == SIZE]
    for count, heard in zip(sent, expect):
        heard(count)
    for case in cases:
        status, _, err = daemon.ctl("bridge", "close", case.name)
        assert status == 0, err
        net.links["ea"].wait_report(
            case.group, *(("block", case.source) if case.source else
                          ("to_in", "")))
        for name in ("eb", "ec"):
            assert net.links[name].reports(case.group) == set()
    assert not {case.group for case in cases} & groups_on("ea")


def joins(handle):
    """Functions of libmct that change the groups of a bridge."""
    text = ctypes.c_char_p
    for name in ("mct_bridge_join", "mct_bridge_leave"):
        getattr(handle.lib, name).argtypes = (ctypes.c_void_p, ctypes.c_int,
                                              text, text)
    handle.lib.mct_session_ttl.argtypes = (ctypes.c_void_p, ctypes.c_int,
                                           ctypes.c_int)
    handle.lib.mct_bridge_affinity.argtypes = (
        ctypes.c_void_p, ctypes.c_int, text, text)
    return (lambda bridge, group: handle.call(
                "mct_bridge_join", bridge, None, group.encode()),
            lambda bridge, group: handle.call(
                "mct_bridge_leave", bridge, None, group.encode()))


def test_changes_by_a_program_lose_nothing_of_others(context):
    """While iperf numbers its datagrams from group to group, a program joins
    and leaves others, at this bridge and at one that shares its src, with
    traffic of their own."""
    net = Net(context, "ea", "eb")
    daemon = context.daemon(QUICK + """
bridge "steady" udp:10.1.0.1:5000 udp:10.2.0.10:5000 {
	join src 239.1.1.1 interface ea
	join dst 239.2.2.2 interface eb
	ttl 5
}
bridge "moving" udp:10.1.0.1:5000 udp:10.2.0.10:5001
""")
    steady, moving = (b["id"] for b in daemon.show("bridges"))
    expect = receive(context, net.receiver, "239.2.2.2", 5000)
    net.wait_joined("239.2.2.2")
    say = speaker(net.senders[1])
    handle = Handle(daemon)
    join, leave = joins(handle)
    with net.senders[0]:
        client = iperf(context, "239.1.1.1", 5000, 1500, 3000)
    turns = 0
    while client.process.poll() is None:
        turns += 1
        group = "239.3.3.%d" % (turns % 200 + 1)
        join(moving, "src %s interface ea" % group)
        say(group, 5000, b"for the moving one")
        join(moving, "dst 239.4.4.4 interface eb")
        join(steady, "dst 239.4.4.4 interface eb")
        join(steady, "src 239.9.9.9 interface ea")
        handle.call("mct_session_ttl", moving, turns % 7)
        handle.call("mct_bridge_affinity", moving, None, b"eb")
        leave(steady, "src 239.9.9.9 interface ea")
        leave(steady, "dst 239.4.4.4 interface eb")
        leave(moving, "dst 239.4.4.4 interface eb")
        leave(moving, "src %s interface ea" % group)
    assert turns > 10, turns
    sent = int(re.search(r"Sent (\d+)", client.finish())[1]) - 1
    wait_for(lambda: check_sums(daemon)[0]["messages-in"] == sent, 20,
             "%d datagrams" % sent)
    steady, moving = check_sums(daemon)
    assert drops(steady).keys() <= {"drop-refused"}, steady
    assert 0 < moving["messages-in"] <= turns, moving
    there = net.links["eb"].until_now().packets("239.2.2.2")
    assert sum(p.length for p in there) == sent * SIZE
    assert {p.ttl for p in there} == {5}
    expect(sent)


def mcfirst(context, host, group, port, source, count):
    """Hears so many datagrams of that source.  A function that waits for
    them and returns [(bytes, from, TTL)]."""
    with host:
        heard = context.program(need("mcfirst"), "-I", "eth0", "-c",
                                str(count), source, group, str(port))
    return lambda: [
        (int(size), by, int(ttl)) for size, by, ttl in re.findall(
            r"Received (\d+) bytes from (\S+) .*hops (\d+)\)",
            heard.finish())]


# (group, its sources, src, groups out, who sends to them)
SOURCES = (
    ("232.1.1.1", ["10.1.0.10", "10.1.0.11"], "10.1.0.1",
     ("232.2.2.2", "232.2.2.3"), "10.2.0.1"),
    ("ff3e::7", ["fd01::10", "fd01::11"], "[fd01::1]",
     ("[ff3e::8]", "[ff3e::9]"), "fd02::1"),
)


def test_several_sources_of_a_group(context):
    """Each that is joined is heard by the bridge that joined it, and nobody
    else; who is left by one bridge is still heard by the other."""
    net = Net(context, "ea", "eb", senders=3)
    says = [speaker(host) for host in net.senders]
    for group, sources, src, outs, ours in SOURCES:
        daemon = context.daemon(QUICK + "".join(
            'bridge "%s" "udp:%s:5000" "udp:%s:5000" '
            "{ affinity eb ttl %d }\n" % (name, src, out, ttl)
            for name, out, ttl in zip(("one", "two"), outs, (5, 6))))
        outs = [out.strip("[]") for out in outs]
        heard = [mcfirst(context, net.receiver, out, 5000, ours, 3)
                 for out in outs]
        for out in outs:
            net.wait_joined(out)

        def change(word, name, source):
            status, _, err = daemon.ctl("group", word, name, "src", group,
                                        "interface", "ea", "source", source)
            assert status == 0, err

        def say_all(*counts):
            """From three hosts, of which nobody asked for the last."""
            for number in (2, 0, 1):
                says[number](group, 5000, bytes(10 * number + 10))
            wait_for(lambda: [b["messages-in"] for b in check_sums(daemon)]
                     == list(counts), 20, "%s datagrams" % (counts,))

        for name, source in (("one", sources[0]), ("two", sources[0]),
                             ("two", sources[1])):
            change("join", name, source)
        assert sources_of("ea", group) == {sources[0]: (2, 0),
                                           sources[1]: (1, 0)}
        say_all(1, 2)
        change("leave", "two", sources[0])
        assert sources_of("ea", group) == {sources[0]: (1, 0),
                                           sources[1]: (1, 0)}
        say_all(2, 3)
        change("leave", "two", sources[1])
        net.links["ea"].wait_report(group, "block", sources[1])
        say_all(3, 3)
        assert heard[0]() == 3 * [(10, ours, 5)]
        assert heard[1]() == [(10, ours, 6), (20, ours, 6), (20, ours, 6)]
        daemon.stop()


CIRCLE = """
bridge "four" udp:{0}:5000 udp:{1}:5000 {{
	in-interface {2}
	affinity {3}
	ttl 99
	hops yes
}}
bridge "six" udp:[{4}]:5000 udp:[{5}]:5000 {{
	in-interface {2}
	affinity {3}
	ttl 99
	hops yes
}}
"""


def test_circle_of_groups_over_two_daemons_ends_by_hops(context):
    """Two gateways between two networks, each of which sends to the group
    that the other hears."""
    net = Net(context, "ea", "eb", senders=1)
    second = net.lans["ea"].host(40)
    other = net.lans["eb"]
    other.wire("more")
    into(second, "more", "eth1")
    other.address(second.ip, "eth1", 40)
    second.ip("link", "set", "eth1", "up")
    groups = ("239.1.1.1", "239.2.2.2", "ff15::1", "ff15::2")
    one = context.daemon(QUICK + CIRCLE.format(
        *groups[:2], "ea", "eb", *groups[2:]))
    with second:
        two = context.daemon(QUICK + CIRCLE.format(
            groups[1], groups[0], "eth1", "eth0", groups[3], groups[2]))
    say = speaker(net.senders[0], 9)

    def dropped():
        return sum(b.get("drop-hops", 0)
                   for daemon in (one, two) for b in daemon.show("bridges"))

    for count, (near, far) in enumerate((groups[:2], groups[2:])):
        say(near, 5000, b"round and round")
        wait_for(lambda: dropped() == count + 1, 20, "an end")
        for name, group, ttls in (("ea", near, [9, 7, 5, 3, 1]),
                                  ("eb", far, [8, 6, 4, 2])):
            seen = net.links[name].until_now().packets(group)
            assert [p.ttl for p in seen] == ttls, seen
    for daemon in (one, two):
        check_sums(daemon)
