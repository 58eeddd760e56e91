"""Addresses: what a sender needs to know of a channel, found out once."""

from __future__ import annotations

from typing import Any

import pytest

from support.sizes import table_sizes
from support.strategies import node
from zmqlayer.addresses import MOST_AT_HAND, Address, Addresses
from zmqlayer.bodies import BODY_CAPACITY, BODY_EXPIRY_S
from zmqlayer.config import Config
from zmqlayer.names import MOST_REMEMBERED, encode_node_id, process_prefix

HERE, THERE = node(1), node(2)
REPLIES = process_prefix("reply!", THERE)


def addresses(**settings: Any) -> Addresses:
    """Return those of a node."""
    return Addresses(HERE, Config.from_settings({"discovery": "off", "capacity": 50, "expiry": 5, **settings}))


@pytest.mark.parametrize(
    ("channel", "address"),
    [
        ("jobs", Address(None, "jobs", 50, 5, 5_000)),
        (f"{REPLIES}1", Address(THERE, REPLIES, 50, 5, 5_000)),
        (process_prefix("reply!", HERE) + "1", Address(HERE, process_prefix("reply!", HERE), 50, 5, 5_000)),
        (f"body?{encode_node_id(THERE)}1", Address(THERE, "body?", 50, 5, 5_000)),
        (f"body?{encode_node_id(HERE)}1", Address(None, "body?", 50, 5, 5_000)),
        (
            f"http.request.body?{encode_node_id(THERE)}1",
            Address(THERE, "http.request.body?", BODY_CAPACITY, BODY_EXPIRY_S, int(BODY_EXPIRY_S) * 1000),
        ),
    ],
    ids=["named", "of another process", "our own", "made elsewhere", "made here", "a body"],
)
def test_what_a_name_tells(channel: str, address: Address) -> None:
    """Mail goes to the owner; what is named, or a ``?`` channel that was made here, is queued here."""
    assert addresses()[channel] == address


def test_channels_of_one_pattern_share_an_address() -> None:
    """Each reply has a channel of its own, all of one process know the same; what two processes made they do not."""
    known = addresses()

    assert known[f"{REPLIES}1"] is known[f"{REPLIES}2"]
    assert known[f"body?{encode_node_id(THERE)}1"].owner != known[f"body?{encode_node_id(HERE)}1"].owner


def test_settings_may_tell_channels_apart() -> None:
    """A pattern of ``channel_capacity`` may fit one channel of a process and not the next."""
    known = addresses(channel_capacity={"reply.*!1": 7})

    assert [known[f"{REPLIES}{n}"].capacity for n in (1, 2)] == [7, 50]


def test_few_are_kept() -> None:
    """However many channels come and go; and none for long."""
    known = addresses()
    for number in range(3 * MOST_REMEMBERED):
        assert known[f"jobs.{number}"].family == f"jobs.{number}"
        assert known[f"{process_prefix('reply!', node(number % 256))}{number}"].owner == node(number % 256)

    kept = table_sizes(known)
    known.sweep(0.0)

    assert kept.pop("Addresses") <= MOST_AT_HAND
    assert all(0 < size <= MOST_REMEMBERED for size in kept.values())
    assert not any(table_sizes(known).values())
