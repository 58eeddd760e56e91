"""Variables of the environment that have no effect are named in the log."""

from __future__ import annotations

import pytest

from zmqlayer import ChannelLayer, InMemoryChannelLayer, SyncChannelLayer, misspelt


@pytest.mark.parametrize("kind", [ChannelLayer, SyncChannelLayer, InMemoryChannelLayer])
def test_who_makes_a_node_hears_of_them(
    kind: type[ChannelLayer], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Once in a process. With this one the mesh would not be encrypted; its value is not told."""
    monkeypatch.setenv("ZMQLAYER_SECERT", "0123456789abcdef")
    misspelt.tell.cache_clear()

    for _ in range(2):
        kind(discovery="off")

    assert caplog.messages == [
        "ZMQLAYER_SECERT is in the environment, and nobody reads it; did you mean ZMQLAYER_SECRET?"
    ]
