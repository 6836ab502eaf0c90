"""Records from each family to each: AF_LOCAL SEQPACKET, SCTP, TIPC."""

import contextlib
import errno
import os
import random
import socket
import subprocess

from ends import run
from families import FAMILIES, RECORDS, ROOM, SCTP, SMALL, Crossing
from moves import (exchange_records, expect_records, fill_records, put_all,
                   some)

# What TIPC takes at most.
LONGEST_TIPC = 66000


def test_records_arrive_whole_in_order_both_ways(context):
    crossing = Crossing(context, RECORDS)
    sizes = [1, 2, 1, 100, 1, 1452, 1453, 9000, 65535, 1, 65536, 3] + \
        [random.randint(1, 3000) for _ in range(100)]

    def one(bridge):
        peer, dst = bridge.pair()
        exchange_records(peer, dst, sizes)
        peer.close()
        dst.expect_end()
        dst.close()
        closed = bridge.closed("clean")
        assert closed["bytes-to-dst"] == closed["bytes-to-src"] == sum(sizes)

    crossing.each(one)


def test_end_comes_after_the_last_record(context):
    crossing = Crossing(context, RECORDS)

    def one(bridge):
        for sender, reader in bridge.both_ways():
            records = some(random.randint(1, 60000) for _ in range(25))
            run((lambda: (put_all(sender, records), sender.close()),),
                (expect_records, reader, records))
            reader.expect_end()
            reader.close()

    crossing.each(one)


def test_stopped_reader_holds_up_its_sender_and_loses_nothing(context):
    crossing = Crossing(context, RECORDS)

    def one(bridge):
        for sender, reader in bridge.both_ways():
            sent = fill_records(sender, 6000)
            assert len(sent) > 30, len(sent)
            expect_records(reader, sent)
            exchange_records(sender, reader, [1, 2, 3])
            sender.close()
            reader.expect_end()
            reader.close()

    crossing.at_once(one)


def test_records_that_sctp_hands_out_in_pieces_arrive_whole(context):
    """As it does when its window is shut amid a record of several packets."""
    set_mtu(1500)
    crossing = Crossing(context, RECORDS)

    def one(bridge):
        for sender, reader in bridge.both_ways():
            sent = fill_records(sender, 65536)
            expect_records(reader, sent)
            exchange_records(sender, reader, [1, 2, 3])
            sender.close()
            reader.expect_end()
            reader.close()

    try:
        crossing.at_once(one)
    finally:
        set_mtu(65536)


def set_mtu(size):
    subprocess.run(("ip", "link", "set", "lo", "mtu", str(size)), check=True)


def test_longest_record_of_tipc_and_one_more(context):
    """A record that dst cannot take ends the session, and says so."""
    tipc = FAMILIES["seqtipc"]
    crossing = Crossing(context, RECORDS)

    def one(bridge):
        for sender, reader in bridge.both_ways():
            exchange_records(sender, reader, [LONGEST_TIPC, 1, LONGEST_TIPC])
            if reader.family is tipc and sender.family is not tipc:
                sender.put(b"before")
                sender.put(b"x" * (LONGEST_TIPC + 1))
                with contextlib.suppress(ConnectionError):
                    sender.put(b"after")
                assert reader.get() == b"before"
                assert reader.ending()[0] == b"", "something after it"
                assert bridge.closed("record")["err"] == errno.EMSGSIZE
            elif tipc not in (reader.family, sender.family):
                exchange_records(sender, reader, [LONGEST_TIPC + 1, 100000])
            sender.close()
            reader.close()

    crossing.each(one)


def test_sockets_of_many_associations_as_peers(context):
    """Records of SCTP need no one-to-one socket at the other end."""
    sctp = FAMILIES["seqsctp"]
    src, dst = sctp.new_address(), sctp.new_address()
    server = socket.socket(socket.AF_INET, socket.SOCK_SEQPACKET, SCTP)
    peer = socket.socket(socket.AF_INET, socket.SOCK_SEQPACKET, SCTP)
    for sock in (server, peer):
        sock.settimeout(20)
        sock.setsockopt(SCTP, 3, 1)
    server.bind(sctp.parse(dst))
    server.listen(5)
    context.shared.configured(SMALL + 'bridge "%s" "%s"\n' % (src, dst))
    for size in (1, 1000, 65536):
        record = os.urandom(size)
        assert peer.sendto(record, sctp.parse(src)) == size
        got, _, flags, there = server.recvmsg(ROOM)
        assert got == record and flags & socket.MSG_EOR
        assert server.sendto(record, there) == size
        assert peer.recv(ROOM) == record
    peer.close()
    server.close()


def test_descriptors_that_ride_on_records_do_not_arrive(context):
    """None is left open in the daemon either."""
    crossing = Crossing(context, RECORDS)
    held = crossing.held

    def one(bridge):
        peer, dst = bridge.pair()
        exchange_records(peer, dst, [1])
        for _ in range(20):
            socket.send_fds(peer.sock, [b"record"], [0, 1, 2])
            got, control, flags, _ = dst.sock.recvmsg(100, 1000)
            assert got == b"record", got
            assert not flags & socket.MSG_CTRUNC
            assert not any(level == socket.SOL_SOCKET
                           for level, _, _ in control), control
        assert held() == [n + 2 for n in before], (held(), before)
        peer.close()
        dst.close()
        bridge.closed("clean")

    before = held()
    crossing.each(one, lambda b: b.families[0].word == "unixseq")


def test_addresses_are_free_when_the_daemon_has_ended(context):
    crossing = Crossing(context, RECORDS)
    crossing.restart()
    for bridge in crossing.bridges:
        exchange_records(*bridge.pair(), [10])
