"""What goes by on a link, as tcpdump reads it.

    seen = Tcpdump(context, "ea")
    seen.until_now()            nothing that went by before is missing
    seen.packets(to="239.1.1.1")
    seen.reports("239.1.1.1")   {("10.1.0.1", "to_ex", "")}
"""

import contextlib
import re
import socket
import threading
from collections import namedtuple

from program import wait_for
from shell import need

Packet = namedtuple("Packet", "ttl src sport dst dport length")
UDP = re.compile(r"^IP6? \(.*?(?:ttl|hlim) (\d+),.*?\)\s+(\S+)\.(\d+) > "
                 r"(\S+)\.(\d+): .*UDP, length (\d+)", re.S)
REPORT = re.compile(r"^IP6? .*?(\S+) > \S+: .*?report", re.S)
GROUP = re.compile(r"\[gaddr (\S+) (\w+) \{ ?(.*?) ?\}\]")
MARK_PORT = 9


class Tcpdump:
    """Of UDP, IGMP and ICMPv6 in both directions at a device, from now on;
    of that Space, or this one."""

    def __init__(self, context, device, space=None):
        self.device, self.lines, self.marks = device, [], 0
        self.space = space or contextlib.nullcontext()
        with self.space:
            self.program = context.program(
                need("tcpdump"), "--immediate-mode", "-l", "-nnvvt", "-s",
                "2000", "-B", "16384", "-i", device, "udp or igmp or ip6")
            self.sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE,
                             device.encode())
        threading.Thread(target=self.read, daemon=True).start()
        wait_for(self.listens, 20, "tcpdump at " + device)

    def listens(self):
        with open(self.program.log) as stream:
            return "listening on " in stream.read()

    def read(self):
        for line in self.program.process.stdout:
            self.lines.append(line)

    def whole(self):
        """A text for each packet; those of IPv4 are of several lines."""
        return re.split(r"\n(?=\S)", "".join(list(self.lines)))

    def until_now(self):
        """Returns when what has gone by is here: a word of our own is."""
        self.marks += 1
        self.sock.sendto(bytes(self.marks), ("ff02::1", MARK_PORT))
        wait_for(lambda: any(p.dport == MARK_PORT and p.length == self.marks
                             for p in self.packets()), 20, "our own word")
        return self

    def packets(self, to=None):
        """Those of UDP, of which a large one may be many datagrams: it is
        cut up when it leaves the machine."""
        found = []
        for match in map(UDP.match, self.whole()):
            if match and to in (None, match[4]):
                found.append(Packet(int(match[1]), match[2], int(match[3]),
                                    match[4], int(match[5]), int(match[6])))
        return found

    def reports(self, group):
        """What was said of that group: {(by whom, word, sources)}."""
        found = set()
        for text in self.whole():
            by = REPORT.match(text)
            found |= {(by[1], word, sources) for name, word, sources
                      in GROUP.findall(text) if by and name == group}
        return found

    def wait_report(self, group, word, sources=""):
        wait_for(lambda: any(r[1:] == (word, sources)
                             for r in self.reports(group)), 20,
                 "%s %s { %s } at %s" % (group, word, sources, self.device))
