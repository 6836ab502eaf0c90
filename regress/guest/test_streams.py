"""Streams of bytes from each family to each: TCP, AF_LOCAL, vsock, SCTP."""

import os

from ends import run
from families import FAMILIES, SMALL, STREAMS, Crossing
from moves import exchange_bytes, expect_bytes, fill_bytes
from program import wait_for


def test_bytes_arrive_both_ways_and_are_counted(context):
    crossing = Crossing(context, STREAMS)

    def one(bridge):
        peer, dst = bridge.pair()
        for size in (1, 100000):
            exchange_bytes(peer, dst, size)
        peer.close()
        dst.expect_end()
        dst.close()
        closed = bridge.closed("clean")
        assert closed["bytes-to-dst"] == closed["bytes-to-src"] == 100001

    crossing.each(one)
    for bridge in crossing.show().values():
        assert bridge["bytes-to-dst"] == bridge["bytes-to-src"] == 100001
        assert bridge["failed"] == 0, bridge


def test_end_comes_after_the_last_byte(context):
    crossing = Crossing(context, STREAMS)

    def one(bridge):
        alike = len(set(bridge.families)) == 1
        for sender, reader in bridge.both_ways():
            data = os.urandom(2000000 if alike else 300000)
            got = run((lambda: (sender.send(data), sender.close()),),
                      (reader.ending,))[1]
            assert got == (data, "end"), (len(got[0]), got[1])
            reader.close()

    crossing.each(one)


def test_stopped_reader_holds_up_its_sender_and_loses_nothing(context):
    crossing = Crossing(context, STREAMS)

    def one(bridge):
        for sender, reader in bridge.both_ways():
            sent = fill_bytes(sender)
            assert len(sent) > 100000, len(sent)
            expect_bytes(reader, sent)
            exchange_bytes(sender, reader, 1000)
            sender.close()
            reader.expect_end()
            reader.close()

    crossing.at_once(one)


def test_many_short_sessions_leave_nothing(context):
    crossing = Crossing(context, STREAMS)
    held = crossing.held

    def one(bridge):
        for _ in range(10):
            peer, dst = bridge.pair()
            peer.send(b"word")
            expect_bytes(dst, b"word")
            peer.close()
            dst.expect_end()
            dst.close()

    before = held()
    crossing.each(one)
    wait_for(lambda: held() == before, 20, "descriptors as before")


def test_sessions_are_listed_with_their_addresses(context):
    crossing = Crossing(context, STREAMS)
    pairs = [bridge.pair() for bridge in crossing.bridges]
    for pair in pairs:
        exchange_bytes(*pair, 10)

    def counted():
        found = crossing.list("sessions")
        return found if all(s["bytes-to-dst"] == s["bytes-to-src"] == 10
                            for s in found) else None

    listed = {s["bridge"]: s for s in wait_for(counted, 20, "10 bytes each")}
    for bridge in crossing.bridges:
        session = listed[crossing.ids[bridge.name]]
        assert session["dst"] == bridge.dst, session
        assert session["peer"].startswith(bridge.families[0].word + ":")


def test_addresses_are_free_when_the_daemon_has_ended(context):
    crossing = Crossing(context, STREAMS)
    crossing.restart()
    for bridge in crossing.bridges:
        exchange_bytes(*bridge.pair(), 10)


def test_addresses_over_ipv6_and_paths(context):
    """And a src on all addresses, which SCTP has as well."""
    app = context.path("app")
    os.mkdir(app)
    os.chmod(app, 0o777)
    rows = (("sctp:[::1]:31001", "sctp:[::1]:31002", "sctp:[::1]:31001"),
            ("sctp:*:31003", "unix:%s/d" % app, "sctp:127.0.0.1:31003"),
            ("sctp:0.0.0.0:31004", "vsock:1:31004", "sctp:127.0.0.1:31004"),
            ("vsock:*:31005", "tcp:[::1]:31005", "vsock:1:31005"),
            ("unix:%s/s" % app, "sctp:[::1]:31006", "unix:%s/s" % app))

    def family(text):
        found = FAMILIES[text.partition(":")[0]]
        return found.over_ipv6() if "[" in text else found

    servers = [family(dst).listen(dst) for _, dst, _ in rows]
    daemon = context.daemon(SMALL + 'directory "%s"\n' % app + "".join(
        'bridge "%s" "%s"\n' % row[:2] for row in rows))
    for (_, dst, there), server in zip(rows, servers):
        peer = family(there).connect(there)
        end = family(dst).accept(server)
        exchange_bytes(peer, end, 1000)
        peer.close()
        end.expect_end()
        end.close()
    wait_for(lambda: daemon.show("sessions") == [], 20, "no sessions")
