"""libmct in a test, by ctypes: for what mctctl does not do, or not so fast.

    handle = Handle(daemon)
    number = handle.add("udp:127.0.0.1:7", "udp:127.0.0.1:9")
    handle.call("mct_session_close", number)
"""

import ctypes
import os

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
LIBRARY = os.path.join(TOP, "build", "libmct.so")


class Handle:
    """libmct through ctypes; of the build without sanitizers, which Python
    cannot load."""

    def __init__(self, daemon):
        self.lib = ctypes.CDLL(LIBRARY, use_errno=True)
        self.lib.mct_init.restype = ctypes.c_void_p
        self.lib.mct_init.argtypes = (ctypes.c_char_p,)
        self.lib.mct_bridge_text.argtypes = (
            ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p,
            ctypes.c_void_p)
        for name in ("mct_fini", "mct_event_detach"):
            getattr(self.lib, name).argtypes = (ctypes.c_void_p,)
        for name in ("mct_session_close", "mct_event_attach",
                     "mct_timeout"):
            getattr(self.lib, name).argtypes = (ctypes.c_void_p,
                                                ctypes.c_int)
        pointer = ctypes.POINTER(ctypes.c_int)
        self.lib.mct_event_read.argtypes = (ctypes.c_void_p,) + (pointer,) * 4
        self.mct = self.lib.mct_init(daemon.socket.encode())
        assert self.mct, os.strerror(ctypes.get_errno())

    def call(self, name, *args):
        """What it returns; a failure is an OSError."""
        result = getattr(self.lib, name)(self.mct, *args)
        if result == -1:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return result

    def add(self, src, dst):
        return self.call("mct_bridge_text", src.encode(), dst.encode(), None)

    def read(self):
        """(event, number, session, errno)"""
        values = [ctypes.c_int() for _ in range(4)]
        self.call("mct_event_read", *map(ctypes.byref, values))
        return tuple(value.value for value in values)
