"""Places that the start needs: the chroot, which must be root's all the way
and empty, and the directory of the control socket."""

import os
import stat
import subprocess

NOBODY = 65534
GROUP = "games"
POWERS = "-all,+sys_chroot,+setuid,+setgid,+setpcap,+sys_admin"


def refuse(context, place, *words):
    daemon = context.daemon('user nobody\nchroot "%s"\n' % place, raw=True,
                            start=False)
    for foreground in ((), ("-d",)):
        status, _, err = daemon.run(*foreground)
        assert status == 1 and "chroot %s: " % place in err, err
        for word in words:
            assert word in err, err
        assert not os.path.exists(daemon.socket)
    # no more than a look at the file: nothing is wrong with that
    assert daemon.run("-n")[0] == 0


def make_way(context, name):
    """TMP/NAME/inner/root, and the first two of it."""
    way = context.path(name)
    inner = os.path.join(way, "inner")
    place = os.path.join(inner, "root")
    os.makedirs(place, 0o755)
    return way, inner, place


def test_chroot_must_be_roots_and_not_writable(context):
    for number, (mode, uid, words) in enumerate((
            (0o777, 0, "may be written by others"),
            (0o775, 0, "may be written by others"),
            (0o1777, 0, "may be written by others"),
            (0o755, NOBODY, "is not root's"))):
        _, _, place = make_way(context, "last%d" % number)
        os.chmod(place, mode)
        os.chown(place, uid, 0)
        refuse(context, place, "%s %s" % (place, words))


def test_every_directory_on_the_way_must_be_safe(context):
    for number, (mode, uid, words) in enumerate((
            (0o777, 0, "may be written by others"),
            (0o775, 0, "may be written by others"),
            (0o755, NOBODY, "is not root's"))):
        for which in (0, 1):
            way = make_way(context, "way%d.%d" % (number, which))
            os.chmod(way[which], mode)
            os.chown(way[which], uid, 0)
            refuse(context, way[2], "%s %s" % (way[which], words))


def test_sticky_directory_on_the_way_is_safe(context):
    way, inner, place = make_way(context, "sticky")
    os.chmod(inner, 0o1777)
    os.chmod(way, 0o1775)
    context.daemon('user nobody\nchroot "%s"\n' % place, raw=True).stop()


def test_links_to_the_chroot_are_followed_once(context):
    """It is the place behind the link that must be safe, and is used."""
    way, inner, place = make_way(context, "behind")
    link = context.path("link")
    os.symlink(inner, link)
    daemon = context.daemon('user nobody\nchroot "%s/root"\n' % link,
                            raw=True)
    there = os.stat(place)
    assert os.path.samestat(os.stat("/proc/%d/root" % daemon.pid), there)
    daemon.stop()
    os.chmod(way, 0o777)
    refuse(context, link + "/root", way + " may be written by others")


def test_chroot_must_be_an_empty_directory(context):
    _, inner, place = make_way(context, "full")
    with open(os.path.join(place, "some-file"), "w"):
        pass
    refuse(context, place, 'it must be empty, and has "some-file"')
    refuse(context, inner, 'it must be empty, and has "root"')
    refuse(context, "/", "it must be empty")
    refuse(context, os.path.join(place, "some-file"), "is not a directory")
    refuse(context, context.path("nowhere"), "No such file")


def test_user_of_his_own_daemon_needs_no_chroot(context):
    daemon = context.daemon('chroot "%s"\n' % context.path("nowhere"),
                            raw=True, uid=4242)
    daemon.stop()


def test_mask_of_the_caller_does_not_matter(context):
    for place in ("/var", "/run"):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs",
                        place], check=True)
    daemon = context.daemon("user nobody\n", raw=True, start=False)
    daemon.socket = "/run/mctd/mctd.sock"
    command = daemon.command
    daemon.command = lambda *more: ["sh", "-c", 'umask 0777; exec "$0" "$@"',
                                    *command(*more)]
    daemon.start()
    for place in ("/run/mctd", "/var/empty", "/var/empty/mctd"):
        mode = stat.S_IMODE(os.stat(place).st_mode)
        assert mode == 0o755, (place, oct(mode))
    assert stat.S_IMODE(os.stat(daemon.socket).st_mode) == 0o600


def few_powers(daemon):
    """As root, but without the right to write where others own."""
    command = daemon.command
    daemon.command = lambda *more: [
        "setpriv", "--inh-caps", "-all", "--bounding-set", POWERS, "--",
        *command(*more)]


def test_socket_is_made_by_root_who_may_not_write_everywhere(context):
    daemon = context.daemon('socket "/unused" mode 0660 group %s\n' % GROUP,
                            start=False)
    few_powers(daemon)
    daemon.start()
    found = os.stat(daemon.socket)
    assert stat.S_IMODE(found.st_mode) == 0o660
    assert found.st_uid == NOBODY
    done = subprocess.run(["getent", "group", GROUP], text=True, check=True,
                          stdout=subprocess.PIPE)
    assert found.st_gid == int(done.stdout.split(":")[2])
    daemon.stop()
    assert not os.path.exists(daemon.socket)


def test_socket_of_a_killed_daemon_is_replaced_without_that_right(context):
    """Root's socket in the user's directory, and the user's own."""
    daemon = context.daemon()
    daemon.kill()
    assert os.stat(daemon.socket).st_uid == 0
    few_powers(daemon)
    for _ in range(2):
        daemon.start()
        assert os.stat(daemon.socket).st_uid == NOBODY
        daemon.kill()
    daemon.start()
    # and what is no socket, or is alive, stays what it is
    status, _, err = daemon.run("-d")
    assert status == 1 and "another mctd listens there" in err, err
    daemon.show("summary")
    daemon.stop()
    with open(daemon.socket, "w"):
        pass
    status, _, err = daemon.run("-d")
    assert status == 1 and "a file that is not a socket" in err, err
    assert os.path.exists(daemon.socket)
