"""Requests that cannot be: each gets the error that says what is wrong,
and the bridges that were there before go on.  (Bad configurations, bad
clients and local paths have files of their own.)"""

import errno
import os
import socket

from dgrams import Feed
from ends import Line, accept, connect, exchange, make
from program import wait_for

UNIX_MAX = 107
IN_USE = os.strerror(errno.EADDRINUSE)


class Scene:
    """A stream bridge with a session, and a datagram bridge, that stay."""

    def __init__(self, context):
        self.context = context
        self.line = Line(context)
        self.pair = self.line.pair()
        self.feed = Feed(context, "udp:127.0.0.1:%d" % context.port(),
                         "udp:127.0.0.1:%d" % context.port())
        self.daemon = self.line.daemon
        self.src = "tcp:127.0.0.1:%d" % context.port()

    def refused(self, status, words, src, dst, *more):
        got, out, err = self.daemon.ctl("bridge", "add", src, dst, *more)
        assert (got, out) == (status, ""), (src, dst, got, out, err)
        assert words in err, (src, dst, err)
        self.check()

    def check(self):
        exchange(*self.pair, 1000)
        self.line.check()
        self.feed.carry(b"still")
        assert len(self.daemon.show("bridges")) == 1


BAD_ADDRESSES = (
    ("", "kind and a colon"), ("tcp", "kind and a colon"),
    ("127.0.0.1", "kind and a colon"),
    ("tcpp:127.0.0.1:1", "unknown kind"), (":127.0.0.1:1", "unknown kind"),
    ("TCP:127.0.0.1:1", "unknown kind"), ("http://1.2.3.4/", "unknown kind"),
    ("tcp:", "port is missing"), ("tcp:127.0.0.1", "port is missing"),
    ("tcp::1", "host is missing"), ("tcp:[::1]", "port is missing"),
    ("tcp:[::1]80", "port is missing"), ("tcp:[::1:80", "not closed"),
    ("tcp:::1:80", "in brackets"), ("tcp:[]:80", "not an IPv6 address"),
    ("tcp:[127.0.0.1]:80", "not an IPv6 address"),
    ("tcp:[1::2::3]:80", "not an IPv6 address"),
    ("tcp:[*]:80", "not an IPv6 address"),
    ("tcp:127.0.0.1:0", "1 to 65535"), ("tcp:127.0.0.1:65536", "1 to 65535"),
    ("tcp:127.0.0.1:", "1 to 65535"), ("tcp:127.0.0.1:-1", "1 to 65535"),
    ("tcp:127.0.0.1:+1", "1 to 65535"), ("tcp:127.0.0.1:080", "1 to 65535"),
    ("tcp:127.0.0.1: 80", "1 to 65535"), ("tcp:127.0.0.1:http", "1 to 65535"),
    ("tcp:127.0.0.1:4294967377", "1 to 65535"),
    ("tcp:127.0.0.1:80:80", "in brackets"),
    ("tcp:127.1:80", "not an IPv4 address"),
    ("tcp:0x7f000001:80", "not an IPv4 address"),
    ("tcp:2130706433:80", "not an IPv4 address"),
    ("tcp:127.0.0.256:80", "not an IPv4 address"),
    ("tcp:127.0.0.1 :80", ""), ("tcp:a b:80", "neither an address nor"),
    ("tcp:-a:80", "neither an address nor"),
    ("tcp:%s:80" % ("a" * 256), "too long"),
    ("tcp:[fe80::1%nosuchif]:80", "no such interface"),
    ("tcp:[fe80::1%0]:80", "no such interface"),
    ("tcp:[fe80::1%4294967296]:80", "no such interface"),
    ("tcp:[::1%lo]:80", "only a link-local"),
    ("tcp:[::ffff:127.0.0.1]:80", "inside an IPv6 one"),
    ("tcp:[::ffff:7f00:1]:80", "inside an IPv6 one"),
    ("unix:", "a path from / or a name after @"),
    ("unix:relative", "a path from / or a name after @"),
    ("unix:/" + "x" * UNIX_MAX, "too long"),
    ("unix:@" + "x" * (UNIX_MAX + 1), "too long"),
    (r"unix:/a\b", "backslash"), (r"unix:/a\x1", "backslash"),
    (r"unix:/a\xzz", "backslash"), (r"unix:/a\x00b", "zero byte"),
    ("unix:/a\nb", "control character"), ("unix:/a\x7f", "control character"),
)


