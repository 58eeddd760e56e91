"""Workers for ASGI applications as processes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from support.clients import get
from support.cluster import Member, WorkerProcess, clean_environ

__all__ = ["AsgiProcess", "AsgiWorkerProcess", "StarletteWorkerProcess", "noted", "wait_until_noted"]

TESTS: Final = Path(__file__).parent.parent
COMMAND: Final = "from zmqlayer.cli import main; main()"
LOOKS: Final = 400


class AsgiProcess(Member):
    """``zmqlayer worker`` with *arguments*; modules of the tests can be imported if they name no folder."""

    def __init__(self, *arguments: str, environ: Mapping[str, str] | None = None) -> None:
        folder = () if "--app-dir" in arguments else ("--app-dir", str(TESTS))
        command = ("-Ic", COMMAND, "worker", *folder, *arguments)
        super().__init__(*command, environ={**clean_environ(), **(environ or {})})

    def fails(self) -> tuple[int, str]:
        """Wait until it ends by itself; return its status and what it wrote, in one line."""
        status = self.process.wait(20)
        self._reading.join(5)
        return status, " ".join(self.output.split())


class AsgiWorkerProcess(WorkerProcess, AsgiProcess):
    """A worker with the plain application of the tests."""

    application = "support.asgi_app:application"

    def __init__(self, cluster: str) -> None:
        AsgiProcess.__init__(self, self.application, "--cluster", cluster)


class StarletteWorkerProcess(AsgiWorkerProcess):
    """A worker with a Starlette application."""

    application = "support.starlette_site:application"


def noted(port: int) -> dict[str, int]:
    """Return what the plain application has noted; there is one worker."""
    counts: dict[str, int] = json.loads(get(port, "/noted/").body)
    return counts


def wait_until_noted(port: int, condition: Callable[[dict[str, int]], object]) -> dict[str, int]:
    """Ask until *condition* holds for what is noted; fail after some hundred times."""
    for _ in range(LOOKS):
        if condition(counts := noted(port)):
            return counts
    raise AssertionError(f"not noted: {counts}")
