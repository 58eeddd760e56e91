"""Word to workers whose clients left."""

from __future__ import annotations

from support.connections import RecordedLayer
from zmqlayer.interface.farewells import Farewells


def channel(number: int) -> str:
    """Return the name of a body channel."""
    return f"http.request.body?aaaa{number}"


def test_the_reader_is_told() -> None:
    """Nothing more comes."""
    layer = RecordedLayer()

    Farewells().send(layer, channel(1))

    assert layer.take() == [(channel(1), {"closed": True})]


def test_only_the_latest_are_kept() -> None:
    """Who reads no further must not fill the server."""
    layer, farewells = RecordedLayer(), Farewells(most=2)

    for number in range(4):
        farewells.send(layer, channel(number))

    assert layer.dropped == [channel(0), channel(1)]


def test_one_that_finds_no_room_is_given_up() -> None:
    """It is a courtesy."""
    layer = RecordedLayer()
    layer.fill(channel(1))

    Farewells(most=1).send(layer, channel(1))

    assert (layer.take(), layer.dropped) == ([], [])
