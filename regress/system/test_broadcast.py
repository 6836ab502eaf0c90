"""Broadcasts are relayed from one network to another, and come back never."""

import socket
import threading

from dgrams import check_sums, drops, expect_none
from ends import QUICK, make
from program import wait_for
from space import ETH_P_ALL, Space

PORT = 7100
SO_BINDTODEVICE = 25
IP_TTL = 2


class Networks:
    """Two networks with a host each, and this machine in both: how many
    broadcasts leave it."""

    def __init__(self):
        self.hosts = []
        self.left = []
        for i in (1, 2):
            far = Space()
            far.wire("w%d" % i, "10.%d.0.1/24" % i, "10.%d.0.2/24" % i)
            self.hosts.append(self.host(far, "w%d" % i))
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM,
                                 socket.htons(ETH_P_ALL))
            sock.bind(("w%d" % i, ETH_P_ALL))
            threading.Thread(target=self.watch, args=(sock, i),
                             daemon=True).start()

    @staticmethod
    def host(far, device):
        """A socket that hears all, and may send to all."""
        with far:
            sock, _ = make("udp:0.0.0.0:%d" % PORT)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            sock.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE,
                            device.encode())
            sock.bind(("", PORT))
        return sock

    def watch(self, sock, number):
        while True:
            data, where = sock.recvfrom(65536)
            if where[2] == socket.PACKET_OUTGOING and where[1] == 0x0800:
                self.left.append((number, data[28:]))

    def relay(self, start, to, data, copies=1):
        """Sent in the one network, it arrives in the other so many times,
        and none goes back."""
        first, second = self.hosts[start - 1], self.hosts[2 - start]
        first.sendto(data, (to, PORT))
        assert first.recv(100) == data, "a host hears itself"
        for _ in range(copies):
            got, (host, _) = second.recvfrom(100)
            assert (got, host) == (data, "10.%d.0.1" % (3 - start)), host
        wait_for(lambda: len(self.left) >= copies, 20, "packets")
        for sock in (first, second):
            expect_none(sock)
        assert self.left == copies * [(3 - start, data)], self.left
        del self.left[:]


def test_broadcasts_of_two_networks_meet(context):
    """Each is heard once in the other, that to the whole network and that to
    the wire alike, and what the daemon sent does not come in again."""
    networks = Networks()
    daemon = context.daemon(QUICK + """
bridge "to-2" udp:0.0.0.0:7100 udp:10.2.0.255:7100 {
	broadcast yes
	in-interface w1
}
bridge "to-1" udp:0.0.0.0:7100 udp:255.255.255.255:7100 {
	broadcast yes
	in-interface w2
	bind-device w1
}
""")
    for to in ("10.1.0.255", "255.255.255.255"):
        networks.relay(1, to, b"from the first to " + to.encode())
    for to in ("10.2.0.255", "255.255.255.255"):
        networks.relay(2, to, b"from the second to " + to.encode())
    # what is for one host alone is relayed as well
    networks.hosts[0].sendto(b"alone", ("10.1.0.1", PORT))
    assert networks.hosts[1].recv(100) == b"alone"
    for bridge in check_sums(daemon):
        assert drops(bridge) == {}, bridge
        assert bridge["messages-in"] == (3 if bridge["name"] == "to-2" else 2)


def test_src_at_all_interfaces_does_not_hear_itself(context):
    """But it does when it is asked to, and then hops end it."""
    networks = Networks()
    text = QUICK + ('bridge udp:0.0.0.0:7100 udp:10.2.0.255:7100 '
                    '{ broadcast yes %s }\n')
    daemon = context.daemon(text % "")
    networks.relay(1, "10.1.0.255", b"once")
    check_sums(daemon, 1)
    daemon.write(text % "loopback yes")
    status, _, err = daemon.ctl("reload")
    assert status == 1 and "leads back" in err, (status, err)
    daemon.write(text % "loopback yes loop yes hops yes")
    assert daemon.ctl("reload")[0] == 0
    networks.hosts[0].setsockopt(0, IP_TTL, 6)
    networks.relay(1, "10.1.0.255", b"round", 5)
    bridge, = check_sums(daemon, 7)
    assert drops(bridge) == {"drop-hops": 1}, bridge


def test_src_may_be_the_address_of_all(context):
    """It hears broadcasts alone; and to send some takes the option."""
    networks = Networks()
    daemon = context.daemon(
        QUICK + "bridge udp:10.1.0.255:7100 udp:10.2.0.2:7100\n")
    networks.hosts[0].sendto(b"alone", ("10.1.0.1", PORT))
    networks.hosts[0].sendto(b"all", ("10.1.0.255", PORT))
    assert networks.hosts[1].recv(100) == b"all"
    expect_none(networks.hosts[1])
    status, _, err = daemon.ctl("bridge", "add", "udp:127.0.0.1:7101",
                                "udp:10.2.0.255:7101")
    assert status == 1 and "takes the option broadcast" in err, (status, err)
