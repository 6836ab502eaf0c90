"""A second network beside that of the test, wires to it, and what goes by on
a wire.

    far = Space()
    near = far.wire("w0", "10.1.0.1/24", "10.1.0.2/24")
    with far:
        server = listen("tcp:10.1.0.2:80")
    far.mute("w0")
"""

import ctypes
import os
import socket
import struct
import subprocess
import threading

from program import wait_for

CLONE_NEWNET = 0x40000000
ETH_P_ALL = 3
LIBC = ctypes.CDLL(None, use_errno=True)


def ip(*words):
    subprocess.run(("ip", *words), check=True)


def check(result):
    if result == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class Space:
    """A network namespace.  Within "with" this thread is in it; sockets stay
    where they were made."""

    def __init__(self):
        self.there = {}
        self.home = self.file()
        check(LIBC.unshare(CLONE_NEWNET))
        self.fd = self.file()
        self.__exit__()
        self.ip("link", "set", "lo", "up")

    @staticmethod
    def file():
        return os.open("/proc/thread-self/ns/net", os.O_RDONLY)

    def __enter__(self):
        check(LIBC.setns(self.fd, CLONE_NEWNET))

    def __exit__(self, *_):
        check(LIBC.setns(self.home, CLONE_NEWNET))

    def ip(self, *words):
        with self:
            ip(*words)

    def wire(self, name, here, there):
        """A wire, called the same at both ends, with an address at each.
        Each end knows the other's hardware for good, so that none asks."""
        self.there[name] = there
        ends = name + "h", name + "t"
        ip("link", "add", ends[0], "type", "veth", "peer", "name", ends[1])
        ip("link", "set", ends[1], "netns",
           "/proc/%d/fd/%d" % (os.getpid(), self.fd))
        hardware = [hardware_of(ends[0])]
        with self:
            hardware.append(hardware_of(ends[1]))
        self.end(ip, ends[0], name, here, there, hardware[1])
        self.end(self.ip, ends[1], name, there, here, hardware[0])

    @staticmethod
    def end(run, device, name, here, there, hardware):
        run("link", "set", device, "name", name)
        run("address", "add", here, "dev", name)
        run("link", "set", name, "up")
        run("neighbour", "replace", there.partition("/")[0], "lladdr",
            hardware, "dev", name, "nud", "permanent")

    def mute(self, name):
        """From now on nobody there answers, or says that nobody is there."""
        self.ip("address", "del", self.there[name], "dev", name)


def hardware_of(device):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    with sock:
        sock.bind((device, 0))
        return sock.getsockname()[4].hex(":")


class Packet:
    """Of IPv4 or IPv6, with TCP in it."""

    def __init__(self, data):
        if data[0] >> 4 == 4:
            self.tos = data[1]
            self.protocol = data[9]
            tcp = data[4 * (data[0] & 15):struct.unpack_from(">H", data, 2)[0]]
        else:
            self.tos = struct.unpack_from(">H", data)[0] >> 4 & 255
            self.protocol = data[6]
            tcp = data[40:40 + struct.unpack_from(">H", data, 4)[0]]
        self.sport, self.dport, self.data = 0, 0, b""
        if self.protocol == socket.IPPROTO_TCP:
            self.sport, self.dport = struct.unpack_from(">HH", tcp)
            self.data = tcp[4 * (tcp[12] >> 4):]


class Capture:
    """The TCP packets that leave at a device, from now on."""

    def __init__(self, device):
        self.packets = []
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM,
                                  socket.htons(ETH_P_ALL))
        self.sock.bind((device, ETH_P_ALL))
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while True:
            data, where = self.sock.recvfrom(65536)
            if where[2] != socket.PACKET_OUTGOING or \
                    where[1] not in (0x0800, 0x86dd):
                continue
            packet = Packet(data)
            if packet.protocol == socket.IPPROTO_TCP:
                self.packets.append(packet)

    def all(self, **fields):
        """Those with these fields: sport, dport, data, tos."""
        return [p for p in list(self.packets) if all(
            getattr(p, name) == value for name, value in fields.items())]

    def wait(self, count=1, **fields):
        return wait_for(lambda: len(self.all(**fields)) >= count and
                        self.all(**fields), 20, "packet %s" % fields)
