"""What goes over the ends of bridges: bytes, or records."""

import os
import random

from ends import run

# A sender that was not served for so long is held up.
PATIENCE_S = 0.3
# What fits into the queues of any family, and what into none.
LEAST, MOST = 100000, 64 << 20


def expect_bytes(end, data):
    assert end.take(len(data)) == data, "other bytes than were sent"


def exchange_bytes(one, other, size):
    to_other, to_one = os.urandom(size), os.urandom(size)
    run((one.send, to_other), (other.send, to_one),
        (expect_bytes, other, to_other), (expect_bytes, one, to_one))


def fill(end, send):
    """Calls send, which returns how many bytes went, until nothing is taken
    for a while although much was."""
    sent = 0
    timeout = end.sock.gettimeout()
    end.sock.settimeout(PATIENCE_S)
    try:
        while sent < MOST:
            try:
                sent += send()
            except TimeoutError:
                if sent >= LEAST:
                    return
    finally:
        end.sock.settimeout(timeout)
    raise AssertionError("nothing holds the sender up")


def fill_bytes(end):
    """Returns what was taken."""
    taken = bytearray()

    def send():
        block = os.urandom(20000)
        sent = end.sock.send(block)
        taken.extend(block[:sent])
        return sent

    fill(end, send)
    return bytes(taken)


def some(sizes):
    return [os.urandom(size) for size in sizes]


def put_all(end, records):
    for record in records:
        end.put(record)


def expect_records(end, records):
    for number, record in enumerate(records):
        got = end.get()
        assert got == record, "record %d: %s of %d bytes" % (
            number, "end" if got is None else len(got), len(record))


def exchange_records(one, other, sizes):
    to_other, to_one = some(sizes), some(sizes)
    run((put_all, one, to_other), (put_all, other, to_one),
        (expect_records, other, to_other), (expect_records, one, to_one))


def fill_records(end, longest):
    """Records of any size up to that; returns those that were taken."""
    taken = []

    def send():
        record = os.urandom(random.randint(1, longest))
        end.put(record)
        taken.append(record)
        return len(record)

    fill(end, send)
    return taken
