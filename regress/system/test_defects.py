"""Bridges of a running daemon: what once did not hold.  A src that is
closed and opened at once, a listener that goes on, circles, and an engine
that hangs."""

import os
import signal
import socket

from echo import Echo, ask, asked, at_work, tcp
from ends import QUICK, accept, connect, exchange, listen, make, \
    receiver, run
from handle import Handle
from program import wait_for

CIRCLE = "dst leads back to src"


def udp(context):
    """An address that no other part of the test uses."""
    return "udp:127.0.0.1:%d" % context.port()


def bridge(src, dst):
    return 'bridge "%s" "%s"\n' % (src, dst)


def check_states(daemon, *numbers):
    """These bridges, and all of them at work."""
    def settled():
        found = daemon.show("bridges")
        return all(b["state"] == "relaying" for b in found) and \
            sorted(b["id"] for b in found) == sorted(numbers)
    wait_for(settled, 10, "rest, but %s" % daemon.show("bridges"))


def carries(src, dst):
    """A datagram sent to src arrives at the receiver; others may have been
    lost while there was no engine."""
    sender, address = make(src)
    sender.connect(address)
    dst.settimeout(0.2)

    def arrives():
        try:
            sender.send(b"through")
            return dst.recv(100) == b"through"
        except (TimeoutError, ConnectionRefusedError):
            return False
    with sender:
        wait_for(arrives, 20, "datagram from " + src)


# -- One client closes what another opens


def test_src_that_one_closes_and_another_adds_is_answered_to_both(context):
    daemon = context.daemon("limits { standby 0 }\n")
    src = udp(context)
    number = daemon.add(src, udp(context))
    for _ in range(30):
        closed, added = run(
            (daemon.ctl, "bridge", "close", str(number)),
            (daemon.ctl, "bridge", "add", src, udp(context)))
        assert closed[0] == 0, closed
        assert added[0] == 0, added
        number = int(added[1])
        check_states(daemon, number)


def test_src_that_is_closed_and_added_by_two_programs_stays_sound(context):
    """As above, but fast: no process starts between the requests."""
    daemon = context.daemon("limits { standby 0 }\n")
    one, other = Handle(daemon), Handle(daemon)
    src, dsts = udp(context), [udp(context) for _ in range(2)]
    for handle in (one, other):
        handle.call("mct_timeout", 20000)
    number = one.add(src, dsts[0])
    for n in range(300):
        _, number = run((one.call, "mct_session_close", number),
                        (other.add, src, dsts[(n + 1) % 2]))
        one, other = other, one
    check_states(daemon, number)
    sink = receiver(dsts[300 % 2])
    carries(src, sink)


# -- A listener that was paused


def goes_on(context, dst):
    """One session may be connecting; the next peer waits for it."""
    server, src = listen(dst, backlog=0), tcp(context)
    first, address = make(dst)
    first.connect(address)  # the queue of the server is full
    daemon = context.daemon(QUICK + "limits { sessions 4 }\n" +
                            bridge(src, dst))

    def state():
        found, = daemon.show("bridges")
        return found["state"], found["connecting"]
    peers = [connect(src) for _ in range(3)]
    wait_for(lambda: state() == ("paused", 1), 20, "pause")
    with first:
        accept(server).close()
    for peer in peers:
        peer.sendall(b"mine")
    ends = [accept(server) for _ in peers]
    for end in ends:
        assert end.recv(4) == b"mine"
        end.sendall(b"yours")
    for peer in peers:
        assert peer.recv(5) == b"yours"
    wait_for(lambda: state() == ("listening", 0), 20, "listening again")
    exchange(connect(src), accept(server))


def test_listener_paused_while_dst_is_busy_goes_on_by_tcp(context):
    goes_on(context, tcp(context))


def test_listener_paused_while_dst_is_busy_goes_on_locally(context):
    goes_on(context, "unix:@busy")


# -- Circles


def refused(daemon, src, dst, why=CIRCLE):
    status, out, err = daemon.ctl("bridge", "add", src, dst)
    assert status == 1 and out == "", (src, dst, status, out)
    assert why in err, err


def circles(context):
    """Pairs of src and dst, each of which is one by itself."""
    port = context.port()
    return [words % (port, port) for words in (
        "udp:0.0.0.0:%d udp:127.0.0.1:%d", "tcp:*:%d tcp:127.0.0.1:%d",
        "tcp:*:%d tcp:[::1]:%d", "udp:*:%d udp:127.0.0.1:%d",
        "udp:[::]:%d udp:[::1]:%d", "tcp:0.0.0.0:%d tcp:127.0.0.1:%d")]


def test_dst_that_is_reached_at_src_is_refused(context):
    daemon = context.daemon()
    for words in circles(context):
        refused(daemon, *words.split())
    assert daemon.show("bridges") == []


