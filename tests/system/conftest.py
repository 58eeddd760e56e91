"""What tests with real processes share: a cluster, started once; a gate to hold views at; nodes that obey."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cluster import Cluster
from support.journey_project.journey.gate import Gate
from support.node_process import Nodes


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


@pytest.fixture
def nodes() -> Iterator[Nodes]:
    """Nodes in processes of their own, which end with the test."""
    with Nodes() as nodes:
        yield nodes
