"""The way of a long body's rest."""

from __future__ import annotations

import pytest

from support.connections import RecordedLayer
from zmqlayer.exceptions import LayerClosed
from zmqlayer.interface.conversations.body import Pieces
from zmqlayer.interface.conversations.uploads import Upload
from zmqlayer.interface.options import ServerOptions

CHANNEL = "http.request.body?aaaa1"


class Case:
    """An upload whose message has been sent."""

    def __init__(self) -> None:
        self.layer = RecordedLayer()
        self.pieces = Pieces(ServerOptions(body_inline_size=1, body_chunk_size=2))
        self.rooms = 0
        self.upload = Upload(self.layer, CHANNEL, self.pieces, self.note_room)
        self.pieces.add(b"01")
        self.pieces.take_first()

    def note_room(self) -> None:
        """Count."""
        self.rooms += 1

    def sent(self) -> list[bytes]:
        """Take what was sent."""
        return [message["content"] for _, message in self.layer.take()]


def test_all_of_it_flows() -> None:
    """In pieces, while there is room."""
    case = Case()
    case.pieces.add(b"2345")

    assert case.upload.flow()
    assert case.sent() == [b"12", b"34", b"5"]


def test_a_full_channel_is_waited_for_once() -> None:
    """What has no room is kept, and sent when there is room."""
    case = Case()
    case.layer.fill(CHANNEL)

    assert [case.upload.flow(), case.upload.flow()] == [False, False]
    assert len(case.layer.wishes) == 1
    case.layer.make_room(CHANNEL)

    assert case.rooms == 1
    assert case.upload.flow()
    assert case.sent() == [b"1"]


def test_an_upload_that_is_dropped_waits_no_more() -> None:
    """What nobody read is thrown away."""
    case = Case()
    case.layer.fill(CHANNEL)
    case.upload.flow()

    case.upload.drop()

    case.layer.make_room(CHANNEL)
    assert (case.rooms, case.layer.dropped) == (0, [CHANNEL])


def test_a_closed_layer_is_told() -> None:
    """The exchange deals with it."""
    case = Case()
    case.layer.errors[CHANNEL] = LayerClosed()

    with pytest.raises(LayerClosed):
        case.upload.flow()
