"""Control dies and no client notices: every connection stays, every request
is done once and answered once, and events go on without a gap."""

import contextlib
import errno
import os
import signal
import struct
import threading
import time
import traceback

from client import C2L_ERROR, C2L_HELLO, C2L_RECORDS, C2L_RESUMED, HEADER, \
    HELLO, L2C_EVENTS, L2C_HELLO, L2C_LIST, MAGIC, SUMMARY, VERSION, \
    FRAME_MAX, Client
from echo import Echo, ask, asked, at_work, lose, served, tcp
from fds import files_at_rest
from handle import Handle
from program import wait_for
from trace import Tracee
from watch import Monitor

STANDBY = 8
CREATED, DESTROYED = "bridge-created", "bridge-destroyed"
CONF = "limits { standby %d }\n" % STANDBY
LIST = HEADER.pack(HEADER.size + len(SUMMARY), L2C_LIST, 0, 7) + SUMMARY


def udp(context):
    return "udp:127.0.0.1:%d" % context.port()


def in_a_row(monitor):
    """The events of a monitor: none is missing and none came twice."""
    events = list(monitor.events)
    for i, event in enumerate(events):
        assert event["event"] != "lost", event
        assert event["seq"] == i + 1, (i, event)
    return events


class Scenario(threading.Thread):
    """A program: from its HELLO over a bridge, a list and its events to the
    end."""

    def __init__(self, daemon, src, dst):
        super().__init__(daemon=True)
        self.server, self.src, self.dst = daemon, src, dst
        self.number = None
        self.error = None
        self.start()

    def run(self):
        try:
            self.number = self.play()
        except (OSError, AssertionError) as error:
            self.error = error

    def play(self):
        handle = Handle(self.server)
        handle.call("mct_event_attach", 1)
        number = handle.add(self.src, self.dst)
        assert [b["id"] for b in self.server.show("bridges")] == [number]
        handle.call("mct_session_close", number)
        seen = []
        while True:
            event, seq, about, _ = handle.read()
            seen.append((seq, event, about))
            if len([1 for _, _, who in seen if who == number]) == 2:
                break
        first = seen[0][0]
        assert [seq for seq, _, _ in seen] == list(
            range(first, first + len(seen))), seen
        handle.call("mct_event_detach")
        handle.call("mct_fini")
        return number


def controls(daemon):
    """The one at work and its successors, in their order: engines and
    controls were started by turns."""
    pids = daemon.pids()
    return pids["control"] + sorted(pids["standby"])[1::2]


def run_to(tracee, count, scenario):
    """Kills it before its system call of that number; whether the scenario
    came so far."""
    while scenario.is_alive():
        if not tracee.poll_call():
            time.sleep(0.0002)
            continue
        count -= 1
        if count == 0:
            tracee.kill()
            return True
        tracee.go()
    return False


def killed_at(daemon, pids, counts, ends):
    """Plays the scenario, with the first control killed before that of its
    system calls, then the second; whether it came so far."""
    with contextlib.ExitStack() as stack:
        tracees = [stack.enter_context(Tracee(pid)) for pid in pids]
        scenario = Scenario(daemon, *ends)
        done = all(run_to(tracee, count, scenario)
                   for tracee, count in zip(tracees, counts))
    scenario.join(30)
    assert not scenario.is_alive(), "the scenario did not end"
    assert scenario.error is None, scenario.error
    return done


def check_played(daemon, monitor, played):
    """Each scenario made one bridge, and closed it."""
    wait_for(lambda: len(monitor.all(DESTROYED)) >= played)
    assert len(monitor.all(CREATED)) == played
    assert not daemon.show("bridges")
    in_a_row(monitor)
    monitor.program.stop()
    daemon.stop()


def kill_everywhere(context, deaths, counts):
    """Scenarios in which so many controls die, where counts(1), counts(2)
    and so on say, until one is over before."""
    number, going_on = 0, True
    while going_on:
        daemon = context.daemon(CONF)
        monitor = Monitor(context, daemon)
        pids, ends = controls(daemon), (tcp(context), tcp(context))
        played = 0
        while going_on and len(pids) > deaths:
            number += 1
            played += 1
            going_on = killed_at(daemon, pids[:deaths], counts(number), ends)
            del pids[:deaths]
        check_played(daemon, monitor, played)
    return number


