"""Engines die in the middle of everything, and nobody notices: bytes come
once and in order, and ends as they were made.  What is in doubt ends, with
an event, and is at most one session an engine, of the kinds that the manual
names."""

from kills import KINDS, STANDBY, Scene, is_sanitized


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


def test_bulk_goes_on(context):
    """By splice, and pipes full when the engine dies."""
    scene = Scene(context, daemons=fewer(context, 3), most=24 << 20,
                  rough=lambda name: sum(name.encode()) % 2)
    scene.run(flight=24)
    scene.check()


def test_engines_that_hang_are_replaced_under_load(context):
    ways = ["stop"] + ["kill"] * 3 + ["stop"] + ["call"] * 3
    scene = Scene(context, daemons=2, ways=ways)
    scene.run(flight=30)
    scene.check()
