"""A supervision: told what happened to processes, and when, it says which to start, to end and to kill."""

from __future__ import annotations

import itertools

from zmqlayer.worker.supervision import GIVE_UP_AFTER, MOST_PAUSE_S, QUICK_S, Deed, Supervision

GRACE_S = 10.0
A_WHILE_S = QUICK_S + 1
FAILED = "ended with status 1"


class Machine:
    """Processes that start at once, with ids from 101 on, and a clock that the test moves."""

    def __init__(self, n_processes: int = 2) -> None:
        self.supervision = Supervision(n_processes, GRACE_S)
        self.now = 1000.0
        self.running: dict[int, int] = {}
        self.asked: list[int] = []
        self.killed: list[int] = []
        self.said: list[str] = []
        self._ids = itertools.count(101)

    def run(self) -> None:
        """Do what the supervision wants now."""
        for action in self.supervision.actions(self.now):
            match action.deed:
                case Deed.START:
                    pid = next(self._ids)
                    self.running[pid] = action.number
                    self.supervision.started(action.number, pid, self.now)
                case Deed.END:
                    self.asked.append(action.number)
                case Deed.KILL:
                    self.killed.append(action.number)
                case Deed.TELL | Deed.WARN:
                    self.said.append(action.sentence)

    def wait(self, seconds: float) -> None:
        """Let time pass, and the supervision act."""
        self.now += seconds
        self.run()

    def ready(self, *pids: int) -> None:
        """Let processes say that they are ready."""
        for pid in pids:
            self.supervision.ready(pid, self.now)
            self.run()

    def end(self, pid: int, how: str = "ended with status 0") -> None:
        """Let a process end."""
        del self.running[pid]
        self.supervision.ended(pid, how, self.now)
        self.run()


def running_machine(n_processes: int = 2) -> Machine:
    """Return a machine whose processes have been ready for a while; their ids are 101, 102, …"""
    machine = Machine(n_processes)
    machine.supervision.begin(machine.now)
    machine.run()
    machine.ready(101)
    machine.ready(*(pid for pid in machine.running if pid != 101))
    machine.wait(A_WHILE_S)
    machine.said.clear()
    return machine


def test_the_first_goes_ahead() -> None:
    """One process starts; the others when it is ready."""
    machine = Machine(3)

    machine.supervision.begin(machine.now)
    machine.run()
    before = dict(machine.running)
    machine.ready(101)

    assert before == {101: 1}
    assert machine.running == {101: 1, 102: 2, 103: 3}
    assert machine.supervision.next_deadline() is None


def test_a_process_that_dies_is_replaced_at_once() -> None:
    """The sentence says which it was and how it ended, and the others are left alone."""
    machine = running_machine()

    machine.end(102, "was killed by SIGKILL")

    assert machine.running == {101: 1, 103: 2}
    assert machine.said == ["worker process 2 (102) was killed by SIGKILL; another takes its place"]


def test_quick_deaths_make_pauses() -> None:
    """A process that dies soon after its start is replaced at once, and then after pauses that double."""
    machine = running_machine()
    pauses = []

    for _ in range(9):
        machine.end(max(machine.running))
        begun = machine.now
        while len(machine.running) < 2:
            deadline = machine.supervision.next_deadline()
            assert deadline is not None
            machine.wait(deadline - machine.now)
        pauses.append(machine.now - begun)
        machine.ready(max(machine.running))

    assert pauses == [0, 0, 1, 2, 4, 8, 16, MOST_PAUSE_S, MOST_PAUSE_S]
    assert machine.running[101] == 1


def test_a_long_life_is_forgiven() -> None:
    """After a process that lived for a while the next one starts at once again."""
    machine = running_machine()
    for _ in range(3):
        machine.end(max(machine.running))
        machine.wait(MOST_PAUSE_S)
        machine.ready(max(machine.running))

    machine.wait(A_WHILE_S)
    machine.end(max(machine.running))

    assert len(machine.running) == 2


def test_what_cannot_start_is_given_up() -> None:
    """When the first few end alike before any was ready, that is said, and it is over; the others never started."""
    machine = Machine(4)
    machine.supervision.begin(machine.now)
    machine.run()

    for pid in range(101, 101 + GIVE_UP_AFTER):
        machine.wait(MOST_PAUSE_S)
        machine.end(pid, FAILED)

    assert machine.supervision.is_over
    assert machine.supervision.problem == (
        "no worker process can start: 3 in a row ended with status 1 before they were ready"
    )
    assert max(machine.running, default=0) == 0
    assert len(machine.said) == GIVE_UP_AFTER - 1


def test_different_ends_are_tried_again() -> None:
    """As long as they do not end alike, another one may do better."""
    machine = Machine()
    machine.supervision.begin(machine.now)
    machine.run()

    for pid, how in enumerate([FAILED, FAILED, "was killed by SIGKILL", FAILED, FAILED], start=101):
        machine.end(pid, how)
        machine.wait(MOST_PAUSE_S)

    assert machine.supervision.problem == ""
    assert machine.running == {106: 1}


def test_nothing_is_given_up_once_one_was_ready() -> None:
    """What could start once will be able to start again: it is tried for ever."""
    machine = running_machine()
    machine.end(101)
    machine.end(102)

    for _ in range(5 * GIVE_UP_AFTER):
        for pid in tuple(machine.running):
            machine.end(pid, FAILED)
        machine.wait(MOST_PAUSE_S)

    assert machine.supervision.problem == ""
    assert sorted(machine.running.values()) == [1, 2]


