"""Options of bridges, on the sockets themselves: what ss shows of them, what
leaves on the wire, and whom the other side sees."""

import errno
import os
import re
import socket
import subprocess

from echo import Echo, ask, asked, ending, tcp
from ends import (Line, QUICK, accept, app_directory, connect, exchange,
                  expect_refusal, listen, take)
from program import wait_for
from space import Capture, Space, ip
from watch import Monitor

FAR = "tcp:10.1.0.2:%d"
NEAR = "tcp:10.1.0.1:%d"


def port_of(text):
    return int(text.rpartition(":")[2])


def mp(text):
    """The same with Multipath TCP."""
    return "mp" + text


def ss(*words):
    """What ss prints of the sockets of this network, a line each."""
    done = subprocess.run(("ss", "-nH", *words), check=True, text=True,
                          stdout=subprocess.PIPE)
    return done.stdout.splitlines()


def own_sockets(peer, dst):
    """What ss says of the daemon's two sockets of a session, a line each."""
    for sock in (peer, dst):
        found = ss("-to", "dport = :%d and sport = :%d" % (
            sock.getsockname()[1], sock.getpeername()[1]))
        assert len(found) == 1, found
        yield found[0]


def backlog_of(line):
    """Of the listener at src."""
    kind, _, name = line.src.partition(":")
    if kind == "unix":  # mctd binds from within the directory
        found = [s.split()[3] for s in ss("-lx")
                 if s.split()[4] == os.path.basename(name)]
    else:
        found = [s.split()[2] for s in
                 ss("-lt", "sport = :%d" % port_of(line.src))]
    assert len(found) == 1, found
    return int(found[0])


def reload_with(line, options):
    count = line.daemon.log_text().count("configuration loaded")
    line.daemon.write(QUICK + 'bridge "line" "%s" "%s" { %s }\n' % (
        line.src, line.dst, options))
    line.daemon.reload()
    wait_for(lambda: line.daemon.log_text().count("configuration loaded") >
             count, 20, "reload")


# -- keepalive, user-timeout: the timers, and what they do on a mute wire

def keepalives(line):
    """Seconds to the first probe of both sockets of a new session."""
    peer, dst = line.pair()
    found = []
    for text in own_sockets(peer, dst):
        timer = re.search(r"timer:\(keepalive,([^,]*),", text)
        if timer:
            number, unit = re.match(r"(\d+)(?:\.\d+)?(min|sec)",
                                    timer.group(1)).groups()
            found.append(int(number) * (60 if unit == "min" else 1))
    peer.close()
    dst.close()
    return found


def test_keepalive_runs_on_both_sides(context):
    for kind in ("tcp", "mptcp"):
        at = kind + ":127.0.0.1:%d"
        line = Line(context, at % context.port(), at % context.port(),
                    options="keepalive 50s")
        assert all(40 < s <= 50 for s in keepalives(line)), kind
        assert len(keepalives(line)) == 2, kind


def test_keepalive_changes_with_a_reload(context):
    line = Line(context)
    assert keepalives(line) == []
    reload_with(line, "keepalive 50s keepalive-interval 3s")
    assert len([s for s in keepalives(line) if 40 < s <= 50]) == 2
    reload_with(line, "keepalive 30s")
    assert len([s for s in keepalives(line) if 20 < s <= 30]) == 2
    reload_with(line, "")
    assert keepalives(line) == []


class Wire:
    """A daemon, and one end of its bridge on the other side of a wire."""

    def __init__(self, context, far_is, options):
        self.far = Space()
        self.far.wire("w0", "10.1.0.1/24", "10.1.0.2/24")
        self.far_is = far_is
        self.src = (NEAR if far_is == "peer" else "tcp:127.0.0.1:%d") % \
            context.port()
        self.dst = (FAR if far_is == "dst" else "tcp:127.0.0.1:%d") % \
            context.port()
        self.server = self.there("dst", listen, self.dst)
        self.daemon = context.daemon(
            QUICK + "bridge %s %s { %s }\n" % (self.src, self.dst, options))
        self.monitor = Monitor(context, self.daemon)
        self.capture = Capture("w0")
        self.peer = self.there("peer", connect, self.src)
        self.end = accept(self.server)
        exchange(self.peer, self.end, 1000)

    def there(self, which, function, *args):
        if which != self.far_is:
            return function(*args)
        with self.far:
            return function(*args)

    def near(self):
        """The test's own socket on this side of the wire."""
        return self.end if self.far_is == "peer" else self.peer

    def out(self, **fields):
        """Packets to the far end."""
        if self.far_is == "peer":
            return dict(sport=port_of(self.src), **fields)
        return dict(dport=port_of(self.dst), **fields)

    def expect_lost(self):
        reason = self.far_is + "-lost"
        event = self.monitor.wait("session-closed")
        assert event["reason"] == reason, event
        assert event["err"] == errno.ETIMEDOUT, event
        self.near().settimeout(20)
        try:
            assert self.near().recv(1) == b"", "a byte of nobody"
            raise AssertionError("end of file, not a reset")
        except ConnectionResetError:
            pass