def test_addresses_that_do_not_parse(context):
    """As src and as dst; said with the address, and nothing is asked of
    the daemon."""
    scene = Scene(context)
    for text, words in BAD_ADDRESSES:
        for ends in ((text, scene.src), (scene.src, text)):
            status, out, err = scene.daemon.ctl("bridge", "add", *ends)
            assert (status, out) == (2, ""), (text, status, err)
            assert words in err, (text, err)
            assert err.startswith("mctctl: "), err
            assert err.count("\n") == 1, err
    scene.check()


def test_addresses_that_no_bridge_can_have(context):
    """They parse, but cannot be an end, or not that end."""
    scene = Scene(context)
    src = scene.src
    for dst in ("tcp:0.0.0.0:80", "tcp:[::]:80", "tcp:*:80"):
        scene.refused(1, "must be one host", src, dst)
    scene.refused(1, "the same", src, src)
    scene.refused(1, "interface", "tcp:[fe80::1]:80", "tcp:127.0.0.1:80")
    scene.refused(1, "interface", src, "tcp:[fe80::1]:80")
    for ends in (("tcp:239.1.1.1:%d", "tcp:127.0.0.1:%d"),
                 ("tcp:127.0.0.1:%d", "tcp:[ff02::1%%lo]:%d")):
        scene.refused(1, "multicast", *(e % context.port() for e in ends))
    scene.refused(1, "multicast", src, "tcp:239.1.1.1:80")


def test_types_that_differ(context):
    scene = Scene(context)
    for src, dst in (("tcp:127.0.0.1:%d" % context.port(), "udp:[::1]:9"),
                     ("udp:127.0.0.1:%d" % context.port(), "tcp:[::1]:9"),
                     ("unix:@a", "unixdgram:@b"), ("unixdgram:@a", "unix:@b"),
                     ("udp:127.0.0.1:%d" % context.port(), "unix:@b"),
                     ("unix:@a", "udp:127.0.0.1:9")):
        scene.refused(1, "different socket types", src, dst)


def test_src_in_use_by_another_program(context):
    scene = Scene(context)
    dst = "%s:127.0.0.1:9"
    for kind in ("tcp", "udp"):
        sock, address = make("%s:127.0.0.1:%d" % (kind, context.port()))
        sock.bind(address)
        if kind == "tcp":
            sock.listen()
        name = "%s:%s:%d" % (kind, *address)
        scene.refused(1, IN_USE, name, dst % kind)
        # Nor by way of the wildcard, or with SO_REUSEADDR on our side.
        scene.refused(1, IN_USE, "%s:*:%d" % (kind, address[1]),
                      dst % kind)
        sock.close()
        number = scene.daemon.add(name, dst % kind)
        assert scene.daemon.ctl("bridge", "close", str(number))[0] == 0
    for kind, type_ in (("unix", socket.SOCK_STREAM),
                        ("unixdgram", socket.SOCK_DGRAM)):
        sock = socket.socket(socket.AF_UNIX, type_)
        sock.bind("\0name")
        scene.refused(1, IN_USE, kind + ":@name",
                      "tcp:127.0.0.1:9" if kind == "unix" else
                      "udp:127.0.0.1:9")
        sock.close()


def test_src_of_a_stream_bridge_is_its_own(context):
    scene = Scene(context)
    number = scene.line.bridge()["id"]
    scene.refused(1, "in use by bridge %d" % number, scene.line.src,
                  "tcp:127.0.0.1:%d" % context.port())
    # By another text for the same.
    port = int(scene.line.src.rpartition(":")[2])
    scene.refused(1, IN_USE, "tcp:*:%d" % port, "tcp:127.0.0.1:9")
    scene.refused(1, IN_USE, "tcp:0.0.0.0:%d" % port,
                  "tcp:127.0.0.1:9")


