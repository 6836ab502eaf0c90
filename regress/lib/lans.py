"""Networks with a switch and hosts, of which the test's machine is one too;
and what the kernel says of the groups it is in.

    lan = Lan("ea", 1)          this machine is 10.1.0.1 and fd01::1 there
    lan.hosts[0]                a Space: 10.1.0.10 and fd01::10 at eth0
    speaker(lan.hosts[0])("239.1.1.1", 5000, b"x")
    groups_on("ea")             {"239.1.1.1", "ff15::7", ...}
"""

import contextlib
import ipaddress
import os
import socket
import struct
import threading

from program import wait_for
from space import Space, ip

ETH_P_ALL = 3
FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}


def into(space, name, new_name):
    ip("link", "set", name, "netns",
       "/proc/%d/fd/%d" % (os.getpid(), space.fd))
    space.ip("link", "set", name, "name", new_name)


class Lan:
    """A switch, and wires from it to this machine and to hosts."""

    def __init__(self, device, number, hosts=1):
        self.device, self.number = device, number
        self.switch = Space()
        self.switch.ip("link", "add", "br0", "type", "bridge",
                       "mcast_snooping", "0")
        self.switch.ip("link", "set", "br0", "up")
        self.hosts = [self.host(i) for i in range(hosts)]
        self.plug()

    def wire(self, name):
        """One end is called that, here; the other is at the switch."""
        far = name + "sw"
        ip("link", "add", name, "type", "veth", "peer", "name", far)
        into(self.switch, far, far)
        self.switch.ip("link", "set", far, "master", "br0", "up")

    def address(self, run, device, host):
        run("address", "add", "10.%d.0.%d/24" % (self.number, host),
            "dev", device)
        run("address", "add", "fd%02d::%d/64" % (self.number, host),
            "dev", device, "nodad")

    def plug(self, device=None):
        """This machine gets an interface of that name on it."""
        device = device or self.device
        self.wire(device)
        self.address(ip, device, 1)
        ip("link", "set", device, "up")
        self.settle(device)

    def settle(self, device):
        """Every host is heard there: switch and addresses are ready."""
        here = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        here.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE,
                        device.encode())
        here.bind(("::", 0))
        here.setblocking(False)
        port = here.getsockname()[1]

        def is_heard(say):
            try:
                say("ff02::1", port, b"")
                here.recv(1)
            except OSError:  # no address or no route yet, or no word
                return False
            return True
        with here:
            for say in map(speaker, self.hosts):
                wait_for(lambda say=say: is_heard(say), 20, "a word")

    def unplug(self, device=None):
        ip("link", "del", device or self.device)

    def host(self, number):
        space = Space()
        name = "h%d" % number
        self.wire(name)
        into(space, name, "eth0")
        self.address(space.ip, "eth0", 10 + number)
        space.ip("link", "set", "eth0", "up")
        return space


def family_of(group):
    return FAMILY[ipaddress.ip_address(group).version]


def speaker(space, ttl=4):
    """A function (group, port, data) that sends from there, eth0."""
    with space:
        index = socket.if_nametoindex("eth0")
        socks = {family: socket.socket(family, socket.SOCK_DGRAM)
                 for family in FAMILY.values()}
        socks[socket.AF_INET].setsockopt(
            socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
            struct.pack("4s4si", bytes(4), bytes(4), index))
    socks[socket.AF_INET].setsockopt(
        socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, ttl)
    socks[socket.AF_INET].setsockopt(
        socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    socks[socket.AF_INET6].setsockopt(
        socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
    socks[socket.AF_INET6].setsockopt(
        socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, ttl)

    def say(group, port, data):
        family = family_of(group)
        socks[family].sendto(data, (group, port) if family == socket.AF_INET
                             else (group, port, 0, index))
    return say


HERE = contextlib.nullcontext()  # in the place of a Space


def listener(space, group, port, device="eth0"):
    """A socket there that is joined to the group."""
    family = family_of(group)
    with space:
        index = socket.if_nametoindex(device)
        sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    raw = ipaddress.ip_address(group).packed
    if family == socket.AF_INET:
        sock.bind((group, port))
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                        struct.pack("4s4si", raw, bytes(4), index))
    else:
        sock.bind((group, port, 0, index))
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                        struct.pack("16si", raw, index))
    sock.settimeout(20)
    return sock


def heard_before(say, sock, port, host="10.1.0.1"):
    """What comes out at a bridge's dst, of all that was sent to its src and
    its groups until now.  A word to the src itself, after which each other
    socket of the bridge has had its turn when the next one is read."""
    got = []
    for mark in (b"mark %d" % number for number in range(2)):
        say(host, port, mark)
        while (data := sock.recv(1000)) != mark:
            got.append(data)
    return got


def rows(name):
    with open("/proc/net/" + name) as stream:
        return [line.split() for line in stream]


def groups_on(device):
    """What the kernel has joined there."""
    found, here = set(), False
    for row in rows("igmp")[1:]:
        if len(row) > 4 and row[0].isdigit():
            here = row[1].rstrip(":") == device
        elif here:
            raw = struct.pack("=I", int(row[0], 16))
            found.add(str(ipaddress.IPv4Address(raw)))
    for row in rows("igmp6"):
        if row[1] == device:
            found.add(str(ipaddress.IPv6Address(bytes.fromhex(row[2]))))
    return found


def sources_of(device, group):
    """The sources that a group is filtered by: {address: (included,
    excluded)}."""
    found = {}
    for name, word in (("mcfilter", lambda text: ipaddress.IPv4Address(
            int(text, 16))), ("mcfilter6", lambda text: ipaddress.IPv6Address(
                bytes.fromhex(text)))):
        for row in rows(name):
            if row[1] == device and str(word(row[2])) == group:
                found[str(word(row[3]))] = (int(row[4]), int(row[5]))
    return found


class Wire:
    """What this machine sends at a device, from now on: of UDP and IGMP."""

    def __init__(self, device):
        self.packets = []
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM,
                                  socket.htons(ETH_P_ALL))
        self.sock.bind((device, ETH_P_ALL))
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while True:
            data, where = self.sock.recvfrom(65536)
            if where[2] == socket.PACKET_OUTGOING:
                self.take(data)

    def take(self, data):
        if data[0] >> 4 == 4:
            protocol, ttl, rest = data[9], data[8], data[4 * (data[0] & 15):]
            dst, src = data[16:20], data[12:16]
        else:
            protocol, ttl, rest = data[6], data[7], data[40:]
            dst, src = data[24:40], data[8:24]
        if protocol == socket.IPPROTO_UDP:
            self.packets.append((
                str(ipaddress.ip_address(dst)), rest[8:], ttl,
                str(ipaddress.ip_address(src))))
        elif protocol == socket.IPPROTO_IGMP:
            self.packets.append(("igmp", rest, ttl, None))

    def all(self, data=None, to=None):
        return [p for p in list(self.packets)
                if (data is None or p[1] == data) and to in (None, p[0])]

    def wait(self, data, to=None):
        return wait_for(lambda: self.all(data, to), 20,
                        "%r on the wire" % data)[0]
