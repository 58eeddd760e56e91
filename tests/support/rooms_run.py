"""The example ``examples/rooms`` as a stranger runs it: servers, workers, commands, and guests in a room."""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, Self

from websockets.sync.client import ClientConnection, connect

from support.cluster import START_WITHIN_S, Member, clean_environ
from support.namespaces import Host

__all__ = ["ROOMS", "Guest", "Rooms", "guest", "guests_of_all"]

ROOMS: Final = Path(__file__).parents[2] / "examples" / "rooms"
SETTINGS: Final = str(Path(__file__).parent / "rooms_settings")
PROGRAM: Final = Path(sys.executable).with_name("zmqlayer")
APPLICATION: Final = "rooms.asgi:application"
SOON_S: Final = 10.0


class Guest:
    """Somebody in a room, over a WebSocket to one server."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self.process: int = self.hear()["process"]

    def hear(self) -> dict[str, Any]:
        """Return the next post of the room."""
        post: dict[str, Any] = json.loads(self._socket.recv(SOON_S))
        return post

    def hear_texts(self, number: int) -> list[str]:
        """Return the words of the next posts."""
        return [self.hear()["text"] for _ in range(number)]

    def say(self, text: str) -> None:
        """Say something to the room."""
        self._socket.send(json.dumps({"name": "Ada", "text": text}))


class Rooms:
    """
    Processes of one run of the example, in a cluster of their own.

    Args:
        environ: What they all have in their environment besides.
    """

    def __init__(self, **environ: str) -> None:
        self._environ = {
            **clean_environ(),
            "DJANGO_SETTINGS_MODULE": "rooms.settings",
            "ROOMS_CLUSTER": f"rooms-{secrets.token_hex(4)}",
            **environ,
        }
        self._members = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._members.close()

    def start(self, *command: str, ready: str, on: Host | None = None) -> tuple[Member, str]:
        """Start ``python <command>`` and return it with what the first group of *ready* matches in its output."""
        member = Member(*command, on=on, environ=self._environ, folder=ROOMS)
        self._members.callback(member.close)
        return member, member.wait_for_line(ready)[1]

    def daphne(self, port: int = 0, on: Host | None = None) -> tuple[Member, int]:
        """Start Daphne and return it with its port."""
        command = ("-m", "daphne", "-p", str(port), APPLICATION)
        member, found = self.start(*command, ready=r"Listening on TCP address 127\.0\.0\.1:(\d+)", on=on)
        return member, int(found)

    def uvicorn(self, *arguments: str, application: str = APPLICATION) -> tuple[Member, int]:
        """Start Uvicorn and return it with its port."""
        command = ("-m", "uvicorn", "--port", "0", *arguments, application)
        member, found = self.start(*command, ready=r"Uvicorn running on http://127\.0\.0\.1:(\d+)")
        wait_until_listening(int(found))  # it says so before it does
        return member, int(found)

    def gunicorn(self, *arguments: str, application: str = APPLICATION) -> tuple[Member, int]:
        """Start Gunicorn with Uvicorn's workers and return it with its port."""
        worker = ("-k", "uvicorn_worker.UvicornWorker", "-b", "127.0.0.1:0", "--graceful-timeout", "5")
        command = ("-m", "gunicorn", *worker, *arguments, application)
        member, found = self.start(*command, ready=r"Listening at: http://127\.0\.0\.1:(\d+)")
        return member, int(found)

    def worker(self) -> Member:
        """Start ``manage.py runworker dice``."""
        return self.start("manage.py", "runworker", "dice", ready=r"(Running worker) for channels \['dice'\]")[0]

    def interface(self) -> tuple[Member, int]:
        """Start our own server and return it with its port."""
        command = ("-m", "zmqlayer.interface", "-p", "0", "--cluster", self._environ["ROOMS_CLUSTER"])
        member, found = self.start(*command, ready=r"^Listening on http://127\.0\.0\.1:(\d+)")
        return member, int(found)

    def application(self) -> Member:
        """Start a worker that runs the whole application for such servers."""
        command = (str(PROGRAM), "worker", APPLICATION, "--cluster", self._environ["ROOMS_CLUSTER"])
        return self.start(*command, ready=r"^(worker) \w+ reads")[0]

    def django_application(self) -> Member:
        """Start ``manage.py runworker --asgi``, which is Django's own way to run the same."""
        settings = ("--settings", "rooms_behind_the_mesh", "--pythonpath", SETTINGS)
        return self.start("manage.py", "runworker", "--asgi", *settings, ready=r"^(worker) \w+ reads")[0]

    def run(self, *command: str, **environ: str) -> tuple[int, str]:
        """Run ``python <command>`` to its end; return its status and what it wrote to stdout."""
        done = subprocess.run(
            [sys.executable, *command],
            cwd=ROOMS,
            env={**self._environ, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            timeout=30,
            check=False,
        )
        return done.returncode, done.stdout


@contextmanager
def guest(port: int, room: str = "lobby") -> Iterator[Guest]:
    """Enter a room at the server on *port*."""
    origin: Any = f"http://127.0.0.1:{port}"
    with connect(f"ws://127.0.0.1:{port}/{room}/", origin=origin, open_timeout=SOON_S) as socket:
        yield Guest(socket)


@contextmanager
def guests_of_all(port: int, processes: int, room: str = "lobby") -> Iterator[list[Guest]]:
    """Enter a room once at each of the processes that share *port*; which of them accepts a connection is chance."""
    with ExitStack() as stack:
        found: dict[int, Guest] = {}
        deadline = time.monotonic() + START_WITHIN_S
        while len(found) < processes:
            assert time.monotonic() < deadline, f"only {sorted(found)} answered"
            with ExitStack() as attempt:
                newest = attempt.enter_context(guest(port, room))
                if newest.process not in found:
                    found[newest.process] = newest
                    stack.push(attempt.pop_all())
        yield list(found.values())


def wait_until_listening(port: int) -> None:
    """Return when somebody accepts connections on *port*; fail if that takes too long."""
    deadline = time.monotonic() + START_WITHIN_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), SOON_S).close()
            return
        except ConnectionRefusedError:
            assert time.monotonic() < deadline, f"nobody listens on {port}"
            time.sleep(0.05)
