"""What one run of the demo consists of: a frozen description, from which the commands follow."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from demo.preflight import LOOPBACK

__all__ = ["PROJECT", "SETTINGS", "Plan", "Task", "private_cluster"]

PROJECT: Final = Path(__file__).resolve().parent.parent
"""The folder with ``manage.py``, in which every child runs."""

SETTINGS: Final = "chat.settings"


@dataclass(frozen=True, slots=True)
class Task:
    """What one child does: a module with arguments, under a name for people."""

    name: str
    module: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """
    What to start.

    Attributes:
        ports: One interface server for each.
        workers: How many workers.
        cluster: Name of the cluster; runs with different names do not see each other.
    """

    ports: tuple[int, ...]
    workers: int
    cluster: str

    @property
    def urls(self) -> tuple[str, ...]:
        return tuple(f"http://{LOOPBACK}:{port}/" for port in self.ports)

    def tasks(self) -> list[Task]:
        """Return the interface servers, then the workers."""
        servers = [
            Task(f"server {port}", "zmqlayer.interface", ("-b", LOOPBACK, "-p", str(port), "--cluster", self.cluster))
            for port in self.ports
        ]
        workers = [Task(f"worker {number + 1}", "django", ("runworker",)) for number in range(self.workers)]
        return servers + workers

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return *environ* with what the children need to know of this plan."""
        return {
            **environ,
            "CHAT_URLS": " ".join(self.urls),
            "DJANGO_SETTINGS_MODULE": SETTINGS,
            "PYTHONUNBUFFERED": "1",
            "ZMQLAYER_CLUSTER": self.cluster,
            "ZMQLAYER_DISCOVERY": "localhost",
        }


def private_cluster() -> str:
    """Return a cluster name that no other run uses."""
    return f"demo-{secrets.token_hex(4)}"
