"""A program in namespaces of its own: a network with nothing but loopback,
so that ports and names meet nothing of this machine, and processes that all
end when the program does, whatever happened to it.

The outside calls run(); the program started so calls inside() first.
"""

import os
import signal
import subprocess
import sys

WRAPPER = ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "--pid",
           "--fork", "--kill-child", "--mount-proc"]


def run(argv, timeout=None, output=None, env=None):
    """Runs argv; returns its exit status, or None when it took too long."""
    process = subprocess.Popen(WRAPPER + argv, stdin=subprocess.DEVNULL,
                               stdout=output, stderr=output, env=env)
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        return None
    finally:
        process.kill()
        process.wait()


def end_on_signals(cleanup):
    """INT, TERM and HUP call cleanup and end this process, and with it
    everything that it had run()."""
    def end(number, _frame):
        cleanup()
        sys.stderr.write("\ninterrupted\n")
        os._exit(128 + number)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)


def inside(function):
    """Calls function in a child, as the first process of the namespace has
    to look after those who lost their parent; ends with its result."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    child = os.fork()
    if child == 0:
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.exit(function())
    while True:
        pid, status = os.wait()
        if pid == child:
            sys.stdout.flush()
            os._exit(os.waitstatus_to_exitcode(status) & 255)


def need_root(name):
    """Namespaces want it; says so and exits if it is not."""
    if os.geteuid() != 0:
        sys.exit(name + ": run as root: it makes network namespaces")
