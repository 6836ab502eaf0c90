"""A running mctd for tests, the demonstration and the bench.

    daemon = Daemon(tmp, build, 'bridge "a" tcp:127.0.0.1:1 tcp:127.0.0.1:2')
    daemon.ctl("bridge", "close", "a")          -> (0, out, err)
    daemon.show("bridges")                      -> [{"id": 1, ...}, ...]
    daemon.pids()                               -> {"engine": [12], ...}
    daemon.stop()
"""

import json
import os
import pwd
import signal
import subprocess

from program import children_of, tail, title_of, wait_for

REPORTS = ("ERROR: AddressSanitizer", "runtime error:",
           "ERROR: LeakSanitizer")


def environment():
    """What the programs of a build with sanitizers need."""
    env = dict(os.environ)
    env["ASAN_OPTIONS"] = "detect_leaks=0"
    env["UBSAN_OPTIONS"] = "print_stacktrace=1:halt_on_error=1"
    return env


class Daemon:
    """Started with a configuration, ready when the constructor returns.

    conf    text of the configuration; user, chroot and, with -s, the
            socket are put in unless raw, and a short drain unless it
            names one, so that open sessions do not hold up stop(), and
            one standby of each kind unless it says how many: each is a
            process to start, and few tests lose a second one
    args    further words for the command line
    uid     start it as this user and not as root
    start   False: only write the files
    """

    def __init__(self, tmp, build="build", conf="", args=(), name="mctd",
                 user="nobody", uid=None, raw=False, start=True):
        self.build = os.path.abspath(build)
        self.args = list(args)
        self.uid = uid
        self.process = None
        self.log = os.path.join(tmp, name + ".log")
        self.conf = os.path.join(tmp, name + ".conf")
        self.chroot = os.path.join(tmp, name + ".root")
        run = os.path.join(tmp, name + ".run")
        self.socket = os.path.join(run, "mctd.sock")
        os.makedirs(self.chroot, 0o755, exist_ok=True)
        os.makedirs(run, 0o755, exist_ok=True)
        if os.geteuid() == 0:
            owner = pwd.getpwnam(user).pw_uid if uid is None else uid
            os.chown(run, owner, -1)
        self.head = "" if raw else 'user %s\nchroot "%s"\n' % (
            user, self.chroot)
        self.write(conf)
        if start:
            self.start()

    def write(self, conf):
        """Another text of the configuration, for the next start or HUP."""
        with open(self.conf, "w") as stream:
            stream.write(self.head + conf)
            if self.head and "drain" not in conf:
                stream.write("\ntimeouts { drain 1s }\n")
            if self.head and "standby" not in conf:
                stream.write("\nlimits { standby 1 }\n")
        os.chmod(self.conf, 0o644)

    def command(self, *more):
        return [os.path.join(self.build, "mctd"), "-f", self.conf,
                "-s", self.socket, *self.args, *more]

    def run(self, *more, timeout=30):
        """Runs mctd to its end, as for -n; (exit status, out, err)."""
        done = subprocess.run(self.command(*more), env=environment(),
                              stdin=subprocess.DEVNULL, timeout=timeout,
                              stdout=subprocess.PIPE, user=self.uid,
                              stderr=subprocess.PIPE, text=True, check=False)
        self.check_text(done.stderr)
        return done.returncode, done.stdout, done.stderr

    def start(self, timeout=30):
        """In the foreground; returns when it answers a client."""
        with open(self.log, "ab") as stream:
            self.process = subprocess.Popen(
                self.command("-d"), env=environment(), stdout=stream,
                stdin=subprocess.DEVNULL, stderr=stream, user=self.uid,
                cwd="/")
        wait_for(self.answers, timeout, "answer from mctd")

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError("mctd ended with %d:\n%s" % (
                self.process.returncode, tail(self.log)))
        return os.path.exists(self.socket) and \
            self.ctl("show", "summary")[0] == 0

    @property
    def pid(self):
        return self.process.pid

    def pids(self):
        """Children and parent by title: "parent", "engine", "control" and
        "standby", each a list."""
        found = {"parent": [self.pid], "engine": [], "control": [],
                 "standby": []}
        for pid in children_of(self.pid):
            kind = title_of(pid).partition("mctd: ")[2].split(" ")[0]
            found.setdefault(kind, []).append(pid)
        return found

    def all_pids(self):
        return [self.pid] + children_of(self.pid)

    def ctl(self, *words, timeout=40, uid=None):
        """mctctl on this daemon; (exit status, out, err)."""
        done = subprocess.run(
            [os.path.join(self.build, "mctctl"), "-s", self.socket, *words],
            env=environment(), stdin=subprocess.DEVNULL, timeout=timeout,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            user=uid, check=False)
        self.check_text(done.stderr)
        return done.returncode, done.stdout, done.stderr

    def show(self, what):
        """A listing as dictionaries, one for each line of JSON."""
        status, out, err = self.ctl("-j", "show", what)
        assert status == 0, err
        return [json.loads(line) for line in out.splitlines()]

    def add(self, src, dst, *more):
        """A bridge; returns its id."""
        status, out, err = self.ctl("bridge", "add", src, dst, *more)
        assert status == 0, err
        return int(out)

    def log_text(self):
        with open(self.log, errors="replace") as stream:
            return stream.read()

    def wait_log(self, text, timeout=10):
        wait_for(lambda: text in self.log_text(), timeout,
                 "%r in the log" % text)

    def reload(self):
        os.kill(self.pid, signal.SIGHUP)

    def check_text(self, text):
        for report in REPORTS:
            assert report not in text, text

    def stop(self, number=signal.SIGTERM, timeout=30):
        """Ends it, which must be clean and leave no process behind."""
        children = children_of(self.pid)
        if self.process.poll() is None:
            os.kill(self.pid, number)
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("mctd did not end:\n" +
                                 tail(self.log)) from None
        self.check_text(self.log_text())
        assert status == 0, "mctd ended with %d:\n%s" % (
            status, tail(self.log))
        wait_for(lambda: not any(map(title_of, children)), 10,
                 "end of mctd's children")

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
