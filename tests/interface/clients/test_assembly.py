"""Messages put together."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zmqlayer.interface.clients.assembly import Assembly, BadMessage


def assembled(data: bytes, cuts: list[int], is_text: bool, limit: int = 1000) -> str | bytes:
    """Return the message of which *data* arrives in pieces."""
    assembly = Assembly(limit, is_text)
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in pairwise(edges):
        assembly.add(data[start:end])
    return assembly.whole()


@given(st.text(), st.lists(st.integers(0, 1000)))
def test_a_text_may_be_cut_anywhere(text: str, cuts: list[int]) -> None:
    """Also within a character."""
    assert assembled(text.encode(), cuts, is_text=True) == text


@given(st.binary(), st.lists(st.integers(0, 1000)))
def test_bytes_are_what_they_are(data: bytes, cuts: list[int]) -> None:
    """And may be no text at all."""
    assert assembled(data, cuts, is_text=False) == data


@given(st.binary(max_size=8), st.lists(st.integers(0, 8)))
def test_whatever_is_no_text_is_found(data: bytes, cuts: list[int]) -> None:
    """Wherever it is cut."""
    try:
        expected = data.decode()
    except UnicodeDecodeError:
        with pytest.raises(BadMessage) as caught:
            assembled(data, cuts, is_text=True)
        assert caught.value.code == 1007
    else:
        assert assembled(data, cuts, is_text=True) == expected


def can_begin(data: bytes) -> bool:
    """Whether a text may go on after *data*: some continuation of it is UTF-8."""
    tails = [b"", b"\x80", b"\xbf", b"\x80\x80", b"\xbf\xbf", b"\x80\x80\x80", b"\xbf\xbf\xbf"]
    for tail in tails:
        try:
            (data + tail).decode()
        except UnicodeDecodeError:
            continue
        return True
    return False


@pytest.mark.parametrize("first", range(0x80, 0x100))
def test_a_mistake_is_found_at_its_first_byte(first: int) -> None:
    """For each first and second byte of a character (RFC 3629, 4)."""
    for second in range(0x100):
        assembly, data = Assembly(10, is_text=True), bytes([first, second])
        for end in (1, 2):
            if can_begin(data[:end]):
                assembly.add(data[end - 1 : end])
                continue
            with pytest.raises(BadMessage, match="must be UTF-8"):
                assembly.add(data[end - 1 : end])
            break


def test_the_limit_is_for_the_whole() -> None:
    """A piece more than it is one too many."""
    assembly = Assembly(10, is_text=False)
    assembly.check_size(10)
    assembly.add(bytes(6))
    assembly.add(bytes(4))

    with pytest.raises(BadMessage) as caught:
        assembly.add(b"x")
    assert caught.value.code == 1009
    with pytest.raises(BadMessage, match="10 bytes"):
        assembly.check_size(11)
