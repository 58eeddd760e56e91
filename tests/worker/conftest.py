"""Sets Django up once, on a database file of this run, and gives each test a layer and a clean database."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.django_project import configure
from support.memory_layer import MemoryLayer

_directory = tempfile.TemporaryDirectory(prefix="zmqlayer-tests-")
configure(Path(_directory.name) / "worker.sqlite3")

from django.core.management import call_command  # noqa: E402  # needs the settings
from django.db import connections  # noqa: E402  # needs the settings
from django.test import override_settings  # noqa: E402  # needs the settings


@pytest.fixture(scope="session", autouse=True)
def clean_up() -> Iterator[None]:
    """Remove the database file at the end."""
    yield
    connections.close_all()
    _directory.cleanup()


@pytest.fixture(scope="session")
def tables() -> None:
    """Create the tables of the installed apps."""
    call_command("migrate", run_syncdb=True, verbosity=0)


@pytest.fixture
def database(tables: None) -> Iterator[None]:
    """A database that is empty afterwards too."""
    yield
    call_command("flush", interactive=False, verbosity=0)
    connections.close_all()


@pytest.fixture
def layer() -> MemoryLayer:
    """A layer in memory."""
    return MemoryLayer()


class SettingsChange:
    """Assign settings; the fixture puts them back."""

    def __init__(self) -> None:
        self.__dict__["_changes"] = []

    def __setattr__(self, name: str, value: Any) -> None:
        change = override_settings(**{name: value})
        change.enable()
        self._changes.append(change)

    def undo(self) -> None:
        """Put everything back."""
        while self._changes:
            self._changes.pop().disable()


@pytest.fixture
def settings() -> Iterator[SettingsChange]:
    """Change Django's settings for one test."""
    change = SettingsChange()
    yield change
    change.undo()
