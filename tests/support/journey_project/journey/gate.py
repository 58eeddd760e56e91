"""A gate between processes, made of named pipes: some wait at it until another opens it."""

from __future__ import annotations

import os
import select
import time
from pathlib import Path
from typing import Self

__all__ = ["Gate", "arrive", "pass_gate"]

HELD_AT_MOST_S = 30.0


class Gate:
    """The test's side of a gate. Close it, which opens it, at the end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)
        os.mkfifo(_arrivals(path))
        self._tokens = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        self._arrivals = os.open(_arrivals(path), os.O_RDWR | os.O_NONBLOCK)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def wait_for(self, number: int, within_s: float) -> None:
        """Return when *number* more have arrived; fail if that takes longer."""
        deadline = time.monotonic() + within_s
        for arrived in range(number):
            if not _take(self._arrivals, deadline):
                raise AssertionError(f"{arrived} of {number} arrived at the gate within {within_s:g} s")

    def open(self) -> None:
        """Let all pass, those too who arrive later."""
        os.write(self._tokens, bytes(1000))

    def close(self) -> None:
        """Let all pass who are there, and remove the gate."""
        os.close(self._tokens)
        os.close(self._arrivals)
        self.path.unlink()
        _arrivals(self.path).unlink()


def arrive(path: str) -> None:
    """Be seen at the gate, and do not wait."""
    _arrivals(Path(path)).write_bytes(b".")


def pass_gate(path: str) -> None:
    """
    Arrive at the gate and wait until it is opened.

    Raises:
        TimeoutError: It stayed closed.
    """
    tokens = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        arrive(path)
        if not _take(tokens, time.monotonic() + HELD_AT_MOST_S):
            raise TimeoutError(f"{path} stayed closed")
    finally:
        os.close(tokens)


def _arrivals(path: Path) -> Path:
    return path.with_suffix(".arrivals")


def _take(pipe: int, deadline: float) -> bool:
    """Take one byte, or see the pipe's end; False if neither comes in time."""
    while select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))[0]:
        try:
            os.read(pipe, 1)
        except BlockingIOError:
            continue  # another took it
        return True
    return False