def test_control_killed_at_each_of_its_system_calls(context):
    assert kill_everywhere(context, 1, lambda n: [n]) > 30


def test_control_killed_at_each_system_call_of_its_take_over(context):
    """The one before it died in the middle of this and that."""
    assert kill_everywhere(context, 2, lambda n: [3 + n * 7 % 25, n]) > 15


def adder(handle, ends, stop, made):
    """Adds bridges and closes them, one after the other, until told."""
    src, dst = ends
    while not stop.is_set():
        number = handle.add(src, dst)
        handle.call("mct_session_close", number)
        made.append(number)


class Busy:
    """Clients that do what clients do, in threads; errors are kept."""

    def __init__(self):
        self.stop = threading.Event()
        self.errors = []
        self.threads = []

    def start(self, function, *args):
        def run():
            try:
                function(*args)
            except (OSError, AssertionError):
                self.errors.append(traceback.format_exc())
        self.threads.append(threading.Thread(target=run, daemon=True))
        self.threads[-1].start()

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join(30)
            assert not thread.is_alive()
        assert not self.errors, "\n".join(self.errors)


def errno_of(body):
    return struct.unpack(">I", body[:4])[0]


def lister(client, stop, answers):
    """Lists by hand, one after the other; after RESUMED it asks again, and
    where the daemon was changing what is listed."""
    request = 100
    while not stop.is_set():
        request += 1
        client.send(L2C_LIST, SUMMARY, request)
        kind, number, body = client.receive()
        while (kind, number) != (C2L_RECORDS, request):
            if kind == C2L_RESUMED or (kind == C2L_ERROR and
                                       errno_of(body) == errno.EAGAIN):
                client.send(L2C_LIST, SUMMARY, request)
            else:  # the second answer to the one before
                assert kind == C2L_RECORDS and number < request, \
                    (kind, number, request, body)
            kind, number, body = client.receive()
        answers.append(request)


def test_clients_stay_when_control_is_killed_again_and_again(context):
    daemon = context.daemon(CONF)
    parent = files_at_rest(daemon)[daemon.pid]
    monitor = Monitor(context, daemon)
    busy, made, answers = Busy(), [[], []], [[], []]
    handles = [Handle(daemon) for _ in made]
    raw = [Client(daemon) for _ in answers]
    for i in range(2):
        busy.start(adder, handles[i], (tcp(context), tcp(context)),
                   busy.stop, made[i])
        busy.start(lister, raw[i], busy.stop, answers[i])
    lists = made + answers
    for _ in range(STANDBY):
        lose(daemon, "control")
        before = [len(done) for done in lists]
        wait_for(lambda before=before: busy.errors or all(
            len(done) > had + 2 for done, had in zip(lists, before)), 20)
    busy.end()
    count = sum(map(len, made))
    wait_for(lambda: len(monitor.all(DESTROYED)) == count)
    events = in_a_row(monitor)
    created = [e["id"] for e in events if e["event"] == CREATED]
    assert sorted(created) == sorted(made[0] + made[1])
    assert not daemon.show("bridges")
    assert daemon.show("summary")[0]["clients"] == 6
    for handle in handles:
        handle.call("mct_fini")
    for client in raw:
        client.socket.close()
    monitor.program.stop()
    wait_for(lambda: daemon.show("summary")[0]["clients"] == 1)
    # channels of the dead were replaced, so that low numbers stay taken
    wait_for(lambda: files_at_rest(daemon)[daemon.pid] <= parent)


