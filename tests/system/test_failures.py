"""Processes that die, stand still and start again, as their peers see them."""

from __future__ import annotations

import secrets
import statistics
import time
from collections.abc import Callable, Iterator

import pytest

from support.mesh_member import MeshMember

pytestmark = pytest.mark.system

N_KILLS = 5
DOWN_WITHIN_S = 0.1

Start = Callable[..., MeshMember]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start nodes of one cluster on this machine; the first is the seed of the others."""
    cluster = f"failures-{secrets.token_hex(4)}"
    members: list[MeshMember] = []

    def start(**settings: object) -> MeshMember:
        seeds = [members[0].address] if members else []
        members.append(MeshMember(**{"cluster": cluster, "discovery": "off", "seeds": seeds, **settings}))
        for other in members[:-1]:
            if other.process.poll() is None:
                other.wait_for_peer(members[-1])
        return members[-1]

    yield start
    for member in members:
        member.close()


def test_a_killed_process_is_gone_within_a_tenth_of_a_second(start: Start) -> None:
    """Half of five peers that are killed are gone within 100 ms, and each long before the timeout of half a second."""
    watcher = start()
    took: list[float] = []
    for _ in range(N_KILLS):
        victim = start()
        killed_at = time.monotonic()
        victim.kill()
        watcher.wait_for_peer(victim, "gone")
        took.append(time.monotonic() - killed_at)

    assert statistics.median(took) < DOWN_WITHIN_S
    assert max(took) < 4 * DOWN_WITHIN_S
