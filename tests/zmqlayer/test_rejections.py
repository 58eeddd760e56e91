"""Rejections: why, who is told, and how much is remembered."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest

from support.strategies import node
from zmqlayer.config import Config
from zmqlayer.identity import Identity
from zmqlayer.journal import Journal, Said
from zmqlayer.limits import Limits
from zmqlayer.ports import Door
from zmqlayer.rejections import Rejections

X, Y = node(1), node(2)
CONFIG = Config(cluster="red")
IDENTITY = Identity(node_id=Y, role="script", hosts=("here",), doors=(Door(CONFIG.cluster_tag, 1, 2),))
FITTING = {"version": [1, 0], "cluster": CONFIG.cluster_tag}


def rejections(most: int = 100) -> Rejections:
    return Rejections(IDENTITY, replace(CONFIG, limits=Limits(rejections=most)), Journal(Said.write))


@pytest.mark.parametrize(
    ("changes", "has_room", "reason"),
    [
        ({}, True, ""),
        ({"version": [1, 99]}, True, ""),
        ({"version": [2, 0]}, True, "version"),
        ({"version": None}, True, "version"),
        ({"version": []}, True, "version"),
        ({"version": [2, 0], "cluster": "?"}, False, "version"),
        ({"cluster": "00000000"}, True, "cluster"),
        ({"cluster": None}, False, "cluster"),
        ({}, False, "full"),
    ],
)
def test_reasons(changes: dict[str, Any], has_room: bool, reason: str) -> None:
    """The first thing that is wrong is the reason: what cannot be understood, then who it is, then how many."""
    assert rejections().reason(FITTING | changes, has_room=has_room) == reason


@pytest.mark.parametrize(
    ("reason", "cure"), [("version", "same major version"), ("cluster", "same cluster and secret"), ("full", "limits")]
)
def test_each_refusal_is_one_line_on_either_side(reason: str, cure: str, caplog: pytest.LogCaptureFixture) -> None:
    """It names the cure, and is not repeated."""
    one = rejections()
    with caplog.at_level(logging.WARNING, "zmqlayer"):
        for _ in range(3):
            one.refuse(X, reason, {"version": [2, 0]})
            one.refused_by("tcp://here:1", {"reason": reason, "version": [2, 0]})

    assert [cure in record.getMessage() for record in caplog.records] == [True, True]


def test_a_ban_lasts_a_minute() -> None:
    """And concerns one node."""
    one = rejections()

    one.ban(X, 100.0)

    assert one.is_banned(X, 159.9)
    assert not one.is_banned(X, 160.0)
    assert not one.is_banned(Y, 100.0)


def test_what_is_remembered_has_a_bound(caplog: pytest.LogCaptureFixture) -> None:
    """The oldest is forgotten first."""
    one = rejections(most=2)
    for number in (1, 2, 3):
        one.ban(node(number), 0.0)
        one.refuse(node(number), "cluster", {})
    caplog.clear()

    one.refuse(node(3), "cluster", {})
    one.refuse(node(1), "cluster", {})

    assert [one.is_banned(node(number), 1.0) for number in (1, 2, 3)] == [False, True, True]
    assert len(caplog.records) == 1