def lost_by_keepalive(context, far_is):
    wire = Wire(context, far_is, "keepalive 1s keepalive-interval 1s "
                                 "keepalive-count 2")
    wire.far.mute("w0")
    wire.expect_lost()


def all_acknowledged():
    """While bytes wait for that, TCP sends them again and probes nothing."""
    with open("/proc/net/tcp") as stream:
        lines = stream.read().splitlines()[1:]
    return all(int(line.split()[4].partition(":")[0], 16) == 0
               for line in lines)


def lost_while_half_closed(context, far_is, shuts):
    """One way has ended; the other has nothing to carry when the wire goes
    mute, and only keepalive can tell."""
    wire = Wire(context, far_is, "half-closed 0 keepalive 1s "
                                 "keepalive-interval 1s keepalive-count 2")
    near, far = wire.near(), wire.peer if far_is == "peer" else wire.end
    one, other = (near, far) if shuts == "near" else (far, near)
    one.shutdown(socket.SHUT_WR)
    assert other.recv(1) == b""
    other.sendall(b"still")
    assert take(one, 5) == b"still"
    wait_for(all_acknowledged, 10, "acknowledgement of all bytes")
    wire.far.mute("w0")
    event = wire.monitor.wait("session-closed")
    assert event["reason"] == far_is + "-lost", event
    assert event["err"] == errno.ETIMEDOUT, event
    assert ending(near) == ("reset" if shuts == "near" else "end")


def test_keepalive_finds_a_lost_peer_after_dst_half_closed(context):
    lost_while_half_closed(context, "peer", "near")


def test_keepalive_finds_a_lost_peer_that_half_closed(context):
    lost_while_half_closed(context, "peer", "far")


def test_keepalive_finds_a_lost_dst_after_peer_half_closed(context):
    lost_while_half_closed(context, "dst", "near")


def test_keepalive_finds_a_lost_dst_that_half_closed(context):
    lost_while_half_closed(context, "dst", "far")


def test_keepalive_finds_a_lost_peer(context):
    lost_by_keepalive(context, "peer")


def test_keepalive_finds_a_lost_dst(context):
    lost_by_keepalive(context, "dst")


def lost_by_user_timeout(context, far_is):
    wire = Wire(context, far_is, "user-timeout 2s")
    wire.far.mute("w0")
    wire.near().sendall(b"nobody acknowledges this")
    wire.expect_lost()


def test_user_timeout_finds_a_lost_peer(context):
    lost_by_user_timeout(context, "peer")


def test_user_timeout_finds_a_lost_dst(context):
    lost_by_user_timeout(context, "dst")


def test_user_timeout_of_mptcp_is_refused(context):
    """The kernel has none: said at once, not by the first session."""
    line = Line(context)
    for ends in ((tcp(context), mp(line.dst)), (mp(tcp(context)), line.dst)):
        status, _, err = line.daemon.ctl("bridge", "add", *ends,
                                         "user-timeout", "5")
        assert status == 1 and "Multipath" in err, (status, err)
    line.check()


# -- nodelay

def second_byte_leaves(context, far_is, options):
    """Whether a byte leaves while the one before it is not acknowledged."""
    with open("/proc/sys/net/ipv4/tcp_early_retrans", "w") as stream:
        stream.write("0")  # a probe for lost packets would take it along
    wire = Wire(context, far_is, options)
    wire.far.mute("w0")
    wire.near().sendall(b"1")
    wire.capture.wait(**wire.out(data=b"1"))
    wire.near().sendall(b"2")
    wait_for(lambda: wire.capture.all(**wire.out(data=b"2")) or
             len(wire.capture.all(**wire.out(data=b"1"))) > 2, 20,
             "second byte, or repetitions of the first")
    return bool(wire.capture.all(**wire.out(data=b"2")))


