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
        self.device, self.texts, self.marks = device, [], 0
        self.looked, self.udp, self.said = 0, {}, {}
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
            if line.startswith((" ", "\t")):  # of the packet before
                self.texts[-1] += line
            else:
                self.texts.append(line)

    def look(self):
        """Reads what came meanwhile; of the last one not all may be here,
        and it is read again."""
        count = len(self.texts)
        for number in range(self.looked, count):
            text = self.texts[number]
            found, by = UDP.match(text), REPORT.match(text)
            self.udp[number] = found and Packet(
                int(found[1]), found[2], int(found[3]), found[4],
                int(found[5]), int(found[6]))
            if by:
                self.said[number] = {(name, by[1], *what)
                                     for name, *what in GROUP.findall(text)}
        self.looked = max(count - 1, 0)

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
        self.look()
        return [p for p in self.udp.values() if p and to in (None, p.dst)]

    def reports(self, group):
        """What was said of that group: {(by whom, word, sources)}."""
        self.look()
        return {what[1:] for said in self.said.values() for what in said
                if what[0] == group}

    def wait_report(self, group, word, sources=""):
        wait_for(lambda: any(r[1:] == (word, sources)
                             for r in self.reports(group)), 20,
                 "%s %s { %s } at %s" % (group, word, sources, self.device))
