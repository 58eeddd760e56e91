"""What is agreed on about compression."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zmqlayer.interface.clients.extensions import agree
from zmqlayer.interface.clients.head import BadRequest

ALWAYS = b"permessage-deflate; server_no_context_takeover; client_no_context_takeover"


@pytest.mark.parametrize(
    ("offer", "answer", "bits"),
    [
        (b"permessage-deflate", b"", (12, 15)),
        (b"Permessage-Deflate ; Client_Max_Window_Bits", b"; client_max_window_bits=12", (12, 12)),
        (b"permessage-deflate; client_max_window_bits=10", b"; client_max_window_bits=10", (12, 10)),
        (b'permessage-deflate; client_max_window_bits="10"', b"; client_max_window_bits=10", (12, 10)),
        (b"permessage-deflate; server_max_window_bits=15", b"; server_max_window_bits=12", (12, 15)),
        (b"permessage-deflate;server_max_window_bits = 9", b"; server_max_window_bits=9", (9, 15)),
        (b"permessage-deflate; server_no_context_takeover; client_no_context_takeover", b"", (12, 15)),
        (b"x-webkit-deflate-frame, permessage-deflate", b"", (12, 15)),
        (b', ,x; a=b; c="d, e",\tpermessage-deflate', b"", (12, 15)),
    ],
)
def test_offers_that_are_accepted(offer: bytes, answer: bytes, bits: tuple[int, int]) -> None:
    """Windows no larger than offered, nor than is worth it; and never a context."""
    agreement = agree([offer])

    assert agreement is not None
    assert agreement.answer == ALWAYS + answer
    assert (agreement.server_bits, agreement.client_bits) == bits


@pytest.mark.parametrize(
    "offer",
    [
        b"",
        b"x-webkit-deflate-frame",
        b"permessage-deflate; server_max_window_bits",
        b"permessage-deflate; server_max_window_bits=8",
        b"permessage-deflate; server_max_window_bits=16",
        b"permessage-deflate; server_max_window_bits=010",
        b"permessage-deflate; client_max_window_bits=7",
        b"permessage-deflate; client_max_window_bits=12; client_max_window_bits=12",
        b"permessage-deflate; server_no_context_takeover=1",
        b"permessage-deflate; client_no_context_takeover=1",
        b"permessage-deflate; unknown",
    ],
)
def test_offers_that_are_declined(offer: bytes) -> None:
    """RFC 7692, 7: a server that cannot meet an offer goes without."""
    assert agree([offer]) is None


def test_the_first_good_offer_counts() -> None:
    """The client put it first."""
    offers = [b"permessage-deflate; server_max_window_bits=8", b"permessage-deflate; server_max_window_bits=10"]

    agreement = agree([*offers, b"permessage-deflate"])

    assert agreement is not None
    assert agreement.server_bits == 10


@pytest.mark.parametrize("value", [b"a b", b"a; b c", b"a;", b"a; b=", b'a; b="', b"=", b"a, \xff", b";a"])
def test_what_is_no_list_of_extensions_is_refused(value: bytes) -> None:
    """RFC 6455, 9.1: the connection fails."""
    with pytest.raises(BadRequest):
        agree([value])


@given(st.lists(st.binary(max_size=40) | st.text('permsag-dflt;=, "_8', max_size=40).map(str.encode), max_size=3))
def test_any_value_is_read_or_refused(values: list[bytes]) -> None:
    """Nothing else than ``BadRequest``."""
    with contextlib.suppress(BadRequest):
        agree(values)
