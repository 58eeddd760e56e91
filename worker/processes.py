"""
Worker processes under one parent, each started by running the command of this process again. Knows no Django, no mesh.

A command that can run several processes does this::

    lifeline = Lifeline.take()              # in a child; None in the process that the operator started
    if n_processes > 1 and lifeline is None:
        become_parent(n_processes, grace_s)     # does not return
    ...                                     # one process's work; signals are taken
    if lifeline is not None:
        lifeline.hold(grace_s)              # end when the parent is gone
        lifeline.tell_ready()               # where the work has begun

The parent is this process, with its id, and with a small program in place of the old one: whatever was imported is let
go. A child's end of a pair of sockets, the lifeline, is inherited, and its number stands in the environment. The child
says there that it is ready; and it reads there the end of its parent, however that ends.
"""

from __future__ import annotations

import logging
import os
import selectors
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, MutableMapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from zmqlayer.worker.supervision import Action, Deed, Supervision

if TYPE_CHECKING:
    from zmqlayer.ports import Clock

__all__ = [
    "VARIABLE",
    "CannotRepeat",
    "Lifeline",
    "Parent",
    "become_parent",
    "describe_end",
    "own_command",
    "parent_command",
]

logger = logging.getLogger("zmqlayer.worker")

VARIABLE: Final = "ZMQLAYER_WORKER_LIFELINE"
"""In a child: number of its socket, its place, and how many places there are."""

READY: Final = b"r"
LEAVING_S: Final = 5.0
"""What a process may take, once its consumers are done, to leave the mesh and to end."""

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)

BOOT: Final = """# The parent of worker processes of zmqlayer.
import sys
from types import ModuleType
for name, folder in (("zmqlayer", sys.argv[1]), ("zmqlayer.worker", sys.argv[2])):
    sys.modules[name] = ModuleType(name)
    sys.modules[name].__path__ = [folder]
from zmqlayer.worker.processes import main
main(sys.argv[3:])
"""
"""The parent's program. It goes past what ``import zmqlayer`` would load: 20 MB that a parent has no use for."""


class CannotRepeat(ValueError):
    """The command of this process cannot be run again."""


class Lifeline:
    """
    A child's connection to its parent; it stays open until the process ends.

    Args:
        number: Of the file descriptor.

    Attributes:
        place: Which of the processes this is, from 1 on.
        n_places: How many there are.
    """

    def __init__(self, number: int, place: int, n_places: int) -> None:
        self.place = place
        self.n_places = n_places
        self._number = number

    @classmethod
    def take(cls, environ: MutableMapping[str, str] | None = None) -> Lifeline | None:
        """
        Return this process's lifeline, or None if it is no child. Call it once, before threads are started.

        The variable is taken out of the environment, so that what this process starts is no child in its turn.
        """
        words = (os.environ if environ is None else environ).pop(VARIABLE, "").split()
        if len(words) != 3 or not all(word.isdigit() for word in words):
            return None
        number, place, n_places = map(int, words)
        try:
            is_socket = stat.S_ISSOCK(os.fstat(number).st_mode)
        except OSError:
            is_socket = False
        if not is_socket:
            return None
        os.set_inheritable(number, False)
        return cls(number, place, n_places)

    def tell_ready(self) -> None:
        """Tell the parent that the work has begun."""
        with suppress(OSError):  # the parent is gone, which hold() sees
            os.write(self._number, READY)

    def hold(self, grace_s: float) -> None:
        """
        From now on end this process when its parent is gone: as by SIGTERM, and by force if that takes too long.

        Args:
            grace_s: How long consumers may take to end.
        """
        threading.Thread(target=self._hold, args=(grace_s,), name="lifeline", daemon=True).start()

    def _hold(self, grace_s: float) -> None:
        with suppress(OSError):
            while os.read(self._number, 1):
                pass
        logger.warning("the parent of the worker processes is gone: stopping")
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(grace_s + LEAVING_S)
        os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class _Running:
    """A child and our end of its lifeline."""

    process: subprocess.Popen[bytes]
    lifeline: socket.socket