def test_same_pair_exists(context):
    scene = Scene(context)
    scene.refused(1, "bridge 1 has this src and dst", scene.line.src,
                  scene.line.dst)
    feed = scene.feed
    dst = "udp:127.0.0.1:%d" % feed.dsts[0].getsockname()[1]
    status, _, err = feed.daemon.ctl("bridge", "add", feed.src, dst)
    assert status == 1 and "has this src and dst" in err, err
    # The same src to another dst is what datagrams can do.
    feed.daemon.add(feed.src, "udp:127.0.0.1:%d" % context.port())
    assert len(feed.daemon.show("bridges")) == 2


def test_src_that_is_not_of_this_machine(context):
    scene = Scene(context)
    for kind in ("tcp", "udp"):
        for host in ("192.0.2.1", "[2001:db8::1]"):
            scene.refused(1, os.strerror(errno.EADDRNOTAVAIL), "%s:%s:%d" % (
                kind, host, context.port()), kind + ":127.0.0.1:9")


def test_dst_without_a_route(context):
    """For datagrams at once; a stream's peer is reset."""
    scene = Scene(context)
    scene.refused(1, os.strerror(errno.ENETUNREACH),
                  "udp:127.0.0.1:%d" % context.port(), "udp:192.0.2.1:9")
    number = scene.daemon.add(scene.src, "tcp:192.0.2.1:9")
    try:
        peer = connect(scene.src)
        assert peer.recv(1) == b"", "not reset"
    except ConnectionResetError:
        pass
    wait_for(lambda: scene.daemon.show("bridges")[1]["failed"] == 1)
    assert scene.daemon.ctl("bridge", "close", str(number))[0] == 0
    scene.check()


def test_low_port_without_the_privilege_is_refused_with_the_reason(context):
    """Kept only where mctd.conf has such a bridge."""
    scene = Scene(context)
    for kind in ("tcp", "udp"):
        scene.refused(1, "CAP_NET_BIND_SERVICE", kind + ":127.0.0.1:80",
                      kind + ":127.0.0.1:%d" % context.port())
    port = context.port()
    daemon = context.daemon(
        "timeouts { drain 0 }\nbridge tcp:127.0.0.1:81 %s\n" %
        scene.line.dst)
    daemon.add("tcp:127.0.0.1:80", scene.line.dst)
    daemon.add("udp:127.0.0.1:80", "udp:127.0.0.1:%d" % port)
    exchange(connect("tcp:127.0.0.1:80"), accept(scene.line.server))
    scene.check()


def test_path_of_the_control_socket_is_too_long(context):
    daemon = context.daemon(start=False)
    for path in ("/" + "x" * 200, "x" * 200, "/" + "x" * UNIX_MAX):
        daemon.socket = path
        status, out, err = daemon.ctl("show", "summary")
        assert (status, out) == (1, ""), (status, err)
        assert "File name too long" in err, err


def test_longest_names_there_are_work(context):
    scene = Scene(context)
    name = "unix:@" + "x" * UNIX_MAX
    scene.daemon.add(name, scene.line.dst, "name", "n" * 31)
    exchange(connect(name), accept(scene.line.server))
    assert scene.daemon.show("bridges")[1]["src"] == name
    assert scene.daemon.ctl("bridge", "close", "n" * 31)[0] == 0
    scene.check()


def test_requests_of_bad_ids_harm_nothing(context):
    scene = Scene(context)
    for words in (("session", "close", "1"), ("bridge", "close", "77"),
                  ("bridge", "close", "no-such-name"),
                  ("bridge", "close", ""), ("session", "close", "1 "),
                  ("session", "close", "0x101"), ("bridge", "close", "-1")):
        status, out, err = scene.daemon.ctl(*words)
        assert status in (1, 2) and out == "" and err, (words, status)
        scene.check()
