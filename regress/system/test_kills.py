"""Engines die in the middle of everything, and nobody notices: bytes come
once and in order, and ends as they were made.  What is in doubt ends, with
an event, and is at most one session an engine, of the kinds that the manual
names."""

from kills import MPTCP, RECORDS, STANDBY, STREAMS, TCP, Scene, is_sanitized


def fewer(context, daemons):
    return 1 if is_sanitized(context) else daemons


def test_every_byte_arrives_whatever_kills_engines(context):
    """Half-closes, pauses and readers that stop, but all go to their end."""
    scene = Scene(context, daemons=fewer(context, 4))
    scene.run(flight=60)
    scene.check()


def test_ends_arrive_as_they_were_made(context):
    """One end in three resets, or closes in the middle."""
    scene = Scene(context, daemons=fewer(context, 4), most=1 << 20,
                  rough=lambda name: True)
    scene.run(flight=80)
    scene.check()


def test_error_that_a_dead_engine_was_told_is_not_lost(context):
    """A socket gives it once, and looks as if it had ended well then."""
    scene = Scene(context, kinds=(TCP,), daemons=2, most=1 << 20,
                  rough=lambda name: True, ways=["error"] * STANDBY)
    scene.run(flight=60)
    scene.check()


def test_successor_that_dies_while_it_takes_over(context):
    """What it had done of that is not done twice."""
    scene = Scene(context, daemons=fewer(context, 4), most=2 << 20,
                  rough=lambda name: sum(name.encode()) % 2,
                  ways=["heir"] * (STANDBY // 2))
    scene.run(flight=80)
    scene.check()


def test_bulk_goes_on(context):
    """By splice, and pipes full when the engine dies."""
    scene = Scene(context, daemons=fewer(context, 3), most=24 << 20,
                  rough=lambda name: sum(name.encode()) % 2)
    scene.run(flight=24)
    scene.check()


def test_engines_that_hang_are_replaced_under_load(context):
    """Between a stop and the end of the hung one pass the seconds of the
    heartbeat."""
    ways = ["kill", "stop"] + ["call"] * (STANDBY - 2)
    scene = Scene(context, daemons=fewer(context, 3), ways=ways)
    scene.run(flight=30)
    scene.check()


def test_urgent_bytes_come_in_their_places(context):
    scene = Scene(context, kinds=(STREAMS,), daemons=fewer(context, 2),
                  most=1 << 20, urgent=True)
    scene.run(flight=60)
    scene.check()


def test_peers_that_go_in_the_gap(context):
    """They end and break off while there is nobody to see it."""
    scene = Scene(context, daemons=fewer(context, 2), most=1 << 20,
                  rough=lambda name: True, ways=["gap"] * STANDBY)
    scene.run(flight=60)
    scene.check()


def test_other_sessions_of_two_engines_at_work(context):
    """Both die, by turns; what the one has is not the other's."""
    scene = Scene(context, daemons=fewer(context, 2), conf="engines 2\n",
                  rough=lambda name: sum(name.encode()) % 2)
    scene.run(flight=60)
    scene.check()


def test_without_pipes_a_local_session_may_be_in_doubt(context):
    """It was in the hands of the one that died."""
    scene = Scene(context, kinds=(STREAMS,), daemons=fewer(context, 2),
                  pipes=2, doubt=lambda name: name.count("tcp") < 2)
    scene.run(flight=40)
    scene.check()


def test_doubtful_kinds_end_or_go_on(context):
    scene = Scene(context, kinds=(RECORDS, MPTCP), daemons=fewer(context, 2))
    scene.run(flight=40)
    scene.check()


def test_many_sessions_outlive_one_kill(context):
    """More than there are pipes."""
    scene = Scene(context, most=100000, ways=["kill"],
                  doubt=lambda name: name.count("tcp") < 2)
    scene.run(flight=500)
    scene.check()
