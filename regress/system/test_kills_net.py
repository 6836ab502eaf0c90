"""Engines die while the network does what networks do: packets are lost on
their way out and in, the way is narrow, or down."""

import subprocess

from kills import QUICK_WAYS, STREAMS, TCP, Scene
from space import Space

FAR = "10.1.0.2"
WIRE = "w0"
TO_FAR = ("far", "tcp:%s:{port}" % FAR)

# A reset is sent once, and after its loss a side may wait for ever.
FILTER = """table inet lossy {
	chain packets {
		type filter hook %s priority 0
		tcp flags & rst == 0 numgen random mod 1000 < %d drop
	}
}
"""


def lossy(hook, of_thousand):
    """From now on the packets that it takes are lost."""
    subprocess.run(["nft", "-f", "-"], text=True, check=True,
                   input=FILTER % (hook, of_thousand))


def lossless():
    subprocess.run(["nft", "flush", "ruleset"], check=True)


def run_lossy(context, hook, rough):
    """The kernel says to who sends that a packet was not sent, where it is
    lost on its way out, and counts it all the same."""
    scene = Scene(context, kinds=(TCP,), daemons=2, most=1 << 20,
                  rough=lambda name: rough)
    scene.strict = not rough
    scene.soon_s = 0.5  # what is lost is sent again after 0.2 seconds
    lossy(hook, 10)
    scene.run(flight=30)
    lossless()
    scene.check()


def test_packets_lost_on_their_way_out(context):
    run_lossy(context, "output", False)


def test_packets_lost_on_their_way_out_and_ends_that_break_off(context):
    run_lossy(context, "output", True)


def test_packets_lost_on_their_way_in(context):
    run_lossy(context, "input", False)


class FarScene(Scene):
    """The dsts are in another network, behind a wire."""

    def __init__(self, context, **more):
        self.far = Space()
        self.far.wire(WIRE, "10.1.0.1/24", FAR + "/24")
        super().__init__(context, **more)

    def pairs(self):
        return [(kind, TO_FAR) for kind in STREAMS]

    def serve(self, *words):
        with self.far:
            super().serve(*words)


def shape(*words):
    subprocess.run(("tc", "qdisc", *words), check=True)


def test_narrow_way(context):
    """More is sent than goes out: it waits, and some is lost."""
    scene = FarScene(context, daemons=2, most=2 << 20)
    shape("add", "dev", WIRE, "root", "tbf", "rate", "200mbit", "burst",
          "96k", "limit", "128k")
    scene.run(flight=20)
    scene.check()


def test_way_is_down_meanwhile(context):
    """Nothing goes out when the engine dies, nor when the next one begins;
    what was sent waits."""
    ways = [way for way in QUICK_WAYS if way != "both"]
    scene = FarScene(context, most=24 << 20, ways=ways)
    scene.traffic.fill(20)
    scene.until(lambda: scene.traffic.living["dst"] >= 15)
    subprocess.run(("ip", "link", "set", WIRE, "down"), check=True)
    scene.start()
    scene.until(lambda: not scene.going_on())
    subprocess.run(("ip", "link", "set", WIRE, "up"), check=True)
    scene.traffic.finish()
    scene.finish()
    scene.check()
