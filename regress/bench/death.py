"""How long nothing moves when an engine dies.

A client notes when each piece comes.  Then an engine is killed, and the
longest time between two pieces around that is looked for: what lies in queues
still comes after the death, so the first piece that comes need not be one
that was moved.
"""

import os
import signal
import socket
import threading
import time

from program import wait_for

ROOM = 1 << 20
WINDOW_NS = 100_000_000  # what comes later is not of the death
SETTLE_S, QUIET_S = 0.2, 0.5


class Clock(threading.Thread):
    """Calls step() again and again, and notes when each call ended."""

    def __init__(self, step):
        super().__init__(daemon=True)
        self.step = step
        self.times = []
        self.ends = False
        self.error = None
        self.start()

    def run(self):
        try:
            while not self.ends and self.step():
                self.times.append(time.monotonic_ns())
        except OSError as error:
            self.error = error

    def end(self):
        self.ends = True
        self.join(30)
        if self.error or self.is_alive():
            raise AssertionError("the client: %s" % (self.error or "hangs"))

    def wait_more(self):
        """Until something has moved."""
        before = len(self.times)
        wait_for(lambda: len(self.times) > before + 10 or self.error, 20,
                 "bytes")


def reader(sock):
    """Takes what is there."""
    room = bytearray(ROOM)
    return lambda: sock.recv_into(room) > 0


def asker(sock):
    """A message to and fro."""
    message = bytes(64)

    def step():
        sock.sendall(message)
        return len(sock.recv(64, socket.MSG_WAITALL)) == 64
    return step


def kill(relay, clock):
    """(longest time between two pieces, time from the kill to its end), in
    ms."""
    clock.wait_more()
    time.sleep(SETTLE_S)
    engine, = relay.daemon.pids()["engine"]
    killed = time.monotonic_ns()
    os.kill(engine, signal.SIGKILL)
    time.sleep(QUIET_S)  # looking on would take time from the others
    wait_for(lambda: relay.daemon.pids()["engine"] not in ([], [engine]), 20,
             "another engine")
    clock.wait_more()
    time.sleep(SETTLE_S)
    times = list(clock.times)
    gap, end = max((after - before, after)
                   for before, after in zip(times, times[1:])
                   if killed < after and before < killed + WINDOW_NS)
    return gap / 1e6, (end - killed) / 1e6
