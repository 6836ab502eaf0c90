"""A log daemon in a test, which listens at /dev/log of the test alone.

    logd = LogDaemon(own_devices(context))
    logd.expect("ready")
    logd.stop()
"""

import os
import re
import socket
import subprocess

LINE = re.compile(r"<(\d+)>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d "
                  r"mctd\[(\d+)\]: (.*)")


def own_devices(context):
    """A /dev without a log, and the path at which one would be."""
    place = context.path("dev")
    os.mkdir(place)
    for name in ("null", "zero", "urandom", "full"):
        with open(os.path.join(place, name), "w"):
            pass
        subprocess.run(["mount", "--bind", "/dev/" + name,
                        os.path.join(place, name)], check=True)
    subprocess.run(["mount", "--rbind", place, "/dev"], check=True)
    return os.path.join(place, "log")


class LogDaemon:
    """Everybody may send to it."""

    def __init__(self, path):
        self.path = path
        self.start()

    def start(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.settimeout(20)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o666)

    def stop(self):
        os.unlink(self.path)
        self.socket.close()

    def line(self):
        """(priority, process, text) of the next one."""
        text = self.socket.recv(1000).decode()
        match = LINE.fullmatch(text)
        assert match, text
        return int(match.group(1)), int(match.group(2)), match.group(3)

    def expect(self, words):
        """The next line with these words in it."""
        while True:
            line = self.line()
            if words in line[2]:
                return line
