"""A node takes whatever comes in a peer's name: it stays alive, exact and small. ``make fuzz`` sends a million."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz.corpus import record
from fuzz.fuzzer import Fuzzer
from fuzz.mutations import BOMBS
from support.network import assert_conserved, frame, inject, joined
from zmqlayer.codec import decode, unpack_control
from zmqlayer.exceptions import ProtocolError
from zmqlayer.frames import Kind, parse

FRAMES = 12_000


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Thousands of warnings are not the point."""
    caplog.set_level(logging.CRITICAL, "zmqlayer")


def test_a_node_survives_spoiled_frames() -> None:
    """Nothing is raised, the books balance after each frame, tables stay small, and no frame takes long."""
    fuzzer = Fuzzer(seed=1)

    fuzzer.run(FRAMES)

    assert fuzzer.malformed > FRAMES / 20
    assert len(fuzzer.kept) > 50


def test_the_fuzzer_begins_with_frames_of_every_kind() -> None:
    """What is spoiled covers the protocol, but for what friends rarely say; the fuzzer changes kinds, too."""
    assert {parse(wire).kind for wire in record()} >= set(Kind) - {Kind.PULSE, Kind.CEDED, Kind.REFUSAL}


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("bomb", BOMBS, ids=[f"bomb {number}" for number in range(len(BOMBS))])
def test_a_bomb_ends_the_link_or_nothing(kind: Kind, bomb: bytes) -> None:
    """Deep nesting, huge lengths and ten thousand entries cost a link at most; the node and its books go on."""
    network, a, b = joined("a", "b")

    inject(network, a, frame(b.node_id, kind, a, bomb))
    network.run(0.1)

    assert_conserved(a)


@settings(max_examples=500, deadline=None)
@given(body=st.binary(max_size=300) | st.sampled_from(BOMBS))
def test_the_decoder_gives_a_map_or_a_fault(body: bytes) -> None:
    """Whatever the bytes are, there is a map with str keys, or a ProtocolError."""
    for unpack in (decode, unpack_control):
        try:
            unpacked = unpack(body)
        except ProtocolError:
            continue
        assert all(type(key) is str for key in unpacked)
