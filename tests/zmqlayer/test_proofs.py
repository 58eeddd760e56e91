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
        self.proofs.open("g", TOPIC, peers)
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


def test_a_new_link_proves_what_was_subscribed_before_it() -> None:
    """A link that starts anew carries all older subscriptions before its own barrier, and proves no younger ones."""
    waits = Waits(A)
    waits.wait(A)
    waits.proofs.restarted(A)
    younger = b"\x03" + b"y" * 16
    waits.proofs.open("h", younger, [A])

    assert waits.proofs.linked(A) == [TOPIC]

    assert waits.missing == [set()]
    assert not waits.proofs.is_proven("h")
    assert waits.proofs.linked(A) == []
    assert waits.proofs.gone(A) == [younger]


def test_a_forgotten_group_holds_nobody_up() -> None:
    """A group that is not subscribed any more has no barrier, and nobody waits for it."""
    waits = Waits(A, B)
    waits.wait(A, B)
    waits.proofs.restarted(A)

    assert waits.proofs.forget("g") == [TOPIC]
    assert waits.proofs.forget("g") == []

    assert waits.missing == [set()]
    assert waits.proofs.linked(A) == waits.proofs.gone(A) == waits.proofs.echo(TOPIC, A) == []


def test_echoes_of_strangers_prove_nothing() -> None:
    """An echo from whoever owes none, twice, or on a topic that is no barrier of ours, changes nothing."""
    waits = Waits(A)
    waits.wait(A)

    assert waits.proofs.echo(TOPIC, B) == []
    assert waits.proofs.echo(b"\x03" + bytes(16), A) == []
    assert waits.ends == []
    assert waits.proofs.echo(TOPIC, A) == [TOPIC]
    assert waits.proofs.echo(TOPIC, A) == []
