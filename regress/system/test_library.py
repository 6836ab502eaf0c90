"""libmct as it is installed: a program in C, and one through ctypes, that
have nothing but what "make install" gives."""

import errno
import fcntl
import os
import shutil
import signal
import subprocess
import threading

from ends import Line, QUICK, exchange
from handle import Handle
from mctd import environment

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
ROOM = "limits { bridges 4 sessions 100 }\n"


def run(argv, **more):
    done = subprocess.run(argv, stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.STDOUT, check=False, **more)
    assert done.returncode == 0, (argv, done.stdout)
    return done.stdout


def sanitizers(context):
    """What a build was made with, if with any."""
    with open(os.path.join(context.build, "libmct.a"), "rb") as stream:
        if b"__asan_report_load" in stream.read():
            return "address,undefined"
    return ""


def install(context):
    """What "make install" makes; the directory that is its root.  One at
    a time, for it writes into the build as well."""
    root = context.path("root")
    with open(os.path.join(TOP, "Makefile")) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        run(("make", "-s", "-C", TOP, "install", "DESTDIR=" + root,
             "PREFIX=/opt/mct",
             "BUILD=" + os.path.relpath(context.build, TOP),
             "SANITIZE=" + sanitizers(context)))
    return root


def package(root, *words):
    """What pkg-config says of it, with what stands on it."""
    path = root + "/opt/mct/lib/pkgconfig"
    return run(("pkg-config", *words, "libmct_conv"), env=dict(
        os.environ, PKG_CONFIG_PATH=path,
        PKG_CONFIG_SYSROOT_DIR=root)).split()


def compiled(context, root):
    program = context.path("program")
    more = sanitizers(context)
    run(("gcc", "-Wall", "-Wextra", "-Werror", "-g", "-o", program,
         os.path.join(HERE, "library.c"),
         *package(root, "--cflags"), *package(root, "--libs"),
         *(("-fsanitize=" + more,) if more else ())))
    return program


def check_program(context, daemon, program, root):
    for family in ("4", "6"):
        port = context.last_port + 1
        context.last_port += 10
        out = run((program, daemon.socket, family, str(port)),
                  env=dict(environment(),
                           LD_LIBRARY_PATH=root + "/opt/mct/lib"))
        assert out == "done\n", out


def test_program_in_c_with_the_installed_library(context):
    """Shared, then static."""
    daemon = context.daemon(QUICK + ROOM)
    root = install(context)
    program = compiled(context, root)
    assert "libmct.so.0" in run(("readelf", "-d", program))
    check_program(context, daemon, program, root)
    for name in os.listdir(root + "/opt/mct/lib"):
        if name.startswith(("libmct.so", "libmct_conv.so")):
            os.unlink(root + "/opt/mct/lib/" + name)
    program = compiled(context, root)
    assert "libmct" not in run(("readelf", "-d", program))
    check_program(context, daemon, program, root)
    assert daemon.show("bridges") == daemon.show("sessions") == []


def test_installed_are_headers_programs_and_pages(context):
    root = install(context)
    files = sorted(
        os.path.relpath(os.path.join(where, name), root + "/opt/mct")
        for where, _, names in os.walk(root) for name in names)
    for name in ("sbin/mctd", "sbin/mctctl", "lib/libmct.a",
                 "lib/pkgconfig/libmct.pc", "include/mct/mct.h",
                 "include/mct/session.h", "include/mct/event.h",
                 "include/mct/list.h", "include/mct/convenience.h",
                 "lib/libmct_conv.a", "lib/libmct_conv.so.0",
                 "share/man/man3/mct.3", "share/man/man7/mct_multicast.7",
                 "share/man/man8/mctd.8", "share/man/man5/mctd.conf.5"):
        assert name in files, (name, files)
    version, = package(root, "--modversion")
    assert "lib/libmct.so." + version in files
    out = run((root + "/opt/mct/sbin/mctd", "-V"), env=environment())
    assert version in out