def test_no_descriptor_is_left(context):
    daemon = context.daemon(CONF)
    control = at_work(daemon, "control")
    before = files_at_rest(daemon)
    for _ in range(3):
        clients = [Client(daemon) for _ in range(10)]
        lose(daemon, "control")
        for client in clients:
            assert client.receive()[0] == C2L_RESUMED
            client.socket.close()
    wait_for(lambda: daemon.show("summary")[0]["clients"] == 1)

    def back():
        after = files_at_rest(daemon)
        return after[daemon.pid] <= before[daemon.pid] and \
            after[at_work(daemon, "control")] <= before[control]
    wait_for(back)


def test_half_a_request_is_completed_at_the_next_control(context):
    daemon = context.daemon(CONF)
    for cut in (1, 4, HEADER.size, len(LIST) - 1):
        client = Client(daemon)
        whole = Client(daemon)
        client.socket.sendall(LIST[:cut])
        whole.expect_alive()  # control has had its turn with the other
        lose(daemon, "control")
        client.expect(C2L_RESUMED, 0)
        client.socket.sendall(LIST[cut:])
        client.expect(C2L_RECORDS, 7)
        client.expect_alive()


def test_half_a_hello_is_completed_at_the_next_control(context):
    daemon = context.daemon(CONF)
    hello = HEADER.pack(HEADER.size + HELLO.size, L2C_HELLO, 0, 1) + \
        HELLO.pack(MAGIC, VERSION, 0, FRAME_MAX)
    for cut in (0, 5, len(hello) - 1):
        client = Client(daemon, hello=False)
        client.socket.sendall(hello[:cut])
        wait_for(lambda: daemon.show("summary")[0]["clients"] == 2)
        lose(daemon, "control")
        client.expect(C2L_RESUMED, 0)
        client.socket.sendall(hello[cut:])
        client.expect(C2L_HELLO, 1)
        client.expect_alive()
        client.socket.close()


def test_client_that_does_not_read_gets_whole_answers(context):
    """Some are lost with control; none is cut, and RESUMED stands between
    those of the one and of the other."""
    daemon = context.daemon(CONF)
    client = Client(daemon)
    client.socket.settimeout(0.5)
    count = 0
    with contextlib.suppress(TimeoutError):
        while True:
            client.socket.sendall(HEADER.pack(
                len(LIST), L2C_LIST, 0, count) + SUMMARY)
            count += 1
    client.socket.settimeout(20)
    lose(daemon, "control")
    numbers, resumed = [], 0
    while not numbers or numbers[-1] != count - 1:
        kind, number, _ = client.receive()
        if kind == C2L_RESUMED:
            resumed += 1
            continue
        assert kind == C2L_RECORDS
        numbers.append(number)
    assert resumed == 1
    assert numbers == sorted(set(numbers)), numbers
    assert len(numbers) >= count - 1, (count, len(numbers))


def stopped(daemon, kind):
    """The process at work, which takes part in nothing any more."""
    pid = at_work(daemon, kind)
    os.kill(pid, signal.SIGSTOP)

    def is_stopped():
        with open("/proc/%d/stat" % pid) as stream:
            return stream.read().rsplit(")", 1)[1].split()[0] == "T"
    wait_for(is_stopped)
    return pid