def test_a_start_that_the_system_refuses_is_tried_again() -> None:
    """It counts as a quick death."""
    supervision = Supervision(1, GRACE_S)
    supervision.begin(0.0)
    supervision.actions(0.0)

    supervision.not_started(1, "Cannot allocate memory", 0.0)
    actions = supervision.actions(0.0)

    assert [(action.deed, action.number) for action in actions] == [(Deed.WARN, 0), (Deed.START, 1)]
    assert actions[0].sentence == (
        "worker process 1 could not be started: Cannot allocate memory; another takes its place"
    )


def test_a_stop_asks_and_waits() -> None:
    """All are asked to end; when the last is gone, it is over, and nobody is replaced."""
    machine = running_machine()

    machine.supervision.stop(machine.now)
    machine.run()
    machine.end(101)
    is_over_early = machine.supervision.is_over
    machine.end(102)

    assert machine.asked == [101, 102]
    assert not is_over_early
    assert machine.supervision.is_over
    assert (machine.running, machine.killed) == ({}, [])
    assert machine.said == ["stopping the worker processes; a second signal ends them at once"]


def test_who_does_not_end_in_time_is_killed() -> None:
    """After the grace time, once, with a word about it."""
    machine = running_machine()
    machine.supervision.stop(machine.now)
    machine.run()
    machine.end(102)

    machine.wait(GRACE_S - 0.1)
    early = list(machine.killed)
    machine.wait(0.1)
    machine.wait(GRACE_S)

    assert (early, machine.killed) == ([], [101])
    assert machine.said[1:] == ["worker process 1 (101) did not end within 10 s and is killed"]


def test_the_second_stop_kills() -> None:
    """Who asks twice does not want to wait."""
    machine = running_machine()

    machine.supervision.stop(machine.now)
    machine.supervision.stop(machine.now)
    machine.run()

    assert machine.killed == [101, 102]


def test_a_stop_while_one_waits_to_be_started() -> None:
    """Nothing is started any more."""
    machine = running_machine(1)
    for _ in range(2):
        machine.end(max(machine.running))
        machine.ready(*machine.running)
    machine.end(max(machine.running))
    assert machine.supervision.next_deadline() is not None

    machine.supervision.stop(machine.now)
    machine.wait(MOST_PAUSE_S)

    assert machine.supervision.is_over
    assert machine.running == {}


def test_a_restart_goes_one_by_one() -> None:
    """A new process starts beside the old one, which ends when the new one is ready; then it is the next one's turn."""
    machine = running_machine()

    machine.supervision.restart(machine.now)
    machine.run()
    beside = dict(machine.running), list(machine.asked)
    machine.ready(103)
    asked = list(machine.asked)
    machine.end(101)
    next_one = dict(machine.running)
    machine.ready(104)
    machine.end(102)

    assert beside == ({101: 1, 102: 2, 103: 1}, [])
    assert asked == [101]
    assert next_one == {102: 2, 103: 1, 104: 2}
    assert machine.running == {103: 1, 104: 2}
    assert machine.said == ["restarting the worker processes, one after the other", "all worker processes are new"]


def test_a_restart_that_fails_leaves_what_runs() -> None:
    """If the new process ends before it is ready, the old ones stay, and the operator is told."""
    machine = running_machine()
    machine.supervision.restart(machine.now)
    machine.run()

    machine.end(103, FAILED)
    machine.wait(A_WHILE_S)

    assert machine.running == {101: 1, 102: 2}
    assert machine.asked == []
    assert machine.said[1:] == [
        "the new worker process 1 (103) ended with status 1 before it was ready: the restart is given up, and the "
        "processes that run stay",
    ]


def test_an_old_process_that_dies_during_its_restart() -> None:
    """Its successor is there already, and the restart goes on."""
    machine = running_machine()
    machine.supervision.restart(machine.now)
    machine.run()

    machine.end(101, "was killed by SIGKILL")
    machine.ready(103)

    assert machine.running == {102: 2, 103: 1, 104: 2}
    machine.ready(104)
    machine.end(102)
    assert machine.running == {103: 1, 104: 2}


def test_a_new_process_that_dies_once_it_was_ready() -> None:
    """While the old one is ending a third one starts, and the restart goes on."""
    machine = running_machine()
    machine.supervision.restart(machine.now)
    machine.run()
    machine.ready(103)

    machine.end(103, "was killed by SIGKILL")
    machine.ready(104)
    machine.end(101)

    assert machine.running == {102: 2, 104: 1, 105: 2}


def test_a_restart_asked_for_twice() -> None:
    """It begins again with all that run, behind the step that is under way."""
    machine = running_machine()
    machine.supervision.restart(machine.now)
    machine.run()

    machine.supervision.restart(machine.now)
    for _ in range(10):
        for pid in tuple(machine.running):
            machine.ready(pid)
        for pid in set(machine.asked) & set(machine.running):
            machine.end(pid)

    assert sorted(machine.running.values()) == [1, 2]
    assert not {101, 102, 103} & machine.running.keys()


def test_a_stop_during_a_restart() -> None:
    """Old and new end alike."""
    machine = running_machine()
    machine.supervision.restart(machine.now)
    machine.run()

    machine.supervision.stop(machine.now)
    machine.supervision.restart(machine.now)
    machine.run()
    for pid in (101, 102, 103):
        machine.end(pid)

    assert machine.asked == [101, 102, 103]
    assert machine.supervision.is_over


def test_an_old_process_that_does_not_end_is_killed() -> None:
    """A restart does not hang on a consumer that never returns."""
    machine = running_machine(1)
    machine.supervision.restart(machine.now)
    machine.run()
    machine.ready(102)

    machine.wait(GRACE_S)

    assert machine.killed == [101]


def test_repr() -> None:
    """The state, for the log."""
    assert repr(running_machine().supervision) == "<Supervision [running | 2 of 2 processes]>"
