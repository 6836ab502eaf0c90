"""The clock of the machine is set forward and back, which can be done in a
guest alone: what lasts a time lasts it all the same."""

import time

from families import FAMILIES, SMALL, Crossing
from moves import exchange_bytes
from program import wait_for

DAY_S = 24 * 3600
TCP = [FAMILIES["tcp"]]


class Clock:
    """Set for a while, and set right at the end."""

    def __init__(self):
        self.off_s = 0

    def __enter__(self):
        return self

    def move(self, seconds):
        time.clock_settime(time.CLOCK_REALTIME, time.time() + seconds)
        self.off_s += seconds

    def __exit__(self, *_):
        self.move(-self.off_s)


def set_about(clock):
    """Forward, and back to before what was."""
    for seconds in (DAY_S, -2 * DAY_S, DAY_S):
        clock.move(seconds)
        yield


def test_sessions_live_when_the_clock_is_set(context):
    """With every time limit there is, none of which is over."""
    crossing = Crossing(context, TCP, "idle 1h half-closed 1h "
                        "lifetime 2h connection-rate 1000")
    bridge, = crossing.bridges
    with Clock() as clock:
        pair = bridge.pair()
        for number, _ in enumerate(set_about(clock), 1):
            exchange_bytes(*pair, 1000)
            other = bridge.pair()
            exchange_bytes(*other, 1000)
            for end in other:
                end.close()
            crossing.shared.events.wait_count(number, "session-closed",
                                              reason="clean")
            session, = wait_for(lambda: (s := crossing.list("sessions")) and
                                len(s) == 1 and s, 10, "one session")
            assert session["age"] < 60 and session["silent"] < 60000, session
            for ended in crossing.list("ended"):
                assert ended["ago"] < 60 and ended["lasted"] < 60000, ended
        for end in pair:
            end.close()
        crossing.expect_none()


def test_idle_sessions_end_when_the_clock_was_set_back(context):
    crossing = Crossing(context, TCP, "idle 1s")
    bridge, = crossing.bridges
    with Clock() as clock:
        pair = bridge.pair()
        clock.move(-DAY_S)
        for end in pair:
            end.ending()
            end.close()
        bridge.closed("idle")
        crossing.expect_none()


def test_events_bear_the_time_that_it_is(context):
    crossing = Crossing(context, TCP)
    bridge, = crossing.bridges
    with Clock() as clock:
        for _ in set_about(clock):
            for end in bridge.pair():
                end.close()
            told = bridge.closed()["time"] / 1e9
            assert abs(told - time.time()) < 60, (told, time.time())
        crossing.expect_none()


def test_dst_that_was_left_out_is_tried_in_time(context):
    """A hold of a second is one, whatever the clock says."""
    tcp = FAMILIES["tcp"]
    src, dead, live = (tcp.new_address() for _ in range(3))
    server = tcp.listen(live)
    context.shared.configured(
        SMALL + 'bridge "%s" "%s" { dst "%s" hold 1s }\n' % (
            src, dead, live))
    events = context.shared.events
    with Clock() as clock:
        peer = tcp.connect(src)
        end = tcp.accept(server)
        events.wait("dst-down")
        clock.move(-DAY_S)
        revived = tcp.listen(dead)
        peer.close()
        end.close()

        def is_tried():
            tcp.connect(src).close()
            return events.all("dst-up")

        wait_for(is_tried, 20, "session with the dst that was left out")
        tcp.accept(revived).close()
