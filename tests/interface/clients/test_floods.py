"""Connections counted by address."""

from __future__ import annotations

from zmqlayer.interface.clients.floods import Floods, Verdict


def test_an_address_may_have_so_many_connections() -> None:
    """Then it is told, and then not even that."""
    floods = Floods(2)

    verdicts = [floods.enter("10.0.0.1") for _ in range(5)]

    assert verdicts == [Verdict.ADMITTED] * 2 + [Verdict.TURNED_AWAY] * 2 + [Verdict.SHUT]
    assert floods.enter("10.0.0.2") is Verdict.ADMITTED
    assert repr(floods) == "<Floods [5 connections of 2 addresses]>"


def test_a_connection_that_closes_makes_room() -> None:
    """Nothing is kept of an address without connections."""
    floods = Floods(1)
    floods.enter("10.0.0.1")

    floods.leave("10.0.0.1")

    assert repr(floods) == "<Floods [0 connections of 0 addresses]>"
    assert floods.enter("10.0.0.1") is Verdict.ADMITTED


def test_without_a_limit_nothing_is_counted() -> None:
    """The default, and right behind a proxy."""
    floods = Floods(0)

    assert {floods.enter("10.0.0.1") for _ in range(9)} == {Verdict.ADMITTED}
    floods.leave("10.0.0.1")
    assert repr(floods) == "<Floods [0 connections of 0 addresses]>"
