"""Who may use the control socket, and for what."""

import grp
import os
import subprocess

from echo import Echo, asked, ending, served, tcp
from mctd import environment

NOBODY = 65534
ONE, TWO = 4242, 4243  # users without a name
GROUP = "games"
GID = grp.getgrnam(GROUP).gr_gid


def ctl(daemon, uid, *words, gid=NOBODY, groups=()):
    """mctctl of that user; (exit status, out, err)."""
    done = subprocess.run(
        [os.path.join(daemon.build, "mctctl"), "-s", daemon.socket, *words],
        env=environment(), stdin=subprocess.DEVNULL, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
        user=uid, group=gid, extra_groups=groups)
    daemon.check_text(done.stderr)
    return done.returncode, done.stdout, done.stderr


def expect_refused(result, words):
    status, out, err = result
    assert status == 1 and out == "", (status, out, err)
    assert words in err, err


def expect_done(result):
    status, out, err = result
    assert status == 0, err
    return out


def with_socket(context, mode_and_group):
    echo, src = Echo(tcp(context)), tcp(context)
    daemon = context.daemon('socket "/unused" %s\nbridge "his" %s %s\n' % (
        mode_and_group, src, echo.text))
    return daemon, src, echo


def mode_of(daemon):
    found = os.stat(daemon.socket)
    return found.st_mode & 0o777, found.st_uid, found.st_gid


def test_root_alone_may_control_by_default(context):
    daemon = context.daemon()
    assert mode_of(daemon) == (0o600, 0, 0)
    expect_refused(ctl(daemon, ONE, "show", "summary"), "Permission denied")
    # the user mctd runs as is no exception
    expect_refused(ctl(daemon, NOBODY, "show", "summary"),
                   "Permission denied")


def test_mode_of_the_file_is_not_what_lets_in(context):
    """A chmod by somebody else gives no role."""
    daemon = context.daemon()
    os.chmod(daemon.socket, 0o666)
    for words in (("show", "summary"), ("stop",), ("monitor",)):
        expect_refused(ctl(daemon, ONE, *words), "denied")
    daemon.wait_log("client refused: not permitted")
    expect_done(daemon.ctl("show", "summary"))


def may_do_its_own(daemon, context, echo, **who):
    """What every client with the role control may do."""
    expect_done(ctl(daemon, ONE, "show", "bridges", **who))
    src = tcp(context)
    number = expect_done(ctl(daemon, ONE, "bridge", "add", src, echo.text,
                             "name", "mine", **who)).strip()
    bridge = next(b for b in daemon.show("bridges") if b["name"] == "mine")
    assert (bridge["id"], bridge["owner"]) == (int(number), ONE)
    peer = asked(src)
    session = next(s["id"] for s in daemon.show("sessions")
                   if s["bridge"] == bridge["id"])
    expect_done(ctl(daemon, ONE, "session", "close", str(session), **who))
    assert ending(peer) == "reset"
    expect_done(ctl(daemon, ONE, "bridge", "close", "mine", **who))
    assert len(daemon.show("bridges")) == 1


def may_not_do_others(daemon, context, src, echo, **who):
    """And what only root may."""
    other = tcp(context)
    expect_done(ctl(daemon, TWO, "bridge", "add", other, echo.text, "name",
                    "others", **who))
    peers = [asked(src), asked(other)]
    for session in daemon.show("sessions"):
        expect_refused(ctl(daemon, ONE, "session", "close",
                           str(session["id"]), **who), "not permitted")
    for name in ("his", "others", "1"):
        expect_refused(ctl(daemon, ONE, "bridge", "close", name, **who),
                       "not permitted")
    for word in ("stop", "reload"):
        expect_refused(ctl(daemon, ONE, word, **who),
                       "this needs the role admin, yours is control")
    for peer in peers:
        peer.close()
    assert served(src) and served(other)
    expect_done(daemon.ctl("bridge", "close", "others"))  # root


def test_members_of_the_group_may_do_their_own(context):
    daemon, src, echo = with_socket(context, "mode 0660 group " + GROUP)
    assert mode_of(daemon) == (0o660, 0, GID)
    may_do_its_own(daemon, context, echo, gid=GID)
    may_do_its_own(daemon, context, echo, groups=[GID])
    may_not_do_others(daemon, context, src, echo, groups=[1, 2, GID])


def test_others_are_refused_where_a_group_is_let_in(context):
    daemon, _, _ = with_socket(context, "mode 0660 group " + GROUP)
    expect_refused(ctl(daemon, ONE, "show", "summary"), "Permission denied")
    os.chmod(daemon.socket, 0o666)
    expect_refused(ctl(daemon, ONE, "show", "summary"), "denied")
    expect_done(ctl(daemon, ONE, "show", "summary", gid=GID))


def test_group_without_a_mode_lets_nobody_in(context):
    daemon, _, _ = with_socket(context, "group " + GROUP)
    assert mode_of(daemon) == (0o600, 0, GID)
    expect_refused(ctl(daemon, ONE, "show", "summary", gid=GID),
                   "Permission denied")
    os.chmod(daemon.socket, 0o666)
    expect_refused(ctl(daemon, ONE, "show", "summary", gid=GID), "denied")


def test_mode_for_others_lets_everyone_in(context):
    daemon, src, echo = with_socket(context, "mode 0666")
    assert mode_of(daemon) == (0o666, 0, 0)
    may_do_its_own(daemon, context, echo)
    may_not_do_others(daemon, context, src, echo)


def test_ids_are_of_use_to_their_owner_alone(context):
    """The number of another's session is no way to it, whatever the
    command calls it."""
    daemon, src, _ = with_socket(context, "mode 0666")
    peer = asked(src)
    number = str(daemon.show("sessions")[0]["id"])
    expect_refused(ctl(daemon, ONE, "bridge", "close", number), "no such")
    expect_refused(ctl(daemon, ONE, "session", "close", number),
                   "not permitted")
    expect_done(daemon.ctl("session", "close", number))
    assert ending(peer) == "reset"
