"""Which channels a worker reads."""

from __future__ import annotations

import pytest

from zmqlayer.worker.choice import choose_channels


@pytest.mark.parametrize(
    ("only", "exclude", "chosen"),
    [
        ([], [], ["http.request", "thumbnail.make", "websocket.connect"]),
        (["http.*", "web*"], [], ["http.request", "websocket.connect"]),
        ([], ["http.*"], ["thumbnail.make", "websocket.connect"]),
        (["*.*"], ["thumb*"], ["http.request", "websocket.connect"]),
        (["nothing"], [], []),
    ],
)
def test_choosing_channels(only: list[str], exclude: list[str], chosen: list[str]) -> None:
    """Workers can specialise, by globs."""
    assert choose_channels({"http.request", "thumbnail.make", "websocket.connect"}, only, exclude) == chosen
