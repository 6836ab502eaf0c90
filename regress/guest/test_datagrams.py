"""Datagrams over TIPC, which keeps them reliable between its sockets
(SOCK_RDM), and that no filter makes one-way."""

import contextlib
import select
import socket

from families import SMALL, TIMEOUT_S, TIPC_NODE_SCOPE, Family
from program import wait_for

# The kernel throws an empty one away when it would be read.
SIZES = (1, 13, 1472, 9000, 65507)

RDM = Family(socket.AF_TIPC, socket.SOCK_RDM, "tipc:4343:%d")


def receiver(text):
    sock = RDM.make()
    sock.bind(RDM.parse(text, TIPC_NODE_SCOPE))
    return sock


def sender(text):
    sock = RDM.make()
    # a name that is there is known at once, on this node
    sock.connect(RDM.parse(text))
    return sock


def bridges(context, count):
    """The listed bridges, when each has settled all of so many."""
    def settled():
        listed = context.shared.handle.show("bridges")
        return listed if all(
            b["messages-in"] == count == b["messages-out"] + sum(
                n for name, n in b.items() if name.startswith("drop-"))
            for b in listed) else None
    return wait_for(settled, TIMEOUT_S, "%d datagrams" % count)


def expect(sock, data):
    got = sock.recv(70000)
    assert got == data, (len(got), len(data))


def test_tipc_to_one_and_to_many(context):
    """Also when one of them goes and comes back."""
    src = RDM.new_address()
    dsts = [RDM.new_address() for _ in range(3)]
    ends = [receiver(dst) for dst in dsts]
    context.shared.configured(SMALL + "".join(
        'bridge "to-%d" "%s" "%s"\n' % (i, src, dst)
        for i, dst in enumerate(dsts)))
    for bridge in context.shared.handle.show("bridges"):
        assert bridge["one-way"] == "not enforceable", bridge
    peer = sender(src)
    for size in SIZES:
        data = bytes([size & 255]) * size
        peer.send(data)
        for end in ends:
            expect(end, data)
    ends[1].close()
    peer.send(b"to two")
    expect(ends[0], b"to two")
    expect(ends[2], b"to two")
    listed = bridges(context, len(SIZES) + 1)
    assert [b["messages-out"] for b in listed] == \
        [len(SIZES) + 1, len(SIZES), len(SIZES) + 1], listed
    assert listed[1]["drop-no-route"] == 1, listed[1]
    ends[1] = receiver(dsts[1])
    peer.send(b"all again")
    for end in ends:
        expect(end, b"all again")
        assert not select.select([end], [], [], 0)[0]
        end.close()
    peer.close()


def test_tipc_and_others_of_its_type_only(context):
    """UDP promises less."""
    context.shared.configured(SMALL)
    with contextlib.suppress(OSError):
        context.shared.handle.add(RDM.new_address(), "udp:127.0.0.1:9")
        raise AssertionError("a bridge between types")
