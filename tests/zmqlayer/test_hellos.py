"""Hellos: what goes into the frames with which nodes meet."""

from __future__ import annotations

from typing import Any

import pytest

from support.network import greeting
from support.strategies import node
from zmqlayer.actions import Push
from zmqlayer.codec import unpack_control
from zmqlayer.config import Config, Timing
from zmqlayer.frames import Kind, parse
from zmqlayer.greetings import Greeting
from zmqlayer.hellos import Hellos
from zmqlayer.identity import Identity
from zmqlayer.journal import Journal, Said
from zmqlayer.outbox import Outbox
from zmqlayer.peers import Peers
from zmqlayer.ports import Door

X, Y = node(1), node(2)
JOURNAL = Journal(Said.write)
CONFIG = Config()
IDENTITY = Identity(node_id=X, role="script", hosts=("here",), doors=(Door(CONFIG.cluster_tag, 1, 2),))


@pytest.fixture
def outbox() -> Outbox:
    """Where frames go."""
    return Outbox(X)


@pytest.fixture
def hellos(outbox: Outbox) -> Hellos:
    """Those of node X, which has no peers."""
    return Hellos(IDENTITY, CONFIG, outbox, JOURNAL, Peers(Timing(), JOURNAL), lambda: 0.0)


def pushed(outbox: Outbox) -> list[tuple[str, int, dict[str, Any]]]:
    """Return address, kind and payload of what is to be pushed."""
    pushes = [action for action in outbox.take() if isinstance(action, Push)]
    return [(push.address, parse(push.wire).kind, unpack_control(parse(push.wire).body)) for push in pushes]


def test_a_greeting_says_what_was_dialled(hellos: Hellos, outbox: Outbox) -> None:
    """It is no answer, and for whoever listens there."""
    hellos.push("tcp://there:1", 0, 7, 2.0)

    ((address, kind, payload),) = pushed(outbox)
    assert (address, kind) == ("tcp://there:1", Kind.HELLO)
    assert Greeting.from_payload(payload).link == 7
    assert (payload["dialled"], payload["answer"], payload["patience_ms"]) == ("tcp://there:1", False, 2000)
    assert (payload["via"], payload["to"]) == ("", None)


def test_all_hosts_are_answered(hellos: Hellos, outbox: Outbox) -> None:
    """Each answer says by which host it goes, and for whom it is."""
    hers = Greeting.from_payload(greeting(CONFIG.cluster_tag, hosts=["one", "two"], dialled="tcp://here:1"))

    hellos.try_hosts(Y, hers, ["tcp://one:1", "tcp://two:1"], 7, 100.0)

    payloads = [payload for _, _, payload in pushed(outbox)]
    assert [payload["via"] for payload in payloads] == ["tcp://one:1", "tcp://two:1"]
    assert {(payload["dialled"], payload["answer"], payload["to"]) for payload in payloads} == {
        ("tcp://here:1", True, bytes(Y))
    }
    assert outbox.tick_by == hellos.routes.next_at() == 102.0


def test_a_refusal_is_told(hellos: Hellos, outbox: Outbox) -> None:
    """Who greeted hears why nothing comes of it; an answer is not answered, and a strange version is beyond words."""
    hers = greeting("00000000", hosts=["one"], dialled="tcp://here:1")

    hellos.refuse(Y, "cluster", hers, 100.0)
    hellos.refuse(X, "cluster", hers | {"answer": True}, 100.0)
    hellos.refuse(X, "version", {"version": [2, 0]}, 100.0)

    refusal = {"dialled": "tcp://here:1", "reason": "cluster", "version": [1, 0]}
    assert pushed(outbox) == [("tcp://one:1", Kind.REFUSAL, refusal)]


def test_patience_has_a_bound(hellos: Hellos) -> None:
    """However long the other side would wait, we do not."""
    hers = Greeting.from_payload(greeting(CONFIG.cluster_tag, patience_ms=2**32 - 1))

    assert hellos.patience_of(hers) == Timing().patience_most_s
