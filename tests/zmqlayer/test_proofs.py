"""Proofs: who has not proven a group's subscription, how long anybody waits for it, and what ends it."""

from __future__ import annotations

import math

from support.strategies import node
from zmqlayer.names import NodeId
from zmqlayer.proofs import Proofs
from zmqlayer.rollcalls import RollCall

A, B = node(1), node(2)
TOPIC = b"\x03" + b"t" * 16


class Waits:
    """The barriers of one node with one open group, and the ends of those who waited for it."""

    def __init__(self, *peers: NodeId) -> None:
        self.proofs = Proofs()
        self.proofs.open("g", peers)
        self.proofs.raised("g", TOPIC)
        self.ends: list[RollCall | None] = []

    def wait(self, *peers: NodeId, deadline: float = 0.5) -> None:
        self.proofs.wait("g", peers, deadline, self.ends.append)

    @property
    def missing(self) -> list[set[NodeId] | None]:
        return [call and call.missing for call in self.ends]


def test_a_group_is_proven_by_the_last_echo() -> None:
    """Who waits is told when all have echoed, and the barrier is lowered."""
    waits = Waits(A, B)
    waits.wait(A, B)

    assert waits.proofs.echo(TOPIC, A) == []
    assert waits.ends == []
    assert waits.proofs.echo(TOPIC, B) == [TOPIC]

    assert waits.missing == [set()]
    assert waits.proofs.is_proven("g")
    assert len(waits.proofs) == 0


def test_nobody_waits_for_a_proven_group() -> None:
    """Where nobody owes an echo there is no wait; nor for peers that are not to be waited for."""
    waits = Waits(A)

    waits.proofs.wait("other", [A], 0.5, waits.ends.append)
    waits.wait(B)

    assert waits.missing == [None, None]
    assert not waits.proofs.is_proven("g")


def test_those_who_wait_together_end_together() -> None:
    """A member that is added while another waits waits for the same echoes."""
    waits = Waits(A)
    waits.wait(A)
    waits.wait(A, deadline=0.9)

    assert waits.proofs.next_at() == 0.5
    waits.proofs.echo(TOPIC, A)

    assert waits.missing == [set(), set()]


def test_who_was_late_still_owes_its_echo() -> None:
    """Time ends the wait and names the peer, but does not prove the group: the next member waits again."""
    waits = Waits(A, B)
    waits.wait(A, B)
    waits.proofs.echo(TOPIC, B)

    assert waits.proofs.tick(0.5) == {A}
    assert waits.missing == [{A}]
    waits.wait(A, B, deadline=1.0)
    assert len(waits.ends) == 1
    assert waits.proofs.echo(TOPIC, A) == [TOPIC]

    assert waits.missing == [{A}, set()]
    assert waits.proofs.next_at() == math.inf


def test_the_gone_owe_nothing() -> None:
    """A peer that is gone ends the wait for it, and the barrier with the last who owed."""
    waits = Waits(A, B)
    waits.wait(A, B)
    waits.proofs.echo(TOPIC, B)

    assert waits.proofs.gone(A) == [TOPIC]

    assert waits.missing == [set()]
    assert waits.proofs.is_proven("g")


def test_a_barrier_may_be_raised_anew() -> None:
    """An echo can be lost: a fresh barrier takes the place of the old one, whose echo counts no more."""
    waits = Waits(A)
    fresh = b"\x03" + b"f" * 16
    assert not waits.proofs.is_awaited("g")

    assert waits.proofs.raised("g", fresh) == [TOPIC]
    waits.wait(A)

    assert waits.proofs.is_awaited("g")
    assert waits.proofs.echo(TOPIC, A) == []
    assert waits.proofs.echo(fresh, A) == [fresh]
    assert waits.missing == [set()]


def test_a_forgotten_group_holds_nobody_up() -> None:
    """A group that is not subscribed any more has no barrier, and nobody waits for it."""
    waits = Waits(A, B)
    waits.wait(A, B)

    assert waits.proofs.forget("g") == [TOPIC]
    assert waits.proofs.forget("g") == []

    assert waits.missing == [set()]
    assert waits.proofs.gone(A) == waits.proofs.echo(TOPIC, A) == []


def test_echoes_of_strangers_prove_nothing() -> None:
    """An echo from whoever owes none, twice, or on a topic that is no barrier of ours, changes nothing."""
    waits = Waits(A)
    waits.wait(A)

    assert waits.proofs.echo(TOPIC, B) == []
    assert waits.proofs.echo(b"\x03" + bytes(16), A) == []
    assert waits.ends == []
    assert waits.proofs.echo(TOPIC, A) == [TOPIC]
    assert waits.proofs.echo(TOPIC, A) == []