def go_on(pid):
    """Unless it was found to hang, and was replaced."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


def test_client_that_comes_while_control_hangs_is_served_by_the_next(context):
    daemon = context.daemon(CONF)
    pid = stopped(daemon, "control")
    results = []

    def come():
        handle = Handle(daemon)
        results.append(handle.add(*ports))
        handle.call("mct_fini")
    ports = tcp(context), tcp(context)
    threads = [threading.Thread(target=come, daemon=True)]
    threads[0].start()
    raw = Client(daemon, hello=False)  # accepted after the first
    raw.hello()
    os.kill(pid, signal.SIGKILL)
    at_work(daemon, "control", other_than=pid)
    threads[0].join(20)
    assert [b["id"] for b in daemon.show("bridges")] == results
    kind = raw.receive()[0]
    if kind == C2L_RESUMED:  # accepted before the death
        kind = raw.receive()[0]
    assert kind == C2L_HELLO
    raw.expect_alive()


def test_client_that_goes_while_nobody_serves_is_gone(context):
    daemon = context.daemon(CONF)
    clients = [Client(daemon) for _ in range(5)]
    pid = stopped(daemon, "control")
    for client in clients[1:]:
        client.socket.close()
    os.kill(pid, signal.SIGKILL)
    clients[0].expect(C2L_RESUMED, 0)
    wait_for(lambda: daemon.show("summary")[0]["clients"] == 2)
    clients[0].expect_alive()


def test_order_under_way_at_the_death_is_done_and_answered_once(context):
    """A bridge of datagrams stands when the engine says so."""
    daemon = context.daemon(CONF)
    monitor = Monitor(context, daemon)
    handle = Handle(daemon)
    src, dst = udp(context), udp(context)
    engine = stopped(daemon, "engine")
    results = []
    thread = threading.Thread(
        target=lambda: results.append(handle.add(src, dst)), daemon=True)
    thread.start()
    wait_for(lambda: daemon.show("bridges"))
    lose(daemon, "control")
    lose(daemon, "control")
    assert not results
    go_on(engine)
    thread.join(20)
    number, = results
    assert [b["id"] for b in daemon.show("bridges")] == [number]
    handle.call("mct_session_close", number)
    monitor.wait(DESTROYED)
    assert [e["id"] for e in monitor.all(CREATED)] == [number]
    in_a_row(monitor)


def test_order_after_one_that_was_given_up_is_done(context):
    daemon = context.daemon(CONF)
    handle = Handle(daemon)
    engine = stopped(daemon, "engine")
    handle.call("mct_timeout", 100)
    try:
        handle.add(udp(context), udp(context))
        raise AssertionError("answered though the engine is stopped")
    except OSError as error:
        assert error.errno == errno.ETIMEDOUT, error
    lose(daemon, "control")
    handle.call("mct_timeout", 30000)
    number = handle.add(tcp(context), tcp(context))
    go_on(engine)
    other = handle.add(udp(context), udp(context))
    found = [b["id"] for b in daemon.show("bridges")]
    assert len(found) == 3 and {number, other} < set(found), found


def test_waiting_for_events_goes_on(context):
    daemon = context.daemon(CONF)
    handle = Handle(daemon)
    handle.call("mct_event_attach", 1)
    raw = Client(daemon)
    raw.send(L2C_EVENTS, b"\x03\0\0\0\0", 9)
    raw.expect_alive()
    lose(daemon, "control")
    raw.expect(C2L_RESUMED, 0)
    seen = [handle.read()]  # the take-over itself
    number = daemon.add(tcp(context), tcp(context))
    seen.append(handle.read())
    assert seen[1][1] == seen[0][1] + 1 and seen[1][2] == number, seen
    raw.expect_alive()
    handle.call("mct_event_detach")


def test_stop_is_not_asked_twice(context):
    """A second one would end the sessions at once."""
    echo, src = Echo(tcp(context)), tcp(context)
    daemon = context.daemon(CONF + "timeouts { drain 30s }\n"
                            "bridge %s %s\n" % (src, echo.text))
    peer = asked(src)
    handle = Handle(daemon)
    handle.call("mct_stop")
    daemon.wait_log("stopping")
    lose(daemon, "control")
    ask(peer)
    peer.close()
    assert daemon.process.wait(20) == 0
    assert "closing" not in daemon.log_text()


def test_control_and_engine_killed_at_once(context):
    echo, src = Echo(tcp(context)), tcp(context)
    daemon = context.daemon(CONF + "bridge %s %s\n" % (src, echo.text))
    monitor = Monitor(context, daemon)
    handle = Handle(daemon)
    ports = tcp(context), tcp(context)
    for _ in range(STANDBY):
        pids = [at_work(daemon, kind) for kind in ("engine", "control")]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        number = handle.add(*ports)
        handle.call("mct_session_close", number)
        wait_for(lambda: served(src), 20)
        for kind, pid in zip(("engine", "control"), pids):
            at_work(daemon, kind, other_than=pid)
    wait_for(lambda: len(monitor.all("child-restarted")) == 2 * STANDBY)
    in_a_row(monitor)