def test_dst_of_all_addresses_is_refused(context):
    """The kernel takes it for this machine, and so for src."""
    daemon = context.daemon()
    port = context.port()
    for src, dst in (("udp:127.0.0.1:%d", "udp:0.0.0.0:%d"),
                     ("tcp:127.0.0.1:%d", "tcp:0.0.0.0:%d"),
                     ("udp:[::1]:%d", "udp:[::]:%d")):
        status, out, err = daemon.ctl("bridge", "add", src % port,
                                      dst % port)
        assert status == 1 and out == "" and err, (src, dst)
    assert daemon.show("bridges") == []


def test_circle_of_bridges_is_refused(context):
    daemon = context.daemon()
    one, two, three = (tcp(context) for _ in range(3))
    first = daemon.add(one, two)
    refused(daemon, two, one)
    daemon.add(two, three)
    refused(daemon, three, one)
    refused(daemon, three, two)
    refused(daemon, one.replace("127.0.0.1", "0.0.0.0"), one)
    daemon.add(three, tcp(context))  # leads out
    # what is closed leads nowhere
    assert daemon.ctl("bridge", "close", str(first))[0] == 0
    daemon.add(tcp(context), one)


def test_circle_among_several_dsts_of_one_src_is_refused(context):
    daemon = context.daemon()
    one, two, three = (udp(context) for _ in range(3))
    daemon.add(one, udp(context))
    daemon.add(one, two, "loop", "yes")
    daemon.add(two, udp(context))
    daemon.add(two, three, "loop", "yes")
    refused(daemon, three, one, "takes the option loop")
    refused(daemon, three, two, "takes the option loop")


def test_circle_in_the_configuration_is_told_by_its_line(context):
    daemon = context.daemon(start=False)
    one, two = tcp(context), tcp(context)
    texts = [(bridge(*words.split()), 3) for words in circles(context)]
    texts.append((bridge(one, two) + bridge(two, one), 4))
    for text, line in texts:
        daemon.write(text)
        for words in ((), ("-d",)):
            status, _, err = daemon.run(*words)
            assert status == 1, (text, status, err)
            assert "%s:%d: " % (daemon.conf, line) in err, err
            assert CIRCLE in err, err
        assert not os.path.exists(daemon.socket)


def test_circle_in_a_new_configuration_changes_nothing(context):
    one, two, echo = tcp(context), tcp(context), Echo(tcp(context))
    daemon = context.daemon(bridge(one, echo.text))
    peer = asked(one)
    daemon.write(bridge(one, two) + bridge(two, one))
    status, _, err = daemon.ctl("reload")
    assert status == 1 and CIRCLE in err and ".conf:4: " in err, err
    ask(peer)
    assert [b["dst"] for b in daemon.show("bridges")] == [echo.text]


def test_bridge_may_be_turned_round_by_a_reload(context):
    one, two = udp(context), udp(context)
    daemon = context.daemon(bridge(one, two))
    daemon.write(bridge(two, one))
    assert daemon.ctl("reload")[0] == 0
    wait_for(lambda: [(b["src"], b["state"])
                      for b in daemon.show("bridges")] ==
             [(two, "relaying")])
    carries(two, receiver(one))


def test_chain_that_is_no_circle_carries(context):
    echo = Echo(tcp(context))
    sink = udp(context)
    tcps, udps = ([make_one(context) for _ in range(3)]
                  for make_one in (tcp, udp))
    daemon = context.daemon("".join(
        bridge(src, dst) for src, dst in zip(tcps, tcps[1:] + [echo.text])) +
        "".join('bridge "%s" "%s" { loop yes }\n' % ends
                for ends in zip(udps, udps[1:] + [sink])))
    ask(connect(tcps[0]), 100000)
    carries(udps[0], receiver(sink))
    assert len(daemon.show("bridges")) == 6
    # the same port of another type, or of another family, is another place
    port = context.port()
    daemon.add("udp:127.0.0.1:%d" % port, "udp:[::1]:%d" % port)
    daemon.add("tcp:0.0.0.0:%d" % port, "tcp:[::1]:%d" % port)


# -- An engine that hangs


def hung(context):
    """A daemon whose engine was stopped, its bridge and a receiver."""
    src, dst = udp(context), udp(context)
    sink = receiver(dst)
    daemon = context.daemon(bridge(src, dst))
    carries(src, sink)
    engine = at_work(daemon, "engine")
    os.kill(engine, signal.SIGSTOP)
    return daemon, engine, src, sink


def test_datagram_bridge_is_closed_though_the_engine_hangs(context):
    daemon, engine, src, _ = hung(context)
    status, _, err = daemon.ctl("bridge", "close", "1")
    assert status == 0, err
    at_work(daemon, "engine", other_than=engine)
    assert daemon.show("bridges") == []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", int(src.rpartition(":")[2])))


def test_datagram_bridge_is_added_though_the_engine_hangs(context):
    daemon, engine, src, sink = hung(context)
    new, dst = udp(context), udp(context)
    number = daemon.add(new, dst)
    at_work(daemon, "engine", other_than=engine)
    check_states(daemon, 1, number)
    carries(new, receiver(dst))
    carries(src, sink)
