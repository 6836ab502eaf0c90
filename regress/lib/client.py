"""The protocol of the control socket, spoken by hand.

    client = Client(daemon)
    client.send(L2C_LIST, SUMMARY, request=2)
    kind, request, body = client.receive()
"""

import contextlib
import socket
import struct

HEADER = struct.Struct(">IHHI")
HELLO = struct.Struct(">IHHI")
ERROR = struct.Struct(">IH")
MAGIC, VERSION, FRAME_MAX = 0x6d637464, 4, 16384
(L2C_HELLO, C2L_HELLO, C2L_ERROR, C2L_DONE, L2C_BRIDGE_ADD, L2C_CLOSE,
 L2C_LIST, C2L_RECORDS, L2C_EVENTS, L2C_STOP, L2C_RELOAD,
 C2L_RESUMED, L2C_CHANGE) = range(1, 14)
SUMMARY = b"\x01\0\0\0\0"
STALL_S = 10


class Client:
    """One connection, with HELLO said and answered unless told not to."""

    def __init__(self, daemon, hello=True):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(2 * STALL_S)
        self.socket.connect(daemon.socket)
        if hello:
            self.hello()
            body = self.expect(C2L_HELLO, 1)
            assert HELLO.unpack(body)[:2] == (MAGIC, VERSION)

    def send(self, kind, body=b"", request=1):
        self.socket.sendall(
            HEADER.pack(HEADER.size + len(body), kind, 0, request) + body)

    def hello(self, version=VERSION):
        self.send(L2C_HELLO, HELLO.pack(MAGIC, version, 0, FRAME_MAX))

    def take(self, size):
        data = b""
        while len(data) < size:
            piece = self.socket.recv(size - len(data))
            assert piece, "closed in the middle of an answer"
            data += piece
        return data

    def receive(self):
        length, kind, _, request = HEADER.unpack(self.take(HEADER.size))
        return kind, request, self.take(length - HEADER.size)

    def expect(self, kind, request):
        """The next frame is of this type; returns its body."""
        got, number, body = self.receive()
        assert (got, number) == (kind, request), (got, number)
        return body

    def expect_error(self, number, words):
        kind, _, body = self.receive()
        assert kind == C2L_ERROR, kind
        err, length = ERROR.unpack_from(body)
        text = body[ERROR.size:].decode()
        assert length == len(text)
        assert err == number, (err, text)
        assert words in text, text

    def expect_end(self):
        """Closed by the daemon; answers before that are passed over."""
        with contextlib.suppress(ConnectionResetError):
            while self.socket.recv(65536):
                pass
        self.socket.close()

    def expect_alive(self):
        self.send(L2C_LIST, SUMMARY, 77)
        self.expect(C2L_RECORDS, 77)
