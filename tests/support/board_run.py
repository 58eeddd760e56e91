"""The example ``examples/board`` as a stranger runs it: a server, and two workers of a FastAPI application."""

from __future__ import annotations

import secrets
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

from support.cluster import Member, clean_environ

__all__ = ["BOARD", "Board"]

BOARD: Final = Path(__file__).parents[2] / "examples" / "board"
PROGRAM: Final = Path(sys.executable).with_name("zmqlayer")


class Board:
    """
    One run of the example, in a cluster of its own.

    Attributes:
        workers: Both.
        port: Of the server.
    """

    def __init__(self) -> None:
        self._cluster = f"board-{secrets.token_hex(4)}"
        self._members = ExitStack()

    def __enter__(self) -> Self:
        server = self._start("interface", "-p", "0")
        self.workers = [self._start("worker", "board.app:app") for _ in range(2)]
        for worker in self.workers:
            worker.wait_for_line(r"^worker \w+ ")
        self.port = int(server.wait_for_line(r"^Listening on http://127\.0\.0\.1:(\d+)")[1])
        return self

    def __exit__(self, *exc: object) -> None:
        self._members.close()

    def _start(self, *command: str) -> Member:
        environ = {**clean_environ(), "ZMQLAYER_CLUSTER": self._cluster}  # for the application's own layer
        member = Member(str(PROGRAM), *command, "--cluster", self._cluster, environ=environ, folder=BOARD)
        self._members.callback(member.close)
        return member
