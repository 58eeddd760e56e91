"""The example ``examples/archive`` as a stranger runs it: one interface server and two workers, and who logs in."""

from __future__ import annotations

import secrets
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

import httpx

from support.cluster import Member, clean_environ

__all__ = ["ARCHIVE", "PASSWORD", "USER", "Archive"]

ARCHIVE: Final = Path(__file__).parents[2] / "examples" / "archive"
USER: Final = "ada"
PASSWORD: Final = "only for tests"
SOON_S: Final = 20.0


class Archive:
    """
    One run of the example, in a cluster of its own.

    Args:
        folder: Where its database and files are.

    Attributes:
        url: Of the server, without a slash at the end.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._cluster = f"archive-{secrets.token_hex(4)}"
        self._environ = {
            **clean_environ(),
            "ARCHIVE_CLUSTER": self._cluster,
            "ARCHIVE_FOLDER": str(folder),
            "DJANGO_SETTINGS_MODULE": "archive.settings",
            "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
        }
        self._members = ExitStack()
        self._started: list[Member] = []

    def __enter__(self) -> Self:
        self._manage("migrate", "-v0")
        self._manage("createsuperuser", "--noinput", "--username", USER, "--email", "ada@example.org")
        server = self._start("-m", "zmqlayer.interface", "-p", "0", "--cluster", self._cluster)
        for worker in [self._start("manage.py", "runworker") for _ in range(2)]:
            worker.wait_for_line(r"^worker \w+ reads")
        port = server.wait_for_line(r"^Listening on http://127\.0\.0\.1:(\d+)")[1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    def __exit__(self, *exc: object) -> None:
        self._members.close()

    def client(self) -> httpx.Client:
        """Return a client that keeps cookies and follows no redirect by itself."""
        return httpx.Client(base_url=self.url, timeout=SOON_S)

    def stop(self) -> str:
        """Let the server and the workers end in order; return all that they wrote."""
        for member in self._started:
            member.end(within_s=SOON_S)
        return "".join(member.output for member in self._started)

    def _start(self, *command: str) -> Member:
        member = Member(*command, environ=self._environ, folder=ARCHIVE)
        self._members.callback(member.close)
        self._started.append(member)
        return member

    def _manage(self, *command: str) -> None:
        subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ARCHIVE, env=self._environ, stdin=subprocess.DEVNULL, capture_output=True, timeout=SOON_S, check=True,
        )  # fmt: skip
