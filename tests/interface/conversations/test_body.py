"""How a body is cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from zmqlayer.interface.conversations.body import Pieces
from zmqlayer.interface.options import ServerOptions


def pieces_of(inline: int = 10, chunk: int = 4, message: int = 1000) -> Pieces:
    """Return a body that is cut at small sizes."""
    return Pieces(ServerOptions(body_inline_size=inline, body_chunk_size=chunk, max_message_size=message))


def drain(pieces: Pieces) -> list[tuple[bytes, bool, int]]:
    """Send all there is; return content, whether more follows, and number of each piece."""
    sent = []
    while (piece := pieces.next()) is not None:
        assert pieces.next() is piece
        sent.append((piece["content"], piece["more_content"], piece["order"]))
        pieces.sent()
    return sent


def test_a_short_body_is_a_part_of_its_message() -> None:
    """Nothing follows."""
    pieces = pieces_of()
    pieces.add(b"12345")
    pieces.add(b"67890")
    pieces.is_complete = True

    assert not pieces.is_long
    assert pieces.take_first() == b"1234567890"
    assert pieces.is_sent
    assert pieces.next() is None


def test_a_long_body_goes_on_in_pieces() -> None:
    """Of the chunk size, as they come; the last says that it is."""
    pieces = pieces_of()
    pieces.add(b"x" * 11)

    assert pieces.is_long
    assert (pieces.take_first(), pieces.is_sent) == (b"x" * 10, False)
    assert drain(pieces) == [(b"x", True, 0)]
    pieces.add(b"y" * 9)
    assert drain(pieces) == [(b"yyyy", True, 1), (b"yyyy", True, 2), (b"y", True, 3)]
    pieces.is_complete = True
    assert drain(pieces) == [(b"", False, 4)]
    assert pieces.is_sent


def test_small_messages_make_small_pieces() -> None:
    """Half a message is left for the headers."""
    pieces = pieces_of(inline=100, chunk=100, message=20)
    pieces.add(b"x" * 25)

    assert len(pieces.take_first()) == 10
    assert [len(content) for content, _, _ in drain(pieces)] == [10, 5]


@given(st.lists(st.binary(max_size=30)), st.lists(st.booleans()))
def test_nothing_is_lost_or_doubled(arriving: list[bytes], drains: list[bool]) -> None:
    """However a body arrives, and whenever there is room: its pieces are the body."""
    pieces, sent = pieces_of(), []
    first = b""
    is_taken = False
    for number, data in enumerate(arriving):
        pieces.add(data)
        if pieces.is_long and not is_taken:
            first, is_taken = pieces.take_first(), True
        if is_taken and drains[number : number + 1] == [True]:
            sent += drain(pieces)
    pieces.is_complete = True
    if not is_taken:
        first = pieces.take_first()
    sent += drain(pieces)

    assert first + b"".join(content for content, _, _ in sent) == b"".join(arriving)
    assert [order for _, _, order in sent] == list(range(len(sent)))
    assert [more for _, more, _ in sent] == [True] * (len(sent) - 1) + [False] * bool(sent)
    assert pieces.is_sent
