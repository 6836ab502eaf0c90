"""What goes over the ends of bridges: bytes, or records."""

import os
import random

from ends import run


def expect_bytes(end, data):
    assert end.take(len(data)) == data, "other bytes than were sent"


def exchange_bytes(one, other, size):
    to_other, to_one = os.urandom(size), os.urandom(size)
    run((one.send, to_other), (other.send, to_one),
        (expect_bytes, other, to_other), (expect_bytes, one, to_one))


def fill_bytes(end, limit=64 << 20):
    """Sends until nothing is taken for a while; returns what was taken."""
    sent = bytearray()
    timeout = end.sock.gettimeout()
    end.sock.settimeout(1)
    try:
        while len(sent) < limit:
            block = os.urandom(20000)
            sent += block[:end.sock.send(block)]
    except TimeoutError:
        return bytes(sent)
    finally:
        end.sock.settimeout(timeout)
    raise AssertionError("nothing holds the sender up")


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


def fill_records(end, longest, limit=64 << 20):
    """Puts records until none is taken for a while, and returns them."""
    sent = []
    timeout = end.sock.gettimeout()
    end.sock.settimeout(1)
    try:
        while sum(map(len, sent)) < limit:
            record = os.urandom(random.randint(1, longest))
            end.put(record)
            sent.append(record)
    except TimeoutError:
        return sent
    finally:
        end.sock.settimeout(timeout)
    raise AssertionError("nothing holds the sender up")
