"""How streams of each family end: what one side does arrives at the other, as
far as the families can say it."""

import errno
import os

import endings
from ends import run
from families import STREAMS, Crossing
from moves import exchange_bytes, expect_bytes


def test_half_close_keeps_the_other_direction(context):
    crossing = Crossing(context, [f for f in STREAMS if f.half])

    def one(bridge):
        for ended, still in bridge.both_ways():
            ended.send(b"last")
            ended.half_close()
            assert still.ending() == (b"last", "end")
            data = os.urandom(300000)
            run((still.send, data), (expect_bytes, ended, data))
            still.close()
            ended.expect_end()
            ended.close()
            bridge.closed("clean")

    crossing.each(one)


def test_half_close_of_a_family_that_has_none_ends_both_ways(context):
    """SCTP ends as a whole, so a half-close into it and its own end are the
    end of the session, without anybody doing more about it."""
    crossing = Crossing(context, STREAMS)

    def one(bridge):
        for ended, other in bridge.both_ways():
            ended.send(b"last")
            ended.half_close()
            assert other.ending() == (b"last", "end")
            if ended.family.half:
                ended.expect_end()
            bridge.closed("clean")
            ended.close()
            other.close()

    crossing.each(one, lambda b: not all(f.half for f in b.families))


def test_reset_arrives_as_one_where_the_family_can_tell(context):
    """After what was sent before it."""
    crossing = Crossing(context, STREAMS)

    def one(bridge):
        for number, (ended, other) in enumerate(bridge.both_ways()):
            exchange_bytes(ended, other, 1)
            data = os.urandom(20000)
            ended.send(data)
            if ended.family.resets:
                ended.reset()
                other.expect_reset(data)
                bridge.closed(("peer-reset", "dst-reset")[number])
            else:
                ended.close()
                assert other.ending() == (data, "end")
            other.close()

    crossing.each(one)


def test_end_at_once_is_told_and_leaves_nothing(context):
    endings.at_once(context, STREAMS)


def test_reset_at_once_is_told_and_leaves_nothing(context):
    """To mctd that may be a connect that failed."""
    crossing = Crossing(context, STREAMS)

    def one(bridge):
        for ended, other in bridge.both_ways():
            if ended.family.resets:
                ended.send(b"word")
                ended.reset()
                data, how = other.ending()
                assert data in (b"", b"word") and how in (
                    ("reset",) if other.family.tells else ("end", "reset"))
            ended.sock.close()
            other.close()

    crossing.each(one)


def test_refused_dst_resets_the_peer_and_is_told(context):
    endings.by_refusal(context, STREAMS,
                       (errno.ECONNREFUSED, errno.ECONNRESET))


def test_session_closed_by_id_ends_on_both_sides(context):
    endings.by_id(context, STREAMS,
                  lambda peer, dst: exchange_bytes(peer, dst, 100))


def test_idle_sessions_are_closed(context):
    crossing = Crossing(context, STREAMS, "idle 1s")
    pairs = [bridge.pair() for bridge in crossing.bridges]
    for peer, dst in pairs:
        assert peer.ending()[0] == dst.ending()[0] == b""
    crossing.each(lambda bridge: bridge.closed("idle"))
