"""Nodes on machines of a network of their own: how they find each other there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from support.mesh_member import MeshMember
from support.namespaces import Host, Lan, require_namespaces

pytestmark = pytest.mark.system

SECRET: Final = "a secret for tests only, never for use"

Start = Callable[..., MeshMember]


@pytest.fixture
def lan() -> Iterator[Lan]:
    """A network without machines."""
    require_namespaces()
    with Lan() as lan:
        yield lan


@pytest.fixture
def start(lan: Lan) -> Iterator[Start]:
    """Start nodes of one cluster on machines of the network, and end them before it goes."""
    members: list[MeshMember] = []

    def start(on: Host, **settings: Any) -> MeshMember:
        members.append(MeshMember(on=on, **{"secret": SECRET, **settings}))
        return members[-1]

    yield start
    for member in members:
        member.close()


def test_two_machines_find_each_other(lan: Lan, start: Start) -> None:
    """Two machines on one network find each other by mDNS, without any address being named."""
    one, two = start(lan.host("one")), start(lan.host("two"))

    one.wait_for_peer(two)
    two.wait_for_peer(one)
