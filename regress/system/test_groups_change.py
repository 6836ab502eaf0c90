"""Changes of groups while traffic flows: of many, by a reload, by who may,
up to the limits, and at random while engines die."""

import grp
import os
import random
import signal
import subprocess
import threading

from ends import QUICK, receiver
from lans import Lan, groups_on, heard_before, speaker
from mctd import environment
from program import wait_for
from watch import Monitor

MANY = ["239.1.%d.1" % i for i in range(16)] + \
    ["ff15::%x:1" % (i + 1) for i in range(16)]


class Scene:
    """A daemon with a bridge "feed" from 10.1.0.1 to a receiver here."""

    def __init__(self, context, options="", conf="", **more):
        self.lan = Lan("ea", 1)
        self.say = speaker(self.lan.hosts[0])
        self.port = context.port()
        self.src = "udp:10.1.0.1:%d" % self.port
        self.dst = "udp:127.0.0.1:%d" % context.port()
        self.sock = receiver(self.dst)
        self.conf = conf
        self.daemon = context.daemon(self.text(options), **more)

    def text(self, options):
        return QUICK + self.conf + 'bridge "feed" "%s" "%s" { %s }\n' % (
            self.src, self.dst, options)

    def ctl(self, *words, **more):
        return self.daemon.ctl(*words, **more)

    def do(self, *words):
        status, out, err = self.ctl(*words)
        assert status == 0, err
        return out

    def reload(self, options):
        self.daemon.write(self.text(options))
        self.do("reload")

    def joined(self):
        """By the daemon's word, which must be the kernel's."""
        shown = self.daemon.show("groups")
        assert {row["state"] for row in shown} <= {"joined"}, shown
        groups = {row["group"] for row in shown}
        assert groups == groups_on("ea") & (set(MANY) | groups)
        return groups


def options_of(groups):
    return "".join("join src %s interface ea\n" % group for group in groups)


class Stream(threading.Thread):
    """One datagram after the other to a group, each of which must come."""

    def __init__(self, scene, group):
        super().__init__(daemon=True)
        self.scene, self.group = scene, group
        self.count, self.error, self.over = 0, None, False
        self.start()

    def run(self):
        try:
            while not self.over:
                data = b"%d" % self.count
                self.scene.say(self.group, self.scene.port, data)
                got = self.scene.sock.recv(99)
                assert got == data, (got, data)
                self.count += 1
        except Exception as error:  # for who waits for this thread
            self.error = error

    def further(self, by=20):
        """So many more have come."""
        until = self.count + by
        wait_for(lambda: self.error or self.count >= until, 20, "datagrams")
        assert self.error is None, self.error

    def end(self):
        self.over = True
        self.join()
        assert self.error is None, self.error


def test_changes_take_nothing_from_other_groups(context):
    scene = Scene(context, options_of(MANY[:2]))
    stream = Stream(scene, MANY[0])
    scene.do("group", "join", "feed", "src", MANY[5], "interface", "ea")
    stream.further()
    assert scene.joined() == {MANY[0], MANY[1], MANY[5]}
    for word in ("dst", "src"):
        scene.do("group", "join", "feed", word, MANY[7], "interface", "ea")
        stream.further()
    scene.do("ttl", "feed", "4")
    scene.do("affinity", "feed", "ea")
    stream.further()
    scene.do("group", "leave", "feed", "src", MANY[5], "interface", "ea")
    stream.further()
    # what was changed meanwhile is again as the file has it
    scene.reload(options_of([MANY[9], MANY[0], MANY[8]]))
    stream.further()
    assert scene.joined() == {MANY[0], MANY[8], MANY[9]}
    bridge, = scene.daemon.show("bridges")
    assert bridge["id"] == 1, "it is the same bridge"
    stream.end()


