"""A daemon in the background, as it runs without -d."""

import os
import re
import socket
import struct

from ends import connect
from program import title_of, wait_for


def listener_pid(daemon):
    """Who listens at the control socket: the parent."""
    with connect("unix:" + daemon.socket) as client:
        return struct.unpack("iII", client.getsockopt(
            socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]


def mctd_processes():
    """All of this namespace, by title or by command."""
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()
            and re.match(r"(\S*/)?mctd\b", title_of(int(entry)))]


def background(context, conf=""):
    """A daemon without -d, as it is after its starter has returned."""
    daemon = context.daemon(conf, start=False)
    status, out, err = daemon.run()
    assert (status, out) == (0, ""), (status, err)
    return daemon, listener_pid(daemon), err


def stop_background(daemon, pid):
    status, _, err = daemon.ctl("stop")
    assert status == 0, err
    wait_for(lambda: not mctd_processes(), 20, "end of mctd")
    assert title_of(pid) == ""
