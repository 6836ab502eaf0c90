#!/usr/bin/python3
"""Starts a program as systemd does for a socket unit: with a listening
socket as descriptor 3.  usage: activate.py ADDRESS program argument ...

ADDRESS is tcp:HOST:PORT or unix:PATH.
"""

import os
import socket
import sys

BACKLOG = 4096


def listener(address):
    kind, _, place = address.partition(":")
    if kind == "unix":
        sock = socket.socket(socket.AF_UNIX)
        sock.bind(place)
        os.chmod(place, 0o666)
    else:
        host, port = place.rsplit(":", 1)
        sock = socket.socket(socket.AF_INET)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.bind((host, int(port)))
    sock.listen(BACKLOG)
    return sock


def main():
    sock = listener(sys.argv[1])
    if sock.fileno() != 3:
        os.dup2(sock.fileno(), 3)
    os.set_inheritable(3, True)
    os.environ["LISTEN_FDS"] = "1"
    os.environ["LISTEN_PID"] = str(os.getpid())
    os.execvp(sys.argv[2], sys.argv[2:])


main()
