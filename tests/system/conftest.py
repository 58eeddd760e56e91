"""What the tests of the journey share: a cluster of real processes, started once, and a gate to hold views at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cluster import Cluster
from support.journey_project.journey.gate import Gate


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Two interface servers and two workers, linked."""
    with Cluster() as cluster:
        yield cluster


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    """A closed gate."""
    with Gate(tmp_path / "gate") as gate:
        yield gate