def test_small_data_does_not_wait_for_acknowledgements_to_dst(context):
    assert second_byte_leaves(context, "dst", "")


def test_small_data_does_not_wait_for_acknowledgements_to_peer(context):
    assert second_byte_leaves(context, "peer", "nodelay yes")


def test_without_nodelay_it_does_to_dst(context):
    assert not second_byte_leaves(context, "dst", "nodelay no")


def test_without_nodelay_it_does_to_peer(context):
    assert not second_byte_leaves(context, "peer", "nodelay no")


# -- dscp

def marked(context, src, dst, options="dscp 46"):
    """What the traffic class of the packets to peer and dst is."""
    line = Line(context, src, dst, options)
    capture = Capture("lo")
    peer = connect(src.replace("*", "127.0.0.1"))
    exchange(peer, accept(line.server), 1000)
    ports = {"sport": port_of(src)}, {"dport": port_of(dst)}
    for fields in ports:
        capture.wait(2, **fields)
    return [{p.tos & ~3 for p in capture.all(**f)} for f in ports]


def test_dscp_of_ipv4(context):
    assert marked(context, tcp(context), tcp(context)) == [{184}, {184}]


def test_dscp_of_ipv6(context):
    at = "tcp:[::1]:%d"
    assert marked(context, at % context.port(),
                  at % context.port()) == [{184}, {184}]


def test_dscp_of_both_on_one_socket(context):
    assert marked(context, "tcp:*:%d" % context.port(),
                  "tcp:[::1]:%d" % context.port()) == [{184}, {184}]


def test_dscp_of_mptcp(context):
    at = "mptcp:127.0.0.1:%d"
    assert marked(context, at % context.port(),
                  at % context.port()) == [{184}, {184}]


def test_dscp_of_mptcp_over_ipv6_is_refused(context):
    """The kernel has none: said, and not left out."""
    line = Line(context)
    for src in ("mptcp:[::1]:%d", "mptcp:*:%d"):
        status, _, err = line.daemon.ctl("bridge", "add",
                                         src % context.port(), line.dst,
                                         "dscp", "46")
        assert status == 1 and "no dscp" in err, (src, status, err)
    line.check()


def test_dscp_changes_with_a_reload(context):
    line = Line(context, options="dscp 46")
    capture = Capture("lo")
    for options, tos in (("dscp 8", 32), ("", 0)):
        reload_with(line, options)
        peer, end = line.pair()
        exchange(peer, end, 1000)
        for sock in (peer, end):
            fields = {"sport": sock.getpeername()[1],
                      "dport": sock.getsockname()[1]}
            capture.wait(2, **fields)
            found = {p.tos & ~3 for p in capture.all(**fields)}
            assert found == {tos}, (options, fields, found)


# -- the way to dst

class Roads:
    """Two wires to a host, of which the first is the usual way; a third
    address can be reached only with mark 7."""

    def __init__(self):
        self.far = Space()
        for name in ("1", "3"):
            self.far.wire("w" + name, "10.%s.0.1/24" % name,
                          "10.%s.0.2/24" % name)
        for address in ("10.8.0.2/32", "10.9.0.2/32"):
            self.far.ip("address", "add", address, "dev", "lo")
        ip("route", "add", "10.8.0.2", "via", "10.1.0.2", "metric", "1")
        ip("route", "add", "10.8.0.2", "via", "10.3.0.2", "metric", "2")
        ip("route", "add", "10.9.0.2", "via", "10.3.0.2", "table", "100")
        ip("rule", "add", "fwmark", "7", "table", "100")

    def listen(self, text):
        with self.far:
            return listen(text)


def seen(server, src):
    """The address from which dst is connected to for a new peer."""
    peer = connect(src)
    end, address = server.accept()
    exchange(peer, end, 1000)
    peer.close()
    end.close()
    return address[0]


def test_bind_device_leads_another_way(context):
    roads, src = Roads(), tcp(context)
    daemon = context.daemon(QUICK)
    for kind in ("tcp", "mptcp"):
        dst = "%s:10.8.0.2:%d" % (kind, context.port())
        server = roads.listen(dst)
        for device, address in (("w3", "10.3.0.1"), ("w1", "10.1.0.1"),
                                (None, "10.1.0.1")):
            number = daemon.add(src, dst, *(
                ("bind-device", device) if device else ()))
            assert seen(server, src) == address, (kind, device)
            daemon.ctl("bridge", "close", str(number))


