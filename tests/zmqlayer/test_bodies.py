"""How channels with pieces of bodies differ from others."""

from __future__ import annotations

import pytest

from zmqlayer.bodies import BODY_CAPACITY, BODY_EXPIRY_S, body_capacity, body_expiry

PIECES = ["http.response.aaaa!1", "http.request.body?aaaa1", "asgi.events.aaaa!1"]
OTHERS = ["http.request", "http.responses", "http.request.bodies?1", "websocket.send.aaaa!1"]


@pytest.mark.parametrize("channel", PIECES)
def test_few_pieces_wait(channel: str) -> None:
    """A slow reader holds its sender back soon; a smaller capacity of the user's holds here too."""
    assert body_capacity(channel, 100) == BODY_CAPACITY
    assert body_capacity(channel, 3) == 3


@pytest.mark.parametrize("channel", PIECES)
def test_pieces_wait_for_long(channel: str) -> None:
    """A body has no holes because its reader is slow; a longer expiry of the user's holds here too."""
    assert body_expiry(channel, 60.0) == BODY_EXPIRY_S
    assert body_expiry(channel, 86_400.0) == 86_400.0


@pytest.mark.parametrize("channel", OTHERS)
def test_others_are_as_the_settings_say(channel: str) -> None:
    """Nothing else is touched."""
    assert (body_capacity(channel, 100), body_expiry(channel, 60.0)) == (100, 60.0)
