"""Clients of the control socket that misbehave.  Whatever they do, the
bridge that was there before goes on: its open session and new ones."""

import contextlib
import errno
import socket

from client import C2L_DONE, C2L_RECORDS, FRAME_MAX, HEADER, VERSION, \
    L2C_BRIDGE_ADD, L2C_CLOSE, L2C_HELLO, L2C_LIST, STALL_S, SUMMARY, Client
from echo import Echo
from program import wait_for


class Traffic:
    """A daemon with one bridge to an echo, and a session on it."""

    def __init__(self, context, conf=""):
        self.port = context.port()
        self.echo = Echo("tcp:127.0.0.1:%d" % context.port())
        self.daemon = context.daemon(
            conf + 'timeouts { drain 1s }\n'
            'bridge "before" tcp:127.0.0.1:%d %s\n' % (
                self.port, self.echo.text))
        self.session = self.connect()
        self.check()

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), 10)

    @staticmethod
    def exchange(connection):
        sent = b"still here" * 100
        connection.sendall(sent)
        got = b""
        while len(got) < len(sent):
            piece = connection.recv(65536)
            assert piece, "the session ended"
            got += piece
        assert got == sent

    def check(self):
        """Old and new sessions carry bytes, and the daemon answers."""
        self.exchange(self.session)
        with self.connect() as another:
            self.exchange(another)
        status, _, err = self.daemon.ctl("show", "bridges")
        assert status == 0, err
        assert len(self.daemon.pids()["control"]) == 1

    def bad(self, data, words, hello=True):
        client = Client(self.daemon, hello)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            client.socket.sendall(data)
        client.expect_error(errno.EBADMSG, words)
        client.expect_end()
        self.check()


def clients_now(daemon):
    """Without the one that asks."""
    return daemon.show("summary")[0]["clients"] - 1


def test_wrong_length_closes_that_client_alone(context):
    traffic = Traffic(context)
    control = traffic.daemon.pids()["control"]
    other = Client(traffic.daemon)
    for length in (0, 11, FRAME_MAX + 1, 0xffffffff):
        traffic.bad(HEADER.pack(length, L2C_LIST, 0, 1), "length")
        traffic.bad(HEADER.pack(length, L2C_HELLO, 0, 1), "length",
                    hello=False)
    # A length that can be, of a body that is another.
    traffic.bad(HEADER.pack(16, L2C_LIST, 0, 1) + SUMMARY[:4], "decode")
    traffic.bad(HEADER.pack(18, L2C_LIST, 0, 1) + SUMMARY + b"\0", "decode")
    other.expect_alive()
    assert traffic.daemon.pids()["control"] == control
    traffic.daemon.wait_log("impossible length")


def test_garbage_closes_that_client_alone(context):
    traffic = Traffic(context)
    other = Client(traffic.daemon)
    traffic.bad(b"GET / HTTP/1.1\r\nHost: mctd\r\n\r\n", "length",
                hello=False)
    traffic.bad(bytes(range(256)) * 256, "", hello=False)
    traffic.bad(b"\xff" * 1000, "length")
    for kind in (0, L2C_HELLO, C2L_DONE, C2L_RECORDS, 100, 0xffff):
        traffic.bad(HEADER.pack(HEADER.size, kind, 0, 1), "request")
    for kind in (L2C_BRIDGE_ADD, L2C_CLOSE):
        traffic.bad(HEADER.pack(HEADER.size + 64, kind, 0, 1) + b"\xa5" * 64,
                    "decode")
    other.expect_alive()


def test_client_of_another_version_hears_both_versions(context):
    traffic = Traffic(context)
    client = Client(traffic.daemon, hello=False)
    client.hello(version=99)
    client.expect_error(errno.EINVAL, "version %d, the library 99" % VERSION)
    client.expect_end()
    traffic.check()


def test_stalled_clients_are_dropped_and_silent_ones_stay(context):
    """Half a message, no message, and a thousand requests without reading
    an answer; a client that owes nothing may be silent as long."""
    traffic = Traffic(context)
    quiet = Client(traffic.daemon)
    mute = Client(traffic.daemon, hello=False)
    half = Client(traffic.daemon)
    half.socket.sendall(HEADER.pack(17, L2C_LIST, 0, 1) + SUMMARY[:2])
    deaf = Client(traffic.daemon)
    request = HEADER.pack(17, L2C_LIST, 0, 1) + SUMMARY
    deaf.socket.sendall(request * 1000)
    traffic.check()
    assert clients_now(traffic.daemon) == 4
    mute.expect_error(errno.ETIMEDOUT, "HELLO")
    mute.expect_end()
    half.expect_error(errno.ETIMEDOUT, "rest of a message")
    half.expect_end()
    wait_for(lambda: clients_now(traffic.daemon) == 1, 2 * STALL_S,
             "end of the client that does not read")
    deaf.expect_end()
    traffic.check()
    quiet.expect_alive()


def test_thousand_requests_are_answered_when_they_are_read(context):
    traffic = Traffic(context)
    client = Client(traffic.daemon)
    client.socket.sendall(b"".join(
        HEADER.pack(17, L2C_LIST, 0, i) + SUMMARY for i in range(1000)))
    traffic.check()
    for i in range(1000):
        kind, request, _ = client.receive()
        assert (kind, request) == (C2L_RECORDS, i)
    client.expect_alive()


def test_clients_that_go_in_the_middle_leave_nothing(context):
    traffic = Traffic(context)
    before = len(traffic.daemon.show("bridges"))
    whole = HEADER.pack(17, L2C_LIST, 0, 1) + SUMMARY
    # CLOSE of what does not exist: the answer comes from the parent, late.
    close = HEADER.pack(19, L2C_CLOSE, 0, 1) + b"\x03\x7f\0\0\0\0\0"
    for data in (b"", whole[:3], whole[:14], whole, whole * 500, close,
                 close * 500):
        for hello in (False, True):
            client = Client(traffic.daemon, hello)
            if data:
                client.socket.sendall(data)
            client.socket.close()
    traffic.check()
    wait_for(lambda: clients_now(traffic.daemon) == 0, 10,
             "end of all clients")
    assert len(traffic.daemon.show("bridges")) == before


def test_one_client_too_many_is_told(context):
    traffic = Traffic(context, "limits { clients 3 }\n")
    clients = [Client(traffic.daemon) for _ in range(3)]
    extra = Client(traffic.daemon, hello=False)
    extra.hello()
    extra.expect_error(errno.EAGAIN, "too many clients")
    extra.expect_end()

    def tells():
        status, out, err = traffic.daemon.ctl("show", "summary")
        assert status != 0 and not out
        return "clients" in err
    # until the place of the one before is free, there is none to be told in
    wait_for(tells, 10, "word of the limit")
    traffic.exchange(traffic.session)
    for client in clients:
        client.expect_alive()
    clients.pop().socket.close()
    wait_for(lambda: traffic.daemon.ctl("show", "summary")[0] == 0, 10,
             "room for a client")
    traffic.check()
