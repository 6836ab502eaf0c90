"""How sessions end, which is the same for streams and for records."""

from families import Crossing


def at_once(context, families):
    """Of peer, dst or both, before mctd has looked at the session."""
    crossing = Crossing(context, families)

    def one(bridge):
        for ended, other in bridge.both_ways():
            ended.close()
            other.expect_end()
            other.close()
            bridge.closed("clean")
            for end in bridge.pair():
                end.close()
            bridge.closed("clean")

    crossing.each(one)


def by_refusal(context, families, errors):
    """Nobody listens at dst: the peer is reset, and an event has an error
    that is one of these."""
    crossing = Crossing(context, families)

    def one(bridge):
        bridge.server.close()
        try:
            peer = bridge.families[0].connect(bridge.src)
        except ConnectionResetError:
            pass
        else:
            peer.expect_reset()
            peer.close()
        event = bridge.event("connect-failed")
        assert event["reason"] == "connect-failed", event
        assert event["err"] in errors, event

    crossing.each(one)
    assert crossing.shared.events.all("session-opened") == []
    assert {b["failed"] for b in crossing.show().values()} == {1}


def by_id(context, families, exchange):
    """Of a session that carries, as exchange(peer, dst) does it."""
    crossing = Crossing(context, families)

    def one(bridge):
        peer, dst = bridge.pair()
        exchange(peer, dst)
        number = bridge.event("session-opened")["id"]
        crossing.end_session(number)
        assert peer.ending()[0] == dst.ending()[0] == b""
        bridge.closed("requested")
        peer.close()
        dst.close()

    crossing.each(one)
