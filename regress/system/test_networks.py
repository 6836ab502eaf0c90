"""Interfaces that come and go, options that change, and groups that take each
other's place: what was told stays true."""

import socket
import struct

from client import C2L_DONE, L2C_CHANGE, Client
from ends import QUICK, make, receiver
from faults import Inject
from lans import Lan, Wire, ip, speaker
from program import wait_for


def feed(context, src, dst, options="", conf=""):
    daemon = context.daemon(QUICK + conf + 'bridge "feed" "%s" "%s" { %s }\n'
                            % (src, dst, options))
    sock, address = make(src)
    sock.connect(address)
    return daemon, sock


def test_a_group_takes_the_place_of_another(context):
    """A reload replaces a dst group by another while the engine has it."""
    Lan("ea", 1)
    wire = Wire("ea")
    src = ["udp:127.0.0.1:%d" % context.port() for _ in range(2)]
    port = context.port()
    text = QUICK + ('bridge "one" "%s" "udp:127.0.0.1:%d" { ttl 3 %%s }\n'
                    'bridge "two" "%s" "udp:127.0.0.1:%d" { ttl 3 '
                    'join dst %%s interface ea }\n') % (
                        src[0], port, src[1], port)
    daemon = context.daemon(text % ("join dst 239.1.1.1 interface ea",
                                    "239.2.2.2"))
    engine = daemon.pids()["engine"]
    for group in ("239.2.2.3", "239.2.2.4"):
        daemon.write(text % ("", group))
        status, _, err = daemon.ctl("reload")
        assert status == 0, err
        sock, address = make(src[1])
        sock.sendto(group.encode(), address)
        assert wire.wait(group.encode(), group)[2] == 3
    assert daemon.pids()["engine"] == engine, "no engine died"


def test_affinity_comes_back(context):
    """A dst that is a group is reached by the interface of that name."""
    lan = Lan("eb", 2)
    src = "udp:127.0.0.1:%d" % context.port()
    daemon, sock = feed(context, src, "udp:239.2.2.2:99",
                        "ttl 3 affinity eb\n")
    lan.unplug()
    sock.send(b"nowhere")
    wait_for(lambda: daemon.show("bridges")[0]["drop-no-route"], 20, "drop")
    lan.plug()
    wire = Wire("eb")

    def again():
        sock.send(b"again")
        return wire.all(b"again", "239.2.2.2")
    wait_for(again, 20, "a datagram by the new interface")


def test_group_beside_flows(context):
    """A group of a bridge leaves the flows of another as they are."""
    Lan("ea", 1)
    port = context.port()
    dst = "udp:127.0.0.1:%d" % context.port()
    back = receiver(dst)
    plain = "udp:127.0.0.1:%d" % context.port()
    daemon = context.daemon(
        QUICK + 'bridge "r" "udp:[::]:%d" "%s" { reply yes }\n'
        'bridge "p" "udp:0.0.0.0:%d" "%s"\n' % (port, dst, port, plain))
    status, _, err = daemon.ctl("group", "join", "p", "src", "239.1.1.1",
                                "interface", "ea")
    assert status == 0, err
    sock, _ = make("udp:[::1]:%d" % port)
    sock.connect(("::1", port))
    sock.send(b"ask")
    data, who = back.recvfrom(99)
    back.sendto(b"answer", who)
    assert sock.recv(99) == b"answer"


def test_hops_of_groups_change(context):
    """hops is an option of what comes by a group, too, from when it is
    given."""
    lan = Lan("ea", 1)
    Lan("eb", 2)
    wire = Wire("eb")
    port = context.port()
    src = "udp:10.1.0.1:%d" % port
    text = QUICK + ('bridge "feed" "%s" "udp:10.2.0.10:99" { '
                    'join src 239.1.1.1 interface ea\n%%s }\n' % src)
    daemon = context.daemon(text % "")
    say = speaker(lan.hosts[0], ttl=9)
    say("239.1.1.1", port, b"first")
    wire.wait(b"first", "10.2.0.10")
    daemon.write(text % "hops yes\n")
    status, _, err = daemon.ctl("reload")
    assert status == 0, err
    say("239.1.1.1", port, b"second")
    assert wire.wait(b"second", "10.2.0.10")[2] == 8



