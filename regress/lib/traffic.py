"""Random traffic through stream bridges, every byte of it checked.

An end is one socket: of a peer, or of a dst.  What it does is drawn from
the seed and its number alone: how much it sends and in which pieces, where
it pauses, when it stops to read for a while, and how it ends.  What it sends
is its number and then a piece of one random block, from a place that is its
own; so whoever receives it knows the sender, and compares without keeping
anything.

    traffic = Traffic(context, seed=1)
    traffic.bridge("tcp:127.0.0.1:1", "tcp:[::1]:2", "name", rough=True)
    traffic.run(daemon, seconds=10, flight=30)
    traffic.carried["name"].got_dst         ...

Where ends carry records, their sizes follow from the seed as well, and each
must come as it was sent, empty ones too.

On a rough bridge some ends break off: by a reset, or by closing with bytes
unread or unsent.  With urgent, some send urgent data over TCP.
"""

import errno
import heapq
import itertools
import random
import select
import socket
import struct
import time

from ends import LINGER_0, listen, make

MAGIC = 0x6d637464
HEAD = struct.Struct(">II")
PERIOD = 4194301  # a prime, so that no buffer of any size divides it
RUN = 1 << 20     # the most that is sent or received at once
HANG_S = 25

RECORD = 60000    # the largest that every kind takes, and more than a page
IPPROTO_MPTCP = 262

READ, WRITE = select.EPOLLIN, select.EPOLLOUT
GONE = (errno.ECONNRESET, errno.EPIPE)


