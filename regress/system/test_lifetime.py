"""Endings that a time or a person decides: what was not delivered by then is
never hidden by an end of file, and the reason is shown until it is over."""

import errno
import os
import signal

from ends import Line, expect_reset, fill
from program import wait_for
from watch import Monitor


def test_lifetime_with_bytes_undelivered_is_a_reset(context):
    line = Line(context, options="lifetime 3s")
    monitor = Monitor(context, line.daemon)
    peer, dst = line.pair()
    sent = fill(peer)
    event = monitor.wait("session-closed")
    assert (event["reason"], event["err"]) == (
        "lifetime", errno.ETIMEDOUT), event
    assert sent.startswith(expect_reset(dst))
    line.wait_sessions(0)


def test_reason_of_a_session_that_is_being_closed_is_shown(context):
    """For as long as its engine does not say that it has ended it."""
    line = Line(context)
    pair = line.pair()
    session, = line.wait_sessions(1)
    engine, = line.daemon.pids()["engine"]
    os.kill(engine, signal.SIGSTOP)
    closing = context.program(
        os.path.join(context.build, "mctctl"), "-s", line.daemon.socket,
        "session", "close", str(session["id"]))
    shown = wait_for(lambda: [s for s in line.daemon.show("sessions")
                              if s["state"] == "closing"], 10, "closing")
    assert [s["reason"] for s in shown] == ["requested"], shown
    os.kill(engine, signal.SIGCONT)
    assert closing.process.wait(10) == 0
    for end in pair:
        end.close()