def test_options_of_flows_change(context):
    """hops and dscp are for flows that there are, too."""
    lan = Lan("ea", 1)
    Lan("eb", 2)
    wire = Wire("eb")
    port = context.port()
    text = QUICK + ('bridge "feed" "udp:10.1.0.1:%d" "udp:10.2.0.10:99" { '
                    'reply yes\n%%s }\n' % port)
    daemon = context.daemon(text % "")
    with lan.hosts[0]:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 9)
    sock.connect(("10.1.0.1", port))
    sock.send(b"first")
    wire.wait(b"first", "10.2.0.10")
    for option, data, ttl in (("hops yes", b"second", 8),
                              ("ttl 33", b"third", 33)):
        daemon.write(text % option)
        status, _, err = daemon.ctl("reload")
        assert status == 0, err
        sock.send(data)
        assert wire.wait(data, "10.2.0.10")[2] == ttl
    bridge, = daemon.show("bridges")
    assert bridge["flows-made"] == 1, bridge


def plug_pair():
    ip("link", "add", "d0", "type", "veth", "peer", "name", "d0p")
    ip("link", "set", "d0p", "up")
    ip("address", "add", "10.7.0.1/24", "dev", "d0")
    ip("link", "set", "d0", "up")
    ip("neigh", "add", "10.7.0.9", "lladdr", "02:00:00:00:00:09", "dev", "d0")


def test_news_while_a_dst_is_lost(context):
    """The network changes again and again while a dst is dialled."""
    src = "udp:127.0.0.1:%d" % context.port()
    plug_pair()
    daemon, sock = feed(context, src, "udp:10.7.0.9:99")
    ip("link", "del", "d0")
    for i in range(20):
        sock.send(b"lost")
        ip("address", "add", "10.8.0.%d/32" % (i + 1), "dev", "lo")
        daemon.show("bridges")
    plug_pair()
    wire = Wire("d0")

    def again():
        sock.send(b"again")
        return wire.all(b"again")
    wait_for(again, 20, "a datagram")


JOIN, LEAVE = 1, 2


def change(client, what, end, group):
    """A group of the bridge "feed" at ea."""
    def text(word):
        return struct.pack(">H", len(word)) + word.encode()
    client.send(L2C_CHANGE, struct.pack(">BI", what, 0) + text("feed") +
                struct.pack(">BBH", end, 0, socket.AF_INET) +
                socket.inet_aton(group).ljust(16, b"\0") + bytes(16) +
                text("ea") + struct.pack(">I", 0))
    client.expect(C2L_DONE, 1)


def test_what_was_left_is_not_in_the_way(context):
    """Of the limit, however fast one joins what there is room for."""
    Lan("ea", 1)
    src = ["udp:127.0.0.1:%d" % context.port() for _ in range(2)]
    daemon, _ = feed(context, src[0], src[1], conf="limits { groups 1 }\n")
    client = Client(daemon)
    for end in (0, 1):
        for i in range(200):
            for what in (JOIN, LEAVE):
                change(client, what, end, "239.1.1.%d" % (i + 1))
    change(client, JOIN, 0, "239.1.2.1")
    wait_for(lambda: [(row["group"], row["state"]) for row in
                      daemon.show("groups")] == [("239.1.2.1", "joined")],
             20, "the last one")


def test_no_descriptor_to_ask_for_an_interface(context):
    """The library that asks which it is has another socket then."""
    Lan("ea", 1)
    src = ["udp:127.0.0.1:%d" % context.port() for _ in range(2)]
    daemon, _ = feed(context, src[0], src[1])
    # the first socket is to see whether the change can be made
    fault = Inject(context, daemon.pid, "socket", "ENFILE", "2")
    status, _, err = daemon.ctl("group", "join", "feed", "src", "239.1.1.1",
                                "interface", "ea")
    assert status == 0, err
    fault.wait()
    fault.detach()
    assert daemon.show("groups")[0]["state"] == "joined"


def test_in_interface_fails_to_be_bound_again(context):
    """Then nothing is heard, and not what comes in anywhere."""
    lan = Lan("eb", 2)
    port = context.port()
    dst = "udp:127.0.0.1:%d" % context.port()
    sock = receiver(dst)
    daemon = context.daemon(
        QUICK + 'bridge "b" "udp:0.0.0.0:%d" "%s" { in-interface eb }\n' % (
            port, dst))
    here, address = make("udp:127.0.0.1:%d" % port)
    for when in ("1+", "2+"):
        lan.unplug()
        fault = Inject(context, daemon.pid, "setsockopt", "ENODEV", when)
        lan.plug()
        fault.wait()
        here.sendto(b"elsewhere", address)
        fault.detach()
        here.sendto(b"elsewhere", address)
    say = speaker(lan.hosts[0])
    lan.unplug()
    lan.plug()
    lan.hosts[0].ip("neigh", "flush", "all")  # it has another address
    sock.settimeout(0.1)

    def heard():
        say("10.2.0.1", port, b"here")
        try:
            return sock.recv(99)
        except TimeoutError:
            return None
    assert wait_for(heard, 20, "a datagram") == b"here"