def test_device_that_is_not_there_is_said(context):
    """It may come later."""
    roads, src, dst = Roads(), tcp(context), "tcp:10.8.0.2:%d" % context.port()
    server = roads.listen(dst)
    daemon = context.daemon(
        QUICK + "bridge %s %s { bind-device w5 }\n" % (src, dst))
    monitor = Monitor(context, daemon)
    expect_refusal(src)
    event = monitor.wait("connect-failed")
    assert event["err"] == errno.ENODEV, event
    daemon.wait_log("bind-device: there is no such interface")
    roads.far.wire("w5", "10.5.0.1/24", "10.5.0.2/24")
    ip("route", "add", "10.8.0.2", "via", "10.5.0.2", "metric", "3")
    assert seen(server, src) == "10.5.0.1"


def test_mark_leads_another_way(context):
    roads, src, dst = Roads(), tcp(context), "tcp:10.9.0.2:%d" % context.port()
    server = roads.listen(dst)
    other = tcp(context)
    daemon = context.daemon(
        QUICK + "bridge %s %s { mark 7 }\nbridge %s %s\n" % (
            src, dst, other, dst))
    monitor = Monitor(context, daemon)
    assert seen(server, src) == "10.3.0.1"
    expect_refusal(other)
    assert monitor.wait("connect-failed")["err"] == errno.ENETUNREACH
    # the power is kept for all that come later
    third, dst = tcp(context), "mptcp:10.9.0.2:%d" % context.port()
    server = roads.listen(dst)
    daemon.add(third, dst, "mark", "7")
    assert seen(server, third) == "10.3.0.1"


def test_mark_needs_a_power_that_the_start_keeps(context):
    line = Line(context)
    sentence = "mark needs CAP_NET_ADMIN, which is kept only when"
    status, _, err = line.daemon.ctl("bridge", "add", tcp(context), line.dst,
                                     "mark", "7")
    assert status == 1 and sentence in err, (status, err)
    line.daemon.write(QUICK + 'bridge "line" %s %s { mark 7 }\n' % (
        line.src, line.dst))
    line.daemon.reload()
    line.daemon.wait_log(":4: bridge: " + sentence)
    line.check()


def test_source_is_whom_dst_sees(context):
    ip("address", "add", "fd00::9/128", "dev", "lo", "nodad")
    for source, dst, kinds in (
            ("127.0.0.9", "127.0.0.1", ("tcp", "mptcp")),
            ("fd00::9", "[::1]", ("tcp", "mptcp"))):
        for kind in kinds:
            line = Line(context, None,
                        "%s:%s:%d" % (kind, dst, context.port()),
                        "source " + source)
            assert seen(line.server, line.src) == source
            peer, _ = line.pair()
            session, = line.wait_sessions(1)
            assert session["dst"] == line.dst, session
            peer.close()


def test_source_that_is_not_here_is_said(context):
    line = Line(context, options="source 10.77.0.1")
    monitor = Monitor(context, line.daemon)
    expect_refusal(line.src)
    event = monitor.wait("connect-failed")
    assert event["err"] == errno.EADDRNOTAVAIL, event
    line.daemon.wait_log("source is no address of this machine")
    ip("address", "add", "10.77.0.1/32", "dev", "lo")
    assert seen(line.server, line.src) == "10.77.0.1"


def test_source_takes_no_port_from_other_dsts(context):
    """With as many ports as sessions to one dst, each dst has them all."""
    servers = [listen(tcp(context)) for _ in range(3)]
    srcs = [tcp(context) for _ in servers]
    context.daemon(QUICK + "".join(
        "bridge %s tcp:127.0.0.1:%d { source 127.0.0.9 }\n" % (
            src, server.getsockname()[1])
        for src, server in zip(srcs, servers)))
    with open("/proc/sys/net/ipv4/ip_local_port_range", "w") as stream:
        stream.write("50000 50001")
    pairs = []
    for src, server in zip(srcs, servers):
        for _ in range(2):
            peer = connect(src, tcp(context))
            pairs.append((peer, accept(server)))
    for pair in pairs:
        exchange(*pair, 1000)


# -- accepting

def test_backlog_is_that_of_the_listener(context):
    app = app_directory(context)
    for src in (tcp(context), mp(tcp(context)), "unix:@backlog",
                "unix:%s/backlog" % app):
        line = Line(context, src, options="backlog 7",
                    conf='directory "%s"\n' % app)
        assert backlog_of(line) == 7, src


