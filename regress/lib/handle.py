"""libmct in a test, by ctypes: for what mctctl does not do, or not so fast.

    handle = Handle(daemon)
    number = handle.add("udp:127.0.0.1:7", "udp:127.0.0.1:9")
    handle.call("mct_session_close", number)
    handle.show("sessions")         -> [{"id": 2, ...}, ...]
    handle.next_event()             -> {"event": "bridge-created", ...}
"""

import ctypes
import errno
import os
import select

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
LIBRARY = os.path.join(TOP, "build", "libmct.so")


class Handle:
    """libmct through ctypes; of the build without sanitizers, which Python
    cannot load."""

    def __init__(self, daemon, library=LIBRARY):
        self.lib = ctypes.CDLL(library, use_errno=True)
        self.lib.mct_init.restype = ctypes.c_void_p
        self.lib.mct_init.argtypes = (ctypes.c_char_p,)
        self.lib.mct_bridge_text.argtypes = (
            ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p,
            ctypes.c_void_p)
        for name in ("mct_fini", "mct_event_detach"):
            getattr(self.lib, name).argtypes = (ctypes.c_void_p,)
        for name in ("mct_session_close", "mct_session_end",
                     "mct_event_attach", "mct_timeout"):
            getattr(self.lib, name).argtypes = (ctypes.c_void_p,
                                                ctypes.c_int)
        pointer = ctypes.POINTER(ctypes.c_int)
        self.lib.mct_event_read.argtypes = (ctypes.c_void_p,) + (pointer,) * 4
        for name in ("mct_fd", "mct_reload", "mct_list_close"):
            getattr(self.lib, name).argtypes = (ctypes.c_void_p,)
        self.lib.mct_list_open.restype = ctypes.c_void_p
        self.lib.mct_list_open.argtypes = (ctypes.c_void_p, ctypes.c_char_p)
        for name in ("mct_list_next", "mct_event_next"):
            getattr(self.lib, name).argtypes = (
                ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p))
        self.lib.mct_record_fields.argtypes = (ctypes.c_void_p,)
        self.lib.mct_record_field.argtypes = (ctypes.c_void_p, ctypes.c_uint)
        self.lib.mct_record_field.restype = ctypes.c_char_p
        for name in ("mct_record_text", "mct_record_is_number"):
            getattr(self.lib, name).argtypes = (ctypes.c_void_p,
                                                ctypes.c_char_p)
        self.lib.mct_record_text.restype = ctypes.c_char_p
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

    def record(self, record):
        """As mctctl -j prints it."""
        fields = {}
        for number in range(self.lib.mct_record_fields(record)):
            name = self.lib.mct_record_field(record, number)
            text = self.lib.mct_record_text(record, name).decode()
            fields[name.decode()] = int(text) if \
                self.lib.mct_record_is_number(record, name) == 1 else text
        return fields

    def show(self, what):
        """A list, whole."""
        records, record = [], ctypes.c_void_p()
        opened = self.lib.mct_list_open(self.mct, what.encode())
        assert opened, os.strerror(ctypes.get_errno())
        while True:
            got = self.lib.mct_list_next(opened, ctypes.byref(record))
            if got == 1:
                records.append(self.record(record))
            elif got == 0:
                break
            else:
                number = ctypes.get_errno()
                assert number == errno.EAGAIN, os.strerror(number)
        self.lib.mct_list_close(opened)
        return records

    def next_event(self, seconds=0):
        """The next one within that time, or None; the handle is attached
        and does not block."""
        record = ctypes.c_void_p()
        while True:
            try:
                self.call("mct_event_next", ctypes.byref(record))
                return self.record(record)
            except BlockingIOError:
                if not select.select([self.call("mct_fd")], [], [],
                                     seconds)[0]:
                    return None
