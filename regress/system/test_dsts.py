"""Several dsts of one bridge: tried in order, left out while they fail."""

import errno

from echo import Echo, asked, ask, served, tcp
from ends import (QUICK, accept, app_directory, connect, exchange,
                  expect_refusal, listen, reset, silent_net, take)
from program import wait_for
from watch import Monitor


class Dsts:
    """A daemon with a bridge to several dsts, of which nobody listens."""

    def __init__(self, context, *dsts, options="", count=2, conf=""):
        self.src = tcp(context)
        self.dsts = dsts or [tcp(context) for _ in range(count)]
        self.options = options
        self.daemon = context.daemon(QUICK + conf + self.text())
        self.monitor = Monitor(context, self.daemon)

    def text(self):
        return 'bridge "several" %s "%s" { %s %s }\n' % (
            self.src, self.dsts[0],
            " ".join('dst "%s"' % d for d in self.dsts[1:]), self.options)

    def bridge(self):
        return self.daemon.show("bridges")[0]

    def held(self):
        return self.bridge().get("held", "")

    def wait_held(self, text):
        wait_for(lambda: self.held() == text, 20, "held dsts %r" % text)


def waits(server):
    """Whether a peer waits there."""
    server.settimeout(0)
    try:
        server.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def test_first_that_stands_serves(context):
    dsts = Dsts(context, count=3, options="hold 1h")
    servers = [listen(text) for text in dsts.dsts[1:]]
    peer = connect(dsts.src)
    exchange(peer, accept(servers[0]))
    assert not waits(servers[1])
    session, = dsts.daemon.show("sessions")
    assert session["dst"] == dsts.dsts[1], session
    down, = dsts.monitor.wait_count(1, "dst-down")
    assert down["text"] == dsts.dsts[0], down
    assert down["err"] == errno.ECONNREFUSED, down
    assert down["id"] == down["bridge"] == dsts.bridge()["id"], down
    assert dsts.monitor.all("connect-failed") == []
    assert dsts.bridge()["failed"] == 0
    dsts.daemon.wait_log("dst %s is down: Connection refused" % dsts.dsts[0])


def test_dst_that_failed_is_left_out_for_a_while(context):
    dsts = Dsts(context, options="hold 1h")
    Echo(dsts.dsts[1])
    asked(dsts.src)
    dsts.wait_held("1")
    first = listen(dsts.dsts[0])
    for _ in range(3):
        asked(dsts.src)
    assert not waits(first)
    assert len(dsts.monitor.all("dst-down")) == 1


def test_dst_comes_back_when_the_hold_is_over(context):
    dsts = Dsts(context, options="hold 1s")
    Echo(dsts.dsts[1])
    asked(dsts.src)
    dsts.monitor.wait("dst-down")
    first = listen(dsts.dsts[0])
    dsts.wait_held("")
    assert dsts.monitor.all("dst-up") == []
    peer = connect(dsts.src)
    exchange(peer, accept(first))
    up = dsts.monitor.wait("dst-up")
    assert up["text"] == dsts.dsts[0] and up["err"] == 0, up
    dsts.daemon.wait_log("dst %s is up again" % dsts.dsts[0])


def test_hold_is_renewed_without_an_event(context):
    dsts = Dsts(context, options="hold 1s")
    Echo(dsts.dsts[1])
    for _ in range(2):
        asked(dsts.src)
        assert dsts.held() == "1"
        dsts.wait_held("")
    assert len(dsts.monitor.all("dst-down")) == 1


def test_when_all_are_left_out_they_are_tried_all_the_same(context):
    dsts = Dsts(context, count=3, options="hold 1h")
    expect_refusal(dsts.src)
    event = dsts.monitor.wait("connect-failed")
    assert event["err"] == errno.ECONNREFUSED, event
    assert event["reason"] == "connect-failed", event
    dsts.monitor.wait_count(3, "dst-down")
    dsts.wait_held("1,2,3")
    assert dsts.bridge()["failed"] == 1
    Echo(dsts.dsts[2])
    asked(dsts.src)
    assert dsts.held() == "1,2"
    assert dsts.monitor.wait("dst-up")["text"] == dsts.dsts[2]


def test_held_dst_is_tried_when_the_others_fail(context):
    dsts = Dsts(context, options="hold 1h")
    second = listen(dsts.dsts[1])
    connect(dsts.src)
    accept(second)
    dsts.wait_held("1")
    second.close()
    Echo(dsts.dsts[0])
    asked(dsts.src)
    dsts.wait_held("2")


def test_silent_dst_gives_way_to_the_next(context):
    silent = silent_net()
    dsts = Dsts(context, silent, tcp(context), options="connect 1 hold 1h")
    Echo(dsts.dsts[1])
    peer = connect(dsts.src)
    session = wait_for(lambda: dsts.daemon.show("sessions"), 20)[0]
    assert session["dst"] == silent or session["state"] == "open", session
    ask(peer)
    down = dsts.monitor.wait("dst-down")
    assert down["err"] == errno.ETIMEDOUT and down["text"] == silent, down
    session, = dsts.daemon.show("sessions")
    assert session["dst"] == dsts.dsts[1], session


