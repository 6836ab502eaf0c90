"""One system test, as the first process of its namespaces.

usage: one.py BUILD FILE FUNCTION DIRECTORY

A test that cannot be run on this machine returns why; that is printed, and
the exit status is NOT_RUN.
"""

import importlib.util
import os
import sys
import traceback

import isolate
from mctd import Daemon
from program import Program

NOT_RUN = 77


class Context:
    """What a test is given.

    tmp     a directory of its own, which everybody may enter
    build   where the programs are
    """

    def __init__(self, build, tmp):
        self.build = os.path.abspath(build)
        self.tmp = tmp
        self.daemons = []
        self.programs = []
        self.last_port = 20000

    def daemon(self, conf="", **more):
        """A daemon that must have ended cleanly when the test is over."""
        name = "mctd%d" % len(self.daemons) if self.daemons else "mctd"
        daemon = Daemon(self.tmp, self.build, conf, name=name, **more)
        self.daemons.append(daemon)
        return daemon

    def program(self, *argv, **more):
        """A program that is ended when the test is over."""
        log = "program%d.log" % len(self.programs)
        program = Program(list(argv), os.path.join(self.tmp, log), **more)
        self.programs.append(program)
        return program

    def pump(self, *words):
        """Our maker of traffic; see regress/bench/pump."""
        return self.program(os.path.join(self.build, "pump"), *words)

    def port(self):
        """A port that no other part of this test uses."""
        self.last_port += 1
        return self.last_port

    def path(self, name):
        return os.path.join(self.tmp, name)

    def finish(self):
        for program in self.programs:
            program.stop()
        for daemon in self.daemons:
            if daemon.process and daemon.process.returncode is None:
                daemon.stop()


def load(path):
    spec = importlib.util.spec_from_file_location("test", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main():
    build, path, function, tmp = sys.argv[1:]
    try:
        context = Context(build, tmp)
        why = getattr(load(path), function)(context)
        context.finish()
    except Exception:
        traceback.print_exc()
        return 1
    if why:
        print(why)
        return NOT_RUN
    return 0


if __name__ == "__main__":
    isolate.inside(main)
