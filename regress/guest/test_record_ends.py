"""How sessions of records end, in each family."""

import errno

import endings
from families import FAMILIES, RECORDS, SMALL, Crossing
from moves import exchange_records
from program import wait_for


def test_empty_record_arrives_or_ends_the_session(context):
    crossing = Crossing(context, RECORDS)

    def one(bridge):
        for sender, reader in bridge.both_ways():
            if sender.family.empty:
                sender.put(b"before")
                assert reader.get() == b"before"
                sender.put(b"")
                if reader.family.empty:
                    sender.put(b"after")
                    assert reader.get() == b""
                    assert reader.get() == b"after"
                else:
                    assert reader.ending()[0] == b""
                    bridge.closed("record")
            sender.close()
            reader.close()

    crossing.each(one)


def test_half_close_or_the_end_of_both_ways(context):
    """Only local sockets have the former."""
    crossing = Crossing(context, RECORDS)

    def one(bridge):
        for ended, other in bridge.both_ways():
            ended.put(b"last")
            if ended.family.half:
                ended.half_close()
            else:
                ended.close()
            assert other.get() == b"last"
            other.expect_end()
            if ended.family.half and other.family.half:
                other.put(b"still")
                assert ended.get() == b"still"
                other.close()
            elif ended.family.half:
                ended.expect_end()
            bridge.closed("clean")
            other.close()
            ended.close()

    crossing.each(one)


def test_reset_arrives_as_one_where_the_family_can_tell(context):
    crossing = Crossing(context, RECORDS)

    def one(bridge):
        for number, (ended, other) in enumerate(bridge.both_ways()):
            exchange_records(ended, other, [100, 1])
            if ended.family.resets:
                ended.put(b"last words")
                ended.reset()
                other.expect_reset(b"last words")
                bridge.closed(("peer-reset", "dst-reset")[number])
            else:
                ended.close()
            other.close()

    crossing.each(one)


def test_end_at_once_is_told_and_leaves_nothing(context):
    endings.at_once(context, RECORDS)


def test_refused_dst_resets_the_peer_and_is_told(context):
    endings.by_refusal(context, RECORDS,
                       (errno.ECONNREFUSED, errno.EHOSTUNREACH))


def test_tipc_dst_that_does_not_accept_times_out(context):
    """Its connect stands only when it has been accepted."""
    src, dst = FAMILIES["unixseq"], FAMILIES["seqtipc"]
    at, to = src.new_address(), dst.new_address()
    server = dst.listen(to)
    context.shared.configured(
        SMALL + 'bridge "%s" "%s" { connect 1s }\n' % (at, to))
    peer = src.connect(at)
    event = context.shared.events.wait("connect-failed")
    assert event["reason"] == "connect-timeout", event
    peer.expect_end()
    peer.close()
    # the one that mctd gave up waits in the queue, before the next
    peer = src.connect(at)
    dst.accept(server).close()
    end = dst.accept(server)
    exchange_records(peer, end, [1, 1000])
    peer.close()
    end.expect_end()


def test_tipc_dst_that_goes_away_before_it_accepts_refuses(context):
    src, dst = FAMILIES["unixseq"], FAMILIES["seqtipc"]
    at, to = src.new_address(), dst.new_address()
    server = dst.listen(to)
    context.shared.configured(SMALL + 'bridge "%s" "%s"\n' % (at, to))
    peer = src.connect(at)
    handle = context.shared.handle
    wait_for(lambda: [s["state"] for s in handle.show("sessions")] ==
             ["connecting"], 20, "a session that connects")
    server.close()
    event = context.shared.events.wait("connect-failed")
    assert event["reason"] == "connect-failed", event
    peer.expect_end()


def test_session_closed_by_id_ends_on_both_sides(context):
    endings.by_id(context, RECORDS,
                  lambda peer, dst: exchange_records(peer, dst, [100]))
