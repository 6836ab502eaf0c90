"""Builds with less of a sandbox: what they say, and that they carry traffic.
Only the files that differ are compiled; the rest is the build at hand."""

import glob
import os
import platform
import re
import shlex
import shutil
import subprocess

from echo import Echo, at_work, served, tcp
from inject import Taken

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
GETPPID = 110


def is_sanitized(context):
    with open(os.path.join(context.build, "mctd"), "rb") as stream:
        return b"__asan_init" in stream.read()


def run(words):
    done = subprocess.run(words, cwd=TOP, stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, (shlex.join(words), done.stdout)
    return done.stdout


def built(context, sources, *flags):
    """A build whose mctd has those sources for its sandbox."""
    build = context.path("built")
    os.mkdir(build)
    shutil.copy(os.path.join(context.build, "mctctl"), build)
    place = os.path.join(context.build, "obj")
    names = {source[:-1] + "o" for folder in ("mctd", "mctd/*")
             for source in glob.glob("%s/*.c" % folder, root_dir=TOP)}
    objects = [os.path.join(place, name)
               for name in sorted(names | {"mctd/conf/parse.o"})
               if not re.match(r"mctd/sandbox/(linux|posix|none|\w+bsd)",
                               name)]
    run(["gcc", "-std=c11", "-D_GNU_SOURCE", "-O1", "-o", build + "/mctd",
         *flags, *sources, *objects, os.path.join(place, "common.a"),
         "-levent_core", "-lbsd", "-lcap-ng", "-lseccomp"])
    return build


def started(context, build):
    echo, src = Echo(tcp(context)), tcp(context)
    old, context.build = context.build, build
    daemon = context.daemon("limits { standby 1 }\nbridge %s %s\n" % (
        src, echo.text))
    context.build = old
    assert served(src)
    return daemon


def seccomp_of(pid):
    with open("/proc/%d/status" % pid) as stream:
        return re.search(r"^Seccomp:\t(\d)", stream.read(), re.M)[1]


def test_without_a_sandbox_it_says_so(context):
    if is_sanitized(context):
        return "the sanitizers are no part of it"
    build = built(context, ["mctd/sandbox/none.c", "mctd/sandbox/posix.c"])
    daemon = started(context, build)
    assert "mctd: built without a sandbox" in daemon.log_text()
    assert daemon.run("-V")[1].endswith("sandbox: none\n")
    assert {seccomp_of(pid) for pid in daemon.all_pids()} == {"0"}


def test_with_trace_a_forbidden_call_is_made(context):
    if is_sanitized(context):
        return "the sanitizers are no part of it"
    if platform.machine() != "x86_64":
        return "it knows the registers of x86-64"
    sources = glob.glob(TOP + "/mctd/sandbox/linux*.c")
    build = built(context, sources, "-DBUILD_TRACE=1")
    daemon = started(context, build)
    assert "mctd: built with TRACE" in daemon.log_text()
    assert daemon.run("-V")[1].endswith("sandbox: linux, trace\n")
    engine = at_work(daemon, "engine")
    assert seccomp_of(engine) == "2"
    with Taken(engine) as taken:
        assert taken.call(GETPPID) == daemon.pid
    assert at_work(daemon, "engine") == engine