def test_32_groups_of_a_bridge_and_the_limit(context):
    scene = Scene(context, options_of(MANY), conf="limits { groups 33 }\n")
    monitor = Monitor(context, scene.daemon)
    assert scene.joined() == set(MANY)
    for i, group in enumerate(MANY):
        scene.say(group, scene.port, b"%d" % i)
        assert scene.sock.recv(99) == b"%d" % i
    status, _, err = scene.ctl("group", "join", "feed", "src", "239.9.9.9")
    assert status == 1 and "at most 32" in err, err
    scene.daemon.add("udp:10.1.0.1:%d" % context.port(), scene.dst,
                     "name", "more", "join", "src 239.9.9.9 interface ea")
    status, _, err = scene.ctl("group", "join", "more", "src", "239.9.9.8",
                               "interface", "ea")
    assert status == 1 and "limit" in err, err
    monitor.wait("limit-reached", text="groups")
    summary, = scene.daemon.show("summary")
    assert summary["groups"] == summary["groups-limit"] == 33
    scene.do("group", "leave", "feed", "src", MANY[0], "interface", "ea")
    scene.do("group", "join", "more", "src", "239.9.9.8", "interface", "ea")
    status, _, err = scene.ctl("group", "join", "more", "src", "239.9.9.8",
                               "interface", "ea")
    assert status == 1, err
    status, _, err = scene.ctl("group", "leave", "more", "src", "239.9.9.7",
                               "interface", "ea")
    assert status == 1 and "not joined" in err, err
    for name in ("feed", "more"):
        scene.do("bridge", "close", name)
    wait_for(lambda: scene.daemon.show("summary")[0]["groups"] == 0, 20,
             "no group")
    assert not groups_on("ea") & set(MANY)


def test_own_bridges_alone(context):
    """A client in role control changes those that it made."""
    scene = Scene(context, conf='socket "/unused" mode 0660 group games\n')
    uid = 4242

    def ctl(*words, uid):
        done = subprocess.run(
            [os.path.join(scene.daemon.build, "mctctl"), "-s",
             scene.daemon.socket, *words], env=environment(), text=True,
            stdin=subprocess.DEVNULL, capture_output=True, check=False,
            user=uid, group=grp.getgrnam("games").gr_gid)
        return done.returncode, done.stdout, done.stderr

    changes = (("group", "join", "NAME", "src", MANY[0]), ("ttl", "NAME", "3"),
               ("affinity", "NAME", "ea"),
               ("group", "leave", "NAME", "src", MANY[0]))
    status, _, err = ctl(
        "bridge", "add", "udp:10.1.0.1:%d" % context.port(), scene.dst,
        "name", "own", uid=uid)
    assert status == 0, err
    for name, user, expected in (("feed", uid, 1), ("own", uid, 0),
                                 ("feed", None, 0), ("own", None, 0)):
        for change in changes:
            words = [name if word == "NAME" else word for word in change]
            if "src" in words:
                words += ["interface", "ea"]
            status, _, err = ctl(*words, uid=user)
            assert status == expected, (words, err)
            assert not expected or "not permitted" in err, err


def test_what_cannot_be(context):
    scene = Scene(context)
    local = receiver("unixdgram:@dst")
    scene.daemon.add("unixdgram:@src", "unixdgram:@dst", "name", "local")
    scene.daemon.add("tcp:127.0.0.1:%d" % context.port(), "tcp:127.0.0.1:1",
                     "name", "stream")
    for words in (("group", "join", "none", "src", MANY[0]),
                  ("group", "join", "local", "src", MANY[0]),
                  ("group", "join", "stream", "src", MANY[0]),
                  ("ttl", "local", "3"), ("ttl", "stream", "3"),
                  ("affinity", "local", "ea"),
                  ("group", "leave", "feed", "src", MANY[0])):
        assert scene.ctl(*words)[0] == 1, words
    assert scene.daemon.show("groups") == []
    local.close()


def test_random_changes_while_engines_die(context):
    """In the end each group is joined that is to be, and heard."""
    seed = random.randrange(1 << 32)
    print("note: seed", seed)
    chance = random.Random(seed)
    scene = Scene(context, conf="limits { standby 4 }\n")
    wanted, died = set(), 0
    for step in range(60):
        group = chance.choice(MANY[:6] + MANY[16:22])
        if step % 15 == 14:
            engine, = wait_for(lambda: scene.daemon.pids()["engine"], 20,
                               "an engine")
            os.kill(engine, signal.SIGKILL)
            died += 1
        elif step % 20 == 19:
            wanted = set(chance.sample(MANY, 5))
            scene.reload(options_of(wanted))
        elif group in wanted:
            scene.do("group", "leave", "feed", "src", group, "interface",
                     "ea")
            wanted.remove(group)
        else:
            scene.do("group", "join", "feed", "src", group, "interface", "ea")
            wanted.add(group)
    assert scene.joined() == wanted
    for group in MANY:
        scene.say(group, scene.port, group.encode())
    heard = heard_before(scene.say, scene.sock, scene.port)
    assert sorted(g.decode() for g in heard) == sorted(wanted), (heard, wanted)
    assert died == 4
