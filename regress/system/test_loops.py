"""Where what leaves at a dst would come in at a src of the same daemon."""

from dgrams import expect_none
from ends import QUICK, make, receiver
from program import wait_for
from space import Space


def udp(context, host="127.0.0.1"):
    return "udp:%s:%d" % (host, context.port())


def refused(daemon, *words):
    status, _, err = daemon.ctl("bridge", "add", *words)
    assert status == 1, (status, err)
    return err


def test_dst_that_is_a_src_takes_loop(context):
    """Whichever of the two comes first, and whatever the src is bound to."""
    daemon = context.daemon(QUICK)
    for host in ("127.0.0.1", "0.0.0.0", "*"):
        first, last = udp(context), udp(context)
        port = context.port()
        mid, src = "udp:127.0.0.1:%d" % port, "udp:%s:%d" % (host, port)
        number = daemon.add(src, last)
        err = refused(daemon, first, mid)
        assert "src of bridge %d," % number in err, err
        chain = daemon.add(first, mid, "loop", "yes")
        daemon.ctl("bridge", "close", str(number))
        daemon.ctl("bridge", "close", str(chain))
        number = daemon.add(first, mid)
        err = refused(daemon, src, last)
        assert "bridge %d leads to this src" % number in err, err
        # it is not for the one that is reached to say
        refused(daemon, src, last, "loop", "yes")
        daemon.ctl("bridge", "close", str(number))
    src = "unixdgram:@mid"
    daemon.add(src, last)
    refused(daemon, first, src)
    refused(daemon, "udp:*:20", "udp:127.0.0.1:20")


def test_order_of_the_file_and_of_reloads_does_not_matter(context):
    first, mid, last = udp(context), udp(context), udp(context)
    lead = 'bridge "lead" %s %s' % (first, mid)
    led = 'bridge "led" %s %s\n' % (mid, last)
    daemon = context.daemon(QUICK + lead + "\n")

    def load(text, fails=None):
        daemon.write(QUICK + text)
        status, _, err = daemon.ctl("reload")
        assert (status == 1 and fails in err) if fails else status == 0, err
        return {b["name"]: b["id"] for b in daemon.show("bridges")}

    ids = load(lead + "\n" + led, "leads to this src")
    assert load(led + lead + "\n", "leads to this src") == ids
    both = load(led + lead + " { loop yes }\n")
    assert both["lead"] == ids["lead"], "a new one, for an option"
    assert load(lead + " { loop yes }\n" + led) == both
    assert load(lead + "\n" + led, "takes the option loop") == both
    assert load(lead + "\n") == ids
    assert set(load(led)) == {"led"}


def test_circle_of_two_daemons_ends_by_hops(context):
    far = Space()
    far.wire("w0", "10.1.0.1/24", "10.1.0.2/24")
    here, there = "udp:10.1.0.1:7000", "udp:10.1.0.2:7000"
    text = QUICK + 'bridge "round" %s %s { hops yes }\n'
    one = context.daemon(text % (here, there))
    with far:
        two = context.daemon(text % (there, here))
    sender, address = make(here)
    sender.setsockopt(0, 2, 20)  # IP_TTL
    sender.sendto(b"round and round", address)

    def counts():
        bridges = one.show("bridges") + two.show("bridges")
        return [sum(b[name] for b in bridges)
                for name in ("drop-hops", "messages-out")]

    wait_for(lambda: counts()[0] == 1, 20, "an end")
    # each of twenty hops, but the one that ends it
    assert counts() == [1, 19], counts()


def test_circle_of_one_daemon_ends_by_hops(context):
    one, two, out = udp(context), udp(context), udp(context)
    end = receiver(out)
    daemon = context.daemon(QUICK + "".join(
        'bridge "%s" "%s" "%s" { loop yes hops yes }\n' % ends for ends in (
            ("a", one, two), ("b", two, one), ("c", one, out))))
    sender, address = make(one)
    sender.setsockopt(0, 2, 9)
    sender.sendto(b"round", address)
    wait_for(lambda: sum(b["drop-hops"] for b in daemon.show("bridges")) == 2,
             20, "an end")
    for _ in range(4):
        assert end.recv(100) == b"round"
    expect_none(end)
