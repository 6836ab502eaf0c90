"""sshd behind a bridge, and other programs that people use.

    shell = Shell(context)
    shell.run("cat", input=data)
"""

import os
import pwd
import shutil
import subprocess

from ends import QUICK, connect
from program import wait_for

SSHD = """\
Port 9022
ListenAddress ::1
HostKey {tmp}/host_key
PidFile {tmp}/sshd.pid
AuthorizedKeysFile {tmp}/user_key.pub
PermitRootLogin yes
StrictModes no
UsePAM no
LogLevel ERROR
"""


def need(name):
    """Its path, some of which are not in everybody's PATH."""
    path = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    assert path, "%s is missing: make deps installs its package" % name
    return path


def run(name, *words, timeout=50, **more):
    done = subprocess.run((need(name), *words), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=timeout,
                          check=False, **more)
    assert done.returncode == 0, (name, words, done.returncode, done.stdout,
                                  done.stderr)
    return done.stdout


def wait_service(text):
    """Until something listens there."""
    def listens():
        try:
            connect(text).close()
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        return True
    wait_for(listens, 20, text)


class Shell:
    """sshd with keys of its own behind a bridge, and ssh to it."""

    def __init__(self, context):
        self.context = context
        # sshd wants a directory there; the mounts are this test's own
        subprocess.run(("mount", "-t", "tmpfs", "none", "/run"), check=True)
        os.mkdir("/run/sshd", 0o755)
        pwd.getpwnam("sshd")
        for name in ("host_key", "user_key"):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f",
                context.path(name))
        with open(context.path("sshd_config"), "w") as stream:
            stream.write(SSHD.format(tmp=context.tmp))
        context.program(need("sshd"), "-D", "-e", "-f",
                        context.path("sshd_config"))
        wait_service("tcp:[::1]:9022")
        self.daemon = context.daemon(
            QUICK + 'bridge "ssh" tcp:127.0.0.1:8022 tcp:[::1]:9022\n')

    def words(self):
        return ["-F", "none", "-p", "8022", "-i",
                self.context.path("user_key"),
                "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no",
                "-o", "UserKnownHostsFile=/dev/null", "-o",
                "LogLevel=ERROR"]

    def run(self, *command, **more):
        return run("ssh", *self.words(), "root@127.0.0.1", *command, **more)
