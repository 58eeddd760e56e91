"""One process of the demo: its start, its last lines, and its end."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final

from demo.events import ChildEnded, Event
from demo.plan import PROJECT, Task

__all__ = ["Child"]

LINES_KEPT: Final = 12
LAST_LINES_WITHIN_S: Final = 0.5


class Child:
    """
    A process that ends when told to, or when the launcher is gone.

    Args:
        task: What it runs.
        environment: Its whole environment.
        report: Hears of its end, from another thread.
        show: Gets each line that it writes, from another thread; None keeps only the last ones.
    """

    def __init__(
        self,
        task: Task,
        environment: Mapping[str, str],
        report: Callable[[Event], None],
        show: Callable[[str], None] | None = None,
    ) -> None:
        self.task = task
        self._environment = environment
        self._report = report
        self._show = show
        self._process: subprocess.Popen[str] | None = None
        self._last_lines: deque[str] = deque(maxlen=LINES_KEPT)
        self._started_at = 0.0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def last_lines(self) -> list[str]:
        return list(self._last_lines)

    def age_s(self) -> float:
        """Return the seconds since the last start."""
        return time.monotonic() - self._started_at

    def start(self) -> None:
        """Start the process; its end will be reported once. May be called again after that."""
        self._last_lines.clear()
        self._started_at = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "demo.lifeline", self.task.module, *self.task.arguments],
            cwd=PROJECT,
            env=dict(self._environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            process_group=0,  # Ctrl-C in a terminal goes to the launcher alone, which then stops us in order
        )
        threading.Thread(target=self._follow, args=(self._process,), daemon=True).start()

    def let_go(self) -> None:
        """Close the lifeline: the process ends itself as by SIGTERM."""
        if self._process and self._process.stdin:
            self._process.stdin.close()

    def kill(self) -> None:
        """End the process at once."""
        if self._process:
            self._process.kill()

    def _follow(self, process: subprocess.Popen[str]) -> None:
        reader = threading.Thread(target=self._read, args=(process,), daemon=True)
        reader.start()
        code = process.wait()
        reader.join(LAST_LINES_WITHIN_S)
        self._report(ChildEnded(self.task.name, code))

    def _read(self, process: subprocess.Popen[str]) -> None:
        if process.stdout is None:
            return
        with process.stdout:
            for text in process.stdout:
                self._last_lines.append(text.rstrip())
                if self._show:
                    self._show(f"{self.task.name} | {text.rstrip()}")