class Parent:
    """
    Runs processes and keeps them running. Uses the signals of its process.

    Args:
        command: What to run in each.
        supervision: Decides.
        n_processes: How many there are.
    """

    def __init__(
        self,
        command: Sequence[str],
        n_processes: int,
        supervision: Supervision,
        clock: Clock = time.monotonic,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._command = list(command)
        self._n_processes = n_processes
        self._supervision = supervision
        self._clock = clock
        self._environ = dict(os.environ if environ is None else environ)
        self._children: dict[int, _Running] = {}
        self._selector = selectors.DefaultSelector()

    def __repr__(self) -> str:
        return f"<Parent of {len(self._children)} processes>"

    def run(self) -> int:
        """Keep the processes running until a signal asks to stop. Returns the status to exit with."""
        bell, ringer = socket.socketpair()
        with bell, ringer, self._selector:
            bell.setblocking(False)
            ringer.setblocking(False)
            # The handlers do nothing: the number of each signal is written to the bell, and the loop acts.
            for number in SIGNALS:
                signal.signal(number, lambda *_: None)
            signal.set_wakeup_fd(ringer.fileno(), warn_on_full_buffer=False)
            self._selector.register(bell, selectors.EVENT_READ, lambda: self._take_signals(bell))
            self._supervision.begin(self._clock())
            while not self._supervision.is_over:
                self._step()
            signal.set_wakeup_fd(-1)
        if self._supervision.problem:
            logger.error("%s; what they wrote stands above", self._supervision.problem)
        return 1 if self._supervision.problem else 0

    def _step(self) -> None:
        for action in self._supervision.actions(self._clock()):
            self._do(action)
        # Whatever failed to start is in the supervision now, so its deadline is asked for after that.
        deadline = self._supervision.next_deadline()
        for key, _ in self._selector.select(None if deadline is None else max(0.0, deadline - self._clock())):
            key.data()
        self._bury()

    def _do(self, action: Action) -> None:
        match action.deed:
            case Deed.START:
                self._start(action.number)
            case Deed.END:
                self._signal(action.number, signal.SIGTERM)
            case Deed.KILL:
                self._signal(action.number, signal.SIGKILL)
            case Deed.TELL:
                logger.info("%s", action.sentence)
            case Deed.WARN:
                logger.warning("%s", action.sentence)

    def _start(self, place: int) -> None:
        ours, theirs = socket.socketpair()
        environ = {**self._environ, VARIABLE: f"{theirs.fileno()} {place} {self._n_processes}"}
        try:
            # A group of its own: what a terminal sends at Ctrl-C comes to the parent alone, and once to each child.
            child = subprocess.Popen(
                self._command,
                env=environ,
                pass_fds=(theirs.fileno(),),
                process_group=0,
                stdin=subprocess.DEVNULL,
            )
        except OSError as exc:
            ours.close()
            self._supervision.not_started(place, exc.strerror or str(exc), self._clock())
            return
        finally:
            theirs.close()
        ours.setblocking(False)
        self._children[child.pid] = _Running(child, ours)
        self._supervision.started(place, child.pid, self._clock())
        self._selector.register(ours, selectors.EVENT_READ, lambda: self._listen(ours, child.pid))

    def _signal(self, pid: int, number: signal.Signals) -> None:
        self._children[pid].process.send_signal(number)  # which looks first whether it is there

    def _listen(self, connection: socket.socket, pid: int) -> None:
        try:
            word = connection.recv(1)
        except OSError:
            word = b""
        if word == READY:
            self._supervision.ready(pid, self._clock())
        else:
            self._selector.unregister(connection)  # the child has closed it, and will be seen to end

    def _take_signals(self, bell: socket.socket) -> None:
        for number in bell.recv(4096):
            if number in (signal.SIGTERM, signal.SIGINT):
                self._supervision.stop(self._clock())
            elif number == signal.SIGHUP:
                self._supervision.restart(self._clock())

    def _bury(self) -> None:
        for pid, child in tuple(self._children.items()):
            status = child.process.poll()
            if status is not None:
                del self._children[pid]
                if child.lifeline in self._selector.get_map():
                    self._selector.unregister(child.lifeline)  # something that the child started has it still
                child.lifeline.close()
                self._supervision.ended(pid, describe_end(status), self._clock())


def become_parent(n_processes: int, grace_s: float) -> NoReturn:
    """
    Be the parent of worker processes from now on; this program ends here, and its process goes on.

    Args:
        n_processes: How many to keep running.
        grace_s: How long consumers may take to end once their process was asked to.

    Raises:
        CannotRepeat: This program cannot be started again.
    """
    command = parent_command(n_processes, grace_s, own_command(sys.executable, sys.orig_argv))
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, command)


def parent_command(n_processes: int, grace_s: float, command: Sequence[str]) -> list[str]:
    """Return the command line of a parent whose processes run *command*."""
    folder = Path(__file__).parent
    # The folders are told apart: in a clone, unlike in an installation, one is not in the other.
    packages = [str(Path(sys.modules["zmqlayer"].__path__[0])), str(folder)]
    return [sys.executable, "-IS", "-c", BOOT, *packages, str(n_processes), str(grace_s + LEAVING_S), *command]


def own_command(executable: str, original: Sequence[str]) -> list[str]:
    """
    Return how to start this program again.

    Args:
        executable: The interpreter, ``sys.executable``.
        original: Its command line, ``sys.orig_argv``: with its flags, and however the program was named.

    Raises:
        CannotRepeat: The program came by standard input.

    >>> own_command("/venv/bin/python3", ["python", "-W", "error", "manage.py", "runworker"])
    ['/venv/bin/python3', '-W', 'error', 'manage.py', 'runworker']
    """
    if not executable or len(original) < 2 or original[1] == "-":
        raise CannotRepeat("this program was not started from a file or a module, so it cannot be started again")
    return [executable, *original[1:]]


def describe_end(status: int) -> str:
    """
    Return how a process ended, in words.

    Args:
        status: Its status; if a signal ended it, minus the signal's number.

    >>> describe_end(-9)
    'was killed by SIGKILL'
    """
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:  # a real-time signal has no name
        return f"was killed by signal {-status}"


def main(arguments: Sequence[str]) -> NoReturn:
    """Run the program of a parent: number of processes, seconds until they are killed, command."""
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    n_processes, grace_s, command = int(arguments[0]), float(arguments[1]), arguments[2:]
    sys.exit(Parent(command, n_processes, Supervision(n_processes, grace_s)).run())
