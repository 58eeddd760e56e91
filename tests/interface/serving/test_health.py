"""Liveness and readiness."""

from __future__ import annotations

import pytest

from support.connections import RecordedLayer
from zmqlayer.interface.options import ServerOptions
from zmqlayer.interface.serving.health import Health


@pytest.fixture
def layer() -> RecordedLayer:
    """A layer with a worker."""
    return RecordedLayer()


@pytest.fixture
def health(layer: RecordedLayer) -> Health:
    """The health of a server that answers two paths."""
    return Health(layer, ServerOptions(liveness_path="/live", readiness_path="/ready"))


def test_a_server_with_a_worker_is_ready(health: Health) -> None:
    """And lives."""
    assert health.answer("/ready") == (200, "The server is ready.")
    assert health.answer("/live") == (200, "The server runs.")


def test_without_a_worker_it_lives_and_is_not_ready(health: Health, layer: RecordedLayer) -> None:
    """A balancer asks others meanwhile, and nobody restarts it."""
    layer.unread.add("http.request")

    assert health.answer("/ready") == (503, "No worker that this server knows reads requests.")
    assert health.answer("/live") == (200, "The server runs.")


def test_a_server_that_stops_is_not_ready(health: Health) -> None:
    """So that a balancer sends nobody any more."""
    health.is_leaving = True

    assert health.answer("/ready") == (503, "The server was told to stop.")


def test_other_paths_are_the_sites(health: Health, layer: RecordedLayer) -> None:
    """Also the empty path, where the endpoints are switched off."""
    assert health.answer("/") is None
    assert Health(layer, ServerOptions()).answer("") is None
