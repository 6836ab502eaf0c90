"""Families of which this machine's kernel may know nothing, and a clock that
may be set, in a guest.

A test here is a guest for files of tests in regress/guest.  What it returns
is why it was not run; where the guest can be installed, that it is not is a
failure.
"""

import os
import platform
import shutil
import subprocess
import sys

GUEST = os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "guest")
ARCHITECTURES = ("x86_64", "i686")
SECONDS = 110


def sanitized(build):
    with open(os.path.join(build, "mctd"), "rb") as stream:
        return b"__asan_init" in stream.read()


def run_files(context, *names):
    if sanitized(context.build):
        return "the address sanitizer wants 47 bits of address space, " \
            "programs in the guest have 39"
    if shutil.which("linux.uml") is None:
        assert platform.machine() not in ARCHITECTURES, \
            "user-mode-linux is not installed: run make deps"
        return "user-mode-linux exists for %s only" % \
            " and ".join(ARCHITECTURES)
    done = subprocess.run(
        [sys.executable, "-B", os.path.join(GUEST, "boot"), "--build",
         context.build, "--seconds", str(SECONDS),
         "--tmp", context.tmp, *(os.path.join(GUEST, n) for n in names)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        stdin=subprocess.DEVNULL, check=False)
    print(done.stdout)
    assert done.returncode == 0, "the guest: exit %d" % done.returncode
    return None


def test_streams_of_every_family(context):
    return run_files(context, "test_streams.py", "test_stream_ends.py")


def test_records_of_every_family_and_the_clock(context):
    return run_files(context, "test_records.py", "test_record_ends.py",
                     "test_datagrams.py",
                     "test_clock.py")