def test_headers_are_plain_c_and_cxx(context):
    root = install(context)
    include = root + "/opt/mct/include"
    for name in sorted(os.listdir(include + "/mct")):
        for words in (("-x", "c", "-std=c90"), ("-x", "c", "-std=c11"),
                      ("-x", "c++", "-std=c++98")):
            compiler = "gcc" if words[1] == "c" else shutil.which("clang")
            source = "#include <mct/%s>\nint nothing;\n" % name
            flags = ["-pedantic-errors", "-Wall", "-Wextra", "-Werror"]
            if words[1] != "c":
                flags += ["-nostdinc++", "-Wno-c++11-long-long"]
            run((compiler, *words, *flags, "-fsyntax-only", "-I", include,
                 "-"), input=source)


def exported(path):
    """The names that a library has for programs, all of them ours."""
    out = run(("nm", "-D", "--defined-only", path))
    names = {line.split()[-1].partition("@")[0]
             for line in out.splitlines() if line.split()[-2] != "A"}
    strange = {name for name in names if not name.startswith("mct_")}
    assert not strange, strange
    return names


def test_library_exports_its_interface_alone(context):
    root = install(context)
    names = exported(root + "/opt/mct/lib/libmct.so")
    assert {"mct_init", "mct_fini", "mct_bridge", "mct_session_close",
            "mct_session_add", "mct_session_drop", "mct_session_affinity",
            "mct_session_ttl", "mct_event_attach", "mct_event_read"} <= names
    names = exported(root + "/opt/mct/lib/libmct_conv.so")
    assert names == {"mct_bridge_name", "mct_session_add_name",
                     "mct_session_drop_name", "mct_session_affinity_name"}


def fails(number, call, *args):
    try:
        call(*args)
    except OSError as error:
        assert error.errno == number, error
    else:
        raise AssertionError("no error")


def test_full_table_is_enospc(context):
    daemon = context.daemon("limits { bridges 2 sessions 2 }\n")
    handle = Handle(daemon)
    ids = [handle.add("udp:127.0.0.1:%d" % context.port(), "udp:[::1]:9")
           for _ in range(2)]
    src = "udp:127.0.0.1:%d" % context.port()
    fails(errno.ENOSPC, handle.add, src, "udp:[::1]:9")
    handle.call("mct_session_close", ids[0])
    assert handle.add(src, "udp:[::1]:9") not in ids


def test_blocking_read_waits_for_an_event(context):
    line = Line(context)
    handle = Handle(line.daemon)
    handle.call("mct_event_attach", 1)
    handle.call("mct_timeout", 1)  # is not that of a read
    got = []
    thread = threading.Thread(target=lambda: got.append(handle.read()),
                              daemon=True)
    thread.start()
    thread.join(0.1)
    assert not got
    pair = line.pair()
    thread.join(20)
    assert got[0][0] == 1 and got[0][3] == 0, got
    exchange(*pair)
    fails(errno.EISCONN, handle.call, "mct_fini")
    handle.call("mct_event_detach")
    handle.call("mct_fini")


def test_daemon_that_goes_is_epipe(context):
    daemon = context.daemon(QUICK)
    handle, reader = Handle(daemon), Handle(daemon)
    reader.call("mct_event_attach", 1)
    daemon.stop()
    fails(errno.EPIPE, handle.add, "udp:127.0.0.1:7", "udp:127.0.0.1:9")
    fails(errno.EPIPE, reader.read)
    reader.call("mct_event_detach")
    reader.call("mct_fini")
    handle.call("mct_fini")


def test_answer_that_comes_too_late_is_etimedout(context):
    """The bridge may exist then, and the handle can be used on."""
    daemon = context.daemon(QUICK)
    handle = Handle(daemon)
    control, = daemon.pids()["control"]
    src = "udp:127.0.0.1:%d" % context.port()
    handle.call("mct_timeout", 50)
    os.kill(control, signal.SIGSTOP)
    fails(errno.ETIMEDOUT, handle.add, src, "udp:127.0.0.1:9")
    os.kill(control, signal.SIGCONT)
    handle.call("mct_timeout", 20000)
    fails(errno.EEXIST, handle.add, src, "udp:127.0.0.1:9")
    number = handle.add("udp:127.0.0.1:%d" % context.port(),
                        "udp:127.0.0.1:9")
    assert [b["id"] for b in daemon.show("bridges")][-1] == number
    handle.call("mct_fini")
