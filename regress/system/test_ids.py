"""Ids: one number space for bridges and sessions, and an old id never
names a new owner."""

from ends import Line, QUICK, exchange, expect_reset
from watch import Monitor


def add_udp(context, daemon):
    return daemon.add("udp:127.0.0.1:%d" % context.port(), "udp:127.0.0.1:9")


def close(daemon, what, number):
    status, _, err = daemon.ctl(what, "close", str(number))
    return status, err


def refused(daemon, what, number):
    status, err = close(daemon, what, number)
    assert status == 1, (what, number, status)
    assert "no such " + what in err, err


def test_bridges_and_sessions_share_one_number_space(context):
    line = Line(context, conf="limits { bridges 5 sessions 20 }\n")
    seen = []
    for turn in range(3):
        pairs = [line.pair() for _ in range(20)]
        added = [add_udp(context, line.daemon) for _ in range(4)]
        line.wait_sessions(20)
        now = [r["id"] for r in
               line.daemon.show("bridges") + line.sessions()]
        assert len(set(now)) == 25 and min(now) > 0
        assert max(now) < 1 << 31
        seen += [number for number in now if number != line.bridge()["id"]]
        for number in added:
            assert close(line.daemon, "bridge", number)[0] == 0
        for peer, dst in pairs:
            peer.close()
            dst.close()
        line.wait_sessions(0)
        assert len(set(seen)) == 24 * (turn + 1)


def test_old_id_of_a_bridge_does_not_close_the_new_one(context):
    """There is one place, so every bridge is in that of the one before."""
    daemon = context.daemon("limits { bridges 1 sessions 1 }\n")
    old = []
    for _ in range(10):
        number = add_udp(context, daemon)
        assert number not in old
        for gone in old:
            refused(daemon, "bridge", gone)
        assert [b["id"] for b in daemon.show("bridges")] == [number]
        assert close(daemon, "bridge", number)[0] == 0
        refused(daemon, "bridge", number)
        old.append(number)


def test_old_id_of_a_session_does_not_close_the_new_one(context):
    line = Line(context, conf="limits { sessions 1 }\n")
    old = []
    for _ in range(5):
        peer, dst = line.pair()
        number = line.wait_sessions(1)[0]["id"]
        for gone in old:
            refused(line.daemon, "session", gone)
        exchange(peer, dst)
        assert close(line.daemon, "session", number)[0] == 0
        assert expect_reset(peer) == expect_reset(dst) == b""
        old.append(number)


def test_id_of_the_other_kind_is_refused(context):
    line = Line(context)
    pair = line.pair()
    session, bridge = line.wait_sessions(1)[0]["id"], line.bridge()["id"]
    refused(line.daemon, "session", bridge)
    refused(line.daemon, "bridge", session)
    exchange(*pair)
    line.check()


def test_unknown_ids_are_refused(context):
    line = Line(context)
    for number in (2, 99, 100000, 2 ** 31 - 1):
        refused(line.daemon, "bridge", number)
        refused(line.daemon, "session", number)
    for word in ("0", "2147483648", "99999999999999999999"):
        for what in ("bridge", "session"):
            status, err = close(line.daemon, what, word)
            assert status == 2 and "is not an id" in err, err
    line.check()


def test_places_are_used_again_first_in_first_out(context):
    """An id is a place and how often it was used; with 4 places in all,
    the remainder by 5 is the place."""
    daemon = context.daemon("limits { bridges 3 sessions 1 }\n")
    ids = [add_udp(context, daemon) for _ in range(3)]
    assert [number % 5 for number in ids] == [1, 2, 3]
    for number in (ids[1], ids[2], ids[0]):
        close(daemon, "bridge", number)
    ids = [add_udp(context, daemon) for _ in range(3)]
    assert [number % 5 for number in ids] == [2, 3, 1]
    for turn in range(6):
        number = ids.pop(0)
        close(daemon, "bridge", number)
        ids.append(add_udp(context, daemon))
        assert ids[-1] == number + 5, (turn, number, ids)


def test_id_of_a_failed_bridge_is_not_given_out(context):
    """Nor is its place lost."""
    daemon = context.daemon(QUICK + "limits { bridges 2 sessions 1 }\n")
    for _ in range(6):
        assert daemon.ctl("bridge", "add", "tcp:192.0.2.1:9",
                          "tcp:127.0.0.1:9")[0] == 1
    ids = [add_udp(context, daemon) for _ in range(2)]
    assert len(set(ids)) == 2
    assert daemon.show("summary")[0]["bridges"] == 2


def test_events_name_sessions_by_the_ids_of_the_listing(context):
    line = Line(context)
    monitor = Monitor(context, line.daemon)
    pairs = [line.pair() for _ in range(5)]
    listed = {s["id"] for s in line.wait_sessions(5)}
    opened = {e["id"] for e in monitor.wait_count(5, "session-opened")}
    assert opened == listed
    for peer, dst in pairs:
        peer.close()
        dst.close()
    closed = {e["id"] for e in monitor.wait_count(5, "session-closed")}
    assert closed == listed
