"""One daemon for all tests that are content with it, as starting takes long
in the guest.  Each test brings a configuration of its own, and with it bridges
that no other test knew.

    shared.configured('bridge "vsock:1:7" "tcp:127.0.0.1:7"\\n')
    shared.events.wait("session-opened")
    shared.handle.show("sessions")
"""

import os

from handle import Handle
from program import tail


class Events:
    """What watch.Monitor does, but in this process: none is waked while
    nobody asks."""

    def __init__(self, handle):
        self.events = []
        self.handle = handle
        handle.call("mct_event_attach", 0)

    def come(self):
        while found := self.handle.next_event():
            self.events.append(found)

    def forget(self):
        """Only those to come matter."""
        self.come()
        self.events.clear()

    def matching(self, event, fields):
        return [e for e in self.events if e["event"] == event
                and all(e.get(k.replace("_", "-")) == v
                        for k, v in fields.items())]

    def all(self, event, **fields):
        """Those that have come, of that name and with these fields."""
        self.come()
        return self.matching(event, fields)

    def wait(self, event, **fields):
        """The first such event; waits for it."""
        return self.wait_count(1, event, **fields)[0]

    def wait_count(self, count, event, **fields):
        while len(self.matching(event, fields)) < count:
            found = self.handle.next_event(20)
            assert found, "not %d of event %s %s, but %s" % (
                count, event, fields, self.events)
            self.events.append(found)
        return self.matching(event, fields)


class Shared:
    """make     of a new context, which the daemon is to belong to
    daemon
    handle      of the library, attached to events
    events
    """

    def __init__(self, make):
        self.make = make
        self.context = None

    def configured(self, conf):
        """The daemon, with that configuration and no other bridges, and no
        events but those to come."""
        if self.context is None:
            self.context = self.make()
            self.daemon = self.context.daemon(conf)
            self.meet()
        else:
            self.daemon.write(conf)
            self.events.forget()
            self.handle.call("mct_reload")
            # those that came before it are of an earlier test
            self.events.wait("config-loaded")
            self.events.forget()

    def meet(self):
        """A daemon that has just started."""
        self.handle = Handle(self.daemon, os.path.join(self.daemon.build,
                                                       "libmct.so"))
        self.events = Events(self.handle)

    def part(self):
        self.handle.call("mct_event_detach")
        self.handle.call("mct_fini")

    def stop(self):
        self.part()
        self.daemon.stop()

    def start(self):
        self.daemon.start()
        self.meet()

    def finish(self):
        """It ends, which must be clean."""
        if self.context:
            self.part()
            self.context.finish()
            self.context = None

    def discard(self):
        """After a test that failed; what it logged, for a message."""
        context, self.context = self.context, None
        return give_up(context) if context else ""


def give_up(context):
    """Ends what a failed test left, and returns what it logged."""
    for started in context.programs:
        started.process.kill()
    for daemon in context.daemons:
        daemon.kill()
    return "".join(
        "-- %s\n%s" % (name, tail(os.path.join(context.tmp, name)))
        for name in sorted(os.listdir(context.tmp)) if name.endswith(".log"))
