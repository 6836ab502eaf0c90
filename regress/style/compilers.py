"""What compilers and mandoc say: every file with gcc and clang, every header
by itself, the public ones as C90 and C++, the layout, the manual pages."""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

COMPILERS = ("gcc", "clang")
PUBLIC = "libmct/include"


# Files of other systems, with what these have and this one has not.
PORTS = {"mctd/sandbox/%s.c" % name: "regress/style/port/" + name
         for name in ("openbsd", "freebsd")}


def other_system(path):
    """The words of a compiler for a file of another system."""
    place = PORTS.get(path)
    return ["-I", place, "-include", place + "/system.h"] if place else []


def commands(sources, build, flags):
    """One list of words for each thing to try."""
    base = ["-fsyntax-only", "-I", PUBLIC]
    for path in sources:
        if path.endswith((".c", ".h")):
            yield ["clang-format", "--dry-run", "-Werror", path]
        if path.endswith(".c"):
            made = os.path.join(build, "gen", os.path.dirname(path))
            for compiler in COMPILERS:
                yield [compiler] + flags + base + other_system(path) + \
                    ["-I", made, path]
        elif path.endswith(".h"):
            alone = ["-include", "./" + path, "/dev/null"]
            for compiler in COMPILERS:
                yield [compiler] + flags + base + ["-x", "c"] + alone
                if path.startswith(PUBLIC):
                    yield [compiler, "-std=c90", "-pedantic-errors", "-Wall",
                           "-Werror", "-x", "c"] + base + alone
            if path.startswith(PUBLIC):
                yield ["clang", "-Wall", "-Werror", "-x", "c++"] + base + \
                    alone
        elif path.startswith("man/"):
            yield ["mandoc", "-Tlint", "-Wwarning", path]
    for path in ("regress/style/headers.sh",):
        if path in sources:
            yield ["sh", path]


def run(command):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True,
                              stdin=subprocess.DEVNULL, check=False)
    except FileNotFoundError:
        return "%s: not installed: run make deps" % command[0]
    if done.returncode == 0:
        return None
    return done.stdout.rstrip() or "failed: " + " ".join(command)


def check(sources, build, flags):
    """The findings; what a compiler printed stays in one piece."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(run, commands(sources, build, flags))
        return [result for result in results if result]
