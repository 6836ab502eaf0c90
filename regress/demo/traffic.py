"""What the demonstration sends through the bridges of mctd.conf.

A step returns the bridge, the amount, the rate and what was checked, as
texts, and raises AssertionError where something is not as it must be.
"""

import hashlib
import os
import socket
import struct
import subprocess
import time

import nginx
from program import Program, wait_for

FILE_BYTES = 128 * 1024 * 1024
DATAGRAM_BYTES = 512
SENDERS = 4
DATAGRAMS = 5000  # of each sender
BURST = 16        # under way at a time, so that no buffer overflows


def start_nginx(tmp):
    """Serves a file of random bytes in three places, out of memory (the
    mount is in our namespace), so that no rate is that of a disk."""
    ram = os.path.join(tmp, "ram")
    os.mkdir(ram, 0o755)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "mctd-demo",
                    ram], check=True)
    www = os.path.join(ram, "www")
    os.mkdir(www, 0o755)
    digest = hashlib.sha256()
    with open(os.path.join(www, "file"), "wb") as stream:
        for _ in range(FILE_BYTES // (1 << 20)):
            block = os.urandom(1 << 20)
            digest.update(block)
            stream.write(block)
    with open(os.path.join(tmp, "sha256"), "w") as stream:
        stream.write(digest.hexdigest())
    web = Program(["nginx", *nginx.words(tmp, (
        "listen 127.0.0.1:9080", "listen [::1]:9081",
        "listen unix:%s/app/web.sock" % tmp, "root " + www))],
                  os.path.join(tmp, "nginx.log"))
    wait_for(lambda: os.path.exists(tmp + "/nginx.pid"), 10, "nginx")
    return web


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def download(tmp, bridge, port):
    """With curl through a bridge; the file must be what nginx has."""
    path = os.path.join(tmp, "ram", "got")
    done = subprocess.run(
        ["curl", "-sS", "--fail", "--max-time", "30", "--noproxy", "*",
         "-o", path, "-w", "%{speed_download}",
         "http://127.0.0.1:%d/file" % port],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        check=False)
    if done.returncode != 0:
        raise AssertionError("%s: %s" % (bridge, done.stderr.strip()))
    with open(os.path.join(tmp, "sha256")) as stream:
        assert sha256(path) == stream.read(), bridge + ": another sha256"
    os.unlink(path)
    return (bridge, "%d MiB" % (FILE_BYTES >> 20),
            "%.0f MB/s" % (float(done.stdout) / 1e6), "sha256 equal")


def slow_download(tmp):
    """One that takes its time; returns when it has begun."""
    path = os.path.join(tmp, "ram", "slow")
    curl = Program(["curl", "-sS", "--noproxy", "*", "--limit-rate", "4M",
                    "-o", path, "http://127.0.0.1:8080/file"],
                   os.path.join(tmp, "curl.log"))
    wait_for(lambda: os.path.exists(path) and os.path.getsize(path) > 0, 10,
             "begin of a download")
    return curl


def receiver(host, port):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.bind((host, port))
    sock.settimeout(5)
    return sock


def expect(sock, seen, count):
    """Takes so many datagrams; none may come twice or be of wrong size."""
    for _ in range(count):
        try:
            data = sock.recv(65536)
        except TimeoutError:
            raise AssertionError("datagrams were lost: %d arrived" %
                                 len(seen)) from None
        key = data[:8]
        assert len(data) == DATAGRAM_BYTES, "a datagram of wrong size"
        assert key not in seen, "a datagram came twice"
        seen.add(key)


def send(senders, receivers, port):
    """Each sender's datagrams to each receiver; returns the seconds."""
    filler = bytes(DATAGRAM_BYTES - 8)
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
               for _ in range(senders)]
    seen = [set() for _ in receivers]
    begun = time.monotonic()
    for first in range(0, DATAGRAMS, BURST):
        numbers = range(first, min(first + BURST, DATAGRAMS))
        for number in numbers:
            for sender, sock in enumerate(sockets):
                sock.sendto(struct.pack("!II", sender, number) + filler,
                            ("127.0.0.1", port))
        for sock, had in zip(receivers, seen):
            expect(sock, had, len(numbers) * senders)
    seconds = time.monotonic() - begun
    for sock in sockets + receivers:
        sock.close()
    return seconds


def collect(_tmp):
    seconds = send(SENDERS, [receiver("127.0.0.1", 9083)], 8083)
    count = SENDERS * DATAGRAMS
    return ("collect", "{:,}".format(count),
            "{:,.0f}/s".format(count / seconds), "each came once")


def spread(_tmp):
    seconds = send(1, [receiver("127.0.0.1", 9084),
                       receiver("::1", 9085)], 8084)
    return ("spread-*", "2 x {:,}".format(DATAGRAMS),
            "{:,.0f}/s".format(2 * DATAGRAMS / seconds), "each came once")


def direct(tmp):
    """The first time the file is not in memory yet: it does not count."""
    download(tmp, "-", 9080)
    return download(tmp, "-", 9080)


STEPS = (
    ("HTTP, without mctd", direct),
    ("HTTP over TCP",
     lambda tmp: download(tmp, "web", 8080)),
    ("HTTP, IPv4 to IPv6",
     lambda tmp: download(tmp, "gateway", 8081)),
    ("HTTP, TCP to local socket",
     lambda tmp: download(tmp, "local", 8082)),
    ("datagrams, %d senders to 1" % SENDERS, collect),
    ("datagrams, 1 sender to 2", spread),
)
