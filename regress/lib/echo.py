"""A dst that answers, and the question whether a bridge leads to it.

    echo = Echo("tcp:127.0.0.1:81")
    daemon = context.daemon("bridge tcp:127.0.0.1:80 " + echo.text)
    peer = connect("tcp:127.0.0.1:80")
    ask(peer)
"""

import contextlib
import os
import threading

from ends import connect, listen, take


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
    return False


def ending(peer):
    """How a session ends that carries nothing: "end" or "reset"."""
    try:
        got = peer.recv(1)
    except ConnectionResetError:
        return "reset"
    assert got == b"", got
    return "end"


def tcp(context):
    """An address that no other part of the test uses."""
    return "tcp:127.0.0.1:%d" % context.port()
