"""A run of ``python -m demo`` as a user starts it: its lines, its processes, its end."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

CHAT = Path(__file__).parents[2] / "examples" / "chat"


def has_ended(pid: int, within_s: float) -> bool:
    """Wait until the process *pid* is gone; False if that takes longer."""
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([watched], [], [], within_s)[0])
    finally:
        os.close(watched)


class DemoRun:
    """The launcher, started with *arguments* and a database of its own."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "demo", *arguments],
            cwd=CHAT,
            env={**os.environ, "CHAT_DATABASE": str(directory / "chat.sqlite3"), "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            start_new_session=True,
        )
        self._unread = b""

    @property
    def output(self) -> str:
        """All lines so far."""
        return "\n".join(self.lines)

    def read_until(self, text: str, within_s: float) -> str:
        """Return the first new line that contains *text*; fail with all lines if it does not come in time."""
        deadline = time.monotonic() + within_s
        while (line := self._line(deadline)) is not None:
            self.lines.append(line)
            if text in line:
                return line
        raise AssertionError(f"no {text!r} within {within_s:g} s in:\n{self.output}")

    def _line(self, deadline: float) -> str | None:
        assert self.process.stdout is not None
        while b"\n" not in self._unread:
            if not select.select([self.process.stdout], [], [], max(0.0, deadline - time.monotonic()))[0]:
                return None
            got = os.read(self.process.stdout.fileno(), 4096)
            if not got:
                return None
            self._unread += got
        line, _, self._unread = self._unread.partition(b"\n")
        return line.decode()

    def pids(self) -> dict[str, int]:
        """Return the processes that the demo named when it was ready."""
        named = re.findall(r"(\w+ \d+) = (\d+)", self.read_until("Processes:", 2))
        return {name: int(pid) for name, pid in named}

    def stop(self, number: int = signal.SIGINT, within_s: float = 3.0) -> int:
        """Send a signal to the launcher alone and return its exit code; fail if it does not end in time."""
        self.process.send_signal(number)
        self.finish(within_s)
        return self.process.returncode

    def finish(self, within_s: float) -> None:
        """Read to the end and wait for it; fail if that takes longer."""
        rest = self._unread + self.process.communicate(timeout=within_s)[0]
        self._unread = b""
        self.lines += rest.decode().splitlines()

    def close(self) -> None:
        """End what is left of the run."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()
