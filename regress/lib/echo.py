"""A dst that answers, and the question whether a bridge leads to it; the
death of children, after which it should.

    echo = Echo("tcp:127.0.0.1:81")
    daemon = context.daemon("bridge tcp:127.0.0.1:80 " + echo.text)
    peer = connect("tcp:127.0.0.1:80")
    ask(peer)
"""

import contextlib
import os
import signal
import threading

from ends import connect, listen, take
from program import wait_for


class Echo:
    """Sends back what it gets, until the other side ends its own way."""

    def __init__(self, text):
        self.text = text
        self.socket = listen(text)
        self.socket.settimeout(None)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            peer, _ = self.socket.accept()
            threading.Thread(target=self.serve_one, args=(peer,),
                             daemon=True).start()

    @staticmethod
    def serve_one(peer):
        with contextlib.suppress(OSError), peer:
            while data := peer.recv(65536):
                peer.sendall(data)


def ask(peer, size=1000):
    """An echo must answer; the session stays open."""
    sent = os.urandom(size)
    peer.sendall(sent)
    assert take(peer, size) == sent, "another answer than what was sent"


def asked(text):
    """A new session on which an echo has answered."""
    peer = connect(text)
    ask(peer)
    return peer


def served(text):
    """Whether a new peer gets an answer now."""
    try:
        asked(text).close()
    except (OSError, AssertionError):
        return False
    return True


def refused(text):
    """Whether nobody listens there."""
    try:
        connect(text).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        pass  # it waited when the listener was closed
    return False


def ending(peer):
    """How a session ends that carries nothing: "end" or "reset"."""
    try:
        got = peer.recv(1)
    except ConnectionResetError:
        return "reset"
    assert got == b"", got
    return "end"


def turned_away(text):
    """Whether a new peer is reset, be it before it notices that it was
    accepted."""
    try:
        return ending(connect(text)) == "reset"
    except ConnectionResetError:
        return True


def at_work(daemon, kind, other_than=None):
    """The engine or control of a daemon, or the one after that one."""
    def find():
        return [pid for pid in daemon.pids()[kind] if pid != other_than]
    return wait_for(find, 20, kind)[0]


def lose(daemon, kind):
    """Kills the one at work; returns when another has its title."""
    old = at_work(daemon, kind)
    os.kill(old, signal.SIGKILL)
    at_work(daemon, kind, other_than=old)


def descriptors(daemon):
    """Those of the parent while it sleeps, so none that it is about to
    close."""
    def asleep():
        with open("/proc/%d/stat" % daemon.pid) as stream:
            return stream.read().rsplit(")", 1)[1].split()[0] == "S"

    def find():
        found = set(map(int, os.listdir("/proc/%d/fd" % daemon.pid)))
        return found if asleep() else None
    wait_for(asleep, 20, "rest of the parent")
    return wait_for(find, 20, "rest of the parent")


def tcp(context):
    """An address that no other part of the test uses."""
    return "tcp:127.0.0.1:%d" % context.port()