class Plan:
    """What one end does.  Positions count the bytes it has sent or got."""

    def __init__(self, seed, most, rough, patient, urgent):
        draw = random.Random(seed)
        self.seed = seed
        self.start = draw.randrange(PERIOD)
        self.size = draw.choice((
            0, draw.randint(1, 200), draw.randint(1, 65536),
            draw.randint(1, 300000), draw.randint(1, most)))
        self.silent = self.size == 0 and draw.random() < 0.5
        self.piece = max(int(RUN ** draw.random()), self.size // 300)
        self.gulp = min(max(int(RUN ** draw.random()), most // 300), RUN)
        self.pauses = self.stops(draw, self.size, 0.3)
        self.rests = self.stops(draw, most // 4, 0.8)
        # its end is sent at once, or waits so long for the other's, or
        # for ever: of a bridge's two sides only one may do that
        self.late_s = draw.choice((0, 0, draw.random() / 3,
                                   None if patient else 0))
        self.breaks = rough and draw.random() < 0.35
        self.after_sent = draw.randint(0, self.size + 1)
        self.after_got = int(most ** draw.random()) - 1
        self.resets = draw.random() < 0.7
        # what is urgent comes in its place with the rest
        self.urgent = urgent and draw.choice((0, 0.05, 0.5))
        self.draw = draw

    def records(self):
        """The sizes of its records, the number first; the last is not
        empty."""
        if self.silent:
            return
        yield HEAD.size
        draw, left = random.Random("%s records" % self.seed), self.size
        while left:
            size = draw.choice((0, 1, draw.randint(1, 300), RECORD,
                                draw.randint(1, RECORD)))
            yield min(size, left)
            left -= min(size, left)

    @staticmethod
    def stops(draw, size, longest_s):
        """[(position, seconds)], the last first."""
        count = draw.choice((0, 0, 0, 1, 2))
        return sorted(((draw.randint(0, size), longest_s * draw.random())
                       for _ in range(count)), reverse=True)


class End:
    """One socket, and where it stands."""

    def __init__(self, traffic, sock, name, side, number):
        self.label = "%s %s %d" % (name, side, number)
        plan = Plan("%s %s" % (traffic.seed, self.label), traffic.most,
                    traffic.rough[name], side == traffic.patient[name],
                    traffic.urgent and sock.family != socket.AF_UNIX)
        self.traffic, self.sock, self.plan = traffic, sock, plan
        self.name, self.side = name, side
        self.number = next(traffic.numbers)
        traffic.ends[self.number] = self
        head = b"" if plan.silent else HEAD.pack(MAGIC, self.number)
        self.head = head
        self.total = len(head) + plan.size
        self.sent = self.got = 0
        self.got_head = b""
        self.partner = None
        self.sends = self.reads = True
        self.waits_to_send = self.waits_to_read = False
        self.errors = GONE
        if sock.proto == IPPROTO_MPTCP:
            # a reset is forgotten once it has been told, and a close with
            # bytes unread does not always make one: the sender hangs
            self.errors += (errno.ENOTCONN,)
            plan.resets = True
        self.has_records = sock.type == socket.SOCK_SEQPACKET
        self.to_send, self.to_come = plan.records(), None
        self.record = None   # the size of the one to be sent next
        self.over = None     # "closed", "broke off", "reset"
        self.shut = False    # its end is sent
        self.saw_end = False
        self.mask = 0
        sock.setblocking(False)
        self.watch()

    def __str__(self):
        return "%s: sent %d of %d, got %d, over %s, shut %s; partner %s" % (
            self.label, self.sent, self.total, self.got, self.over, self.shut,
            self.partner and self.partner.label)

    @property
    def is_local(self):
        return self.sock.family == socket.AF_UNIX

    # What it waits for

    def watch(self):
        """An end that wants nothing now is not watched: a hang-up would
        wake the loop again and again."""
        mask = 0
        if self.sends and not self.waits_to_send:
            mask |= WRITE
        if self.reads and not self.waits_to_read:
            mask |= READ
        if self.over or mask == self.mask:
            return
        self.traffic.watch(self, self.mask, mask)
        self.mask = mask

    def pause(self, field, seconds):
        setattr(self, field, True)
        self.traffic.later(seconds, self.wake, field)

    def wake(self, field):
        setattr(self, field, False)
        self.watch()

    def turn(self, what):
        if what & ~WRITE and self.reads and not self.waits_to_read:
            self.read()
        if what & ~READ and not self.over and self.sends and \
                not self.waits_to_send:
            self.write()
        self.watch()

    # Sending

    def piece(self):
        """The next bytes to send, or None where something else comes
        first: a pause, or breaking off."""
        plan = self.plan
        if self.has_records and self.record is None:
            self.record = next(self.to_send, 0)
        if self.sent < len(self.head):
            return self.head[self.sent:]
        done = self.sent - len(self.head)
        until = plan.size
        if plan.breaks:
            if done >= plan.after_sent:
                return self.break_off()
            until = min(until, plan.after_sent)
        if plan.pauses:
            if done >= plan.pauses[-1][0]:
                return self.pause("waits_to_send", plan.pauses.pop()[1])
            until = min(until, plan.pauses[-1][0])
        at = (plan.start + done) % PERIOD
        size = min(until - done, plan.piece, RUN)
        if self.has_records:
            size = self.record
        return self.traffic.view[at:at + size]

    def write(self):
        if self.sent == self.total and not self.plan.pauses:
            return self.all_sent()
        piece = self.piece()
        if piece is None:
            return
        try:
            self.sent += self.sock.send(piece, self.flags())
            self.record = None
        except BlockingIOError:
            return
        except OSError as error:
            assert error.errno in self.errors, (self.label, error)
            self.lost()

    def flags(self):
        plan = self.plan
        return socket.MSG_OOB if plan.urgent and \
            plan.draw.random() < plan.urgent else 0

    def all_sent(self):
        self.sends = False
        if self.plan.late_s == 0 or self.saw_end:
            self.shut_down()
        elif self.plan.late_s:
            self.traffic.later(self.plan.late_s, self.shut_down)

    def shut_down(self):
        if self.over or self.shut:
            return
        self.shut = True
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError as error:
            assert error.errno == errno.ENOTCONN, (self.label, error)
            self.lost()
        self.maybe_done()

    # Receiving

    def read(self):
        plan = self.plan
        if plan.rests and self.got >= plan.rests[-1][0]:
            return self.pause("waits_to_read", plan.rests.pop()[1])
        try:
            got = self.sock.recv_into(
                self.traffic.room, RUN if self.has_records else plan.gulp)
        except BlockingIOError:
            return
        except OSError as error:
            assert error.errno in self.errors, (self.label, error)
            return self.gone()
        if self.has_records:
            got = self.check_record(got)
        if got == 0:
            return self.ended()
        if got is not None:
            self.check(self.traffic.room_view[:got])
        if plan.breaks and self.got > plan.after_got:
            self.break_off()

    def check_record(self, got):
        """Its size must be that of the one that was sent.  None: it was
        empty, or no end yet; where an empty one is due the end cannot be
        told from it, but comes again."""
        if self.to_come is None:
            assert got in (0, HEAD.size), (self.label, got)
            return None if got == 0 and self.has_more() else got
        if got == 0 and self.got == self.partner.total:
            return 0
        due = next(self.to_come, None)
        if got == 0 and due != 0 and self.has_more():
            self.to_come = itertools.chain((due,), self.to_come)
            return None
        if got == 0:
            return None if due == 0 else 0
        assert got == due, (str(self), got, due)
        return got

    def has_more(self):
        """A local socket looks for a record first, and for its end then:
        what came in between shows when it is asked again."""
        try:
            return self.sock.recv(1, socket.MSG_PEEK) != b""
        except OSError:
            return True  # the next read tells

    def check(self, data):
        """The bytes that came are those which the partner sends here."""
        if self.got < HEAD.size:
            part = bytes(data[:HEAD.size - self.got])
            self.got_head += part
            self.got += len(part)
            data = data[len(part):]
            if self.got < HEAD.size:
                return
            self.meet(*HEAD.unpack(self.got_head))
        partner = self.partner
        at = (partner.plan.start + self.got - HEAD.size) % PERIOD
        assert self.traffic.block.startswith(data, at), \
            "%s: other bytes than were sent, within %d after %d (%s)" % (
                self, len(data), self.got, partner)
        self.got += len(data)
        assert self.got <= partner.sent, (str(self), str(partner))

    def meet(self, magic, number):
        other = self.traffic.ends.get(number)
        assert magic == MAGIC and other, (self.label, self.got_head)
        assert other.name == self.name and other.side != self.side, \
            (self.label, other.label)
        for one, two in ((self, other), (other, self)):
            assert one.partner in (None, two), (str(one), str(two))
            one.partner = two
        self.to_come = other.plan.records()
        next(self.to_come)

    def ended(self):
        self.reads = False
        self.saw_end = True
        if not self.sends:
            self.shut_down()
        self.maybe_done()

    # Its own end

    def lost(self):
        """Nobody takes what it sends; what has come is still read."""
        self.sends = False
        self.plan.breaks = False
        self.was_lost = True
        if not self.reads:
            self.gone()

    was_lost = False

    def gone(self):
        self.close("reset")

    def break_off(self):
        if self.plan.resets:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                 LINGER_0)
        self.close("broke off")

    def maybe_done(self):
        if self.over or self.reads or self.sends:
            return
        if self.was_lost:
            self.gone()
        elif self.shut:
            self.close("closed")

    def close(self, how):
        self.over = how
        if self.mask:
            self.traffic.watch(self, self.mask, 0)
        self.local = self.is_local
        self.sock.close()
        self.traffic.ended(self)

    def judge(self):
        """What it met must be what its partner did."""
        partner, whole = self.partner, self.over == "closed"
        if self.over == "broke off":
            return
        if partner is None:
            # nothing came from there, and nothing of its own arrived
            assert self.got == 0 or self.traffic.rough[self.name], str(self)
            assert whole or self.traffic.rough[self.name], str(self)
            return
        if partner.over == "closed":
            assert whole, "reset for no reason: %s; %s" % (self, partner)
            assert self.got == partner.total, (str(self), str(partner))
        if whole and not self.local:
            # a cut stream must not look like a whole one
            assert self.got == partner.sent and (
                partner.shut or partner.local or not partner.plan.resets), \
                "cut, but ended: %s; %s" % (self, partner)


class Carried:
    """Sums of one bridge."""

    def __init__(self):
        self.peers = self.accepted = 0
        self.broke = {"peer": 0, "dst": 0}
        self.sent = {"peer": 0, "dst": 0}
        self.got = {"peer": 0, "dst": 0}


class Traffic:
    """All ends of all bridges, in one loop."""

    def __init__(self, seed, most=4 << 20, urgent=False):
        self.seed, self.most, self.urgent = seed, most, urgent
        self.block = random.Random(seed).randbytes(PERIOD)
        self.block += self.block[:RUN]
        self.view = memoryview(self.block)
        self.room = bytearray(RUN)
        self.room_view = memoryview(self.room)
        self.poll = select.epoll()
        self.numbers = itertools.count(1)
        self.ends, self.by_fd = {}, {}
        self.timers, self.order = [], itertools.count()
        self.rough, self.patient, self.srcs, self.servers = {}, {}, {}, {}
        self.carried = {}
        self.draw = random.Random("%s which" % self.seed)
        self.living = {"peer": 0, "dst": 0}
        self.moved_s = time.monotonic()

    def bridge(self, name, src, dst, rough):
        """Serves dst of that bridge, and will send peers to src."""
        server = listen(dst)
        server.setblocking(False)
        self.servers[server.fileno()] = (server, name)
        self.poll.register(server, READ)
        self.srcs[name], self.rough[name] = src, rough
        self.patient[name] = random.Random("%s %s" % (
            self.seed, name)).choice(("peer", "dst"))
        self.carried[name] = Carried()

    def watch(self, end, before, mask):
        fd = end.sock.fileno()
        if not mask:
            self.poll.unregister(fd)
            del self.by_fd[fd]
        elif before:
            self.poll.modify(fd, mask)
        else:
            self.by_fd[fd] = end
            self.poll.register(fd, mask)

    def later(self, seconds, function, *args):
        heapq.heappush(self.timers, (time.monotonic() + seconds,
                                     next(self.order), function, args))

    def connect(self, name):
        """A new peer; its connecting is over when this returns, as all
        queues are long enough."""
        sock, address = make(self.srcs[name])
        carried = self.carried[name]
        sock.connect(address)
        carried.peers += 1
        self.living["peer"] += 1
        End(self, sock, name, "peer", carried.peers)

    def accept(self, server, name):
        carried = self.carried[name]
        try:
            sock, _ = server.accept()
        except BlockingIOError:
            return
        carried.accepted += 1
        self.living["dst"] += 1
        End(self, sock, name, "dst", carried.accepted)

    def ended(self, end):
        carried = self.carried[end.name]
        self.living[end.side] -= 1
        carried.sent[end.side] += end.sent
        carried.got[end.side] += end.got
        carried.broke[end.side] += end.over == "broke off"

    def turn(self, wait_s):
        """What is to be done now, or within that time."""
        now = time.monotonic()
        while self.timers and self.timers[0][0] <= now:
            _, _, function, args = heapq.heappop(self.timers)
            function(*args)
            self.moved_s = now
        if self.timers:
            wait_s = min(wait_s, max(self.timers[0][0] - now, 0))
        for fd, what in self.poll.poll(wait_s):
            self.moved_s = now
            if fd in self.servers:
                self.accept(*self.servers[fd])
            elif fd in self.by_fd:
                self.by_fd[fd].turn(what)
        if now - self.moved_s > HANG_S:
            raise AssertionError("nothing moves:\n" + "\n".join(
                str(end) for end in self.ends.values() if not end.over))

    def run(self, seconds, flight):
        """So many sessions at a time, for so long, and all to their end."""
        until = time.monotonic() + seconds
        self.run_while(lambda: time.monotonic() < until, flight)

    def run_while(self, going_on, flight):
        """The same, until that is false."""
        while going_on():
            self.fill(flight)
            self.turn(0.1)
        self.finish()

    def fill(self, flight):
        """New peers until there are so many."""
        while self.living["peer"] < flight:
            self.connect(self.draw.choice(sorted(self.srcs)))

    def finish(self):
        while self.living["peer"] or self.living["dst"]:
            self.turn(0.1)

    def settle(self, quiet):
        """Goes on until quiet() says that nothing more comes."""
        while self.living["dst"] or not quiet():
            self.turn(0.05)
        for server, name in self.servers.values():
            self.accept(server, name)
        assert self.living["dst"] == 0, "one was accepted after the end"

    def judge(self):
        """Every end against its partner; call it when all are over."""
        for end in self.ends.values():
            end.judge()

    def close(self):
        for server, _ in self.servers.values():
            server.close()
        self.poll.close()
