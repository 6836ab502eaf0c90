"""mctctl monitor beside a test: the events of a daemon as they happen."""

import json
import os
import threading

from mctd import environment
from program import wait_for


class Monitor:
    """Events as dictionaries, from the daemon's first on."""

    def __init__(self, context, daemon, since=1):
        self.events = []
        self.program = context.program(
            os.path.join(daemon.build, "mctctl"), "-s", daemon.socket, "-j",
            "monitor", "since", str(since), env=environment())
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.program.process.stdout:
            self.events.append(json.loads(line))

    def all(self, event, **fields):
        """Those of that name and with these fields."""
        return [e for e in list(self.events) if e.get("event") == event
                and all(e.get(k.replace("_", "-")) == v
                        for k, v in fields.items())]

    def wait(self, event, timeout=20, **fields):
        """The first such event; waits for it."""
        return self.wait_count(1, event, timeout, **fields)[0]

    def wait_count(self, count, event, timeout=20, **fields):
        try:
            wait_for(lambda: len(self.all(event, **fields)) >= count,
                     timeout)
        except AssertionError:
            raise AssertionError("not %d of event %s %s, but %s" % (
                count, event, fields, self.events)) from None
        return self.all(event, **fields)