def test_each_dst_has_its_own_time(context):
    """Two are silent: it takes both times until the third."""
    silent = silent_net()
    dsts = Dsts(context, silent, silent[:-1] + "10", tcp(context),
                options="connect 1 hold 1h")
    Echo(dsts.dsts[2])
    peer = connect(dsts.src)
    ask(peer)
    assert [e["err"] for e in dsts.monitor.wait_count(2, "dst-down")] == \
        [errno.ETIMEDOUT] * 2


def test_dsts_of_different_families(context):
    """A path that is not there, an abstract name, and IPv6."""
    app = app_directory(context)
    dsts = Dsts(context, "unix:%s/dst" % app, "unix:@nobody",
                "tcp:[::1]:%d" % context.port(), options="hold 1h",
                conf='directory "%s"\n' % app)
    Echo(dsts.dsts[2])
    asked(dsts.src)
    assert [e["err"] for e in dsts.monitor.wait_count(2, "dst-down")] == \
        [errno.ENOENT, errno.ECONNREFUSED]
    dsts.wait_held("1,2")


def test_single_dst_is_never_left_out(context):
    src, dst = tcp(context), tcp(context)
    daemon = context.daemon(QUICK + "bridge %s %s\n" % (src, dst))
    monitor = Monitor(context, daemon)
    expect_refusal(src)
    monitor.wait("connect-failed")
    assert monitor.all("dst-down") == []
    Echo(dst)
    assert served(src)


def test_what_is_wrong_here_does_not_hold_a_dst(context):
    """There are no free ports: that is no fault of the dsts."""
    dsts = Dsts(context, options="hold 1h source 127.0.0.9")
    servers = [listen(text) for text in dsts.dsts]
    with open("/proc/sys/net/ipv4/ip_local_port_range", "w") as stream:
        stream.write("50000 50000")
    pairs = []
    for server in servers:
        pairs.append((connect(dsts.src, "tcp:127.0.0.1:%d" % context.port()),
                      accept(server)))
    expect_refusal(dsts.src, "tcp:127.0.0.1:%d" % context.port())
    event = dsts.monitor.wait("connect-failed")
    assert event["err"] == errno.EADDRNOTAVAIL, event
    assert dsts.monitor.all("dst-down") == []
    for pair in pairs:
        exchange(*pair, 1000)


def test_session_on_its_way_can_be_closed(context):
    silent = silent_net()
    dsts = Dsts(context, tcp(context), silent, options="connect 1h hold 1h")
    peer = connect(dsts.src)
    wait_for(lambda: [s["dst"] for s in dsts.daemon.show("sessions")] ==
             [silent], 20, "session that waits for the second")
    dsts.daemon.ctl("bridge", "close", "several")
    assert dsts.daemon.show("bridges") == []
    reset(peer)


def test_changed_list_takes_the_listener_over(context):
    """Sessions of the old list end; nobody is refused meanwhile."""
    dsts = Dsts(context, options="hold 1h")
    Echo(dsts.dsts[1])
    old = asked(dsts.src)
    number = dsts.bridge()["id"]
    dsts.dsts = [dsts.dsts[0], tcp(context), dsts.dsts[1]]
    third = listen(dsts.dsts[1])
    dsts.daemon.write(QUICK + dsts.text())
    dsts.daemon.reload()
    wait_for(lambda: [b["id"] for b in dsts.daemon.show("bridges")] !=
             [number], 20, "another bridge")
    try:
        assert old.recv(1) == b""
    except ConnectionResetError:
        pass
    peer = connect(dsts.src)
    exchange(peer, accept(third))


def test_same_list_keeps_the_bridge(context):
    dsts = Dsts(context)
    Echo(dsts.dsts[1])
    peer = asked(dsts.src)
    before = dsts.bridge()["id"]
    dsts.options = "hold 1h"
    dsts.daemon.write(QUICK + dsts.text())
    dsts.daemon.reload()
    dsts.daemon.wait_log("configuration loaded")
    assert dsts.bridge()["id"] == before
    ask(peer)


def test_circle_through_a_further_dst_is_refused(context):
    dsts = Dsts(context)
    status, _, err = dsts.daemon.ctl(
        "bridge", "add", dsts.dsts[1], tcp(context), "dst", dsts.src)
    assert status == 1 and "leads back" in err, (status, err)
    status, _, err = dsts.daemon.ctl(
        "bridge", "add", tcp(context), tcp(context), "dst",
        "unix:/nowhere/else")
    assert status == 1 and "directory" in err, (status, err)
    assert len(dsts.daemon.show("bridges")) == 1


def test_data_sent_early_reaches_the_dst_that_stands(context):
    dsts = Dsts(context, count=3)
    server = listen(dsts.dsts[2])
    peer = connect(dsts.src)
    peer.sendall(b"early")
    peer.shutdown(1)
    end = accept(server)
    assert take(end, 5) == b"early"
    assert end.recv(1) == b""
    end.sendall(b"late")
    assert take(peer, 4) == b"late"