def test_backlog_changes_with_a_reload(context):
    line = Line(context)
    usual = backlog_of(line)
    for options, backlog in (("backlog 3", 3), ("backlog 9", 9),
                             ("", usual)):
        reload_with(line, options)
        assert backlog_of(line) == backlog
        line.check()


def test_listener_taken_over_has_the_options_of_its_new_bridge(context):
    """dst and backlog change at once: another bridge, the same listener."""
    line = Line(context, options="backlog 3")
    before = line.bridge()["id"]
    line.dst = tcp(context)
    line.server = listen(line.dst)
    reload_with(line, "backlog 9 dscp 46")
    assert line.bridge()["id"] != before
    assert backlog_of(line) == 9
    capture = Capture("lo")
    line.check()
    capture.wait(2, sport=port_of(line.src), tos=184)


def test_connection_rate_lets_a_second_of_peers_in_at_once(context):
    """The bucket holds those of one second; then they come one by one."""
    line = Line(context, options="connection-rate 4")
    monitor = Monitor(context, line.daemon)
    peers = [connect(line.src) for _ in range(7)]
    event = monitor.wait("limit-reached")
    assert event["text"] == "connection-rate", event
    dsts = [accept(line.server) for _ in range(7)]
    closed = monitor.wait_count(7, "session-opened")
    first, last = closed[0]["time"], closed[-1]["time"]
    # 4 at once, and 3 at 4 a second; how much longer is the machine's
    assert last - first > 0.6e9, last - first
    assert closed[3]["time"] - first < last - first
    for pair in zip(peers, dsts):
        exchange(*pair, 1000)
    assert line.bridge()["accepted"] == 7


def test_connection_rate_pauses_and_goes_on(context):
    line = Line(context, options="connection-rate 1")
    peers = [connect(line.src) for _ in range(3)]
    dsts = [accept(line.server)]
    wait_for(lambda: line.bridge()["state"] == "paused", 20, "pause")
    dsts += [accept(line.server), accept(line.server)]
    for pair in zip(peers, dsts):
        exchange(*pair, 1000)
    wait_for(lambda: line.bridge()["state"] == "listening", 20, "listener")


def test_connection_rate_that_is_not_reached_is_no_event(context):
    """Also when the bucket is empty, as long as nobody waits."""
    line = Line(context, options="connection-rate 3")
    monitor = Monitor(context, line.daemon)
    for _ in range(3):
        line.check()
    monitor.wait_count(3, "session-closed")
    assert monitor.all("limit-reached") == []


def test_connection_rate_ends_with_a_reload(context):
    line = Line(context, options="connection-rate 1")
    peers = [connect(line.src) for _ in range(20)]
    reload_with(line, "")
    for peer in peers:
        exchange(peer, accept(line.server), 100)


def test_connection_rate_with_max(context):
    """Paused for one limit, it waits for the other as well."""
    line = Line(context, options="connection-rate 1 max 1")
    first = line.pair()
    waiting = [connect(line.src) for _ in range(2)]
    wait_for(lambda: line.bridge()["state"] == "paused", 20, "pause")
    for peer in waiting:
        first[0].close()
        first[1].close()
        first = (peer, accept(line.server))
        exchange(*first, 1000)


# -- urgent data

def test_urgent_data_of_local_streams_is_inline(context):
    """On the accepted socket too, which has no option of its listener."""
    line = Line(context, "unix:@src", "unix:@dst")
    for one, other in (line.pair(), line.pair()[::-1]):
        one.sendall(b"before")
        one.send(b"!", socket.MSG_OOB)
        one.sendall(b"after")
        assert take(other, 12) == b"before!after"


# -- combinations

def test_all_options_at_once(context):
    echo, src = Echo(tcp(context)), tcp(context)
    daemon = context.daemon(
        QUICK + "bridge %s %s { max 9 max-per-source 9 connection-rate 100 "
        "backlog 9 connect 5s idle 5m half-closed 1m lifetime 1h keepalive "
        "9s keepalive-interval 2s keepalive-count 3 user-timeout 9s hold 5s "
        "nodelay no dscp 10 mark 7 bind-device lo source 127.0.0.9 dst %s "
        "}\n" % (src, tcp(context), echo.text))
    peer = asked(src)
    ask(peer, 100000)
